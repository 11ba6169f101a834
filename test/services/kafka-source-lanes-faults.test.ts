/** Brokers die while events are appended. With brokers of its own, which nobody else uses. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { ServiceSet } from '../../scripts/services/service-set.ts'
import { Failure } from '../../src/kit/failure.ts'
import { silent } from '../../src/kit/telemetry/telemetry.ts'
import { aSourceRecord } from '../../src/stores/log/source-lanes.contract.ts'
import type { SourceLanes } from '../../src/stores/log/source-lanes.ts'
import { kafkaConnectionDefaults } from '../../src/stores/log/kafka/kafka-connection.ts'
import type { KafkaConnectionOptions } from '../../src/stores/log/kafka/kafka-connection.ts'
import { openKafkaRequests } from '../../src/stores/log/kafka/kafka-requests.ts'
import { kafkaSourceLanesDefaults, openKafkaSourceLanes } from '../../src/stores/log/kafka/kafka-source-lanes.ts'
import type { KafkaSourceLanesOptions } from '../../src/stores/log/kafka/kafka-source-lanes.ts'
import { bufferedRisks, openKafkaTopics } from '../../src/stores/log/kafka/kafka-topics.ts'
import { topicsUnder } from '../../src/stores/log/kafka/topics-under.fixtures.ts'
import { sourceContent } from '../../src/stores/log/kafka/source-message.ts'
import { aServiceSet, missing } from './service-set.fixtures.ts'

const skip = missing('kafka')
const partitionCount = 4
const messageBytesMax = 8 * 1024 * 1024
const lane = 'events_plugin_ingestion'
const startMsMax = 120_000

interface Reached {
  readonly connection: KafkaConnectionOptions
  readonly open: (own?: Partial<KafkaSourceLanesOptions>) => SourceLanes
}

async function reach(hosts: string, prefix: string, copies: number): Promise<Reached> {
  const connection = { ...kafkaConnectionDefaults, hosts: hosts.split(','), clientId: 'sluice-test' }
  const common = { connection, topicOf: topicsUnder(prefix), partitionCount, messageBytesMax, telemetry: silent }
  const { durability } = await openKafkaTopics({
    ...common,
    replicationFactor: copies,
    minInSyncReplicas: Math.min(copies, 2),
    allowed: copies < 3 ? bufferedRisks : [],
  })
  assert.equal(durability, copies < 3 ? 'buffered' : 'quorum')
  return {
    connection,
    open: (own) =>
      openKafkaSourceLanes({ ...kafkaSourceLanesDefaults, ...common, durability, deliveryMsMax: 60_000, ...own }),
  }
}

/** Appends until told to stop; resolves with the numbers of the records of calls that resolved, by call. */
function appendOn(sourceLanes: SourceLanes): { acknowledged: number[]; failed: number; stop(): Promise<void> } {
  const state = { acknowledged: [] as number[], failed: 0, isStopped: false }
  let next = 0
  const work = async (): Promise<void> => {
    while (!state.isStopped) {
      const records = Array.from({ length: 5 }, () => aSourceRecord(next++))
      const numbers = records.map(({ value }) => numberOf(value))
      try {
        await sourceLanes.append(records)
        state.acknowledged.push(...numbers)
      } catch (error) {
        assert.ok(error instanceof Failure && error.retryable)
        state.failed++
      }
    }
  }
  const workers = Array.from({ length: 8 }, work)
  return Object.assign(state, {
    async stop() {
      state.isStopped = true
      await Promise.all(workers)
    },
  })
}

function numberOf(value: Buffer): number {
  return (JSON.parse(value.toString()) as { properties: { n: number } }).properties.n
}

async function numbersIn(connection: KafkaConnectionOptions, prefix: string): Promise<number[][]> {
  const reader = openKafkaRequests(connection)
  const topic = topicsUnder(prefix)(lane)
  const metadata = await reader.metadata([topic], true)
  const bounds = await reader.bounds(metadata, topic)
  const found: number[][] = []
  for (const [partition, { end }] of bounds.entries()) {
    const numbers: number[] = []
    while (numbers.length < end) {
      const leader = metadata.topics.get(topic)?.partitions[partition]?.leader ?? -1
      const from = [{ topic, partition, offset: numbers.length }]
      const [answer] = await reader.fetch(metadata, leader, { waitMs: 500, bytesMax: messageBytesMax, from })
      for (const { firstOffset, records } of answer?.batches ?? []) {
        for (const { value, headers, offsetDelta } of records) {
          if (Number(firstOffset) + offsetDelta < numbers.length) continue
          const content = sourceContent({
            value,
            headers: headers.flatMap(([name, bytes]) => (name === null ? [] : [[name, bytes] as const])),
          })
          assert.ok(content)
          numbers.push(numberOf(content.value))
        }
      }
    }
    found.push(numbers)
  }
  await reader.close()
  return found
}

async function acknowledges(progress: { readonly acknowledged: readonly number[] }, more: number): Promise<void> {
  const wanted = progress.acknowledged.length + more
  while (progress.acknowledged.length < wanted) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe('source lanes on Kafka whose brokers die', { skip, timeout: 300_000 }, () => {
  let services: ServiceSet
  let remove: () => Promise<void> = () => Promise.resolve()

  before(
    async () => {
      ;({ services, remove } = await aServiceSet())
      await services.up(['kafka3'])
    },
    { timeout: startMsMax },
  )
  after(() => remove())

  it('store each record once and in order while one broker after the other is killed', async () => {
    const prefix = 'kill-'
    const { connection, open } = await reach(services.environment()['KAFKA3_HOSTS'] ?? '', prefix, 3)
    const sourceLanes = open()
    const progress = appendOn(sourceLanes)
    for (const member of ['kafka3-1', 'kafka3-2', 'kafka3-3']) {
      await acknowledges(progress, 500)
      await services.kill(member)
      await acknowledges(progress, 500)
      await services.start(member)
    }
    await acknowledges(progress, 500)
    await progress.stop()
    await sourceLanes.close()
    assert.equal(progress.failed, 0)
    const there = await numbersIn(connection, prefix)
    assert.deepEqual(
      there.flat().toSorted((a, b) => a - b),
      progress.acknowledged.toSorted((a, b) => a - b),
    )
    for (const numbers of there)
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      )
  })

  it('tell senders to send again when too few brokers are left, and go on when they are back', async () => {
    const prefix = 'away-'
    const { connection, open } = await reach(services.environment()['KAFKA3_HOSTS'] ?? '', prefix, 3)
    const sourceLanes = open({ deliveryMsMax: 2_000 })
    await sourceLanes.append([0, 1, 2, 3].map((n) => aSourceRecord(n)))
    await services.kill('kafka3-1')
    await services.kill('kafka3-2')
    await assert.rejects(
      sourceLanes.append([4, 5, 6, 7].map((n) => aSourceRecord(n))),
      (error: unknown) => error instanceof Failure && error.retryable,
    )
    await services.start('kafka3-1')
    await services.start('kafka3-2')
    for (let isStored = false; !isStored;) {
      const again = sourceLanes.append([8, 9, 10, 11].map((n) => aSourceRecord(n)))
      isStored = await again.then(
        () => true,
        () => false,
      )
    }
    assert.equal(sourceLanes.waitingBytes, 0)
    await sourceLanes.close()
    const there = (await numbersIn(connection, prefix)).flat()
    for (const n of [0, 1, 2, 3, 8, 9, 10, 11]) assert.ok(there.includes(n))
  })
})
