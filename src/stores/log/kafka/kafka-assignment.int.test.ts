import { randomBytes } from 'node:crypto'
import { after } from 'node:test'
import type { Lane } from '../../../event/position.ts'
import { service } from '../../../kit/service.fixtures.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { describePartitionAssignment } from '../partition-assignment.contract.ts'
import { kafkaAssignment, kafkaAssignmentDefaults } from './kafka-assignment.ts'
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
