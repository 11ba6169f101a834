import { partitionOf } from '../../../event/murmur2.ts'
import type { Intake, IntakeBooks, Outcome } from '../intake.ts'

/** An intake in memory, for tests of stages: keeps every promise but the one about crashes. */
export function createMemoryIntake(partitionCount: number): Intake {
  const firsts = new Map<string, Outcome>()
  const ends = new Map<string, number>()
  const counts = { stored: 0, duplicate: 0, refused: 0, quota_limited: 0, rate_limited: 0, canary: 0 }

  const take = (lane: Outcome['lane'], partition: number): number => {
    const offset = ends.get(`${lane}/${String(partition)}`) ?? 0
    ends.set(`${lane}/${String(partition)}`, offset + 1)
    return offset
  }
  return {
    async submit({ events, isCanary }) {
      const outcomes = events.map(({ lane: wanted, partitionKey, duplicateKey, refusal }): Outcome => {
        const partition = partitionOf(partitionKey, partitionCount)
        if (refusal !== undefined) {
          const lane = 'events_plugin_ingestion_dlq'
          return { verdict: 'refused', lane, partition, offset: take(lane, partition) }
        }
        const key = duplicateKey?.join(':')
        const first = key === undefined ? undefined : firsts.get(key)
        if (first !== undefined) return { ...first, verdict: 'duplicate' }
        const stored: Outcome = { verdict: 'stored', lane: wanted, partition, offset: take(wanted, partition) }
        if (key !== undefined) firsts.set(key, stored)
        return stored
      })
      for (const { verdict } of outcomes) counts[isCanary ? 'canary' : verdict]++
      await Promise.resolve()
      return outcomes
    },
    books: (): IntakeBooks => ({
      stored: counts.stored,
      duplicate: counts.duplicate,
      refused: counts.refused,
      quotaLimited: counts.quota_limited,
      rateLimited: counts.rate_limited,
      split: 0,
      canary: counts.canary,
      durability: 'buffered',
      received: counts.stored + counts.duplicate + counts.refused,
      waitingBytes: 0,
    }),
    limitUses: () => [],
    close: () => Promise.resolve(),
  }
}
