/** What a member asks of the broker that coordinates its group (KIP-848), and what the group must be set to. */
import {
  Admin,
  Base,
  ConfigResourceTypes,
  findErrorBy,
  IncrementalAlterConfigOperationTypes,
  kGetApi,
  kGetBootstrapConnection,
  kGetConnection,
} from '@platformatic/kafka'
import type { API, Connection } from '@platformatic/kafka'
import { Failure } from '../../../kit/failure.ts'
import type { Heartbeat, HeartbeatAnswer } from './kafka-assignment-member.ts'
import { clientOptions, hasApiError, kafkaFailure } from './kafka-connection.ts'
import type { KafkaConnectionOptions } from './kafka-connection.ts'
import { found } from './kafka-requests.ts'

export interface GroupRequestsOptions {
  readonly connection: KafkaConnectionOptions
  readonly groupId: string
  /** Chosen by the member, and its own for ever. */
  readonly memberId: string
  readonly topic: string
  /** How long the group waits for partitions that a member has to give up. */
  readonly handoverMs: number
}

/** To be closed and opened again after an error: the coordinator may be another one by then. */
export interface GroupRequests {
  /** Rejects with what the library says; `isExpelled` and `groupFailure` know what it means. */
  heartbeat(heartbeat: Heartbeat): Promise<HeartbeatAnswer & { readonly heartbeatMs: number }>
  leave(): Promise<void>
  close(): Promise<void>
}

type Coordinators = [keyType: number, keys: string[]]
interface CoordinatorsAnswer {
  readonly coordinators: readonly { readonly host: string; readonly port: number }[]
}
type Heartbeats = [
  groupId: string,
  memberId: string,
  memberEpoch: number,
  instanceId: null,
  rackId: null,
  rebalanceTimeoutMs: number,
  topics: string[],
  topicRegex: null,
  assignor: null,
  held: Partitions[],
]
interface Partitions {
  readonly topicId: string
  readonly partitions: number[]
}
interface HeartbeatsAnswer {
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  readonly assignment: { readonly topicPartitions: readonly Partitions[] } | null
}

const groupKey = 0
const leaving = -1
const sessionSetting = 'consumer.session.timeout.ms'

/** `attempt` counts up while brokers do not answer, so that each of them is asked in turn. */
export function openGroupRequests(options: GroupRequestsOptions, attempt: number): GroupRequests {
  const { connection, groupId, memberId, topic, handoverMs } = options
  // Tries are counted by who asks; here each request is made once.
  const client = new Base({ ...clientOptions(connection), retries: 0 })
  let coordinator: Promise<Connection> | undefined

  async function findCoordinator(): Promise<Connection> {
    const find = await found<API<Coordinators, CoordinatorsAnswer>>((callback) => {
      client[kGetApi]<Coordinators, CoordinatorsAnswer>('FindCoordinator', callback)
    })
    const any = await found<Connection>((callback) => {
      client[kGetBootstrapConnection](callback, attempt)
    })
    const { coordinators } = await find.async(any, groupKey, [groupId])
    const [own] = coordinators
    if (own === undefined) throw new Error(`Nobody coordinates the group ${groupId} now.`)
    return await found<Connection>((callback) => {
      client[kGetConnection](own, callback)
    })
  }

  async function say({ memberEpoch, topicId, held }: Heartbeat): Promise<HeartbeatsAnswer> {
    const api = await found<API<Heartbeats, HeartbeatsAnswer>>((callback) => {
      client[kGetApi]<Heartbeats, HeartbeatsAnswer>('ConsumerGroupHeartbeat', callback)
    })
    // The first one was a preview, in which brokers gave out the ids of members.
    if (api.version < 1) throw tooOld()
    const owned = held.length === 0 ? [] : [{ topicId, partitions: [...held] }]
    coordinator ??= findCoordinator()
    return await api.async(
      await coordinator,
      groupId,
      memberId,
      memberEpoch,
      null,
      null,
      handoverMs,
      [topic],
      null,
      null,
      owned,
    )
  }

  return {
    async heartbeat(heartbeat) {
      const { memberEpoch, heartbeatIntervalMs, assignment } = await say(heartbeat)
      if (assignment === null) return { memberEpoch, heartbeatMs: heartbeatIntervalMs, assigned: undefined }
      const [own = { topicId: heartbeat.topicId, partitions: [] }] = assignment.topicPartitions
      return { memberEpoch, heartbeatMs: heartbeatIntervalMs, assigned: own }
    },

    async leave() {
      await say({ memberEpoch: leaving, topicId: '', held: [] })
    },

    close: () => client.close(),
  }
}

/** Whether the group has given away what this member had. */
export function isExpelled(error: unknown): boolean {
  return hasApiError(error, 'UNKNOWN_MEMBER_ID') || hasApiError(error, 'FENCED_MEMBER_EPOCH')
}

export function groupFailure(error: unknown): Failure {
  const isUnsupported =
    hasApiError(error, 'UNSUPPORTED_VERSION') ||
    (error instanceof Error && findErrorBy(error, 'code', 'PLT_KFK_UNSUPPORTED_API') !== null)
  return isUnsupported ? tooOld() : kafkaFailure(error, 'sharing partitions')
}

function tooOld(): Failure {
  return new Failure(
    'SLUICE_KAFKA_TOO_OLD',
    'Kafka does not assign partitions to members of groups (KIP-848), by which cores share the work. It needs Kafka 4.0 or newer, with "consumer" among group.coordinator.rebalance.protocols.',
  )
}

/** `refused`: why it is not as wanted. */
export interface GroupSession {
  /** Undefined when we may not look. */
  readonly sessionMs: number | undefined
  readonly refused?: Failure
}

/**
 * Sees to it that the group waits for a silent member for no longer than this, as far as the brokers permit
 * (group.consumer.min.session.timeout.ms).
 */
export async function setGroupSession(
  connection: KafkaConnectionOptions,
  groupId: string,
  sessionMs: number,
): Promise<GroupSession> {
  const admin = new Admin(clientOptions(connection))
  const resource = { resourceType: ConfigResourceTypes.GROUP, resourceName: groupId }
  let present: number | undefined
  try {
    const [described] = await admin.describeConfigs({
      resources: [{ ...resource, configurationKeys: [sessionSetting] }],
    })
    const value = described?.configs.find(({ name }) => name === sessionSetting)?.value
    present = typeof value === 'string' ? Number(value) : undefined
    if (present === sessionMs) return { sessionMs }
    const set = IncrementalAlterConfigOperationTypes.SET
    await admin.incrementalAlterConfigs({
      resources: [{ ...resource, configs: [{ name: sessionSetting, configOperation: set, value: String(sessionMs) }] }],
    })
    return { sessionMs }
  } catch (error) {
    const failure = kafkaFailure(error, `setting ${sessionSetting} of the group ${groupId}`)
    if (failure.retryable && !refusals.some((id) => hasApiError(error, id))) throw failure
    return { sessionMs: present, refused: failure }
  } finally {
    await admin.close().catch(() => undefined)
  }
}

/** In place of doing it; asking again would not help. */
const refusals = ['INVALID_CONFIG', 'INVALID_REQUEST', 'POLICY_VIOLATION', 'UNSUPPORTED_VERSION']
