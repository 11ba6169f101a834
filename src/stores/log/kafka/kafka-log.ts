/**
 * The event log of the cluster profile: a topic a lane, a partition of it a partition of the lane, offsets as Kafka gives them.
 *
 * Source lanes: one message is one record (`source-message.ts`). Derived lanes: one record batch of Kafka is one record
 * (`derived-messages.ts`); its rows have offsets too, so those of records have gaps.
 *
 * Kafka cannot refuse an owner that was replaced. So epochs of partitions are given out in Postgres, every batch says its owner's, and
 * a new owner writes a marker into each of its partitions before anything else: whoever reads past it passes over what comes from
 * older epochs. It then reads from the newest batch that is remembered up to its markers; an epoch that it meets there and that
 * Postgres does not know (which was restored from a backup) makes it take the partitions once more, above that.
 * What an older owner still writes has no effect; when its process comes to know that it was replaced, it is told so.
 * A reader that begins behind the marker cannot know which epoch came before and is shown such a batch: it has to know the epoch
 * up to which it read (as the warehouse writer does), or begin at a batch that it accepted (as a new owner does).
 */
import type { RecordsBatch } from '@platformatic/kafka'
import { isDerived, partitionsOf } from '../../../event/flows.ts'
import type { Lane } from '../../../event/position.ts'
import { Failure } from '../../../kit/failure.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import type { Bounds, EventLog, LogRecord, Remembered, WantedLane } from '../event-log.ts'
import type { LogEpochs, TakenPartition } from '../log-epochs.ts'
import type { LogReaders } from '../log-readers.ts'
import { ownedPartitions } from '../owned-partitions.ts'
import { markerMessage } from './derived-messages.ts'
import { createDerivedReader, incarnation, trimmed } from './derived-reader.ts'
import { openKafkaAppends } from './kafka-appends.ts'
import type { KafkaAppends } from './kafka-appends.ts'
import { kafkaFailure } from './kafka-connection.ts'
import type { KafkaConnectionOptions } from './kafka-connection.ts'
import * as happened from './kafka-log.events.ts'
import { createKafkaOwnership } from './kafka-ownership.ts'
import type { KafkaOwnership, TakenOver } from './kafka-ownership.ts'
import { readPartitions, timeOfRecord } from './kafka-reading.ts'
import type { BatchRead, FollowedPartition } from './kafka-reading.ts'
import { openKafkaRequests } from './kafka-requests.ts'
import type { Compression, KafkaRequests } from './kafka-requests.ts'
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
  /** Of how many partitions such a request asks at most; 0: of all. */
  readonly partitionsAtOnceMax: number
  /** How long Kafka may be away before a reading fails. */
  readonly awayMsMax: number
}

export const kafkaLogDefaults = {
  compression: 'lz4',
  deliveryMsMax: 30_000,
  requestBytesMax: 16 * 1024 * 1024,
  waitingBytesMax: 128 * 1024 * 1024,
  fetchWaitMs: 500,
  partitionsAtOnceMax: 0,
  awayMsMax: 30_000,
} as const satisfies Partial<KafkaLogOptions>

/** How many bytes a new owner reads at once. */
const takeOverBytesMax = 4 * 1024 * 1024

export function openKafkaLog(options: KafkaLogOptions): EventLog {
  const { connection, partitionCount, topicOf, epochs, readers, telemetry } = options
  const { fetchWaitMs: waitMs, partitionsAtOnceMax, awayMsMax } = options
  const reading = { connection, waitMs, partitionsAtOnceMax, awayMsMax, telemetry }
  const closing = new AbortController()
  const owners = new Set<KafkaOwnership>()
  /** What was remembered when Postgres said it last. */
  const known = new Map<Lane, ReadonlyMap<number, Remembered>>()

  /** Asks brokers about a lane's topic, again where one does not answer. */
  async function asked<Answer>(
    doing: string,
    lane: Lane,
    ask: (requests: KafkaRequests, topic: string, isAgain: boolean) => Promise<Answer>,
  ): Promise<Answer> {
    const topic = topicOf(lane)
    for (let tries = 0; ; tries++) {
      const requests = openKafkaRequests(connection)
      try {
        return await ask(requests, topic, tries > 0)
      } catch (error) {
        const failure = kafkaFailure(error, `asking for the ${doing} of ${topic}`)
        if (tries >= connection.retries || !failure.retryable) throw failure
        const delayMs = Math.min(connection.retryDelayMs * 2 ** tries, connection.retryDelayMsMax)
        happened.kafkaRequestFailed(doing, error, delayMs).emit(telemetry)
        await new Promise((resolve) => setTimeout(resolve, delayMs))
      } finally {
        requests.close().catch(() => undefined)
      }
    }
  }

  const boundsOf = (lane: Lane): Promise<readonly Bounds[]> =>
    asked('bounds', lane, async (requests, topic, isAgain) =>
      requests.bounds(await requests.metadata([topic], isAgain), topic),
    )

  /** Ends of the partitions that this process owns. */
  async function ownEnds(lane: Lane): Promise<ReadonlyMap<number, number>> {
    const found = new Map<number, number>()
    for (const owner of [...owners].filter((one) => one.lane === lane)) {
      const ends = await owner.ends()
      if (ends === undefined) owners.delete(owner)
      else for (const [partition, end] of ends) found.set(partition, end)
    }
    return found
  }

  /** Remembered newest batches; while Postgres is away, what it said last. */
  async function lastKnown(lane: Lane): Promise<ReadonlyMap<number, Remembered>> {
    try {
      const found = await epochs.remembered(lane)
      known.set(lane, found)
      return found
    } catch (error) {
      const before = known.get(lane)
      if (before === undefined) throw error
      return before
    }
  }

  /** The newest valid batch of each partition before its marker, and the newest epochs that stand before it. */
  async function newestBatches(
    lane: Lane,
    taken: ReadonlyMap<number, TakenPartition>,
    markers: ReadonlyMap<number, number>,
  ): Promise<{ readonly newest: ReadonlyMap<number, LogRecord>; readonly met: ReadonlyMap<number, number> }> {
    const wanted = [...markers].map(([partition, marker]): FollowedPartition => ({
      lane,
      topic: topicOf(lane),
      partition,
      from: Math.min(taken.get(partition)?.remembered?.offset ?? 0, marker),
      until: marker,
      removed: 'ask',
    }))
    const newest = new Map<number, LogRecord>()
    const reader = createDerivedReader(lane, wanted, telemetry, { missed: 'passed over' })
    for await (const batches of readPartitions(wanted, takeOverBytesMax, closing.signal, reading)) {
      for (const batch of batches) {
        const record = reader.take(batch)
        if (record !== undefined) newest.set(batch.partition, record)
      }
    }
    if (closing.signal.aborted) throw closedFailure()
    return { newest, met: new Map(wanted.map(({ partition }) => [partition, reader.epochOf(partition)])) }
  }

  /** Epochs that stand in the log and are newer than our own; empty as a rule. Throws when it is because somebody came after us. */
  async function unknownEpochs(
    lane: Lane,
    taken: ReadonlyMap<number, TakenPartition>,
    met: ReadonlyMap<number, number>,
  ): Promise<ReadonlyMap<number, number>> {
    const newer = new Map([...met].filter(([partition, epoch]) => epoch > (taken.get(partition)?.epoch ?? 0)))
    if (newer.size === 0) return newer
    const newest = await epochs.newest(lane, [...newer.keys()])
    for (const [partition, epoch] of newer)
      if ((newest.get(partition) ?? 0) >= epoch)
        throw new Failure('SLUICE_LOG_FENCED', `Somebody newer owns partition ${String(partition)} of ${lane}.`)
    return newer
  }

  async function takeOver(
    lane: Lane,
    partitions: readonly number[],
    appends: KafkaAppends,
    above?: ReadonlyMap<number, number>,
  ): Promise<ReadonlyMap<number, TakenOver>> {
    const taken = await epochs.take(lane, partitions, above)
    const written = [...taken].map(async ([partition, { epoch }]): Promise<[number, number]> => {
      const marker = markerMessage(epoch)
      return [partition, await appends.append(partition, marker.value.length, () => [marker])]
    })
    const markers = new Map(await Promise.all(written))
    const { newest, met } = await newestBatches(lane, taken, markers)
    const unknown = await unknownEpochs(lane, taken, met)
    if (unknown.size > 0) {
      happened.epochsWereForgotten(lane, [...unknown.keys()]).emit(telemetry)
      return await takeOver(lane, partitions, appends, unknown)
    }
    for (const [partition, { remembered }] of taken) {
      if (remembered !== undefined && !newest.has(partition)) throw trimmed(lane, partition, remembered.offset)
    }
    return new Map(
      [...taken].map(([partition, { epoch }]) => [
        partition,
        { epoch, marker: markers.get(partition) ?? -1, last: newest.get(partition) },
      ]),
    )
  }

  function followed({ lane, from, partitions, to }: WantedLane): readonly FollowedPartition[] {
    return ownedPartitions(partitionsOf(lane, partitionCount), partitions)
      .map((partition): FollowedPartition => ({
        lane,
        topic: topicOf(lane),
        partition,
        from: from[partition] ?? 0,
        ...(to === undefined ? {} : { until: to[partition] ?? 0 }),
        removed: isDerived(lane) ? 'ask' : 'fail',
      }))
      .filter(({ from: next, until }) => until === undefined || next < until)
  }

  return {
    partitionCount,
    partitionsOf: (lane) => partitionsOf(lane, partitionCount),

    async bounds(lane) {
      const found = await boundsOf(lane)
      if (!isDerived(lane)) return found
      // Behind the newest batch there are its rows and later owners' markers, which nobody reads: owners know where they stand.
      const ends = await ownEnds(lane)
      const remembered = ends.size === found.length ? undefined : await lastKnown(lane)
      return found.map(({ begin }, partition) => {
        const newest = remembered?.get(partition)
        const end = ends.get(partition) ?? (newest === undefined ? 0 : newest.offset + 1)
        return { begin, end: Math.max(begin, end) }
      })
    },

    async *read(wanted, { signal, batchBytesMax }) {
      const ends = AbortSignal.any([signal, closing.signal])
      const partitions = wanted.flatMap(followed)
      const derived = new Map(
        wanted
          .filter(({ lane }) => isDerived(lane))
          .map(({ lane }) => [lane, createDerivedReader(lane, partitions, telemetry, { missed: 'refused' })]),
      )
      for await (const batches of readPartitions(partitions, batchBytesMax, ends, reading)) {
        let records: LogRecord[] = []
        let bytes = 0
        for (const batch of batches) {
          const reader = derived.get(batch.lane)
          for (const record of reader === undefined ? sourceRecords(batch, telemetry) : definedOf(reader.take(batch))) {
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
      // Of no partition at all nothing ever comes.
      if (wanted.some(({ to }) => to === undefined)) await abortOf(ends)
    },

    offsetsAt: (lane, timeMs) =>
      asked('times', lane, async (requests, topic, isAgain) =>
        requests.offsetsAt(await requests.metadata([topic], isAgain), topic, timeMs),
      ),

    async own(lane, wanted) {
      if (!isDerived(lane)) throw new Failure('SLUICE_LOG_NOT_OURS', `The door writes the lane ${lane}.`)
      const partitions = ownedPartitions(partitionsOf(lane, partitionCount), wanted)
      for (const owner of [...owners].filter((one) => one.lane === lane)) {
        const lost = owner.partitions.find((partition) => partitions.includes(partition))
        if (lost === undefined) continue
        owners.delete(owner)
        await owner.replaced(lost)
      }
      const appends = openKafkaAppends(topicOf(lane), options)
      try {
        const taken = await takeOver(lane, partitions, appends)
        const owner = createKafkaOwnership({ lane, taken, epochs, appends })
        owners.add(owner)
        return owner
      } catch (error) {
        await appends.close()
        throw error
      }
    },

    remembered: (lane) => epochs.remembered(lane),
    saveReader: (reader, lane, offsets) => readers.save(reader, lane, offsets),

    async readerOffsets(reader, lane) {
      const saved = await readers.load(reader, lane)
      if (saved === undefined) return undefined
      return Array.from({ length: partitionsOf(lane, partitionCount) }, (_, partition) => saved[partition] ?? 0)
    },

    async close() {
      closing.abort()
      await Promise.all([...owners].map((owner) => owner.close()))
    },
  }
}

function sourceRecords(read: BatchRead, telemetry: Telemetry): readonly LogRecord[] {
  const { lane, partition, from, until, timeMs } = read
  const records: LogRecord[] = []
  for (const message of read.batch.records) {
    const offset = Number(read.batch.firstOffset) + message.offsetDelta
    if (offset < from || offset >= until) continue
    const content = sourceContent({ value: message.value, headers: headerEntries(message.headers) })
    if (content === undefined) happened.unknownBatchPassedOver(lane, partition, offset).emit(telemetry)
    else {
      const ownMs = Math.max(timeMs, timeOfRecord(read.batch, message))
      records.push({ lane, position: { incarnation, partition, offset }, timeMs: ownMs, ...content })
    }
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

async function abortOf(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true })
  })
}

function closedFailure(): Failure {
  return new Failure('SLUICE_LOG_CLOSED', 'The log was closed.')
}
