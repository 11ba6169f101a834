/** Source lanes in memory that fail when told to. */
import type { Position } from '../../../event/position.ts'
import { Failure } from '../../../kit/failure.ts'
import type { SourceLanes, SourceRecord } from '../../log/source-lanes.ts'

export interface TestLanes extends SourceLanes {
  /** What was appended, in order. */
  readonly appended: readonly SourceRecord[]
  /** Called before each append; a rejection fails it. */
  before: () => Promise<void>
}

export function testLanes(partitionCount = 4): TestLanes {
  const ends = new Map<string, number>()
  const appended: SourceRecord[] = []
  return {
    durability: 'quorum',
    partitionCount,
    waitingBytes: 0,
    appended,
    before: () => Promise.resolve(),
    async append(records) {
      await this.before()
      appended.push(...records)
      return records.map(({ lane, partition }): Position => {
        const name = `${lane}/${String(partition)}`
        const offset = ends.get(name) ?? 0
        ends.set(name, offset + 1)
        return { incarnation: 1, partition, offset }
      })
    },
    close: () => Promise.resolve(),
  }
}

export function appendFailure(): Failure {
  return new Failure('SLUICE_LOG_UNAVAILABLE', 'The log did not confirm the append.', { retryable: true })
}
