import { partitionsOf } from '../../../event/flows.ts'
import type { Lane, Offsets } from '../../../event/position.ts'
import { Failure } from '../../../kit/failure.ts'
import type { EventLog, LogRecord, NewRecord, ReadOptions } from '../event-log.ts'

/** An event log in memory, for tests of stages: keeps every promise but the one about crashes. */
export interface MemoryLog extends EventLog {
  /** Puts a record into a lane that this process does not own, as the door would. */
  put(lane: Lane, partition: number, record: NewRecord, timeMs?: number): void
}

export function createMemoryLog(partitionCount: number): MemoryLog {
  const partitions = new Map<Lane, LogRecord[][]>()
  const readers = new Map<string, Offsets>()
  const epochs = new Map<Lane, number>()
  let wakeReaders = Promise.withResolvers<undefined>()

  const recordsOf = (lane: Lane): LogRecord[][] => {
    const found = partitions.get(lane) ?? Array.from({ length: partitionsOf(lane, partitionCount) }, () => [])
    partitions.set(lane, found)
    return found
  }
  const put = (lane: Lane, partition: number, { headers, value }: NewRecord, timeMs: number): LogRecord => {
    const records = recordsOf(lane)[partition]
    if (records === undefined) throw new RangeError(`There is no partition ${String(partition)}.`)
    const record = { lane, position: { incarnation: 1, partition, offset: records.length }, timeMs, headers, value }
    records.push(record)
    wakeReaders.resolve(undefined)
    wakeReaders = Promise.withResolvers()
    return record
  }

  return {
    partitionCount,
    partitionsOf: (lane) => partitionsOf(lane, partitionCount),
    bounds: (lane) => Promise.resolve(recordsOf(lane).map((records) => ({ begin: 0, end: records.length }))),
    async *read(wanted, { signal, batchBytesMax }: ReadOptions) {
      const partitionsRead = wanted.flatMap(({ lane, from }) =>
        recordsOf(lane).map((records, partition) => ({ records, next: from[partition] ?? 0 })),
      )
      const aborted = new Promise((resolve) => {
        signal.addEventListener('abort', resolve)
      })
      while (!signal.aborted) {
        const batch: LogRecord[] = []
        let bytes = 0
        for (const own of partitionsRead) {
          while (bytes < batchBytesMax) {
            const record = own.records[own.next]
            if (record === undefined) break
            batch.push(record)
            bytes += record.value.length
            own.next++
          }
        }
        if (batch.length > 0) yield batch
        else await Promise.race([wakeReaders.promise, aborted])
      }
    },
    own(lane) {
      const epoch = (epochs.get(lane) ?? 0) + 1
      epochs.set(lane, epoch)
      const last = recordsOf(lane).map((records) => records.at(-1))
      return Promise.resolve({
        epoch,
        async append(partition: number, record: NewRecord) {
          await Promise.resolve()
          if (epochs.get(lane) !== epoch) {
            throw new Failure('SLUICE_LOG_FENCED', `Somebody newer owns the lane ${lane}.`)
          }
          return put(lane, partition, record, Date.now()).position
        },
        last: (partition: number) => Promise.resolve(last[partition]),
      })
    },
    saveReader(reader, lane, offsets) {
      readers.set(`${reader}.${lane}`, [...offsets])
      return Promise.resolve()
    },
    readerOffsets: (reader, lane) => Promise.resolve(readers.get(`${reader}.${lane}`)),
    close: () => Promise.resolve(),
    put(lane, partition, record, timeMs = Date.now()) {
      put(lane, partition, record, timeMs)
    },
  }
}
