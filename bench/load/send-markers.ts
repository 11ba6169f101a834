import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Installation } from '../installation.ts'
import type { Sent } from '../proof.ts'

/** Sends single events of one name at a steady rate and says of each when it was acknowledged; its distinct id is its uuid. */
export async function sendMarkers(
  installation: Installation,
  { name, seconds, perSecond }: { readonly name: string; readonly seconds: number; readonly perSecond: number },
  acknowledged: (uuid: string, atMs: number) => void,
): Promise<Sent> {
  let good = 0
  let bad = 0
  const sendMarker = async (): Promise<void> => {
    const uuid = randomUUID()
    const isAcknowledged = await installation.sendEvent({ uuid, event: name, distinct_id: uuid, properties: {} })
    if (isAcknowledged) {
      acknowledged(uuid, performance.now())
      good++
    } else bad++
  }
  const flights: Promise<void>[] = []
  const beganMs = performance.now()
  for (let n = 0; n < seconds * perSecond; n++) {
    await sleep(Math.max(0, beganMs + (n * 1000) / perSecond - performance.now()))
    flights.push(sendMarker())
  }
  await Promise.all(flights)
  return {
    acknowledgedEvents: good,
    unacknowledgedEvents: bad,
    firstProblem: bad === 0 ? null : `${String(bad)} markers were not acknowledged`,
  }
}
