import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { Admin, ConfigResourceTypes, IncrementalAlterConfigOperationTypes } from '@platformatic/kafka'
import { lanes } from '../../../event/position.ts'
import { codeOf, messageOf } from '../../../kit/failure.ts'
import { service } from '../../../kit/service.fixtures.ts'
import { until } from '../../../kit/until.fixtures.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { clientOptions, kafkaConnectionDefaults } from './kafka-connection.ts'
import { bufferedRisks, complaintsAbout, openKafkaTopics } from './kafka-topics.ts'
import type { KafkaTopicsOptions } from './kafka-topics.ts'
import { topicsUnder } from './topics-under.fixtures.ts'

const { address, skip } = service('KAFKA_HOSTS')
const connection = { ...kafkaConnectionDefaults, hosts: address.split(','), clientId: 'sluice-test' }
const messageBytesMax = 8 * 1024 * 1024

const optionsOf = (prefix: string): KafkaTopicsOptions => ({
  connection,
  topicOf: topicsUnder(prefix),
  partitionCount: 2,
  replicationFactor: 1,
  minInSyncReplicas: 1,
  messageBytesMax,
  allowed: bufferedRisks,
  telemetry: silent,
})

describe('the topics behind the lanes', { skip }, () => {
  const admin = new Admin(clientOptions(connection))
  const prefix = `t-${randomBytes(6).toString('hex')}-`
  after(() => admin.close())

  const set = async (topic: string, name: string, value: string): Promise<void> => {
    await admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: ConfigResourceTypes.TOPIC,
          resourceName: topic,
          configs: [{ name, configOperation: IncrementalAlterConfigOperationTypes.SET, value }],
        },
      ],
    })
    // The controller has it; the broker that is asked may be a moment behind.
    await until(`${topic} has ${name}=${value}`, async () => {
      const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configurationKeys: [name] }
      const [described] = await admin.describeConfigs({ resources: [resource] })
      return described?.configs.some((config) => config.name === name && config.value === value) === true
    })
  }

  it('are made once, also when several instances start at the same time', async () => {
    const opened = await Promise.all([1, 2, 3].map(() => openKafkaTopics(optionsOf(prefix))))
    assert.deepEqual(new Set(opened.map(({ durability }) => durability)), new Set(['buffered']))
    const { topics } = await admin.metadata({ topics: lanes.map(topicsUnder(prefix)) })
    assert.equal(topics.get(topicsUnder(prefix)('exceptions'))?.partitionsCount, 2)
    assert.equal(topics.get(topicsUnder(prefix)('clickhouse_events'))?.partitionsCount, 12)
  })

  it('are refused when they can lose what was acknowledged, unless that is allowed by name', async () => {
    await assert.rejects(openKafkaTopics({ ...optionsOf(prefix), allowed: [] }), (error: unknown) => {
      assert.equal(codeOf(error), 'SLUICE_KAFKA_UNSAFE_TOPICS')
      assert.match(
        messageOf(error),
        /exceptions has 1 copies[^]*min\.insync\.replicas=2[^]*few-copies, few-confirmations/,
      )
      return true
    })
    const topic = topicsUnder(prefix)('exceptions')
    await set(topic, 'unclean.leader.election.enable', 'true')
    await assert.rejects(openKafkaTopics({ ...optionsOf(prefix), allowed: ['few-copies', 'few-confirmations'] }), {
      message: new RegExp(`^${topic} may get a leader that lacks acknowledged records`),
    })
    await openKafkaTopics(optionsOf(prefix))
  })

  it('are refused whatever is allowed when they cannot work', async () => {
    const topic = topicsUnder(prefix)('client_warnings')
    await assert.rejects(openKafkaTopics({ ...optionsOf(prefix), partitionCount: 3 }), /has 2 partitions, and 3 are/)
    await set(topic, 'max.message.bytes', '1000000')
    await assert.rejects(openKafkaTopics(optionsOf(prefix)), (error: unknown) => {
      assert.match(messageOf(error), new RegExp(`${topic} --add-config max.message.bytes=${String(messageBytesMax)}`))
      assert.doesNotMatch(messageOf(error), /allow it by name/)
      return true
    })
  })

  it('cannot be made with more copies than there are brokers', async () => {
    const options = { ...optionsOf(`t-${randomBytes(6).toString('hex')}-`), replicationFactor: 14 }
    await assert.rejects(openKafkaTopics(options), (error: unknown) => codeOf(error) === 'SLUICE_KAFKA_TOO_FEW_BROKERS')
  })
})

describe('what is said about a topic', () => {
  const settings = new Map([
    ['max.message.bytes', String(messageBytesMax)],
    ['min.insync.replicas', '2'],
    ['unclean.leader.election.enable', 'false'],
    ['message.timestamp.type', 'LogAppendTime'],
    ['cleanup.policy', 'delete'],
  ])

  it('is nothing when three copies are there and two confirm', () => {
    assert.deepEqual(complaintsAbout({ topic: 't', partitions: 4, copies: 3, settings }, 4, messageBytesMax), [])
  })

  it('is a complaint about each setting that the cluster does not tell', () => {
    const found = complaintsAbout({ topic: 't', partitions: 4, copies: 3, settings: new Map() }, 4, messageBytesMax)
    const risks = found.map(({ risk }) => risk)
    assert.deepEqual(risks, [undefined, undefined, 'few-confirmations', 'unclean-election', 'own-times'])
  })
})
