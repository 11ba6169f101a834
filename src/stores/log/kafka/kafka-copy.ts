/**
 * Writes source lanes as they were in another log: each record with the time at which that one took it. For moving an installation;
 * whoever takes events uses `kafka-source-lanes.ts`.
 *
 * The broker keeps a sender's times only in a topic that is set so. `open` sets the topics of all source lanes: times of senders, and
 * nothing removed by age or size, because old times would make records old at once. What was set before is told, to be put back.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Admin, ConfigResourceTypes, IncrementalAlterConfigOperationTypes } from '@platformatic/kafka'
import type { Lane } from '../../../event/position.ts'
import type { Bounds, LogHeaders } from '../event-log.ts'
import { openKafkaAppends } from './kafka-appends.ts'
import type { KafkaAppends, KafkaAppendsOptions } from './kafka-appends.ts'
import { clientOptions, kafkaFailure } from './kafka-connection.ts'
import type { KafkaConnectionOptions } from './kafka-connection.ts'
import { messageBytes, openKafkaRequests } from './kafka-requests.ts'
import type { Message } from './kafka-requests.ts'
import { sourceMessage } from './source-message.ts'

export interface CopiedRecord {
  readonly timeMs: number
  /** Undefined for one that cannot be read any more: its offset is kept, and every reader passes over it as damaged. */
  readonly content: { readonly headers: LogHeaders; readonly value: Buffer } | undefined
}

export interface KafkaCopy {
  bounds(lane: Lane): Promise<readonly Bounds[]>
  /** Resolves once all of them are durable, behind each other in their order. */
  append(lane: Lane, partition: number, records: readonly CopiedRecord[]): Promise<void>
  close(): Promise<void>
}

export interface KafkaCopyOptions extends KafkaAppendsOptions {
  readonly topicOf: (lane: Lane) => string
  /** Of one record batch, before compression; a larger record is one alone. */
  readonly batchBytesMax: number
}

/** Of one topic, as they were set on it; null where the broker's own counted. */
export type TopicSettings = Readonly<Record<string, string | null>>

const copying: Readonly<Record<string, string>> = {
  'message.timestamp.type': 'CreateTime',
  'retention.ms': '-1',
  'retention.bytes': '-1',
}
/** A setting of the topic itself, not of its broker or of Kafka. */
const setOnTopic = 1

const agreedMin = 5
const lookAgainMs = 100

export function openKafkaCopy(options: KafkaCopyOptions): KafkaCopy {
  const { connection, topicOf, batchBytesMax } = options
  const topics = new Map<Lane, KafkaAppends>()
  return {
    async bounds(lane) {
      const requests = openKafkaRequests(connection)
      try {
        return await requests.bounds(await requests.metadata([topicOf(lane)], true), topicOf(lane))
      } catch (error) {
        throw kafkaFailure(error, `asking where ${topicOf(lane)} ends`)
      } finally {
        await requests.close()
      }
    },
    async append(lane, partition, records) {
      const appends = topics.get(lane) ?? openKafkaAppends(topicOf(lane), options)
      topics.set(lane, appends)
      const appended: Promise<unknown>[] = []
      let messages: Message[] = []
      let bytes = 0
      const flush = (): void => {
        if (messages.length === 0) return
        const own = messages
        appended.push(appends.append(partition, bytes, () => own))
        messages = []
        bytes = 0
      }
      for (const record of records) {
        const message = messageOf(lane, partition, record)
        const size = messageBytes(message)
        if (bytes + size > batchBytesMax) flush()
        messages.push(message)
        bytes += size
      }
      flush()
      await Promise.all(appended)
    },
    async close() {
      await Promise.all([...topics.values()].map((appends) => appends.close()))
    },
  }
}

function messageOf(lane: Lane, partition: number, { timeMs, content }: CopiedRecord): Message {
  const timestamp = BigInt(Math.trunc(timeMs))
  if (content === undefined) return { value: Buffer.alloc(0), headers: new Map(), timestamp }
  const { key, value, headers } = sourceMessage({ lane, partition, ...content }, timeMs)
  return { ...(key === undefined ? {} : { key }), value, headers, timestamp }
}

/** What is set on the topics now. */
export async function readTopicSettings(
  connection: KafkaConnectionOptions,
  topics: readonly string[],
): Promise<Readonly<Record<string, TopicSettings>>> {
  return await withAdmin(connection, async (admin) => {
    const described = await admin.describeConfigs({
      resources: topics.map((resourceName) => ({
        resourceType: ConfigResourceTypes.TOPIC,
        resourceName,
        configurationKeys: Object.keys(copying),
      })),
    })
    return Object.fromEntries(
      described.map(({ resourceName, configs }) => [
        resourceName,
        Object.fromEntries(
          configs.map(({ name, value, configSource }) => [
            name,
            configSource === setOnTopic && typeof value === 'string' ? value : null,
          ]),
        ),
      ]),
    )
  })
}

/** Until `endCopying`, these topics keep the times of senders and everything that they are given. */
export async function beginCopying(connection: KafkaConnectionOptions, topics: readonly string[]): Promise<void> {
  await alter(connection, Object.fromEntries(topics.map((topic) => [topic, copying])))
  // Brokers learn of it one after the other, and any of them may answer.
  for (let agreed = 0; agreed < agreedMin; agreed++) {
    const now = await readTopicSettings(connection, topics)
    const isSet = topics.every((topic) =>
      Object.entries(copying).every(([name, value]) => now[topic]?.[name] === value),
    )
    if (!isSet) agreed = 0
    await sleep(lookAgainMs)
  }
}

export async function endCopying(
  connection: KafkaConnectionOptions,
  before: Readonly<Record<string, TopicSettings>>,
): Promise<void> {
  await alter(connection, before)
}

async function alter(
  connection: KafkaConnectionOptions,
  wanted: Readonly<Record<string, TopicSettings>>,
): Promise<void> {
  await withAdmin(connection, async (admin) => {
    await admin.incrementalAlterConfigs({
      resources: Object.entries(wanted).map(([resourceName, settings]) => ({
        resourceType: ConfigResourceTypes.TOPIC,
        resourceName,
        configs: Object.entries(settings).map(([name, value]) =>
          value === null
            ? { name, configOperation: IncrementalAlterConfigOperationTypes.DELETE }
            : { name, configOperation: IncrementalAlterConfigOperationTypes.SET, value },
        ),
      })),
    })
  })
}

async function withAdmin<T>(connection: KafkaConnectionOptions, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin(clientOptions(connection))
  try {
    return await work(admin)
  } catch (error) {
    throw kafkaFailure(error, 'setting topics for the copy')
  } finally {
    await admin.close().catch(() => undefined)
  }
}
