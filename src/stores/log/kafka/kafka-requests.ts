/**
 * Single requests to the brokers that lead partitions. The library's producer and consumer do more by themselves than this log may
 * have done: a producer that tries again under a new identity can store a batch twice or behind a later one, and one that groups
 * partitions by where their leaders were goes on asking the wrong broker. So tries, identities and offsets are counted in this
 * folder, and the library brings connections, metadata and the encoding.
 *
 * One broker answers the requests of one connection one after the other: whoever waits for records (`fetch`) must not share a
 * client with whoever appends.
 */
import { Base, kGetApi, kGetConnection, NumericMap, ProduceAcks, ResponseError } from '@platformatic/kafka'
import type { API, ClusterMetadata, Connection, MessageRecord, RecordsBatch } from '@platformatic/kafka'
import { clientOptions, endingsOf } from './kafka-connection.ts'
import type { KafkaConnectionOptions } from './kafka-connection.ts'

export interface KafkaRequests {
  /** What the cluster says about the topics; at most `metadataAgeMs` old, or just asked for. */
  metadata(topics: readonly string[], fresh: boolean): Promise<ClusterMetadata>
  /** A new identity for idempotent appends. */
  producerId(): Promise<ProducerId>
  /** One record batch a partition, all to partitions that `node` leads. Resolves with what became of each. */
  produce(metadata: ClusterMetadata, node: number, batches: readonly BatchToAppend[]): Promise<readonly Appended[]>
  /** Waits up to `waitMs` for anything at all. */
  fetch(metadata: ClusterMetadata, node: number, fetch: Fetch): Promise<readonly Fetched[]>
  /** First offset and end (exclusive; what all replicas in sync have) of each partition of a topic. */
  bounds(metadata: ClusterMetadata, topic: string): Promise<readonly Bound[]>
  /** Of each partition: the first offset that is not older than the time, or the end where there is none. */
  offsetsAt(metadata: ClusterMetadata, topic: string, timeMs: number): Promise<readonly number[]>
  close(): Promise<void>
}

export interface ProducerId {
  readonly producerId: bigint
  readonly producerEpoch: number
}

export interface BatchToAppend {
  readonly topic: string
  readonly partition: number
  readonly messages: readonly Message[]
  readonly producer: ProducerId
  /** Of the first message. */
  readonly sequence: number
  readonly compression: Compression
}

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

export interface Message {
  readonly key?: Buffer
  readonly value: Buffer
  readonly headers: Map<Buffer, Buffer | null>
  /** Unix milliseconds, for topics that keep the times of senders; now, when it is not said. */
  readonly timestamp?: bigint
}

/** Key, headers and value have lengths before them, the message a few fields. */
const messageOverheadBytes = 32
const headerOverheadBytes = 6

/** What a message takes of a batch, before compression; never less than it does. */
export function messageBytes({ key, value, headers }: Message): number {
  let bytes = messageOverheadBytes + (key?.length ?? 0) + value.length
  for (const [name, text] of headers) bytes += headerOverheadBytes + name.length + (text?.length ?? 0)
  return bytes
}

export interface Appended {
  readonly topic: string
  readonly partition: number
  /** Of the first message. */
  readonly offset: number
  /** 0 when it is stored. */
  readonly errorCode: number
}

export interface Fetch {
  readonly waitMs: number
  readonly bytesMax: number
  readonly from: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[]
}

export interface Fetched {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  readonly batches: readonly RecordsBatch[]
}

export interface Bound {
  readonly begin: number
  readonly end: number
}

/** Kafka's numbers of what may be wrong with one partition of a request. */
export const partitionErrors = {
  none: 0,
  offsetOutOfRange: 1,
  messageTooLarge: 10,
  recordListTooLarge: 18,
  topicDenied: 29,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  unknownProducerId: 59,
} as const

/** The library's types do not know that a header may be null; what it writes does. */
type WithHeaders = Message & { readonly headers: Map<Buffer, Buffer> }
type ProduceApi = [acks: number, timeoutMs: number, messages: MessageRecord[], options: object]
type FetchTopics = {
  topicId: string
  partitions: {
    partition: number
    currentLeaderEpoch: number
    fetchOffset: bigint
    lastFetchedEpoch: number
    partitionMaxBytes: number
  }[]
}[]
type FetchApi = [
  waitMs: number,
  bytesMin: number,
  bytesMax: number,
  isolation: number,
  session: number,
  sessionEpoch: number,
  topics: FetchTopics,
  forgotten: [],
  rack: string,
]
type OffsetsApi = [
  replica: number,
  isolation: number,
  topics: { name: string; partitions: { partitionIndex: number; currentLeaderEpoch: number; timestamp: bigint }[] }[],
]
interface ProduceAnswer {
  readonly responses: readonly {
    readonly name: string
    readonly partitionResponses: readonly {
      readonly index: number
      readonly errorCode: number
      readonly baseOffset: bigint
    }[]
  }[]
}
interface FetchAnswer {
  readonly responses: readonly {
    readonly topicId: string
    readonly partitions: readonly {
      readonly partitionIndex: number
      readonly errorCode: number
      readonly records?: readonly RecordsBatch[] | null
    }[]
  }[]
}
interface OffsetsAnswer {
  readonly topics: readonly {
    readonly partitions: readonly { readonly partitionIndex: number; readonly offset: bigint }[]
  }[]
}

const earliest = -2n
const latest = -1n
/** The answer where no message is of that time or newer. */
const nothingThere = -1
/** What all replicas in sync have; there are no transactions in these topics. */
const readUncommitted = 0
const noSession = { id: 0, epoch: -1 } as const

export function openKafkaRequests(options: KafkaConnectionOptions): KafkaRequests {
  // Tries are counted by who asks; here each request is made once.
  const client = new Base({ ...clientOptions(options), retries: 0 })
  const explained = endingsOf(client)
  const answerMs = Math.max(1, Math.floor(options.requestTimeoutMs * 0.8))

  async function connection(metadata: ClusterMetadata, node: number): Promise<Connection> {
    const broker = metadata.brokers.get(node)
    if (broker === undefined) throw new Error(`There is no broker ${String(node)} now.`)
    return await found<Connection>((callback) => {
      client[kGetConnection](broker, callback)
    })
  }

  async function api<Arguments extends unknown[], Answer>(name: string): Promise<API<Arguments, Answer>> {
    return await found<API<Arguments, Answer>>((callback) => {
      client[kGetApi]<Arguments, Answer>(name, callback)
    })
  }

  /** Errors of single partitions come as one error that has the whole answer. */
  async function answerOf<Answer extends object>(asked: Promise<Answer>, field: keyof Answer): Promise<Answer> {
    try {
      return await asked
    } catch (error) {
      if (!(error instanceof ResponseError)) throw explained(error)
      const answer = (error as unknown as { readonly response?: Answer }).response
      if (answer === undefined || !Array.isArray(answer[field]) || answer[field].length === 0) throw error
      return answer
    }
  }

  async function offsets(metadata: ClusterMetadata, topic: string, timestamp: bigint): Promise<number[]> {
    const found = new Map<number, number>()
    const partitions = metadata.topics.get(topic)?.partitions ?? []
    const list = await api<OffsetsApi, OffsetsAnswer>('ListOffsets')
    for (const node of new Set(partitions.map(({ leader }) => leader))) {
      const wanted = [...partitions.entries()]
        .filter(([, { leader }]) => leader === node)
        .map(([partitionIndex]) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp }))
      const asked = await list.async(await connection(metadata, node), -1, readUncommitted, [
        { name: topic, partitions: wanted },
      ])
      for (const answered of asked.topics)
        for (const { partitionIndex, offset } of answered.partitions) found.set(partitionIndex, Number(offset))
    }
    return partitions.map((_, partition) => found.get(partition) ?? 0)
  }

  return {
    async metadata(topics, fresh) {
      try {
        return await client.metadata({ topics: [...topics], forceUpdate: fresh })
      } catch (error) {
        throw explained(error)
      }
    },

    async producerId() {
      const { brokers } = await client.metadata({ topics: [] })
      const [node] = brokers.keys()
      const metadata = await client.metadata({ topics: [] })
      const init = await api<[null, number, bigint, number], ProducerId>('InitProducerId')
      return await init.async(await connection(metadata, node ?? -1), null, 0, -1n, -1)
    },

    async produce(metadata, node, batches) {
      const [first] = batches
      if (first === undefined) return []
      const produce = await api<ProduceApi, ProduceAnswer>('Produce')
      const sequences = new NumericMap()
      const messages: MessageRecord[] = []
      for (const { topic, partition, messages: own, sequence } of batches) {
        sequences.set(`${topic}:${String(partition)}`, sequence)
        // Copied, because the library puts times into what it is given.
        for (const message of own) messages.push({ ...(message as WithHeaders), topic, partition })
      }
      const made = { compression: first.compression, sequences, ...first.producer }
      const asked = produce.async(await connection(metadata, node), ProduceAcks.ALL, answerMs, messages, made)
      const answer = await answerOf(asked, 'responses')
      return answer.responses.flatMap(({ name, partitionResponses }) =>
        partitionResponses.map(({ index, errorCode, baseOffset }) => ({
          topic: name,
          partition: index,
          offset: Number(baseOffset),
          errorCode,
        })),
      )
    },

    async fetch(metadata, node, { waitMs, bytesMax, from }) {
      const topicIds = new Map([...metadata.topics].map(([name, { id }]) => [name, id]))
      const names = new Map([...topicIds].map(([name, id]) => [id, name]))
      const topics: FetchTopics = []
      for (const { topic, partition, offset } of from) {
        const topicId = topicIds.get(topic) ?? topic
        const last = topics.at(-1)
        const own = last?.topicId === topicId ? last : { topicId, partitions: [] }
        if (own !== last) topics.push(own)
        own.partitions.push({
          partition,
          currentLeaderEpoch: -1,
          fetchOffset: BigInt(offset),
          lastFetchedEpoch: -1,
          partitionMaxBytes: bytesMax,
        })
      }
      const fetch = await api<FetchApi, FetchAnswer>('Fetch')
      const asked = fetch.async(
        await connection(metadata, node),
        waitMs,
        1,
        bytesMax,
        readUncommitted,
        noSession.id,
        noSession.epoch,
        topics,
        [],
        '',
      )
      const answer = await answerOf(asked, 'responses')
      return answer.responses.flatMap(({ topicId, partitions }) =>
        partitions.map(({ partitionIndex, errorCode, records }) => ({
          topic: names.get(topicId) ?? topicId,
          partition: partitionIndex,
          errorCode,
          batches: records ?? [],
        })),
      )
    },

    async bounds(metadata, topic) {
      const begins = await offsets(metadata, topic, earliest)
      const ends = await offsets(metadata, topic, latest)
      return begins.map((begin, partition) => ({ begin, end: ends[partition] ?? begin }))
    },

    async offsetsAt(metadata, topic, timeMs) {
      // In this order: what comes between the two questions is not older.
      const ends = await offsets(metadata, topic, latest)
      if (timeMs === Infinity) return ends
      // Negative times are questions of another kind.
      const found = await offsets(metadata, topic, BigInt(Math.max(0, Math.ceil(timeMs))))
      return ends.map((end, partition) => {
        const at = found[partition] ?? nothingThere
        return at === nothingThere ? end : Math.min(at, end)
      })
    },

    close: () => client.close(),
  }
}

type Callback<T> = (error: Error | null, found?: T) => void

/** What the library finds for a callback: a connection, or how a broker speaks. */
export function found<T>(find: (callback: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    find((error, one) => {
      if (one === undefined) reject(error ?? new Error('There is none.'))
      else resolve(one)
    })
  })
}
