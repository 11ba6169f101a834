import { partitionsOf } from '../../../event/flows.ts'
import type { Lane } from '../../../event/position.ts'
import { Failure } from '../../../kit/failure.ts'
import type { EventLog, LogRecord, NewRecord, ReadOptions, Remembered } from '../event-log.ts'
import { checkRemembered, notOwned, ownedPartitions } from '../owned-partitions.ts'

/** An event log in memory, for tests of stages: keeps every promise but the one about crashes. */
export interface MemoryLog extends EventLog {
  /** Puts a record into a lane that this process does not own, as the door would. */
  put(lane: Lane, partition: number, record: NewRecord, timeMs?: number): void
}

interface Partition {
  readonly records: LogRecord[]
  epoch: number
  remembered?: Remembered
}

export function createMemoryLog(partitionCount: number): MemoryLog {
  const lanes = new Map<Lane, readonly Partition[]>()
  const readers = new Map<string, number[]>()
  let wakeReaders = Promise.withResolvers<undefined>()

  const partitionsIn = (lane: Lane): readonly Partition[] => {
    const found =
      lanes.get(lane) ??
      Array.from({ length: partitionsOf(lane, partitionCount) }, (): Partition => ({ records: [], epoch: 0 }))
    lanes.set(lane, found)
    return found
  }
  const partitionAt = (lane: Lane, partition: number): Partition => {
    const found = partitionsIn(lane)[partition]
    if (found === undefined) throw new RangeError(`There is no partition ${String(partition)}.`)
    return found
  }
  const put = (lane: Lane, partition: number, { headers, value }: NewRecord, timeMs: number): LogRecord => {
    const { records } = partitionAt(lane, partition)
    const record = { lane, position: { incarnation: 1, partition, offset: records.length }, timeMs, headers, value }
    records.push(record)
    wakeReaders.resolve(undefined)
    wakeReaders = Promise.withResolvers()
    return record
  }

  return {
    partitionCount,
    partitionsOf: (lane) => partitionsOf(lane, partitionCount),
    bounds: (lane) => Promise.resolve(partitionsIn(lane).map(({ records }) => ({ begin: 0, end: records.length }))),
    async *read(wanted, { signal, batchBytesMax }: ReadOptions) {
      const partitionsRead = wanted.flatMap(({ lane, from, partitions, to }) =>
        ownedPartitions(partitionsOf(lane, partitionCount), partitions).map((partition) => ({
          records: partitionAt(lane, partition).records,
          next: from[partition] ?? 0,
          to: to === undefined ? Infinity : (to[partition] ?? 0),
        })),
      )
      const aborted = new Promise((resolve) => {
        signal.addEventListener('abort', resolve)
      })
      const hasEnd = wanted.every(({ to }) => to !== undefined)
      while (!signal.aborted && !(hasEnd && partitionsRead.every(({ next, to }) => next >= to))) {
        const batch: LogRecord[] = []
        let bytes = 0
        for (const own of partitionsRead) {
          while (bytes < batchBytesMax && own.next < own.to) {
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
    offsetsAt(lane, timeMs) {
      const offsets = partitionsIn(lane).map(({ records }) => {
        const first = records.findIndex((record) => record.timeMs >= timeMs)
        return first < 0 ? records.length : first
      })
      return Promise.resolve(offsets)
    },
    async own(lane, wanted) {
      await Promise.resolve()
      const partitions = ownedPartitions(partitionsOf(lane, partitionCount), wanted)
      const owned = new Map(
        partitions.map((number) => {
          const partition = partitionAt(lane, number)
          partition.epoch++
          return [number, { partition, epoch: partition.epoch, last: partition.records.at(-1) }]
        }),
      )
      const ownedAt = (number: number) => {
        const found = owned.get(number)
        if (found === undefined) throw notOwned(number)
        return found
      }
      return {
        partitions,
        epochOf: (number) => ownedAt(number).epoch,
        async append(number, record) {
          const { partition, epoch } = ownedAt(number)
          await Promise.resolve()
          if (partition.epoch !== epoch) {
            throw new Failure('SLUICE_LOG_FENCED', `Somebody newer owns partition ${String(number)} of ${lane}.`)
          }
          return put(lane, number, record, Date.now()).position
        },
        async last(number) {
          await Promise.resolve()
          return ownedAt(number).last
        },
        async remember(newest) {
          await Promise.resolve()
          checkRemembered(partitions, newest)
          for (const [number, remembered] of newest) {
            const { partition, epoch } = ownedAt(number)
            if (partition.epoch === epoch) partition.remembered = remembered
          }
        },
      }
    },
    remembered(lane) {
      const known = partitionsIn(lane).flatMap(({ remembered }, number) =>
        remembered === undefined ? [] : [[number, remembered] as const],
      )
      return Promise.resolve(new Map(known))
    },
    saveReader(reader, lane, offsets) {
      const key = `${reader}.${lane}`
      const kept = readers.get(key) ?? partitionsIn(lane).map(() => 0)
      for (const [partition, offset] of offsets) kept[partition] = offset
      readers.set(key, kept)
      return Promise.resolve()
    },
    async readerOffsets(reader, lane) {
      await Promise.resolve()
      return readers.get(`${reader}.${lane}`)?.slice()
    },
    close: () => Promise.resolve(),
    put(lane, partition, record, timeMs = Date.now()) {
      put(lane, partition, record, timeMs)
    },
  }
}
