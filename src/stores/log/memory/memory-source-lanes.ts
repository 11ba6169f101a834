import type { Lane, Position } from '../../../event/position.ts'
import { Failure } from '../../../kit/failure.ts'
import type { SourceLanes, SourceRecord } from '../source-lanes.ts'

/** Source lanes in memory, for tests of whoever appends to them: keeps every promise but the one about crashes. */
export interface MemorySourceLanes extends SourceLanes {
  /** What is there, in the order of the offsets. */
  recordsOf(lane: Lane, partition: number): readonly SourceRecord[]
  /** The next calls fail, as if the log were away; of each, so many of the first records are stored all the same. */
  failWith(failure: Failure | undefined, storedAllTheSame?: number): void
}

export interface MemorySourceLanesOptions {
  readonly partitionCount: number
  readonly waitingBytesMax?: number
}

export function createMemorySourceLanes(options: MemorySourceLanesOptions): MemorySourceLanes {
  const { partitionCount, waitingBytesMax = Infinity } = options
  const partitions = new Map<string, SourceRecord[]>()
  let failing: { readonly failure: Failure; readonly stored: number } | undefined
  let waitingBytes = 0
  let isClosed = false

  function partitionOf(lane: Lane, partition: number): SourceRecord[] {
    if (partition < 0 || partition >= partitionCount)
      throw new RangeError(`There is no partition ${String(partition)}.`)
    const key = `${lane}:${String(partition)}`
    const found = partitions.get(key) ?? []
    partitions.set(key, found)
    return found
  }

  function put(record: SourceRecord): Position {
    const { partition } = record
    const offset = partitionOf(record.lane, partition).push(record) - 1
    return { incarnation: 1, partition, offset }
  }

  return {
    durability: 'buffered',
    partitionCount,
    get waitingBytes() {
      return waitingBytes
    },
    async append(records) {
      if (isClosed) throw new Failure('SLUICE_LOG_CLOSED', 'The source lanes are closed.')
      const bytes = records.reduce((sum, { value }) => sum + value.length, 0)
      if (waitingBytes > 0 && waitingBytes + bytes > waitingBytesMax)
        throw new Failure('SLUICE_INTAKE_FULL', 'Too much waits already.', { retryable: true })
      const now = failing
      const positions = records.slice(0, now?.stored).map(put)
      waitingBytes += bytes
      // As a log that is elsewhere, it answers later than it is asked.
      await new Promise((resolve) => setImmediate(resolve))
      waitingBytes -= bytes
      if (now !== undefined) throw now.failure
      return positions
    },
    recordsOf: (lane, partition) => [...partitionOf(lane, partition)],
    failWith(failure, stored = 0) {
      failing = failure === undefined ? undefined : { failure, stored }
    },
    close() {
      isClosed = true
      return Promise.resolve()
    },
  }
}
