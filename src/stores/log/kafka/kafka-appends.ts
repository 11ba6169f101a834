/**
 * Appends record batches to the partitions of one topic, each whole, once, and in the order of the calls.
 *
 * A batch keeps its producer id and sequence over all tries, so the broker knows a repeat when it sees one. Of a partition one
 * batch is on its way at a time; all partitions that one broker leads go in one request. What cannot be known to be stored in
 * `deliveryMsMax` breaks the whole writer: a batch behind one that may be missing must not be stored. Nobody goes on from there
 * but a new owner, who reads what is there.
 *
 * States: open → broken (a Failure; all that wait get it, and whoever comes) or closed.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../../kit/failure.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import { kafkaFailure, rightsAdvice } from './kafka-connection.ts'
import type { KafkaConnectionOptions } from './kafka-connection.ts'
import * as happened from './kafka-log.events.ts'
import { openKafkaRequests, partitionErrors } from './kafka-requests.ts'
import type { Compression, Message, ProducerId } from './kafka-requests.ts'

export interface KafkaAppendsOptions {
  readonly connection: KafkaConnectionOptions
  readonly compression: Compression
  /** How long a batch may be tried before the writer is given up. */
  readonly deliveryMsMax: number
  /** A request takes further partitions up to this size; one batch may exceed it. */
  readonly requestBytesMax: number
  /** Bytes of batches that wait; whoever comes then is refused. */
  readonly waitingBytesMax: number
  readonly telemetry: Telemetry
}

export interface KafkaAppends {
  /**
   * Resolves with the offset of the first message once all replicas in sync have it. `messages` is called when the batch's turn has
   * come, with the offset that the batch before it got.
   */
  append(
    partition: number,
    bytes: number,
    messages: (before: number | undefined) => readonly Message[],
  ): Promise<number>
  close(): Promise<void>
}

interface Waiting {
  readonly partition: number
  readonly bytes: number
  readonly messages: (before: number | undefined) => readonly Message[]
  readonly resolve: (offset: number) => void
  readonly reject: (failure: Failure) => void
  /** Made once: every try must be the same batch. */
  made?: readonly Message[]
  sinceMs?: number
}

interface PartitionState {
  readonly waiting: Waiting[]
  sequence: number
  before: number | undefined
}

/** Whoever sent these got no further and never will under its identity. */
const fatalErrors: ReadonlySet<number> = new Set([
  partitionErrors.messageTooLarge,
  partitionErrors.recordListTooLarge,
  partitionErrors.topicDenied,
  partitionErrors.outOfOrderSequence,
  partitionErrors.duplicateSequence,
  partitionErrors.invalidProducerEpoch,
  partitionErrors.unknownProducerId,
])

export function openKafkaAppends(topic: string, options: KafkaAppendsOptions): KafkaAppends {
  const { connection, telemetry } = options
  let requests = openKafkaRequests(connection)
  let producer: ProducerId | undefined
  let broken: Failure | undefined
  let waitingBytes = 0
  const partitions = new Map<number, PartitionState>()
  let pumping: Promise<void> | undefined
  const stop = new AbortController()

  function stateOf(partition: number): PartitionState {
    const found = partitions.get(partition) ?? { waiting: [], sequence: 0, before: undefined }
    partitions.set(partition, found)
    return found
  }

  function giveUp(failure: Failure): void {
    broken ??= failure
    for (const { waiting } of partitions.values()) for (const one of waiting.splice(0)) one.reject(broken)
    waitingBytes = 0
  }

  /** Partitions whose first batch waits. */
  function due(): { readonly state: PartitionState; readonly one: Waiting }[] {
    return [...partitions.values()].flatMap((state) => {
      const [one] = state.waiting
      return one === undefined ? [] : [{ state, one }]
    })
  }

  /** One round: a request to each broker that leads a partition that is due. Resolves with whether all went well. */
  async function round(fresh: boolean): Promise<boolean> {
    producer ??= await requests.producerId()
    const metadata = await requests.metadata([topic], fresh)
    const byLeader = new Map<number, { readonly state: PartitionState; readonly one: Waiting }[]>()
    const bytesByLeader = new Map<number, number>()
    for (const entry of due()) {
      const leader = metadata.topics.get(topic)?.partitions[entry.one.partition]?.leader ?? -1
      const bytes = bytesByLeader.get(leader) ?? 0
      if (bytes > 0 && bytes + entry.one.bytes > options.requestBytesMax) continue
      bytesByLeader.set(leader, bytes + entry.one.bytes)
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), entry])
    }
    const identity = producer
    // All of them end before the next round begins: of a partition, one batch is on its way at a time.
    const sent = await Promise.allSettled(
      [...byLeader].map(async ([leader, entries]) => {
        const batches = entries.map(({ state, one }) => {
          one.made ??= one.messages(state.before)
          one.sinceMs ??= performance.now()
          return {
            topic,
            partition: one.partition,
            messages: one.made,
            producer: identity,
            sequence: state.sequence,
            compression: options.compression,
          }
        })
        const answers = await requests.produce(metadata, leader, batches)
        return answers.map(({ partition, offset, errorCode }) => settle(partition, offset, errorCode)).every(Boolean)
      }),
    )
    const failed = sent.find((one) => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    return sent.every((one) => one.status === 'fulfilled' && one.value)
  }

  function settle(partition: number, offset: number, errorCode: number): boolean {
    const state = stateOf(partition)
    if (errorCode !== partitionErrors.none) {
      if (fatalErrors.has(errorCode)) giveUp(refusal(topic, partition, errorCode))
      return false
    }
    const one = state.waiting.shift()
    if (one === undefined) return true
    state.sequence += one.made?.length ?? 0
    state.before = offset
    waitingBytes -= one.bytes
    one.resolve(offset)
    return true
  }

  async function pump(): Promise<void> {
    let fresh = false
    for (let delayMs = connection.retryDelayMs; due().length > 0 && broken === undefined;) {
      let reason: unknown
      try {
        if (await round(fresh)) {
          fresh = false
          delayMs = connection.retryDelayMs
          continue
        }
        reason = new Failure('SLUICE_LOG_UNAVAILABLE', `A partition of ${topic} has no leader that takes it now.`)
      } catch (error) {
        const failure = kafkaFailure(error, `appending to ${topic}`)
        if (!failure.retryable) {
          giveUp(failure)
          return
        }
        reason = error
        // A connection on which an answer is overdue is not asked again.
        const old = requests
        requests = openKafkaRequests(connection)
        old.close().catch(() => undefined)
      }
      const oldestMs = Math.min(...due().map(({ one }) => (one.sinceMs ??= performance.now())))
      if (stop.signal.aborted || performance.now() - oldestMs > options.deliveryMsMax) {
        giveUp(kafkaFailure(reason, `appending to ${topic}`))
        return
      }
      happened.kafkaRequestFailed('append', reason, delayMs).emit(telemetry)
      await sleep(delayMs, undefined, { signal: stop.signal }).catch(() => undefined)
      delayMs = Math.min(delayMs * 2, connection.retryDelayMsMax)
      fresh = true
    }
  }

  function start(): void {
    pumping ??= Promise.resolve()
      .then(pump)
      .catch((error: unknown) => giveUp(kafkaFailure(error, `appending to ${topic}`)))
      .finally(() => {
        pumping = undefined
        if (due().length > 0 && broken === undefined) start()
      })
  }

  return {
    append(partition, bytes, messages) {
      if (broken !== undefined) return Promise.reject(broken)
      if (waitingBytes > 0 && waitingBytes + bytes > options.waitingBytesMax)
        return Promise.reject(
          new Failure('SLUICE_LOG_FULL', `More than ${String(options.waitingBytesMax)} bytes wait for Kafka already.`, {
            retryable: true,
          }),
        )
      waitingBytes += bytes
      return new Promise((resolve, reject) => {
        stateOf(partition).waiting.push({ partition, bytes, messages, resolve, reject })
        start()
      })
    },
    async close() {
      stop.abort()
      await pumping
      giveUp(new Failure('SLUICE_LOG_CLOSED', 'The log was closed.'))
      await requests.close()
    },
  }
}

function refusal(topic: string, partition: number, errorCode: number): Failure {
  const where = `partition ${String(partition)} of ${topic}`
  if (errorCode === partitionErrors.messageTooLarge || errorCode === partitionErrors.recordListTooLarge)
    return new Failure(
      'SLUICE_RECORD_TOO_LARGE',
      `A derived batch is too large for ${where}. Raise the topic's max.message.bytes above the size of ingestion's batches.`,
    )
  if (errorCode === partitionErrors.topicDenied)
    return new Failure('SLUICE_LOG_DENIED', `Kafka does not let us write to ${where}. ${rightsAdvice}`)
  return new Failure(
    'SLUICE_LOG_UNAVAILABLE',
    `Kafka has forgotten who writes to ${where} (error ${String(errorCode)}); a new owner goes on.`,
    { retryable: true },
  )
}
