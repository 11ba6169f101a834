/**
 * The event log of the cluster profile: a topic a lane, a partition of it a partition of the lane, offsets as Kafka gives them.
 *
 * Source lanes: one message is one record (`source-message.ts`). Derived lanes: one record batch of Kafka is one record
 * (`derived-messages.ts`); its rows have offsets too, so those of records have gaps.
 *
 * Kafka cannot refuse an owner that was replaced. So epochs are given out in Postgres, every batch says its owner's, and a new
 * owner writes a marker into each partition before anything else: whoever reads past it passes over what comes from older epochs.
 * What an older owner still writes has no effect; when its process comes to know that it was replaced, it is told so.
 * A reader that begins behind the marker cannot know which epoch came before and is shown such a batch: it has to know the epoch
 * up to which it read (as the warehouse writer does), or begin at a batch that it accepted (as a new owner does).
 *
 * States of an ownership: owning → fenced (a newer epoch was seen) or broken (an append failed: it may be stored or not, so
 * nothing may follow it; whoever goes on takes the lane over again) or closed.
 */
import type { RecordsBatch } from '@platformatic/kafka'
import { isDerived, partitionsOf } from '../../../event/flows.ts'
import type { Lane, Offsets } from '../../../event/position.ts'
import { Failure } from '../../../kit/failure.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import type { Bounds, EventLog, LogRecord, NewRecord, Ownership } from '../event-log.ts'
import type { LogEpochs } from '../log-epochs.ts'
import type { LogReaders } from '../log-readers.ts'
import { batchMessages, controlOf, endOfHead, markerMessage } from './derived-messages.ts'
import type { Control } from './derived-messages.ts'
import { openKafkaAppends } from './kafka-appends.ts'
import type { KafkaAppends } from './kafka-appends.ts'
import { kafkaFailure } from './kafka-connection.ts'
import type { KafkaConnectionOptions } from './kafka-connection.ts'
import * as happened from './kafka-log.events.ts'
import { readPartitions } from './kafka-reading.ts'
import type { BatchRead, FollowedPartition } from './kafka-reading.ts'
import { openKafkaRequests } from './kafka-requests.ts'
import type { Compression } from './kafka-requests.ts'
import { sourceContent } from './source-message.ts'

export interface KafkaLogOptions {
  readonly connection: KafkaConnectionOptions
  readonly partitionCount: number
  /** The topic of a lane; all of them exist. */
  readonly topicOf: (lane: Lane) => string
  readonly epochs: LogEpochs
  readonly readers: LogReaders
  readonly telemetry: Telemetry
  /** Of derived batches. */
  readonly compression: Compression
  /** How long an append may be tried before its owner is given up. */
  readonly deliveryMsMax: number
  /** A request that appends takes further batches up to this size; one batch may exceed it. */
  readonly requestBytesMax: number
  /** Bytes of derived batches of one lane that may wait to be appended. */
  readonly waitingBytesMax: number
  /** How long a request for records waits at the end for news. */
  readonly fetchWaitMs: number
  /** How long Kafka may be away before a reading fails. */
  readonly awayMsMax: number
}

export const kafkaLogDefaults = {
  compression: 'lz4',
  deliveryMsMax: 30_000,
  requestBytesMax: 16 * 1024 * 1024,
  waitingBytesMax: 128 * 1024 * 1024,
  fetchWaitMs: 500,
  awayMsMax: 30_000,
} as const satisfies Partial<KafkaLogOptions>

/** The reader whose offsets are those of the newest batches: a new owner need not look further back. */
const ownersReader = 'ingestion'
/** How many bytes a new owner reads at once. */
const takeOverBytesMax = 4 * 1024 * 1024
/** How long an owner may believe that nobody came after it. */
const fenceCheckMs = 1_000
/** There is one line of positions for all time. */
const incarnation = 1

export function openKafkaLog(options: KafkaLogOptions): EventLog {
  const { connection, partitionCount, topicOf, epochs, readers, telemetry } = options
  const reading = { connection, waitMs: options.fetchWaitMs, awayMsMax: options.awayMsMax, telemetry }
  const closing = new AbortController()
  const owners = new Map<Lane, OwnedLane>()

  async function bounds(lane: Lane): Promise<readonly Bounds[]> {
    const topic = topicOf(lane)
    for (let tries = 0; ; tries++) {
      const requests = openKafkaRequests(connection)
      try {
        return await requests.bounds(await requests.metadata([topic], tries > 0), topic)
      } catch (error) {
        if (tries >= connection.retries) throw kafkaFailure(error, `asking where ${topic} ends`)
        const delayMs = Math.min(connection.retryDelayMs * 2 ** tries, connection.retryDelayMsMax)
        happened.kafkaRequestFailed('bounds', error, delayMs).emit(telemetry)
        await new Promise((resolve) => setTimeout(resolve, delayMs))
      } finally {
        requests.close().catch(() => undefined)
      }
    }
  }

  /** The newest valid batch of each partition before its marker. */
  async function newestBatches(
    lane: Lane,
    markers: readonly number[],
    signal: AbortSignal,
  ): Promise<(LogRecord | undefined)[]> {
    const saved = (await readers.load(ownersReader, lane)) ?? []
    const wanted = markers.map((marker, partition): FollowedPartition => ({
      lane,
      topic: topicOf(lane),
      partition,
      from: Math.min(saved[partition] ?? 0, marker),
      until: marker,
      removed: 'ask',
    }))
    const newest = markers.map((): LogRecord | undefined => undefined)
    const derived = derivedReader(lane, wanted, telemetry, { missed: 'passed over' })
    for await (const batches of readPartitions(wanted, takeOverBytesMax, signal, reading)) {
      for (const batch of batches) {
        const record = derived(batch)
        if (record !== undefined) newest[batch.partition] = record
      }
    }
    if (signal.aborted) throw closedFailure()
    for (const [partition, from] of saved.entries()) {
      // Before the first batch there is a marker, so a batch never has the offset 0.
      if (from > 0 && newest[partition] === undefined) throw trimmed(lane, partition, from)
    }
    return newest
  }

  return {
    partitionCount,
    partitionsOf: (lane) => partitionsOf(lane, partitionCount),

    async bounds(lane) {
      const found = await bounds(lane)
      const ends = owners.get(lane)?.ends()
      // Behind the newest batch there are its rows and later owners' markers, which nobody reads: the owner knows where it stands.
      return ends === undefined
        ? found
        : found.map(({ begin }, partition) => ({ begin, end: Math.max(begin, ends[partition] ?? 0) }))
    },

    async *read(wanted, { signal, batchBytesMax }) {
      const ends = AbortSignal.any([signal, closing.signal])
      const followed = wanted.flatMap(({ lane, from }) =>
        Array.from({ length: partitionsOf(lane, partitionCount) }, (_, partition): FollowedPartition => ({
          lane,
          topic: topicOf(lane),
          partition,
          from: from[partition] ?? 0,
          removed: isDerived(lane) ? 'ask' : 'fail',
        })),
      )
      const derived = new Map(
        wanted
          .filter(({ lane }) => isDerived(lane))
          .map(({ lane }) => [lane, derivedReader(lane, followed, telemetry, { missed: 'refused' })]),
      )
      for await (const batches of readPartitions(followed, batchBytesMax, ends, reading)) {
        let records: LogRecord[] = []
        let bytes = 0
        for (const batch of batches) {
          const reader = derived.get(batch.lane)
          for (const record of reader === undefined ? sourceRecords(batch, telemetry) : definedOf(reader(batch))) {
            records.push(record)
            bytes += record.value.length
            if (bytes < batchBytesMax) continue
            yield records
            if (ends.aborted) return
            records = []
            bytes = 0
          }
        }
        if (records.length > 0) yield records
        if (ends.aborted) return
      }
    },

    async own(lane) {
      if (!isDerived(lane)) throw new Failure('SLUICE_LOG_NOT_OURS', `The door writes the lane ${lane}.`)
      const epoch = await epochs.take(lane)
      await owners.get(lane)?.replaced()
      const appends = openKafkaAppends(topicOf(lane), options)
      try {
        const marker = markerMessage(epoch)
        const markers = await Promise.all(
          Array.from({ length: partitionsOf(lane, partitionCount) }, (_, partition) =>
            appends.append(partition, marker.value.length, () => [marker]),
          ),
        )
        const last = await newestBatches(lane, markers, closing.signal)
        const owned = ownedLane({ lane, epoch, epochs, appends, markers, last })
        owners.set(lane, owned)
        return owned.ownership
      } catch (error) {
        await appends.close()
        throw error
      }
    },

    saveReader: (reader, lane, offsets: Offsets) => readers.save(reader, lane, offsets),
    readerOffsets: (reader, lane) => readers.load(reader, lane),

    async close() {
      closing.abort()
      await Promise.all([...owners.values()].map((owned) => owned.close()))
    },
  }
}

interface OwnedLane {
  readonly ownership: Ownership
  /** Of each partition: the offset behind its newest batch; undefined once somebody else may know better. */
  ends(): readonly number[] | undefined
  /** This process took the lane over once more. */
  replaced(): Promise<void>
  close(): Promise<void>
}

interface OwnedLaneDeps {
  readonly lane: Lane
  readonly epoch: number
  readonly epochs: LogEpochs
  readonly appends: KafkaAppends
  /** Of each partition: where this owner's marker stands. */
  readonly markers: readonly number[]
  readonly last: readonly (LogRecord | undefined)[]
}

function ownedLane({ lane, epoch, epochs, appends, markers, last }: OwnedLaneDeps): OwnedLane {
  let fenced: Failure | undefined
  let checkedMs = performance.now()
  let checking: Promise<void> = Promise.resolve()
  const ends = last.map((record) => (record === undefined ? 0 : record.position.offset + 1))

  function fence(): void {
    fenced ??= new Failure('SLUICE_LOG_FENCED', `Somebody newer owns the lane ${lane}.`)
  }

  /** What Postgres cannot tell now changes nothing: readers pass over what a replaced owner writes. */
  async function check(): Promise<void> {
    const newest = await epochs.newest(lane).catch(() => epoch)
    if (newest > epoch) fence()
  }

  function previousOf(partition: number, before: number | undefined): number {
    const isOwn = before !== undefined && before !== markers[partition]
    return isOwn ? before : (last[partition]?.position.offset ?? -1)
  }

  async function append(partition: number, record: NewRecord): Promise<number> {
    endOfHead(record.value)
    const appended = appends.append(partition, record.value.length, (before) =>
      batchMessages(record, { epoch, previous: previousOf(partition, before) }),
    )
    if (performance.now() - checkedMs >= fenceCheckMs) {
      checkedMs = performance.now()
      checking = check()
    }
    const [stored] = await Promise.allSettled([appended, checking])
    if (fenced !== undefined) throw fenced
    if (stored.status === 'rejected') throw stored.reason
    ends[partition] = Math.max(ends[partition] ?? 0, stored.value + 1)
    return stored.value
  }

  return {
    ownership: {
      epoch,
      async append(partition, record) {
        if (fenced !== undefined) throw fenced
        if (partition >= markers.length) throw new RangeError(`There is no partition ${String(partition)}.`)
        return { incarnation, partition, offset: await append(partition, record) }
      },
      last: (partition) => Promise.resolve(last[partition]),
    },
    ends: () => (fenced === undefined ? ends : undefined),
    async replaced() {
      fence()
      await appends.close()
    },
    close: () => appends.close(),
  }
}

/**
 * Takes batches of a derived lane one after the other; undefined for those that are no record for this reader. `missed`: what to
 * do when a batch says that one before it was wanted and did not come.
 */
function derivedReader(
  lane: Lane,
  wanted: readonly FollowedPartition[],
  telemetry: Telemetry,
  { missed }: { readonly missed: 'refused' | 'passed over' },
): (read: BatchRead) => LogRecord | undefined {
  const froms = wanted.filter((one) => one.lane === lane).map(({ from }) => from)
  const epochs = froms.map(() => 0)
  /** Offset of the newest valid batch that came; nothing before `from` is missed. */
  const seen = froms.map((from) => from - 1)

  function record(control: Control, { partition, timeMs }: BatchRead): LogRecord | undefined {
    const newest = epochs[partition] ?? 0
    if (control.epoch < newest) {
      happened.olderEpochPassedOver(lane, partition, control.epoch, newest).emit(telemetry)
      return undefined
    }
    epochs[partition] = control.epoch
    if (control.kind === 'marker') return undefined
    const { offset, headers, value, previous } = control
    const seenTo = seen[partition] ?? -1
    if (missed === 'refused' && previous > seenTo) throw trimmed(lane, partition, previous)
    seen[partition] = Math.max(seenTo, offset)
    if (offset < (froms[partition] ?? 0)) return undefined
    return { lane, position: { incarnation, partition, offset }, timeMs, headers, value }
  }

  return (read) => {
    const control = controlOf(read.batch)
    if (control !== undefined) return record(control, read)
    happened.unknownBatchPassedOver(lane, read.partition, Number(read.batch.firstOffset)).emit(telemetry)
    return undefined
  }
}

function sourceRecords(read: BatchRead, telemetry: Telemetry): readonly LogRecord[] {
  const { lane, partition, from, timeMs } = read
  const records: LogRecord[] = []
  for (const message of read.batch.records) {
    const offset = Number(read.batch.firstOffset) + message.offsetDelta
    if (offset < from) continue
    const content = sourceContent({ value: message.value, headers: headerEntries(message.headers) })
    if (content === undefined) happened.unknownBatchPassedOver(lane, partition, offset).emit(telemetry)
    else records.push({ lane, position: { incarnation, partition, offset }, timeMs, ...content })
  }
  return records
}

function headerEntries(
  headers: RecordsBatch['records'][number]['headers'],
): readonly (readonly [Buffer, Buffer | null])[] {
  return headers.flatMap(([name, value]) => (name === null ? [] : [[name, value] as const]))
}

function definedOf<T>(one: T | undefined): readonly T[] {
  return one === undefined ? [] : [one]
}

function trimmed(lane: Lane, partition: number, offset: number): Failure {
  return new Failure(
    'SLUICE_LOG_TRIMMED',
    `A derived batch of partition ${String(partition)} of ${lane} from offset ${String(offset)} on is still wanted and was removed by Kafka.`,
  )
}

function closedFailure(): Failure {
  return new Failure('SLUICE_LOG_CLOSED', 'The log was closed.')
}
