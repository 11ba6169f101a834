import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, describe, it } from 'node:test'
import type { Lane } from '../../../event/position.ts'
import { service } from '../../../kit/service.fixtures.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { describePartitionAssignment } from '../partition-assignment.contract.ts'
import { setGroupSession } from './kafka-assignment-requests.ts'
import { kafkaAssignment, kafkaAssignmentDefaults } from './kafka-assignment.ts'
import { kafkaConnectionDefaults } from './kafka-connection.ts'
import { openTestTopics } from './kafka-log.fixtures.ts'
import type { TestTopics } from './kafka-log.fixtures.ts'

const { address, skip } = service('KAFKA_HOSTS')
const lane: Lane = 'events_plugin_ingestion'
const opened: TestTopics[] = []

after(async () => {
  await Promise.all(opened.map((topics) => topics.close()))
})

describePartitionAssignment('A Kafka group', {
  isShared: true,
  skip,
  async open(partitionCount) {
    const topics = await openTestTopics({ hosts: address.split(','), partitionCount, lanes: [lane] })
    opened.push(topics)
    const groupId = `test-${randomBytes(6).toString('hex')}`
    const { connection } = topics
    const topic = topics.topicOf(lane)
    const options = { ...kafkaAssignmentDefaults, connection, groupId, topic, heartbeatMs: 200, telemetry: silent }
    return { join: () => kafkaAssignment(options) }
  },
})

describe('the session of a Kafka group', { skip }, () => {
  const connection = { ...kafkaConnectionDefaults, hosts: address.split(','), clientId: 'sluice-test' }

  it('becomes as long as is wanted, and is left alone when it is', async () => {
    const groupId = `test-${randomBytes(6).toString('hex')}`
    assert.deepEqual(await setGroupSession(connection, groupId, 50_000), { sessionMs: 50_000 })
    assert.deepEqual(await setGroupSession(connection, groupId, 50_000), { sessionMs: 50_000 })
  })

  it('stays as it is when the brokers do not permit what is wanted', async () => {
    const groupId = `test-${randomBytes(6).toString('hex')}`
    const { sessionMs, refused } = await setGroupSession(connection, groupId, 1_000)
    assert.ok(sessionMs !== undefined && sessionMs > 1_000)
    assert.match(refused?.message ?? '', /consumer\.session\.timeout\.ms/)
  })
})
