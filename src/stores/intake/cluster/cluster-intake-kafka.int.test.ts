import { randomBytes } from 'node:crypto'
import { describe } from 'node:test'
import { service } from '../../../kit/service.fixtures.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { openRedisConnection } from '../../coordination/redis/redis-connection.ts'
import { kafkaConnectionDefaults } from '../../log/kafka/kafka-connection.ts'
import { kafkaSourceLanesDefaults, openKafkaSourceLanes } from '../../log/kafka/kafka-source-lanes.ts'
import { bufferedRisks, openKafkaTopics } from '../../log/kafka/kafka-topics.ts'
import { describeIntake } from '../intake.contract.ts'
import { openClusterIntake } from './cluster-intake.ts'
import { forgetAll } from './forget.fixtures.ts'

const redis = service('REDIS_URL')
const kafka = service('KAFKA_HOSTS')
const partitionCount = 4
const messageBytesMax = 16 * 1024 * 1024

describe('the cluster intake on Redis and Kafka', { skip: redis.skip === false ? kafka.skip : redis.skip }, () => {
  describeIntake('the cluster intake on Kafka', async ({ limitKeysMax, now }) => {
    const name = `t-${randomBytes(6).toString('hex')}-`
    const connection = { ...kafkaConnectionDefaults, hosts: kafka.address.split(','), clientId: 'sluice-test' }
    const { durability } = await openKafkaTopics({
      connection,
      prefix: name,
      partitionCount,
      replicationFactor: 1,
      minInSyncReplicas: 1,
      messageBytesMax,
      allowed: bufferedRisks,
      telemetry: silent,
    })
    const connect = () => openRedisConnection({ url: redis.address, name: 'test', keyPrefix: name })
    const open = () =>
      openClusterIntake({
        lanes: openKafkaSourceLanes({
          ...kafkaSourceLanesDefaults,
          connection,
          prefix: name,
          partitionCount,
          durability,
          messageBytesMax,
          flushMs: 0,
          telemetry: silent,
        }),
        redis: connect(),
        whenAway: 'closed',
        duplicateWindowMs: 600_000,
        limitKeysMax,
        queueBytesMax: 64 * 1024 * 1024,
        owedKeysMax: 10_000,
        telemetry: silent,
        now,
      })
    const intake = await open()
    return {
      intake,
      close: () => intake.close(),
      reopen: async () => {
        const again = await open()
        return { intake: again, close: () => again.close() }
      },
      forget: () => forgetAll(connect(), name),
    }
  })
})
