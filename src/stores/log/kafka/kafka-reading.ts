/**
 * Follows partitions of several topics from given offsets: each in offset order, without a gap, for as long as it is asked.
 *
 * One request at a time is under way to each broker that leads a wanted partition; it waits there for news. What it brought is
 * handed over while the next one is under way already, so a reader is at most one request a broker ahead.
 * A partition that brought something goes behind all others, so that none starves when a request is full before it.
 *
 * States of a partition:
 * - followed: its next offset is asked for.
 * - parked: its next offset lies behind the end. Looked for again every `parkedLookMs`: a reader that wants nothing of a partition
 *   asks for an offset that never comes, and one that comes back after a loss must not be shown other records in place of its own.
 * - reached: its `until` is behind it; not asked for any more.
 *
 * A request that fails (a broker restarts, a leader moves) is made again on a new connection, with fresh metadata, after a pause;
 * when nothing succeeded for `awayMsMax`, the reading ends with a retryable Failure.
 */
import type { ClusterMetadata, RecordsBatch } from '@platformatic/kafka'
import type { Lane } from '../../../event/position.ts'
import { Failure } from '../../../kit/failure.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import { kafkaFailure, rightsAdvice } from './kafka-connection.ts'
import type { KafkaConnectionOptions } from './kafka-connection.ts'
import * as happened from './kafka-log.events.ts'
import { openKafkaRequests, partitionErrors } from './kafka-requests.ts'
import type { Fetched, KafkaRequests } from './kafka-requests.ts'

export interface KafkaReadingOptions {
  readonly connection: KafkaConnectionOptions
  /** How long a request waits at the end for news. */
  readonly waitMs: number
  /** Of how many partitions a request asks at most; the others have the next ones, in turns. 0: of all. */
  readonly partitionsAtOnceMax: number
  /** How long all requests may fail before the reading does. */
  readonly awayMsMax: number
  readonly telemetry: Telemetry
}

export interface FollowedPartition {
  readonly lane: Lane
  readonly topic: string
  readonly partition: number
  readonly from: number
  /** Nothing behind this offset (exclusive) is wanted. */
  readonly until?: number
  /**
   * What to do when `from` was removed: `fail`, or `ask`: read on from the beginning; whether something was missed is for the
   * taker of the batches to find out.
   */
  readonly removed: 'fail' | 'ask'
}

export interface BatchRead {
  readonly lane: Lane
  readonly partition: number
  /** Offsets before it are not wanted … */
  readonly from: number
  /** … nor this one and those behind it. */
  readonly until: number
  readonly batch: RecordsBatch
  /** Log time, never less than that of the batch before it in its partition. */
  readonly timeMs: number
}

const parkedLookMs = 1_000
/** Bit 3 of a batch's attributes: its time is when the broker appended it. */
const isAppendTime = 0b1000

interface Partition extends FollowedPartition {
  next: number
  timeMs: number
  isParked: boolean
}

/** Yields what one request brought. Ends without an error when the signal aborts, or when every `until` is reached. */
export async function* readPartitions(
  wanted: readonly FollowedPartition[],
  bytesMax: number,
  signal: AbortSignal,
  options: KafkaReadingOptions,
): AsyncGenerator<readonly BatchRead[]> {
  const { connection, telemetry } = options
  const topics = [...new Set(wanted.map(({ topic }) => topic))]
  const partitions = wanted.map((one): Partition => ({ ...one, next: one.from, timeMs: 0, isParked: true }))
  const cluster = openedAgain(connection)
  /** One client a broker: a request that waits there keeps later ones of its connection waiting. */
  const brokers = new Map<number, Reopened>()
  const pausedUntilMs = new Map<number, number>()
  const flights = new Map<number, Promise<void>>()
  const landings: Landed[] = []
  let wake = (): void => undefined
  let fresh = true
  let known: ClusterMetadata | undefined
  let lastGoodMs = performance.now()
  let delayMs = connection.retryDelayMs
  let lookedMs = -Infinity
  const onAbort = (): void => wake()
  signal.addEventListener('abort', onAbort)

  const isWanted = ({ next, until }: Partition): boolean => until === undefined || next < until

  /** What is known counts until an answer says otherwise. */
  async function leaders(): Promise<ClusterMetadata> {
    if (known === undefined || fresh) known = await cluster.use().metadata(topics, true)
    fresh = false
    return known
  }

  /** Places partitions that are parked: followed from now on, or still behind the end. */
  async function look(): Promise<void> {
    lookedMs = performance.now()
    const metadata = await leaders()
    for (const topic of new Set(partitions.filter(({ isParked }) => isParked).map((one) => one.topic))) {
      const bounds = await cluster.use().bounds(metadata, topic)
      for (const one of partitions) {
        const bound = bounds[one.partition]
        if (one.topic !== topic || !one.isParked || bound === undefined) continue
        if (one.next < bound.begin) {
          if (one.removed === 'fail') throw trimmed(one)
          one.next = bound.begin
        }
        one.isParked = one.next > bound.end
      }
    }
  }

  async function depart(): Promise<void> {
    const metadata = await leaders()
    const byLeader = new Map<number, Partition[]>()
    for (const one of partitions) {
      if (one.isParked || !isWanted(one)) continue
      const leader = metadata.topics.get(one.topic)?.partitions[one.partition]?.leader ?? -1
      if (leader < 0) fresh = true
      else byLeader.set(leader, [...(byLeader.get(leader) ?? []), one])
    }
    for (const [node, led] of byLeader) {
      if (flights.has(node) || performance.now() < (pausedUntilMs.get(node) ?? 0)) continue
      const own = options.partitionsAtOnceMax === 0 ? led : led.slice(0, options.partitionsAtOnceMax)
      const turns = Math.ceil(led.length / own.length)
      if (turns > 1) for (const one of own) partitions.push(...partitions.splice(partitions.indexOf(one), 1))
      // By topic, as requests have them; within a topic those that brought something last stand last.
      const from = topics.flatMap((topic) =>
        own.filter((one) => one.topic === topic).map(({ partition, next }) => ({ topic, partition, offset: next })),
      )
      const broker = brokers.get(node) ?? openedAgain(connection)
      brokers.set(node, broker)
      const landed = (how: Outcome): void => {
        flights.delete(node)
        landings.push({ node, ...how })
        wake()
      }
      flights.set(
        node,
        broker
          .use()
          .fetch(metadata, node, { waitMs: Math.ceil(options.waitMs / turns), bytesMax, from })
          .then(
            (fetched) => landed({ fetched }),
            (error: unknown) => landed({ error }),
          ),
      )
    }
  }

  /** Until an answer is there, the signal aborts, or the time is up. */
  async function landing(): Promise<Landed | undefined> {
    if (landings.length === 0 && !signal.aborted) {
      const isParkedOne = partitions.some(({ isParked }) => isParked)
      // Without a request under way there is nothing that would wake it.
      const mostMs = flights.size === 0 ? delayMs : isParkedOne ? parkedLookMs : undefined
      await new Promise<void>((resolve) => {
        const timer = mostMs === undefined ? undefined : setTimeout(resolve, mostMs)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return landings.shift()
  }

  function take(fetched: readonly Fetched[]): BatchRead[] {
    const taken: BatchRead[] = []
    for (const { topic, partition, errorCode, batches } of fetched) {
      const at = partitions.findIndex((one) => one.topic === topic && one.partition === partition)
      const own = partitions[at]
      if (own === undefined) continue
      if (errorCode === partitionErrors.offsetOutOfRange) {
        own.isParked = true
      } else if (errorCode === partitionErrors.topicDenied) {
        throw new Failure('SLUICE_LOG_DENIED', `Kafka does not let us read ${topic}. ${rightsAdvice}`)
      } else if (errorCode !== partitionErrors.none) {
        throw new Failure('SLUICE_LOG_UNAVAILABLE', `Partition ${String(partition)} of ${topic} cannot be read now.`, {
          retryable: true,
          cause: errorCode,
        })
      }
      const before = own.next
      for (const batch of batches) {
        const end = Number(batch.firstOffset) + batch.lastOffsetDelta + 1
        // A batch that a request already brought, or whose end is before what is wanted.
        if (end <= own.next) continue
        const { lane, next: from, until = Infinity } = own
        if (Number(batch.firstOffset) < until) {
          own.timeMs = Math.max(own.timeMs, timeOf(batch))
          taken.push({ lane, partition, from, until, batch, timeMs: own.timeMs })
        }
        own.next = end
      }
      if (own.next > before) partitions.push(...partitions.splice(at, 1))
    }
    return taken
  }

  /** Throws when it went on for too long; otherwise the broker is left alone for a moment and asked on a new connection. */
  function failed(error: unknown, client: Reopened): void {
    const failure = kafkaFailure(error, `reading ${topics.join(', ')}`)
    if (!failure.retryable || performance.now() - lastGoodMs > options.awayMsMax) throw failure
    happened.kafkaRequestFailed('read', error, delayMs).emit(telemetry)
    client.drop()
    fresh = true
  }

  /** Sends for more wherever nothing is under way. */
  async function sendForMore(): Promise<void> {
    try {
      const looksAgain = performance.now() - lookedMs >= parkedLookMs
      if (looksAgain && partitions.some(({ isParked }) => isParked)) await look()
      await depart()
    } catch (error) {
      failed(error, cluster)
    }
  }

  try {
    while (!signal.aborted && partitions.some(isWanted)) {
      await sendForMore()
      const landed = await landing()
      if (landed === undefined) {
        if (flights.size === 0) delayMs = Math.min(delayMs * 2, connection.retryDelayMsMax)
        continue
      }
      let taken: readonly BatchRead[] = []
      try {
        if ('error' in landed) throw landed.error
        taken = take(landed.fetched)
        lastGoodMs = performance.now()
        delayMs = connection.retryDelayMs
      } catch (error) {
        failed(error, brokers.get(landed.node) ?? cluster)
        pausedUntilMs.set(landed.node, performance.now() + delayMs)
        continue
      }
      if (taken.length === 0) continue
      await sendForMore()
      yield taken
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    cluster.drop()
    for (const broker of brokers.values()) broker.drop()
  }
}

type Outcome = { readonly fetched: readonly Fetched[] } | { readonly error: unknown }
type Landed = Outcome & { readonly node: number }

/** A client that is thrown away when a request failed, with everything that is under way on it. */
interface Reopened {
  use(): KafkaRequests
  drop(): void
}

function openedAgain(connection: KafkaConnectionOptions): Reopened {
  let opened: KafkaRequests | undefined
  return {
    use: () => (opened ??= openKafkaRequests(connection)),
    drop() {
      opened?.close().catch(() => undefined)
      opened = undefined
    },
  }
}

/** Of a record that was copied from another log; all others have their batch's. */
export function timeOfRecord(batch: RecordsBatch, { timestampDelta }: RecordsBatch['records'][number]): number {
  if ((batch.attributes & isAppendTime) !== 0) return Number(batch.maxTimestamp)
  return Number(batch.firstTimestamp + timestampDelta)
}

function timeOf(batch: RecordsBatch): number {
  if ((batch.attributes & isAppendTime) !== 0) return Number(batch.maxTimestamp)
  return Number(batch.firstTimestamp)
}

function trimmed({ lane, partition, next }: Partition): Failure {
  return new Failure(
    'SLUICE_LOG_TRIMMED',
    `Offset ${String(next)} of partition ${String(partition)} of ${lane} is still wanted and was removed by Kafka.`,
  )
}
