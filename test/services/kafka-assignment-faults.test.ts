/** Sharing partitions by a Kafka group while members are killed and frozen, and while its three brokers are killed, each in turn. */
import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { Lane } from '../../src/event/position.ts'
import type { LogFields, LogLevel, Telemetry } from '../../src/kit/telemetry/telemetry.ts'
import { silent } from '../../src/kit/telemetry/telemetry.ts'
import { until } from '../../src/kit/until.fixtures.ts'
import { usualTimes } from '../../src/stores/log/kafka/kafka-assignment.fixtures.ts'
import { kafkaAssignment } from '../../src/stores/log/kafka/kafka-assignment.ts'
import type { KafkaAssignmentOptions } from '../../src/stores/log/kafka/kafka-assignment.ts'
import { openTestTopics } from '../../src/stores/log/kafka/kafka-log.fixtures.ts'
import type { TestTopics } from '../../src/stores/log/kafka/kafka-log.fixtures.ts'
import { aMember, settled } from '../../src/stores/log/partition-assignment.contract.ts'
import { startMember } from './assignment-member.fixtures.ts'
import { aServiceSet, missing } from './service-set.fixtures.ts'

const lane: Lane = 'events_plugin_ingestion'
const partitionCount = 16
const brokers = ['kafka3-1', 'kafka3-2', 'kafka3-3'] as const

describe('a Kafka group that shares partitions', { skip: missing('kafka'), timeout: 300_000 }, () => {
  let set: Awaited<ReturnType<typeof aServiceSet>>
  let topics: TestTopics
  before(async () => {
    set = await aServiceSet()
    await set.services.up(['kafka3'])
    const hosts = (set.services.environment()['KAFKA3_HOSTS'] ?? '').split(',')
    topics = await openTestTopics({ hosts, partitionCount, lanes: [lane], replicas: brokers.length })
  })
  after(async () => {
    await topics.close()
    await set.remove()
  })

  const aGroup = (own: Partial<KafkaAssignmentOptions> = {}): Omit<KafkaAssignmentOptions, 'memberId'> => ({
    ...usualTimes,
    connection: topics.connection,
    groupId: `test-${randomBytes(6).toString('hex')}`,
    topic: topics.topicOf(lane),
    sessionMs: 6_000,
    heartbeatMs: 200,
    telemetry: silent,
    ...own,
  })

  it('gives the partitions of a process that was killed to the others', async () => {
    const options = aGroup()
    const staying = aMember(kafkaAssignment({ ...options, memberId: randomUUID() }))
    const killed = startMember({ ...options, memberId: randomUUID() })
    try {
      await settled([staying, killed], partitionCount)
    } finally {
      await killed.kill()
    }
    await settled([staying], partitionCount)
    await staying.leave()
  })

  it('gives the partitions of a frozen process to the others, and it joins again when it goes on', async () => {
    const options = aGroup()
    const staying = aMember(kafkaAssignment({ ...options, memberId: randomUUID() }))
    const frozen = startMember({ ...options, memberId: randomUUID() })
    try {
      await settled([staying, frozen], partitionCount)
      frozen.freeze()
      await settled([staying], partitionCount)
      frozen.thaw()
      await settled([staying, frozen], partitionCount)
    } finally {
      await frozen.kill()
      await staying.leave()
    }
  })

  it('gives partitions to others when whoever has them does not let them go in time', async () => {
    const said: string[] = []
    const options = aGroup({ handoverMs: 2_000, telemetry: sayingTo(said) })
    const busy = aMember(kafkaAssignment({ ...options, memberId: randomUUID() }))
    await settled([busy], partitionCount)
    const finish = busy.work()
    const second = aMember(kafkaAssignment({ ...options, memberId: randomUUID() }))
    await until('the second has its half', () => second.partitions?.length === partitionCount / 2)
    finish()
    await settled([busy, second], partitionCount)
    assert.equal(said.filter((message) => message.includes('joins again')).length, 1)
    await busy.leave()
    await second.leave()
  })

  it('goes on sharing while each broker is killed in turn', async (t) => {
    const said: string[] = []
    const options = aGroup({ telemetry: sayingTo(said) })
    const members = [
      aMember(kafkaAssignment({ ...options, memberId: randomUUID() })),
      aMember(kafkaAssignment({ ...options, memberId: randomUUID() })),
    ]
    await settled(members, partitionCount)
    for (const broker of brokers) {
      await set.services.kill(broker)
      const another = aMember(kafkaAssignment({ ...options, memberId: randomUUID() }))
      await settled([...members, another], partitionCount)
      await set.services.start(broker)
      await another.leave()
      await settled(members, partitionCount)
    }
    const reached = said.filter((message) => message.includes('shares the partitions again')).length
    const expelled = said.filter((message) => message.includes('joins again')).length
    t.diagnostic(`${String(reached)} times a member found the group again, ${String(expelled)} times it was expelled`)
    assert.ok(reached > 0)
    for (const member of members) await member.leave()
  })
})

function sayingTo(said: string[]): Telemetry {
  return {
    ...silent,
    log(_level: LogLevel, message: string, _fields?: LogFields) {
      said.push(message)
    },
  }
}
