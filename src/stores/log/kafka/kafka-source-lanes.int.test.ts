import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after } from 'node:test'
import { service } from '../../../kit/service.fixtures.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { describeSourceLanes } from '../source-lanes.contract.ts'
import type { SourceLanes } from '../source-lanes.ts'
import { kafkaConnectionDefaults } from './kafka-connection.ts'
import { openKafkaRequests } from './kafka-requests.ts'
import { kafkaSourceLanesDefaults, openKafkaSourceLanes } from './kafka-source-lanes.ts'
import { bufferedRisks, openKafkaTopics } from './kafka-topics.ts'
import { topicsUnder } from './topics-under.fixtures.ts'
import { sourceContent } from './source-message.ts'

const { address, skip } = service('KAFKA_HOSTS')
const connection = { ...kafkaConnectionDefaults, hosts: address.split(','), clientId: 'sluice-test' }
const messageBytesMax = 16 * 1024 * 1024
const partitionCount = 4
const prefixes = new Map<SourceLanes, string>()
const reader = openKafkaRequests(connection)

after(async () => {
  await Promise.all([reader, ...prefixes.keys()].map((opened) => opened.close()))
})

describeSourceLanes(
  'Kafka',
  {
    async open(options) {
      const prefix = `t-${randomBytes(6).toString('hex')}-`
      const { durability } = await openKafkaTopics({
        connection,
        topicOf: topicsUnder(prefix),
        partitionCount,
        replicationFactor: 1,
        minInSyncReplicas: 1,
        messageBytesMax,
        allowed: bufferedRisks,
        telemetry: silent,
      })
      assert.equal(durability, 'buffered')
      const sourceLanes = openKafkaSourceLanes({
        ...kafkaSourceLanesDefaults,
        connection,
        topicOf: topicsUnder(prefix),
        partitionCount,
        durability,
        messageBytesMax,
        telemetry: silent,
        ...options,
      })
      prefixes.set(sourceLanes, prefix)
      return sourceLanes
    },
    async read(sourceLanes, lane, partition) {
      const topic = topicsUnder(prefixes.get(sourceLanes) ?? '')(lane)
      const metadata = await reader.metadata([topic], true)
      const end = (await reader.bounds(metadata, topic))[partition]?.end ?? 0
      const found: NonNullable<ReturnType<typeof sourceContent>>[] = []
      while (found.length < end) {
        const leader = metadata.topics.get(topic)?.partitions[partition]?.leader ?? -1
        const from = [{ topic, partition, offset: found.length }]
        const [answer] = await reader.fetch(metadata, leader, { waitMs: 500, bytesMax: messageBytesMax, from })
        for (const { firstOffset, records } of answer?.batches ?? []) {
          for (const { value, headers, offsetDelta } of records) {
            if (Number(firstOffset) + offsetDelta < found.length) continue
            const content = sourceContent({
              value,
              headers: headers.flatMap(([name, bytes]) => (name === null ? [] : [[name, bytes] as const])),
            })
            assert.ok(content)
            found.push(content)
          }
        }
      }
      return found
    },
  },
  { skip },
)
