/**
 * Some partitions of a derived lane in the hands of one owner.
 *
 * States: owning → fenced (a newer epoch of one of the partitions was seen: of no more use for all of them, because whoever works on
 * partitions takes all of them anew then) or broken (an append failed: it may be stored or not, so nothing may follow it) or closed.
 */
import type { Lane } from '../../../event/position.ts'
import { Failure } from '../../../kit/failure.ts'
import type { LogRecord, NewRecord, Ownership } from '../event-log.ts'
import type { LogEpochs } from '../log-epochs.ts'
import { checkRemembered, notOwned } from '../owned-partitions.ts'
import { incarnation } from './derived-reader.ts'
import { batchMessages, endOfHead } from './derived-messages.ts'
import type { KafkaAppends } from './kafka-appends.ts'

/** How long an owner may believe that nobody came after it. */
const fenceCheckMs = 1_000

export interface KafkaOwnership extends Ownership {
  readonly lane: Lane
  /** Of each partition: the offset behind its newest batch; undefined once somebody else may know better. */
  ends(): Promise<ReadonlyMap<number, number> | undefined>
  /** This process took this partition over once more. */
  replaced(partition: number): Promise<void>
  close(): Promise<void>
}

/** How a partition was when it was taken over. */
export interface TakenOver {
  readonly epoch: number
  /** Where this owner's marker stands. */
  readonly marker: number
  readonly last: LogRecord | undefined
}

export interface KafkaOwnershipDeps {
  readonly lane: Lane
  readonly taken: ReadonlyMap<number, TakenOver>
  readonly epochs: LogEpochs
  readonly appends: KafkaAppends
}

export function createKafkaOwnership({ lane, taken, epochs, appends }: KafkaOwnershipDeps): KafkaOwnership {
  const partitions = [...taken.keys()].toSorted((a, b) => a - b)
  const ends = new Map([...taken].map(([partition, { last }]) => [partition, last === undefined ? 0 : endOf(last)]))
  let fenced: Failure | undefined
  let checkedMs = performance.now()
  let checking: Promise<void> = Promise.resolve()

  function takenAt(partition: number): TakenOver {
    const found = taken.get(partition)
    if (found === undefined) throw notOwned(partition)
    return found
  }

  async function fence(partition: number): Promise<void> {
    fenced ??= new Failure('SLUICE_LOG_FENCED', `Somebody newer owns partition ${String(partition)} of ${lane}.`)
    await appends.close()
  }

  /** What Postgres cannot tell now changes nothing: readers pass over what a replaced owner writes. */
  async function check(): Promise<void> {
    const newest = await epochs.newest(lane, partitions).catch(() => undefined)
    const lost = partitions.find((partition) => (newest?.get(partition) ?? 0) > takenAt(partition).epoch)
    if (lost !== undefined) fence(lost).catch(() => undefined)
  }

  /** Resolves at once when the last look is recent enough and done. */
  function checked(): Promise<void> {
    if (performance.now() - checkedMs >= fenceCheckMs) {
      checkedMs = performance.now()
      checking = check()
    }
    return checking
  }

  async function append(partition: number, own: TakenOver, record: NewRecord): Promise<number> {
    endOfHead(record.value)
    const appended = appends.append(partition, record.value.length, (before) => {
      const isOwn = before !== undefined && before !== own.marker
      return batchMessages(record, {
        epoch: own.epoch,
        previous: isOwn ? before : (own.last?.position.offset ?? -1),
      })
    })
    const [stored] = await Promise.allSettled([appended, checked()])
    if (fenced !== undefined) throw fenced
    if (stored.status === 'rejected') throw stored.reason
    ends.set(partition, Math.max(ends.get(partition) ?? 0, stored.value + 1))
    return stored.value
  }

  return {
    lane,
    partitions,
    epochOf: (partition) => takenAt(partition).epoch,
    async append(partition, record) {
      const own = takenAt(partition)
      if (fenced !== undefined) throw fenced
      return { incarnation, partition, offset: await append(partition, own, record) }
    },
    async last(partition) {
      return await Promise.resolve(takenAt(partition).last)
    },
    async remember(newest) {
      checkRemembered(partitions, newest)
      const said = [...newest].map(([partition, remembered]) => {
        return [partition, { ...remembered, epoch: takenAt(partition).epoch }] as const
      })
      await epochs.remember(lane, new Map(said))
    },
    async ends() {
      await checked()
      return fenced === undefined ? ends : undefined
    },
    replaced: fence,
    close: () => appends.close(),
  }
}

/** Behind a batch there are its rows, which are no records for readers. */
function endOf({ position }: LogRecord): number {
  return position.offset + 1
}
