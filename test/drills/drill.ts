/**
 * A fault in the middle of load, again and again, then calm, then the oracle: every acknowledged event is a row once, none twice, none
 * invented, each user's order kept; books balance and `sluice verify` says equal. How long the door took nothing is printed.
 * More rounds than in the suite: `npm run drills`, or SLUICE_TEST_ROUNDS=20.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from '../harness/cluster.ts'
import { startLoad } from '../harness/load.ts'
import type { Load } from '../harness/load.ts'
import { assertPromisesKept } from '../harness/oracle.ts'
import type { Chance } from '../harness/seed.ts'

const roundsWanted = Number(process.env['SLUICE_TEST_ROUNDS'] ?? 0)
/** Of `npm run drills`; a round takes seconds. */
export const drillTimeoutMs = 240_000 + roundsWanted * 60_000

export interface Drill {
  readonly chance: Chance
  /** In the suite. */
  readonly rounds: number
  /** Breaks something and, in the end, leaves everything running. */
  readonly fault: (round: number, load: Load) => Promise<void>
  /** Whether clients must have noticed. */
  readonly isNoticed: boolean
}

const eventsBetween = 300

export async function drill(cluster: Cluster, { chance, rounds, fault, isNoticed }: Drill): Promise<void> {
  const count = Math.max(rounds, roundsWanted)
  const load = startLoad(cluster, { seed: chance.seed, promised: cluster.promised })
  try {
    await load.more(eventsBetween)
    for (let round = 0; round < count; round++) {
      await sleep(chance.between(20, 500))
      await fault(round, load)
      load.check()
      await load.more(eventsBetween)
    }
  } finally {
    await load.stop()
  }
  const acknowledgedMin = (count + 1) * eventsBetween
  await assertPromisesKept(cluster, load.ledger, { acknowledgedMin, retriesMin: isNoticed ? 1 : 0 })
}
