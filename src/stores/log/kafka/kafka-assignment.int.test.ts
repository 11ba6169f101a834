import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lane } from '../../../event/position.ts'
import { service } from '../../../kit/service.fixtures.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { describePartitionAssignment } from '../partition-assignment.contract.ts'
import { openGroupRequests, setGroupSession } from './kafka-assignment-requests.ts'
import { usualTimes } from './kafka-assignment.fixtures.ts'
import { kafkaAssignment } from './kafka-assignment.ts'
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
    const options = { ...usualTimes, connection, groupId, topic, heartbeatMs: 200, telemetry: silent }
    return { join: () => kafkaAssignment({ ...options, memberId: randomUUID() }) }
  },
})

describe('a member of a Kafka group', { skip }, () => {
  it('has its place again at once when it joins under its name after a death', async () => {
    const topics = await openTestTopics({ hosts: address.split(','), partitionCount: 4, lanes: [lane] })
    opened.push(topics)
    const { connection } = topics
    const group = { connection, groupId: `test-${randomBytes(6).toString('hex')}`, topic: topics.topicOf(lane) }
    // Nobody is missed within the time of this test.
    await setGroupSession(connection, group.groupId, 50_000)
    const dead = openGroupRequests({ ...group, memberId: 'one', handoverMs: 30_000 }, 0)
    let answer = await dead.heartbeat({ memberEpoch: 0, topicId: '', held: [] })
    // The group has no partitions to give before its coordinator has heard of the new topic.
    while (answer.assigned === undefined || answer.assigned.partitions.length === 0) {
      await sleep(50)
      answer = await dead.heartbeat({ memberEpoch: answer.memberEpoch, topicId: '', held: [] })
    }
    assert.equal(answer.assigned.partitions.length, 4)
    await dead.close()
    const stop = new AbortController()
    const risen = kafkaAssignment({
      ...usualTimes,
      ...group,
      memberId: 'one',
      sessionMs: 50_000,
      telemetry: silent,
    })
    const startMs = performance.now()
    for await (const partitions of risen.follow(stop.signal)) {
      if (partitions.length < 4) continue
      // Far from the session's 50 s.
      assert.ok(performance.now() - startMs < 25_000)
      stop.abort()
    }
  })
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
