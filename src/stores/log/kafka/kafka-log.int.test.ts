import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { aBatchHead } from '../../../event/derived-batch.fixtures.ts'
import { derivedBatchLines, encodeDerivedBatch } from '../../../event/derived-batch.ts'
import type { Lane, Offsets } from '../../../event/position.ts'
import { codeOf } from '../../../kit/failure.ts'
import { service } from '../../../kit/service.fixtures.ts'
import { openTestDatabase } from '../../state/postgres/test-database.fixtures.ts'
import { describeEventLog } from '../event-log.contract.ts'
import type { EventLog, LogRecord, NewRecord, Ownership } from '../event-log.ts'
import { createMemoryLogEpochs } from '../memory/memory-log-epochs.ts'
import { postgresLogEpochs } from '../postgres-offsets/postgres-log-epochs.ts'
import { postgresLogReaders } from '../postgres-offsets/postgres-log-readers.ts'
import { batchMessages, controlOf } from './derived-messages.ts'
import { openTestTopics, putEvent } from './kafka-log.fixtures.ts'
import type { TestTopics } from './kafka-log.fixtures.ts'
import { openKafkaRequests } from './kafka-requests.ts'
import type { Message, ProducerId } from './kafka-requests.ts'

const lane: Lane = 'clickhouse_events'
const kafka = service('KAFKA_HOSTS')
const hosts = kafka.address.split(',')

describe('on a broker', { skip: kafka.skip, timeout: 300_000 }, () => {
  const cleanUps: (() => Promise<void>)[] = []
  after(async () => {
    for (const cleanUp of cleanUps) await cleanUp()
  })

  async function topicsOf(...lanes: readonly Lane[]): Promise<TestTopics> {
    const topics = await openTestTopics({ hosts, partitionCount: 4, lanes })
    cleanUps.push(() => topics.close())
    return topics
  }

  async function aLog(topics: TestTopics): Promise<EventLog> {
    const log = topics.openLog()
    cleanUps.unshift(() => log.close())
    return log
  }

  describeEventLog(
    'the Kafka log',
    async () => {
      const topics = await topicsOf(lane, 'exceptions', 'historical_events', 'client_warnings')
      const database = await openTestDatabase()
      cleanUps.push(() => database.close())
      const open = () => {
        const log = topics.openLog({
          epochs: postgresLogEpochs(database.sql),
          readers: postgresLogReaders(database.sql),
        })
        return { log, close: () => log.close() }
      }
      return { ...open(), put: putEvent(topics), reopen: async () => open() }
    },
    { derivedOffsets: 'ascending' },
  )

  describe('the Kafka log', () => {
    it('appends a derived batch as one record batch: the control message, then a message a row', async () => {
      const topics = await topicsOf(lane)
      const log = await aLog(topics)
      const owner = await log.own(lane)
      const rows = Array.from({ length: 5_000 }, (_, n) => `${JSON.stringify({ n, filler: 'x'.repeat(100) })}\n`)
      const value = encodeDerivedBatch(aBatchHead(), Buffer.from(rows.join('')))
      const { offset } = await owner.append(2, { headers: {}, value })
      const [batch, ...others] = await rawBatches(topics, 2, offset)
      assert.equal(others.length, 0)
      assert.ok(batch !== undefined)
      assert.equal(Number(batch.firstOffset), offset)
      assert.equal(batch.records.length, 5_001)
      assert.equal(batch.records[4_000]?.value?.toString(), rows[3_999]?.trimEnd())
      const control = controlOf(batch)
      assert.ok(control?.kind === 'batch' && control.value.equals(value))
    })

    it('reads some partitions at a time where it is told to, and all of them in turns', async () => {
      const topics = await topicsOf('exceptions')
      const put = putEvent(topics)
      for (let n = 0; n < 12; n++) await put('exceptions', n % 4, anEvent(String(n)))
      const log = topics.openLog({ partitionsAtOnceMax: 1, fetchWaitMs: 40 })
      cleanUps.unshift(() => log.close())
      const to = (await log.bounds('exceptions')).map(({ end }) => end)
      const read: number[] = []
      const options = { signal: new AbortController().signal, batchBytesMax: 1024 }
      for await (const records of log.read([{ lane: 'exceptions', from: [], to }], options)) {
        assert.equal(new Set(records.map(({ position }) => position.partition)).size, 1)
        read.push(...records.map(({ position }) => position.partition))
      }
      assert.deepEqual(
        [0, 1, 2, 3].map((partition) => read.filter((one) => one === partition).length),
        [3, 3, 3, 3],
      )
    })

    it('stores a batch once that is sent twice under the same sequence, and neither of two that follow in the wrong order', async () => {
      const topics = await topicsOf(lane)
      const messages = batchMessages(aBatch('once'), { epoch: 1, previous: -1 })
      const raw = await openRaw(topics)
      assert.deepEqual(await raw.produce(0, messages, 0), { offset: 0, errorCode: 0 })
      assert.deepEqual(await raw.produce(0, messages, 0), { offset: 0, errorCode: 0 })
      assert.equal((await raw.produce(0, messages, messages.length + 1)).errorCode, 45)
      assert.equal((await rawBatches(topics, 0, 0)).length, 1)
    })

    it('does not show what a replaced owner of another process still writes, to readers and to later owners', async () => {
      const topics = await topicsOf(lane)
      const [older, newer, third] = [await aLog(topics), await aLog(topics), await aLog(topics)]
      const zombie = await older.own(lane)
      await zombie.append(0, aBatch('before'))
      const heir = await newer.own(lane)
      assert.deepEqual(textOf(await heir.last(0)), 'before')
      // It may not know yet that it was replaced: then Kafka stores what it writes.
      await zombie.append(0, aBatch('zombie')).catch(() => undefined)
      await heir.append(0, aBatch('heir'))
      await zombie.append(0, aBatch('zombie')).catch(() => undefined)
      const shown = await take(newer, [], 2)
      assert.deepEqual(shown.map(textOf), ['before', 'heir'])
      assert.equal(textOf(await (await third.own(lane)).last(0)), 'heir')
    })

    it('tells a replaced owner of another process that it is fenced', async () => {
      const topics = await topicsOf(lane)
      const [older, newer] = [await aLog(topics), await aLog(topics)]
      const zombie = await older.own(lane)
      await newer.own(lane)
      await assert.rejects(appendUntilRefused(zombie, 0), (error) => codeOf(error) === 'SLUICE_LOG_FENCED')
      await assert.rejects(zombie.append(1, aBatch('zombie')), (error) => codeOf(error) === 'SLUICE_LOG_FENCED')
    })

    it('lets processes own different partitions at once, and each sees where the others stand', async () => {
      const topics = await topicsOf(lane)
      const [left, right, watching] = [await aLog(topics), await aLog(topics), await aLog(topics)]
      const [even, odd] = await Promise.all([left.own(lane, [0, 2]), right.own(lane, [1, 3])])
      const positions = await Promise.all([
        even.append(0, aBatch('0')),
        odd.append(1, aBatch('1')),
        even.append(2, aBatch('2')),
      ])
      const ends = positions.map(({ offset }) => offset + 1)
      await even.remember(new Map([[0, { offset: (ends[0] ?? 0) - 1, about: 'zero' }]]))
      await odd.remember(new Map([[1, { offset: (ends[1] ?? 0) - 1, about: 'one' }]]))
      const endsOf = async (log: EventLog) => (await log.bounds(lane)).slice(0, 4).map(({ end }) => end)
      assert.deepEqual(await endsOf(left), [ends[0], ends[1], ends[2], 0])
      assert.deepEqual(await endsOf(right), [ends[0], ends[1], 0, 0])
      assert.deepEqual(await endsOf(watching), [ends[0], ends[1], 0, 0])
      // A partition moves; the others stay where they are.
      const moved = await right.own(lane, [2])
      assert.equal(textOf(await moved.last(2)), '2')
      await odd.append(3, aBatch('3'))
      const { offset } = await moved.append(2, aBatch('4'))
      await assert.rejects(appendUntilRefused(even, 2), (error) => codeOf(error) === 'SLUICE_LOG_FENCED')
      await even.remember(new Map([[2, { offset: 1, about: 'late' }]]))
      await moved.remember(new Map([[2, { offset, about: 'moved' }]]))
      assert.deepEqual((await left.remembered(lane)).get(2), { offset, about: 'moved' })
      assert.equal((await endsOf(left))[2], offset + 1)
      const shown = await take(watching, [], 5)
      assert.deepEqual(shown.map(textOf).toSorted(), ['0', '1', '2', '3', '4'])
    })

    it('stops counting on an owner of this process whose partitions went to another one', async () => {
      const topics = await topicsOf(lane)
      const [older, newer] = [await aLog(topics), await aLog(topics)]
      await (await older.own(lane, [0])).append(0, aBatch('before'))
      const heir = await newer.own(lane, [0])
      const { offset } = await heir.append(0, aBatch('after'))
      await heir.remember(new Map([[0, { offset, about: '' }]]))
      const deadlineMs = performance.now() + 20_000
      while ((await older.bounds(lane))[0]?.end !== offset + 1) assert.ok(performance.now() < deadlineMs)
    })

    it('takes partitions above the epochs that it finds when what gives them out has forgotten some', async () => {
      const topics = await topicsOf(lane)
      const before = await aLog(topics)
      for (let n = 0; n < 3; n++) await (await before.own(lane, [0, 1])).append(0, aBatch(String(n)))
      const restored = createMemoryLogEpochs()
      await restored.take(lane, [0])
      const log = topics.openLog({ epochs: restored })
      cleanUps.unshift(() => log.close())
      const owner = await log.own(lane, [0, 1, 2])
      assert.deepEqual(
        [0, 1, 2].map((partition) => owner.epochOf(partition)),
        [4, 4, 2],
      )
      assert.equal(textOf(await owner.last(0)), '2')
      await owner.append(0, aBatch('3'))
      assert.deepEqual((await take(log, [], 4)).map(textOf), ['0', '1', '2', '3'])
    })

    it('ends a reading between two batches, also where only markers stand before its end', async () => {
      const topics = await topicsOf(lane, 'exceptions')
      const log = await aLog(topics)
      const owner = await log.own(lane)
      const first = await owner.append(0, aBatch('first'))
      const second = await owner.append(0, aBatch('second'))
      const { offset: marker } = await (await log.own(lane, [0])).append(0, aBatch('third'))
      for (const [to, texts] of [
        [first.offset, []],
        [first.offset + 1, ['first']],
        [second.offset, ['first']],
        [second.offset + 1, ['first', 'second']],
        [marker, ['first', 'second']],
        [marker + 1, ['first', 'second', 'third']],
      ] as const) {
        assert.deepEqual((await readTo(log, lane, [to])).map(textOf), texts)
      }
      for (const text of ['a', 'b', 'c']) await putEvent(topics)('exceptions', 1, anEvent(text))
      assert.equal((await readTo(log, 'exceptions', [0, 2])).length, 2)
    })

    it('asks the brokers where a time lies', async () => {
      const topics = await topicsOf('exceptions')
      const log = await aLog(topics)
      for (const text of ['a', 'b', 'c', 'd']) {
        await putEvent(topics)('exceptions', 1, anEvent(text))
        // So that each has a time of its own.
        const sinceMs = Date.now()
        while (Date.now() <= sinceMs + 1) await new Promise((resolve) => setImmediate(resolve))
      }
      const records = await readTo(log, 'exceptions', [0, 4])
      for (const [at, { timeMs }] of records.entries()) {
        assert.equal((await log.offsetsAt('exceptions', timeMs))[1], at)
        assert.equal((await log.offsetsAt('exceptions', timeMs + 0.5))[1], at + 1)
      }
      assert.deepEqual(await log.offsetsAt('exceptions', -5), [0, 0, 0, 0])
      assert.deepEqual(await log.offsetsAt('exceptions', Date.now() + 1_000_000), [0, 4, 0, 0])
    })

    it('passes over messages that no Sluice wrote', async () => {
      const topics = await topicsOf(lane)
      const log = await aLog(topics)
      const owner = await log.own(lane)
      const raw = await openRaw(topics)
      const strange = [{ value: Buffer.from('{"event":"strange"}'), headers: new Map<Buffer, Buffer>() }]
      await raw.produce(1, strange, 0)
      // A batch that lacks a row is none.
      await raw.produce(1, batchMessages(aBatch('cut'), { epoch: 1, previous: -1 }).slice(0, 1), 1)
      await owner.append(1, aBatch('ours'))
      assert.deepEqual((await take(log, [], 1)).map(textOf), ['ours'])
    })

    it('begins with the next batch when the wanted offset lies within one', async () => {
      const topics = await topicsOf(lane)
      const log = await aLog(topics)
      const owner = await log.own(lane)
      const { offset } = await owner.append(0, aBatch('first'))
      await owner.append(0, aBatch('second'))
      assert.deepEqual((await take(log, [offset + 1], 1)).map(textOf), ['second'])
    })

    it('shows nothing of a partition while its wanted offset lies behind the end', async () => {
      const topics = await topicsOf(lane)
      const log = await aLog(topics)
      const owner = await log.own(lane)
      const { offset } = await owner.append(0, aBatch('unwanted'))
      const reading = take(log, [Number.MAX_SAFE_INTEGER, offset + 4], 1)
      await owner.append(1, aBatch('too early'))
      await owner.append(1, aBatch('early'))
      await owner.append(1, aBatch('wanted'))
      assert.deepEqual((await reading).map(textOf), ['wanted'])
    })

    it('says that a wanted batch was removed, not that a marker was', async () => {
      const topics = await topicsOf(lane)
      const log = await aLog(topics)
      const owner = await log.own(lane)
      const first = await owner.append(0, aBatch('first'))
      const second = await owner.append(0, aBatch('second'))
      await removeBefore(topics, lane, 0, first.offset)
      assert.deepEqual((await take(log, [0], 2)).map(textOf), ['first', 'second'])
      await removeBefore(topics, lane, 0, second.offset)
      assert.deepEqual((await take(log, [first.offset + 1], 1)).map(textOf), ['second'])
      await assert.rejects(take(log, [0], 1), (error) => codeOf(error) === 'SLUICE_LOG_TRIMMED')
    })

    it('says that a wanted source record was removed', async () => {
      const topics = await topicsOf('exceptions')
      const log = await aLog(topics)
      for (const text of ['first', 'second']) await putEvent(topics)('exceptions', 0, anEvent(text))
      await removeBefore(topics, 'exceptions', 0, 1)
      const signal = AbortSignal.timeout(20_000)
      const reading = log.read([{ lane: 'exceptions', from: [] }], { signal, batchBytesMax: 1_000 })
      await assert.rejects(reading[Symbol.asyncIterator]().next(), (error) => codeOf(error) === 'SLUICE_LOG_TRIMMED')
    })

    it('refuses to be taken over when the newest batch of a partition was removed', async () => {
      const topics = await topicsOf(lane)
      const log = await aLog(topics)
      const owner = await log.own(lane)
      const { offset } = await owner.append(0, aBatch('newest'))
      await owner.remember(new Map([[0, { offset, about: '' }]]))
      await removeBefore(topics, lane, 0, offset + 2)
      await assert.rejects(log.own(lane), (error) => codeOf(error) === 'SLUICE_LOG_TRIMMED')
    })

    it('refuses a batch that the topic does not take, and everything behind it', async () => {
      const topics = await topicsOf(lane)
      const log = await aLog(topics)
      const owner = await log.own(lane)
      const random = Array.from({ length: 1_500_000 }, () => String.fromCharCode(32 + Math.random() * 90)).join('')
      const large = owner.append(0, aBatch(random))
      const behind = owner.append(0, aBatch('behind'))
      for (const refused of await Promise.allSettled([large, behind]))
        assert.equal(refused.status === 'rejected' && codeOf(refused.reason), 'SLUICE_RECORD_TOO_LARGE')
    })

    it('shows log times that never decrease', async () => {
      const topics = await topicsOf(lane)
      const log = await aLog(topics)
      const owner = await log.own(lane)
      const beforeMs = Date.now()
      for (let n = 0; n < 20; n++) await owner.append(0, aBatch(String(n)))
      const times = (await take(log, [], 20)).map(({ timeMs }) => timeMs)
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      )
      // The broker's clock and ours are one here.
      assert.ok((times[0] ?? 0) >= beforeMs && (times.at(-1) ?? Infinity) <= Date.now())
    })
  })

  /** Appends as a producer of its own, whatever that does to the log. */
  async function openRaw({ connection, topicOf }: TestTopics) {
    const requests = openKafkaRequests(connection)
    cleanUps.unshift(() => requests.close())
    const topic = topicOf(lane)
    let producer: ProducerId | undefined
    return {
      async produce(partition: number, messages: readonly Message[], sequence: number) {
        while (true) {
          const metadata = await requests.metadata([topic], true)
          producer ??= await requests.producerId()
          const node = metadata.topics.get(topic)?.partitions[partition]?.leader ?? -1
          const batch = { topic, partition, messages, producer, sequence, compression: 'none' } as const
          const [appended] = await requests.produce(metadata, node, [batch])
          // Right after a topic is made its leader may not know yet that it is.
          if (appended?.errorCode !== 6) return { offset: appended?.offset, errorCode: appended?.errorCode }
        }
      },
    }
  }

  async function rawBatches({ connection, topicOf }: TestTopics, partition: number, offset: number) {
    const requests = openKafkaRequests(connection)
    cleanUps.unshift(() => requests.close())
    const topic = topicOf(lane)
    const metadata = await requests.metadata([topic], true)
    const node = metadata.topics.get(topic)?.partitions[partition]?.leader ?? -1
    const from = [{ topic, partition, offset }]
    const [fetched] = await requests.fetch(metadata, node, { waitMs: 100, bytesMax: 10_000_000, from })
    return fetched?.batches ?? []
  }
})

async function removeBefore(
  { admin, topicOf }: TestTopics,
  from: Lane,
  partition: number,
  offset: number,
): Promise<void> {
  await admin.deleteRecords({
    topics: [{ name: topicOf(from), partitions: [{ partition, offset: BigInt(offset) }] }],
  })
}

function aBatch(text: string): NewRecord {
  return { headers: {}, value: encodeDerivedBatch(aBatchHead(), Buffer.from(`${JSON.stringify({ text })}\n`)) }
}

function anEvent(text: string): NewRecord {
  const headers = { token: 't', distinct_id: 'u', uuid: 'x', ip: '', now: '1' }
  return { headers, value: Buffer.from(JSON.stringify({ event: text })) }
}

async function appendUntilRefused(owner: Ownership, partition: number): Promise<void> {
  while (true) await owner.append(partition, aBatch('zombie'))
}

async function readTo(log: EventLog, of: Lane, to: Offsets): Promise<readonly LogRecord[]> {
  const taken: LogRecord[] = []
  const signal = AbortSignal.timeout(30_000)
  for await (const records of log.read([{ lane: of, from: [], to }], { signal, batchBytesMax: 1_000 }))
    taken.push(...records)
  signal.throwIfAborted()
  return taken
}

function textOf(record: LogRecord | undefined): string | undefined {
  if (record === undefined) return undefined
  return (JSON.parse(derivedBatchLines(record.value)[0] ?? '') as { readonly text: string }).text
}

async function take(log: EventLog, from: Offsets, count: number): Promise<readonly LogRecord[]> {
  const stop = new AbortController()
  const taken: LogRecord[] = []
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(30_000)])
  for await (const records of log.read([{ lane, from }], { signal, batchBytesMax: 1_000 })) {
    taken.push(...records)
    if (taken.length >= count) stop.abort()
  }
  return taken
}
