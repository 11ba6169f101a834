/**
 * Source lanes on Kafka: each lane a topic, each record a message, appended by an idempotent producer.
 *
 * Of a partition one batch is on its way at a time, and it keeps its producer id, sequence and messages over all tries: the broker
 * knows a repeat when it sees one, and nothing overtakes it. All partitions that one broker leads go in one request, one request a
 * broker at a time; meanwhile records gather behind it. So a broker that does not answer holds up its own partitions alone.
 *
 * A batch:
 *   gathering ── a partition of its broker is full, or has waited for `flushMs` ──► on its way ── stored ──► its calls resolve
 *                                                           ▲                    │
 *                                                           └── after a delay ◄──┤ not stored, or nobody knows
 *                                                                                │
 *                    none of its calls waits any more: given up, and the partition goes on under a new producer id
 * The delay grows for `retries` tries; then the batch counts as put back, and its delay begins anew. Nothing is dropped: a call that
 * has waited for `deliveryMsMax` is rejected, so that its sender keeps the events. Some of them may be stored all the same.
 */
import type { ClusterMetadata } from '@platformatic/kafka'
import { lanes } from '../../../event/position.ts'
import type { Lane, Position } from '../../../event/position.ts'
import { isDerived } from '../../../event/flows.ts'
import { Failure } from '../../../kit/failure.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import type { SourceLanes, SourceRecord } from '../source-lanes.ts'
import { kafkaFailure, rightsAdvice } from './kafka-connection.ts'
import type { KafkaConnectionOptions } from './kafka-connection.ts'
import { messageBytes, openKafkaRequests, partitionErrors } from './kafka-requests.ts'
import type { Appended, Compression, KafkaRequests, Message, ProducerId } from './kafka-requests.ts'
import * as happened from './kafka-source-lanes.events.ts'
import { sourceMessage } from './source-message.ts'

export interface KafkaSourceLanesOptions {
  readonly connection: KafkaConnectionOptions
  readonly topicOf: (lane: Lane) => string
  readonly partitionCount: number
  /** What the topics are made for, as `openKafkaTopics` found it. */
  readonly durability: SourceLanes['durability']
  readonly compression: Compression
  /** A batch of one partition leaves at the latest with so many messages, */
  readonly batchMessagesMax: number
  /** or with so many bytes before compression (one message may have more), */
  readonly batchBytesMax: number
  /** or when its first message has waited for so long. 0: at once, with what has come meanwhile. */
  readonly flushMs: number
  /** A larger message is refused: the topics' max.message.bytes. */
  readonly messageBytesMax: number
  /** Of records that wait; whoever comes then is refused. */
  readonly waitingBytesMax: number
  readonly deliveryMsMax: number
  readonly telemetry: Telemetry
}

/** A request takes batches of further partitions up to this size. Far below what a broker permits. */
const requestBytesMax = 16 * 1024 * 1024

export const kafkaSourceLanesDefaults = {
  compression: 'lz4',
  batchMessagesMax: 1_000,
  batchBytesMax: 1_000_000,
  flushMs: 5,
  waitingBytesMax: 128 * 1024 * 1024,
  deliveryMsMax: 20_000,
} as const satisfies Partial<KafkaSourceLanesOptions>

/** What one `append` waits for. */
interface Call {
  readonly positions: Position[]
  readonly sinceMs: number
  left: number
  isSettled: boolean
  readonly resolve: (positions: readonly Position[]) => void
  readonly reject: (failure: Failure) => void
}

interface Waiting {
  readonly message: Message
  readonly bytes: number
  readonly call: Call
  readonly index: number
}

interface Batch {
  readonly records: readonly Waiting[]
  readonly messages: readonly Message[]
  readonly bytes: number
  tries: number
  notBeforeMs: number
  isOnItsWay: boolean
}

interface PartitionState {
  readonly topic: string
  readonly partition: number
  gathered: Waiting[]
  gatheredBytes: number
  /** The one that is on its way or is to be sent again. */
  batch: Batch | undefined
  /** Whose batch is on its way or was stored last, and the sequence of the next; undefined when it cannot go on as it was. */
  producer: ProducerId | undefined
  sequence: number
}

interface Broker {
  requests: KafkaRequests
  isBusy: boolean
}

/** The broker has forgotten this producer, or takes nothing of it any more. */
const identityErrors: ReadonlySet<number> = new Set([
  partitionErrors.outOfOrderSequence,
  partitionErrors.duplicateSequence,
  partitionErrors.invalidProducerEpoch,
  partitionErrors.unknownProducerId,
])

const oftenMs = 1_000
const doing = 'appending events'

export function openKafkaSourceLanes(options: KafkaSourceLanesOptions): SourceLanes {
  return new KafkaSourceLanes(options)
}

class KafkaSourceLanes implements SourceLanes {
  readonly durability: SourceLanes['durability']
  readonly partitionCount: number
  readonly #options: KafkaSourceLanesOptions
  readonly #topics: ReadonlyMap<Lane, string>
  readonly #partitions = new Map<Lane, PartitionState[]>()
  /** Those with anything to send. */
  readonly #active = new Set<PartitionState>()
  readonly #brokers = new Map<number, Broker>()
  /** Asks about leaders and for producer ids. */
  #scout: KafkaRequests
  /** Who new batches are of. Undefined: a new one is wanted. */
  #producer: ProducerId | undefined
  #waitingBytes = 0
  #wantsFreshMetadata = false
  #nextLookMs = 0
  #lastReason: unknown = undefined
  #isClosed = false
  #pumping: Promise<void> | undefined
  #wake = Promise.withResolvers<undefined>()
  #closed: Promise<void> | undefined

  constructor(options: KafkaSourceLanesOptions) {
    this.#options = options
    this.durability = options.durability
    this.partitionCount = options.partitionCount
    this.#topics = new Map(lanes.filter((lane) => !isDerived(lane)).map((lane) => [lane, options.topicOf(lane)]))
    this.#scout = openKafkaRequests(options.connection)
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  async append(records: readonly SourceRecord[]): Promise<readonly Position[]> {
    if (this.#isClosed) throw new Failure('SLUICE_LOG_CLOSED', 'The source lanes are closed.')
    if (records.length === 0) return []
    const { waitingBytesMax, messageBytesMax } = this.#options
    const nowMs = Date.now()
    const made: { readonly state: PartitionState; readonly message: Message; readonly bytes: number }[] = []
    let bytes = 0
    for (const record of records) {
      const state = this.#stateOf(record.lane, record.partition)
      const { key, value, headers } = sourceMessage(record, nowMs)
      const message = { ...(key === undefined ? {} : { key }), value, headers }
      const size = messageBytes(message)
      if (size > messageBytesMax) throw tooLarge(size, messageBytesMax)
      made.push({ state, message, bytes: size })
      bytes += size
    }
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > waitingBytesMax) {
      throw new Failure('SLUICE_INTAKE_FULL', `More than ${String(waitingBytesMax)} bytes wait for Kafka already.`, {
        retryable: true,
      })
    }
    this.#waitingBytes += bytes
    return await new Promise((resolve, reject) => {
      const call: Call = {
        positions: Array.from({ length: made.length }),
        sinceMs: performance.now(),
        left: made.length,
        isSettled: false,
        resolve,
        reject,
      }
      for (const [index, { state, message, bytes }] of made.entries()) {
        state.gathered.push({ message, bytes, call, index })
        state.gatheredBytes += bytes
        this.#active.add(state)
      }
      this.#start()
    })
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish()
    return this.#closed
  }

  async #finish(): Promise<void> {
    this.#isClosed = true
    this.#hurry()
    await this.#pumping
    const clients = [this.#scout, ...[...this.#brokers.values()].map(({ requests }) => requests)]
    await Promise.allSettled(clients.map((client) => client.close()))
  }

  #stateOf(lane: Lane, partition: number): PartitionState {
    let states = this.#partitions.get(lane)
    if (states === undefined) {
      const topic = this.#topics.get(lane)
      if (topic === undefined) throw new RangeError(`The lane ${lane} is no source lane.`)
      states = Array.from({ length: this.partitionCount }, (_, n) => ({
        topic,
        partition: n,
        gathered: [],
        gatheredBytes: 0,
        batch: undefined,
        producer: undefined,
        sequence: 0,
      }))
      this.#partitions.set(lane, states)
    }
    const state = states[partition]
    if (state === undefined) throw new RangeError(`There is no partition ${String(partition)}.`)
    return state
  }

  #hurry(): void {
    this.#wake.resolve(undefined)
  }

  #start(): void {
    if (this.#pumping !== undefined) {
      this.#hurry()
      return
    }
    this.#pumping = this.#pump().finally(() => {
      this.#pumping = undefined
      if (this.#active.size > 0) this.#start()
    })
  }

  /** Runs while anything waits. */
  async #pump(): Promise<void> {
    while (this.#active.size > 0) {
      this.#giveUpOldCalls()
      // Whoever comes from here on wakes the next round.
      this.#wake = Promise.withResolvers()
      const dueMs = await this.#sendDue()
      if (this.#active.size === 0) return
      const waitMs = Math.max(0, Math.min(dueMs, this.#nextLookMs) - performance.now())
      const timer = setTimeout(() => this.#hurry(), waitMs)
      await this.#wake.promise
      clearTimeout(timer)
    }
  }

  /** Sends what is due to every broker that is not busy. Resolves, without waiting for answers, with when the next is due. */
  async #sendDue(): Promise<number> {
    let metadata: ClusterMetadata
    try {
      metadata = await this.#metadata()
      this.#producer ??= await this.#scout.producerId()
    } catch (error) {
      const failure = kafkaFailure(error, doing)
      if (failure.retryable) this.#failed(-1, 1, error)
      else this.#refuseAll(failure)
      this.#replaceScout()
      return performance.now() + this.#options.connection.retryDelayMs
    }
    const nowMs = performance.now()
    const byBroker = new Map<number, { dueMs: number; states: PartitionState[] }>()
    let nextMs = Infinity
    for (const state of this.#active) {
      if (isOnItsWay(state)) continue
      const node = metadata.topics.get(state.topic)?.partitions[state.partition]?.leader ?? -1
      const dueMs = this.#dueMs(state)
      if (!metadata.brokers.has(node)) {
        this.#wantsFreshMetadata = true
        nextMs = Math.min(nextMs, nowMs + this.#options.connection.retryDelayMs)
        continue
      }
      // One that is to be tried later does not go along with the others.
      if (state.batch !== undefined && dueMs > nowMs) {
        nextMs = Math.min(nextMs, dueMs)
        continue
      }
      const found = byBroker.get(node) ?? { dueMs: Infinity, states: [] }
      byBroker.set(node, found)
      found.states.push(state)
      found.dueMs = Math.min(found.dueMs, dueMs)
    }
    for (const [node, { dueMs, states }] of byBroker) {
      const broker = this.#brokerOf(node)
      // An answer wakes the next round.
      if (broker.isBusy) continue
      if (dueMs > nowMs) nextMs = Math.min(nextMs, dueMs)
      else void this.#send(metadata, node, broker, states)
    }
    return nextMs
  }

  async #metadata(): Promise<ClusterMetadata> {
    const topics = new Set<string>()
    for (const { topic } of this.#active) topics.add(topic)
    const fresh = this.#wantsFreshMetadata
    this.#wantsFreshMetadata = false
    return await this.#scout.metadata([...topics], fresh)
  }

  #replaceScout(): void {
    const old = this.#scout
    this.#scout = openKafkaRequests(this.#options.connection)
    this.#wantsFreshMetadata = true
    old.close().catch(() => undefined)
  }

  #brokerOf(node: number): Broker {
    let broker = this.#brokers.get(node)
    if (broker === undefined) {
      broker = { requests: openKafkaRequests(this.#options.connection), isBusy: false }
      this.#brokers.set(node, broker)
    }
    return broker
  }

  /** When a partition's next batch is to leave. */
  #dueMs({ batch, gathered, gatheredBytes }: PartitionState): number {
    if (batch !== undefined) return batch.notBeforeMs
    const { batchMessagesMax, batchBytesMax, flushMs } = this.#options
    const [first] = gathered
    if (first === undefined) return Infinity
    if (this.#isClosed || gathered.length >= batchMessagesMax || gatheredBytes >= batchBytesMax) return 0
    return first.call.sinceMs + flushMs
  }

  /** Never rejects. */
  async #send(
    metadata: ClusterMetadata,
    node: number,
    broker: Broker,
    states: readonly PartitionState[],
  ): Promise<void> {
    const sent = new Map<string, { readonly state: PartitionState; readonly batch: Batch }>()
    const batches = []
    let producer: ProducerId | undefined
    let bytes = 0
    let messages = 0
    for (const state of states) {
      const batch = (state.batch ??= this.#take(state))
      if (batch === undefined || (bytes > 0 && bytes + batch.bytes > requestBytesMax)) continue
      if (state.producer === undefined || (batch.tries === 0 && state.producer !== this.#producer)) {
        state.producer = this.#producer
        state.sequence = 0
      }
      // A request speaks for one producer; those of another one have the next.
      if (state.producer === undefined || (producer ??= state.producer) !== state.producer) continue
      batch.isOnItsWay = true
      bytes += batch.bytes
      messages += batch.messages.length
      const { topic, partition, sequence } = state
      sent.set(`${topic}:${String(partition)}`, { state, batch })
      batches.push({
        topic,
        partition,
        messages: batch.messages,
        producer,
        sequence,
        compression: this.#options.compression,
      })
    }
    if (sent.size === 0) return
    broker.isBusy = true
    const startMs = performance.now()
    try {
      const answers = await broker.requests.produce(metadata, node, batches)
      for (const answer of answers) {
        const key = `${answer.topic}:${String(answer.partition)}`
        const found = sent.get(key)
        if (found === undefined) continue
        sent.delete(key)
        this.#settle(found.state, found.batch, answer, node)
      }
      for (const { state, batch } of sent.values()) this.#again(state, batch, node, new Error('There was no answer.'))
      happened.requestDone(messages, batches.length, performance.now() - startMs).emit(this.#options.telemetry)
    } catch (error) {
      const failure = kafkaFailure(error, doing)
      for (const { state, batch } of sent.values()) {
        if (failure.retryable) this.#again(state, batch, node, error)
        else this.#refuse(state, batch, failure)
      }
      // A connection on which an answer is overdue is not asked again.
      const old = broker.requests
      broker.requests = openKafkaRequests(this.#options.connection)
      old.close().catch(() => undefined)
    } finally {
      broker.isBusy = false
      this.#hurry()
    }
  }

  /** The next batch of what has gathered; undefined when nobody waits for any of it. */
  #take(state: PartitionState): Batch | undefined {
    const { batchMessagesMax, batchBytesMax } = this.#options
    const records: Waiting[] = []
    let bytes = 0
    let taken = 0
    for (const one of state.gathered) {
      if (one.call.isSettled) {
        this.#waitingBytes -= one.bytes
      } else {
        if (records.length >= batchMessagesMax || (bytes > 0 && bytes + one.bytes > batchBytesMax)) break
        records.push(one)
        bytes += one.bytes
      }
      state.gatheredBytes -= one.bytes
      taken++
    }
    state.gathered = state.gathered.slice(taken)
    if (records.length === 0) {
      if (state.gathered.length === 0) this.#active.delete(state)
      return undefined
    }
    return {
      records,
      messages: records.map(({ message }) => message),
      bytes,
      tries: 0,
      notBeforeMs: 0,
      isOnItsWay: false,
    }
  }

  #settle(state: PartitionState, batch: Batch, { errorCode, offset }: Appended, node: number): void {
    if (errorCode === partitionErrors.none) {
      state.sequence += batch.records.length
      this.#done(state, batch)
      const { partition } = state
      for (const [n, { call, index }] of batch.records.entries()) {
        call.positions[index] = { incarnation: 1, partition, offset: offset + n }
        if (--call.left > 0 || call.isSettled) continue
        call.isSettled = true
        call.resolve(call.positions)
      }
      return
    }
    if (errorCode === partitionErrors.messageTooLarge || errorCode === partitionErrors.recordListTooLarge) {
      this.#refuse(state, batch, tooLarge(batch.bytes, undefined, state.topic))
      return
    }
    if (errorCode === partitionErrors.topicDenied) {
      const how = `Kafka does not let us write to the topic ${state.topic}. ${rightsAdvice}`
      const denied = new Failure('SLUICE_LOG_DENIED', how)
      happened.appendsRefused(new Set(batch.records.map(({ call }) => call)).size, denied).emit(this.#options.telemetry)
      this.#refuse(state, batch, denied)
      return
    }
    // Sent again under another identity it may be stored twice; who reads it knows copies by their uuid.
    if (identityErrors.has(errorCode)) this.#renewProducer(state)
    const place = `partition ${String(state.partition)} of ${state.topic}`
    this.#again(state, batch, node, new Error(`Kafka answered with error ${String(errorCode)} for ${place}.`))
  }

  #again(state: PartitionState, batch: Batch, node: number, reason: unknown): void {
    const { connection, telemetry } = this.#options
    const { retries, retryDelayMs, retryDelayMsMax } = connection
    this.#wantsFreshMetadata = true
    batch.isOnItsWay = false
    batch.tries++
    const round = batch.tries % (retries + 1)
    if (round === 0) happened.batchRequeued(state.topic, state.partition, batch.records.length).emit(telemetry)
    const delayMs = Math.min(retryDelayMs * 2 ** (round === 0 ? retries : round - 1), retryDelayMsMax)
    batch.notBeforeMs = performance.now() + delayMs
    this.#failed(node, batch.tries, reason, delayMs)
  }

  #failed(node: number, tries: number, reason: unknown, delayMs = this.#options.connection.retryDelayMs): void {
    this.#lastReason = reason
    happened.tryFailed(node, tries, delayMs, reason).emit(this.#options.telemetry)
  }

  #refuse(state: PartitionState, batch: Batch, failure: Failure): void {
    // A try before this one may be stored: another batch under its sequence would be taken for a repeat, and be lost.
    if (batch.tries > 0) this.#renewProducer(state)
    this.#done(state, batch)
    for (const { call } of batch.records) reject(call, failure)
  }

  /** All that waits and is not on its way. */
  #refuseAll(failure: Failure): void {
    const calls = new Set<Call>()
    for (const state of this.#active) {
      const { batch } = state
      if (batch?.isOnItsWay === true) continue
      for (const { call } of [...(batch?.records ?? []), ...state.gathered]) {
        if (!call.isSettled) calls.add(call)
        reject(call, failure)
      }
      if (batch !== undefined) this.#refuse(state, batch, failure)
      if (state.gathered.length > 0) this.#take(state)
    }
    happened.appendsRefused(calls.size, failure).emit(this.#options.telemetry)
  }

  #done(state: PartitionState, batch: Batch): void {
    state.batch = undefined
    this.#waitingBytes -= batch.bytes
    if (state.gathered.length === 0) this.#active.delete(state)
  }

  #renewProducer(state: PartitionState): void {
    if (state.producer === this.#producer) this.#producer = undefined
    state.producer = undefined
  }

  #giveUpOldCalls(): void {
    const { deliveryMsMax, telemetry } = this.#options
    const nowMs = performance.now()
    if (nowMs < this.#nextLookMs) return
    this.#nextLookMs = nowMs + Math.min(oftenMs, deliveryMsMax / 4)
    const latestMs = nowMs - deliveryMsMax
    let count = 0
    const failure = kafkaFailure(this.#lastReason ?? new Error('It did not answer in time.'), doing)
    const expire = ({ call }: Waiting): boolean => {
      if (call.isSettled) return true
      if (call.sinceMs > latestMs) return false
      count++
      reject(call, failure)
      return true
    }
    for (const state of this.#active) {
      const { batch } = state
      let isBatchExpired = batch !== undefined
      for (const one of batch?.records ?? []) if (!expire(one)) isBatchExpired = false
      // Those that came later are behind.
      for (const one of state.gathered) if (!expire(one)) break
      if (batch === undefined) {
        if (state.gathered.length > 0 && state.gathered.every(({ call }) => call.isSettled)) this.#take(state)
      } else if (isBatchExpired && !batch.isOnItsWay) {
        // Whether it is stored will never be known, so neither is the sequence of the next one.
        this.#renewProducer(state)
        this.#done(state, batch)
      }
    }
    if (count > 0) happened.appendsGivenUp(count, deliveryMsMax, this.#lastReason).emit(telemetry)
  }
}

function isOnItsWay({ batch }: PartitionState): boolean {
  return batch?.isOnItsWay === true
}

function reject(call: Call, failure: Failure): void {
  if (call.isSettled) return
  call.isSettled = true
  call.reject(failure)
}

function tooLarge(bytes: number, bytesMax: number | undefined, topic?: string): Failure {
  const most = bytesMax === undefined ? 'the topic permits' : String(bytesMax)
  const where = topic === undefined ? '' : ` for the topic ${topic}`
  return new Failure(
    'SLUICE_RECORD_TOO_LARGE',
    `A message of ${String(bytes)} bytes is larger than ${most}${where}. Raise kafka.messageBytesMax and the topic's max.message.bytes.`,
  )
}
