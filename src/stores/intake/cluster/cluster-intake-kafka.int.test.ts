import { randomBytes } from 'node:crypto'
import { describe } from 'node:test'
import { service } from '../../../kit/service.fixtures.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { kafkaConnectionDefaults } from '../../log/kafka/kafka-connection.ts'
import { kafkaSourceLanesDefaults, openKafkaSourceLanes } from '../../log/kafka/kafka-source-lanes.ts'
import { bufferedRisks, openKafkaTopics } from '../../log/kafka/kafka-topics.ts'
import { topicsUnder } from '../../log/kafka/topics-under.fixtures.ts'
import { describeIntake } from '../intake.contract.ts'
import { reopenedIntake } from './reopened-intake.fixtures.ts'

const redis = service('REDIS_URL')
const kafka = service('KAFKA_HOSTS')
const partitionCount = 4
const messageBytesMax = 16 * 1024 * 1024

describe('the cluster intake on Redis and Kafka', { skip: redis.skip === false ? kafka.skip : redis.skip }, () => {
  describeIntake('the cluster intake on Kafka', async (wanted) => {
    const name = `t-${randomBytes(6).toString('hex')}-`
    const connection = { ...kafkaConnectionDefaults, hosts: kafka.address.split(','), clientId: 'sluice-test' }
    const { durability } = await openKafkaTopics({
      connection,
      topicOf: topicsUnder(name),
      partitionCount,
      replicationFactor: 1,
      minInSyncReplicas: 1,
      messageBytesMax,
      allowed: bufferedRisks,
      telemetry: silent,
    })
    return reopenedIntake(wanted, {
      redisUrl: redis.address,
      keyPrefix: name,
      duplicateWindowMs: 600_000,
      lanes: () =>
        openKafkaSourceLanes({
          ...kafkaSourceLanesDefaults,
          connection,
          topicOf: topicsUnder(name),
          partitionCount,
          durability,
          messageBytesMax,
          flushMs: 0,
          telemetry: silent,
        }),
    })
  })
})
