/**
 * The topics behind the lanes: makes those that are missing, and looks at those that are there, once at each start.
 *
 * What is wrong with a topic is of two kinds:
 * - It cannot work: too few partitions or too many, too small messages, compaction. Refused always.
 * - It works and can lose what was acknowledged: a risk, refused unless it is allowed by name.
 */
import { Admin, ConfigResourceTypes } from '@platformatic/kafka'
import type { ClusterTopicMetadata } from '@platformatic/kafka'
import { setTimeout as sleep } from 'node:timers/promises'
import { partitionsOf } from '../../../event/flows.ts'
import { lanes } from '../../../event/position.ts'
import type { Lane } from '../../../event/position.ts'
import { Failure } from '../../../kit/failure.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import { clientOptions, endingsOf, hasApiError, kafkaFailure, wasClosed } from './kafka-connection.ts'
import type { KafkaConnectionOptions } from './kafka-connection.ts'
import * as happened from './kafka-topics.events.ts'

/**
 * - few-copies: fewer than three copies of a record; the loss of a disk or two can take acknowledged records with it.
 * - few-confirmations: min.insync.replicas below 2; a record is acknowledged while one machine has it.
 * - unclean-election: a copy that lacks acknowledged records may become the leader.
 * - own-times: records have the times that senders wrote, not the broker's, so retention and order in time are theirs.
 */
export type TopicRisk = 'few-copies' | 'few-confirmations' | 'unclean-election' | 'own-times'

/** Those with which an installation is called `buffered`. */
export const bufferedRisks: readonly TopicRisk[] = ['few-copies', 'few-confirmations', 'unclean-election']

export interface KafkaTopicsOptions {
  readonly connection: KafkaConnectionOptions
  readonly topicOf: (lane: Lane) => string
  /** Of source lanes; derived ones have more (`event/flows.ts`). */
  readonly partitionCount: number
  /** Of topics that are made. */
  readonly replicationFactor: number
  readonly minInSyncReplicas: number
  /** Largest record batch, as max.message.bytes counts it. Topics that permit less are refused. */
  readonly messageBytesMax: number
  /** How long topics that are made keep records; undefined: as long as the cluster does by default. */
  readonly retentionMs?: number | undefined
  /** What may be wrong all the same. */
  readonly allowed: readonly TopicRisk[]
  /** How long topics that were just made may take until every partition has a leader. */
  readonly readyMsMax?: number
  readonly telemetry: Telemetry
}

export interface KafkaTopics {
  /** `quorum` when every topic has three copies, two confirm each record, and only a complete copy can become the leader. */
  readonly durability: 'quorum' | 'buffered'
}

/** What a topic is, as far as we care. */
export interface TopicState {
  readonly topic: string
  readonly partitions: number
  /** The smallest of its partitions. */
  readonly copies: number
  readonly settings: ReadonlyMap<string, string>
}

interface Complaint {
  readonly risk: TopicRisk | undefined
  /** Names topic and setting, and says what to do. */
  readonly text: string
}

const doing = 'looking at the topics'
const readyMsMaxDefault = 30_000
const lookAgainMs = 100
const checked = [
  'max.message.bytes',
  'min.insync.replicas',
  'unclean.leader.election.enable',
  'message.timestamp.type',
  'cleanup.policy',
] as const

export async function openKafkaTopics(options: KafkaTopicsOptions): Promise<KafkaTopics> {
  const { allowed, telemetry } = options
  const admin = new Admin(clientOptions(options.connection))
  const explained = endingsOf(admin)
  try {
    await makeMissing(admin, options)
    const complaints = (await statesOf(admin, options)).flatMap(({ lane, state }) =>
      complaintsAbout(state, partitionsOf(lane, options.partitionCount), options.messageBytesMax),
    )
    const refused = complaints.filter(({ risk }) => risk === undefined || !allowed.includes(risk))
    if (refused.length > 0) throw unsafe(refused)
    const risks = complaints.flatMap(({ risk }) => risk ?? [])
    if (complaints.length > 0) happened.risksAllowed(complaints.map(({ text }) => text)).emit(telemetry)
    return { durability: risks.some((risk) => bufferedRisks.includes(risk)) ? 'buffered' : 'quorum' }
  } catch (error) {
    throw startFailure(explained(error))
  } finally {
    await admin.close().catch(() => undefined)
  }
}

/** A broker that wants us to speak otherwise says nothing: it closes the connection. */
function startFailure(error: unknown): Failure {
  const failure = kafkaFailure(error, doing)
  if (!failure.retryable || !wasClosed(error)) return failure
  return new Failure(
    failure.code,
    `${failure.message}. If brokers do so always, look at kafka.tls, kafka.saslMechanism and kafka.clientCertificate: their listener wants something else.`,
    { retryable: true, cause: error },
  )
}

async function makeMissing(admin: Admin, options: KafkaTopicsOptions): Promise<void> {
  const { topicOf, partitionCount, replicationFactor: replicas, telemetry } = options
  const there = new Set(await admin.listTopics())
  const missing = lanes
    .map((lane) => ({ topic: topicOf(lane), partitions: partitionsOf(lane, partitionCount), replicas }))
    .filter(({ topic }) => !there.has(topic))
  if (missing.length === 0) return
  try {
    await admin.createTopics({ topics: missing, configs: settingsOf(options) })
    happened
      .topicsMade(
        missing.map(({ topic }) => topic),
        partitionCount,
        replicas,
      )
      .emit(telemetry)
  } catch (error) {
    // Another instance that starts now made them.
    if (!hasApiError(error, 'TOPIC_ALREADY_EXISTS')) throw notMade(error, missing, options)
    await makeMissingOnebyOne(admin, options, missing)
  }
}

/** Some of them were made by another instance meanwhile; which ones the answer does not say. */
async function makeMissingOnebyOne(
  admin: Admin,
  options: KafkaTopicsOptions,
  missing: readonly { readonly topic: string; readonly partitions: number; readonly replicas: number }[],
): Promise<void> {
  for (const one of missing) {
    try {
      await admin.createTopics({ topics: [one], configs: settingsOf(options) })
    } catch (error) {
      if (!hasApiError(error, 'TOPIC_ALREADY_EXISTS')) throw notMade(error, [one], options)
    }
  }
}

function notMade(
  error: unknown,
  missing: readonly { readonly topic: string }[],
  { replicationFactor }: KafkaTopicsOptions,
): Failure {
  if (!hasApiError(error, 'INVALID_REPLICATION_FACTOR')) {
    // Topics that may not be seen look as if they were missing.
    const topics = missing.map(({ topic }) => topic).join(', ')
    return kafkaFailure(error, `making topics that are missing or not shown to us (Create, Describe): ${topics}`)
  }
  return new Failure(
    'SLUICE_KAFKA_TOO_FEW_BROKERS',
    `Topics were to be made with ${String(replicationFactor)} copies, and Kafka has fewer brokers than that now. Start the others, or lower kafka.replicationFactor.`,
    { cause: error },
  )
}

function settingsOf(options: KafkaTopicsOptions): { name: string; value: string }[] {
  const { minInSyncReplicas, messageBytesMax, retentionMs } = options
  return [
    { name: 'min.insync.replicas', value: String(minInSyncReplicas) },
    { name: 'max.message.bytes', value: String(messageBytesMax) },
    { name: 'unclean.leader.election.enable', value: 'false' },
    { name: 'message.timestamp.type', value: 'LogAppendTime' },
    { name: 'cleanup.policy', value: 'delete' },
    ...(retentionMs === undefined ? [] : [{ name: 'retention.ms', value: String(retentionMs) }]),
  ]
}

async function statesOf(
  admin: Admin,
  options: KafkaTopicsOptions,
): Promise<readonly { readonly lane: Lane; readonly state: TopicState }[]> {
  const topics = lanes.map(options.topicOf)
  const found = await settled(admin, topics, options.readyMsMax ?? readyMsMaxDefault)
  const configs = await admin
    .describeConfigs({
      resources: topics.map((topic) => ({
        resourceType: ConfigResourceTypes.TOPIC,
        resourceName: topic,
        configurationKeys: [...checked],
      })),
    })
    .catch((error: unknown) => {
      throw kafkaFailure(error, `asking for the settings of topics (DescribeConfigs): ${topics.join(', ')}`)
    })
  return lanes.map((lane) => {
    const topic = options.topicOf(lane)
    const { partitions = [] } = found.get(topic) ?? {}
    const own = configs.find(({ resourceName }) => resourceName === topic)?.configs ?? []
    const state = {
      topic,
      partitions: partitions.length,
      copies: Math.min(...partitions.map(({ replicas }) => replicas.length)),
      settings: new Map(own.flatMap(({ name, value }) => (typeof value === 'string' ? [[name, value] as const] : []))),
    }
    return { lane, state }
  })
}

/** What the cluster says of the topics as soon as all of them are known and every partition has a leader. */
async function settled(
  admin: Admin,
  topics: readonly string[],
  readyMsMax: number,
): Promise<ReadonlyMap<string, ClusterTopicMetadata>> {
  const endMs = performance.now() + readyMsMax
  for (;;) {
    try {
      const { topics: found } = await admin.metadata({ topics: [...topics], forceUpdate: true })
      const isReady = topics.every((topic) => {
        const { partitions = [] } = found.get(topic) ?? {}
        return partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)
      })
      if (isReady && (await everyLeaderAnswers(admin, found))) return found
    } catch (error) {
      if (performance.now() > endMs || !kafkaFailure(error, doing).retryable) throw error
    }
    if (performance.now() > endMs) {
      throw new Failure('SLUICE_LOG_UNAVAILABLE', 'Some partitions of the topics have no leader. Start all brokers.', {
        retryable: true,
      })
    }
    await sleep(lookAgainMs)
  }
}

/** A broker may be named as leader a moment before it knows. */
async function everyLeaderAnswers(admin: Admin, found: ReadonlyMap<string, ClusterTopicMetadata>): Promise<boolean> {
  try {
    await admin.listOffsets({
      topics: [...found].map(([name, { partitionsCount }]) => ({
        name,
        partitions: Array.from({ length: partitionsCount }, (_, partitionIndex) => ({
          partitionIndex,
          timestamp: -1n,
        })),
      })),
    })
    return true
  } catch (error) {
    if (hasApiError(error, 'NOT_LEADER_OR_FOLLOWER') || hasApiError(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return false
    throw error
  }
}

export function complaintsAbout(state: TopicState, partitions: number, messageBytesMax: number): readonly Complaint[] {
  const { topic, settings } = state
  const complaints: Complaint[] = []
  const complain = (risk: TopicRisk | undefined, text: string): void => {
    complaints.push({ risk, text })
  }
  const set = (name: string, value: string): string =>
    `Set it: kafka-configs --alter --entity-type topics --entity-name ${topic} --add-config ${name}=${value}`
  if (state.partitions !== partitions) {
    complain(
      undefined,
      `${topic} has ${String(state.partitions)} partitions, and ${String(partitions)} are wanted. Events of one user would change their partition: choose another name for it, or set the count of partitions to what the topics were made with.`,
    )
  }
  const bytes = Number(settings.get('max.message.bytes'))
  if (!(bytes >= messageBytesMax)) {
    const name = 'max.message.bytes'
    complain(
      undefined,
      `${topic} takes messages up to ${String(bytes)} bytes (${name}), and ${String(messageBytesMax)} are wanted. ${set(name, String(messageBytesMax))}`,
    )
  }
  if (settings.get('cleanup.policy') !== 'delete') {
    complain(
      undefined,
      `${topic} is compacted (cleanup.policy is ${settings.get('cleanup.policy') ?? 'unknown'}), which removes events while they are still wanted. ${set('cleanup.policy', 'delete')}`,
    )
  }
  if (state.copies < 3) {
    complain(
      'few-copies',
      `${topic} has ${String(state.copies)} copies of each record. Reassign its partitions to three.`,
    )
  }
  const confirmations = settings.get('min.insync.replicas')
  if (!(Number(confirmations) >= 2)) {
    complain(
      'few-confirmations',
      `${topic} acknowledges what ${confirmations ?? 'an unknown number of'} copies have (min.insync.replicas). ${set('min.insync.replicas', '2')}`,
    )
  }
  if (settings.get('unclean.leader.election.enable') !== 'false') {
    complain(
      'unclean-election',
      `${topic} may get a leader that lacks acknowledged records (unclean.leader.election.enable). ${set('unclean.leader.election.enable', 'false')}`,
    )
  }
  if (settings.get('message.timestamp.type') !== 'LogAppendTime') {
    complain(
      'own-times',
      `${topic} keeps the times of its senders (message.timestamp.type). ${set('message.timestamp.type', 'LogAppendTime')}`,
    )
  }
  return complaints
}

function unsafe(complaints: readonly Complaint[]): Failure {
  const risks = [...new Set(complaints.flatMap(({ risk }) => risk ?? []))]
  const canBeAllowed = risks.length > 0 && complaints.every(({ risk }) => risk !== undefined)
  const how = canBeAllowed ? ` Or allow it by name: ${risks.join(', ')}.` : ''
  return new Failure('SLUICE_KAFKA_UNSAFE_TOPICS', `${complaints.map(({ text }) => text).join('\n')}${how}`)
}
