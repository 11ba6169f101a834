/**
 * The Kafka log while its only broker is killed, again and again, under appends of two owners that share its partitions, and readings.
 * More kills: SLUICE_TEST_KILLS=40; one of three brokers each time: SLUICE_TEST_BROKERS=3.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { derivedBatchHead, derivedBatchLines, emptyBooks, encodeDerivedBatch } from '../../src/event/derived-batch.ts'
import type { Lane } from '../../src/event/position.ts'
import { Failure } from '../../src/kit/failure.ts'
import type { EventLog, LogRecord, Ownership } from '../../src/stores/log/event-log.ts'
import { controlOf } from '../../src/stores/log/kafka/derived-messages.ts'
import { openTestTopics } from '../../src/stores/log/kafka/kafka-log.fixtures.ts'
import type { TestTopics } from '../../src/stores/log/kafka/kafka-log.fixtures.ts'
import { openKafkaRequests } from '../../src/stores/log/kafka/kafka-requests.ts'
import { aServiceSet, missing } from './service-set.fixtures.ts'

const lane: Lane = 'clickhouse_heatmap_events'
const partitionCount = 3
const kills = Number(process.env['SLUICE_TEST_KILLS'] ?? 4)
const isThree = process.env['SLUICE_TEST_BROKERS'] === '3'
const members = isThree ? (['kafka3-1', 'kafka3-2', 'kafka3-3'] as const) : (['kafka'] as const)
const rowsEach = 2_000
const seed = Number(process.env['SLUICE_TEST_SEED'] ?? Date.now() % 100_000)

type Services = Awaited<ReturnType<typeof aServiceSet>>

describe('the Kafka log', { skip: missing('kafka'), timeout: 60_000 + kills * 30_000 }, () => {
  let set: Services
  let topics: TestTopics
  before(async () => {
    set = await aServiceSet()
    await set.services.up([isThree ? 'kafka3' : 'kafka'])
    const hosts = (set.services.environment()[isThree ? 'KAFKA3_HOSTS' : 'KAFKA_HOSTS'] ?? '').split(',')
    topics = await openTestTopics({ hosts, partitionCount, lanes: [lane], replicas: members.length })
  })
  after(async () => {
    await topics.close()
    await set.remove()
  })

  it(`has every batch once, whole and in order, when its broker is killed in the middle of appends (seed ${String(seed)})`, async (t) => {
    const random = randomFrom(seed)
    // As two processes have them, each with its partitions.
    const owned = [[0, 2], [1]] as const
    const logs = owned.map(() => topics.openLog({ compression: 'none', deliveryMsMax: 1_500 }))
    const readers = topics.openLog()
    const stop = new AbortController()
    const done = new AbortController()
    const acknowledged = Array.from({ length: partitionCount }, () => 0)
    let takeOvers = 0

    /** As ingestion does: a range follows the newest batch; after a failure a new owner asks what that is. */
    async function appendTo(log: EventLog, partitions: readonly number[]): Promise<void> {
      while (!stop.signal.aborted) {
        try {
          const owner = await log.own(lane, partitions)
          takeOvers++
          await Promise.all(partitions.map((partition) => appendOn(owner, partition)))
        } catch (error) {
          assert.ok(error instanceof Failure && error.retryable, String(error))
        }
      }
    }
    async function appendOn(owner: Ownership, partition: number): Promise<void> {
      let next = await nextOf(owner, partition)
      // What was acknowledged is there.
      assert.ok(next >= (acknowledged[partition] ?? 0))
      for (; !stop.signal.aborted; next++) await appendNext(owner, partition, next)
    }
    async function appendNext(owner: Ownership, partition: number, next: number): Promise<void> {
      const value = aBatch(owner.epochOf(partition), partition, next)
      const { offset } = await owner.append(partition, { headers: {}, value })
      acknowledged[partition] = next + 1
      // Not after each: a new owner has something to look through.
      if (next % 3 === 0) await owner.remember(new Map([[partition, { offset, about: String(next) }]]))
    }
    const appending = Promise.all(logs.map((log, at) => appendTo(log, owned[at] ?? [])))

    const shown: LogRecord[][] = acknowledged.map(() => [])
    const reading = (async () => {
      const from = acknowledged.map(() => 0)
      for await (const records of readers.read([{ lane, from }], { signal: done.signal, batchBytesMax: 1_000_000 })) {
        for (const record of records) shown[record.position.partition]?.push(record)
        if (stop.signal.aborted && shown.every((own, partition) => endOf(own) >= (acknowledged[partition] ?? 0))) break
      }
    })()

    const working = Promise.all([appending, reading])
    const killing = (async () => {
      for (let kill = 0; kill < kills; kill++) {
        await sleep(200 + random() * 1_500)
        const member = members[Math.floor(random() * members.length)] ?? members[0]
        await set.services.kill(member)
        await sleep(random() * 1_000)
        await set.services.start(member)
        // Until something is stored again, so that each kill meets work.
        const before = sum(acknowledged)
        while (sum(acknowledged) === before) await sleep(50)
      }
    })()
    await Promise.race([working, killing])
    stop.abort()
    await appending
    // So that the reader has something to end at.
    const owner = await readers.own(lane)
    for (const partition of acknowledged.keys()) await appendNext(owner, partition, await nextOf(owner, partition))
    await reading
    done.abort()
    const total = sum(acknowledged)
    t.diagnostic(`${String(total)} batches, ${String(kills)} kills, ${String(takeOvers)} take-overs`)

    for (const [partition, own] of shown.entries()) {
      const ranges = own.map(({ value }) => derivedBatchHead(value).from)
      assert.deepEqual(ranges, [...ranges.keys()], `partition ${String(partition)}`)
      for (const { value } of own) assert.equal(derivedBatchLines(value).length, rowsEach)
    }
    assert.ok(total > kills)
    assert.equal(await countOfTorn(topics), 0)
    for (const log of [...logs, readers]) await log.close()
  })
})

/** Record batches that stand in the log without all of their messages. */
async function countOfTorn({ connection, topicOf }: TestTopics): Promise<number> {
  const requests = openKafkaRequests(connection)
  const topic = topicOf(lane)
  const metadata = await requests.metadata([topic], true)
  const ends = await requests.bounds(metadata, topic)
  let torn = 0
  for (const [partition, { end }] of ends.entries()) {
    const node = metadata.topics.get(topic)?.partitions[partition]?.leader ?? -1
    for (let offset = 0; offset < end;) {
      const from = [{ topic, partition, offset }]
      const [fetched] = await requests.fetch(metadata, node, { waitMs: 100, bytesMax: 4_000_000, from })
      for (const batch of fetched?.batches ?? []) {
        if (controlOf(batch) === undefined) torn++
        offset = Number(batch.firstOffset) + batch.lastOffsetDelta + 1
      }
    }
  }
  await requests.close()
  return torn
}

async function nextOf(owner: Ownership, partition: number): Promise<number> {
  const last = await owner.last(partition)
  return last === undefined ? 0 : derivedBatchHead(last.value).to
}

function aBatch(epoch: number, partition: number, n: number): Buffer {
  const range = { from: n, to: n + 1, acceptedFromMs: n, acceptedToMs: n }
  const head = {
    epoch,
    partition,
    ...range,
    exceptions: [],
    rowCount: rowsEach,
    idSetHash: '0',
    month: 202611,
    books: emptyBooks,
  }
  return encodeDerivedBatch(head, Buffer.from(`${JSON.stringify({ n, filler: 'x'.repeat(150) })}\n`.repeat(rowsEach)))
}

function endOf(records: readonly LogRecord[]): number {
  const last = records.at(-1)
  return last === undefined ? 0 : derivedBatchHead(last.value).to
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

/** Numbers from 0 to 1 that follow from the seed (mulberry32). */
function randomFrom(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
