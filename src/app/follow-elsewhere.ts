/** Shows the live feed what other cores decide: while somebody follows it, their partitions of the derived lane are read. */
import { setTimeout as sleep } from 'node:timers/promises'
import { derivedBatchHead } from '../event/derived-batch.ts'
import { sourceIndexesOf } from '../event/flows.ts'
import type { Flow } from '../event/flows.ts'
import { Failure } from '../kit/failure.ts'
import type { Telemetry } from '../kit/telemetry/telemetry.ts'
import type { LiveFeed } from '../stages/live/live-feed.ts'
import type { EventLog } from '../stores/log/event-log.ts'

export interface ElsewhereDeps {
  readonly flow: Flow
  readonly log: EventLog
  readonly live: Pick<LiveFeed, 'decided' | 'isFollowed' | 'followedChange'>
  readonly telemetry: Telemetry
}

const readBytesMax = 1024 * 1024
const retryMs = 1000

/** `partitions`: those that this process works on itself. Ends when the signal aborts. */
export async function followElsewhere(
  partitions: readonly number[],
  { flow, log, live, telemetry }: ElsewhereDeps,
  signal: AbortSignal,
): Promise<void> {
  const all = Array.from({ length: log.partitionCount }, (_, partition) => partition)
  const others = sourceIndexesOf(
    flow,
    all.filter((partition) => !partitions.includes(partition)),
    log.partitionCount,
  )
  if (others.length === 0) return
  while (!signal.aborted) {
    if (!live.isFollowed()) {
      await live.followedChange(signal)
      continue
    }
    const over = new AbortController()
    const either = AbortSignal.any([signal, over.signal])
    const unfollowed = live.followedChange(either).then(() => over.abort())
    try {
      const from = (await log.bounds(flow.derived)).map(({ end }) => end)
      const reading = { signal: either, batchBytesMax: readBytesMax, othersUnchecked: true }
      for await (const records of log.read([{ lane: flow.derived, from, partitions: others }], reading)) {
        live.decided(records.map(({ value }) => ({ head: derivedBatchHead(value), value })))
      }
    } catch (error) {
      if (!(error instanceof Failure && error.retryable)) throw error
      telemetry.log('warn', 'Events that other cores decide cannot be shown now.', { error })
      await sleep(retryMs, undefined, { signal: either }).catch(() => undefined)
    } finally {
      over.abort()
      await unfollowed
    }
  }
}
