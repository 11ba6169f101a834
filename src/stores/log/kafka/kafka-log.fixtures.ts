/** Kafka logs for tests, over topics of their own on brokers that are there. */
import { randomBytes } from 'node:crypto'
import { Admin } from '@platformatic/kafka'
import { partitionsOf } from '../../../event/flows.ts'
import type { Lane } from '../../../event/position.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { until } from '../../../kit/until.fixtures.ts'
import type { EventLog, NewRecord } from '../event-log.ts'
import { createMemoryLogEpochs } from '../memory/memory-log-epochs.ts'
import { createMemoryLogReaders } from '../memory/memory-log-readers.ts'
import { openKafkaAppends } from './kafka-appends.ts'
import { kafkaConnectionDefaults } from './kafka-connection.ts'
import type { KafkaConnectionOptions } from './kafka-connection.ts'
import { kafkaLogDefaults, openKafkaLog } from './kafka-log.ts'
import type { KafkaLogOptions } from './kafka-log.ts'
import { sourceMessage } from './source-message.ts'

export interface TestTopics {
  readonly connection: KafkaConnectionOptions
  readonly admin: Admin
  readonly topicOf: (lane: Lane) => string
  /** A log as one process has it; all of a test share what Postgres keeps of them. */
  openLog(own?: Partial<KafkaLogOptions>): EventLog
  close(): Promise<void>
}

export interface TestTopicsOptions {
  readonly hosts: readonly string[]
  readonly partitionCount: number
  readonly lanes: readonly Lane[]
  readonly replicas?: number
}

export async function openTestTopics(options: TestTopicsOptions): Promise<TestTopics> {
  const { hosts, partitionCount, lanes, replicas = 1 } = options
  const prefix = `test-${randomBytes(6).toString('hex')}-`
  const topicOf = (lane: Lane): string => `${prefix}${lane}`
  const connection = { ...kafkaConnectionDefaults, hosts, clientId: `${prefix}client` }
  const admin = new Admin({ clientId: `${prefix}admin`, bootstrapBrokers: [...hosts], retries: 20, retryDelay: 200 })
  for (const lane of lanes) {
    await admin.createTopics({
      topics: [topicOf(lane)],
      partitions: partitionsOf(lane, partitionCount),
      replicas,
      configs: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
    })
    // Made is not yet known to whom one asks next.
    await until(`${topicOf(lane)} is known`, () =>
      admin.metadata({ topics: [topicOf(lane)], forceUpdate: true }).then(
        () => true,
        () => false,
      ),
    )
  }
  const epochs = createMemoryLogEpochs()
  const readers = createMemoryLogReaders()
  return {
    connection,
    admin,
    topicOf,
    openLog: (own = {}) =>
      openKafkaLog({
        connection,
        partitionCount,
        topicOf,
        telemetry: silent,
        epochs,
        readers,
        ...kafkaLogDefaults,
        ...own,
      }),
    async close() {
      await admin.deleteTopics({ topics: lanes.map(topicOf) }).catch(() => undefined)
      await admin.close()
    },
  }
}

/** Puts a record into a source lane as the door does. */
export function putEvent({ connection, topicOf }: TestTopics) {
  return async (lane: Lane, partition: number, { headers, value }: NewRecord): Promise<void> => {
    const appends = openKafkaAppends(topicOf(lane), { connection, telemetry: silent, ...kafkaLogDefaults })
    const { key, ...rest } = sourceMessage({ lane, partition, headers, value }, Date.now())
    const message = key === undefined ? rest : { ...rest, key }
    try {
      await appends.append(partition, value.length, () => [message])
    } finally {
      await appends.close()
    }
  }
}
