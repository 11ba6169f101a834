import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { emptyBooks } from '../../event/derived-batch.ts'
import { flows } from '../../event/flows.ts'
import { codeOf, Failure } from '../../kit/failure.ts'
import { seededRandom } from '../../kit/seeded-random.ts'
import { silent } from '../../kit/telemetry/telemetry.ts'
import type { EventLog } from '../../stores/log/event-log.ts'
import { createMemoryLog } from '../../stores/log/memory/memory-log.ts'
import type { MemoryLog } from '../../stores/log/memory/memory-log.ts'
import { CopyIndex } from './copy-index.ts'
import { aNewRecord, canaryToken, keyOf } from './ingestion.fixtures.ts'
import { createIngestion } from './ingestion.ts'
import {
  allOfThem,
  assertWhole,
  booksOf,
  config,
  decided,
  derive,
  disturbed,
  partitionCount,
  source,
  sourceEnds,
  start,
} from './running-ingestion.fixtures.ts'
import type { Running } from './running-ingestion.fixtures.ts'

const hourMs = 3_600_000
const windowMs = 24 * hourMs

function anIndex(keysMax = 10_000): CopyIndex {
  return new CopyIndex({ keysMax, windowMs, telemetry: silent })
}

interface Own {
  readonly partition?: number
  readonly timeMs?: number
  readonly token?: string
}

function putKeyed(log: MemoryLog, key: string, { partition = 0, timeMs = Date.now(), ...headers }: Own = {}): void {
  log.put(source, partition, aNewRecord({ event: key }, { ...headers, duplicate_key: keyOf(key) }), timeMs)
}

/** A process's ingestion does its work, and ends. */
async function work(log: EventLog, own: Parameters<typeof start>[1]): Promise<Running> {
  const running = start(log, own)
  await decided(log, running)
  await running.stop()
  return running
}

/** How many rows each key of each partition has; everything is decided once. */
async function rowsByKey(log: MemoryLog): Promise<ReadonlyMap<string, number>> {
  const rows = new Map<string, number>()
  for (const partition of await assertWhole(log, await sourceEnds(log))) {
    for (const row of partition.rows) {
      const key = `${row.event} in ${String(row._partition)}`
      rows.set(key, (rows.get(key) ?? 0) + 1)
    }
  }
  return rows
}

/** Counts what is read of the source lane. */
function counting(log: MemoryLog): { readonly log: EventLog; readonly read: () => number } {
  let read = 0
  return {
    log: disturbed(log, {
      read(records) {
        read += records.filter(({ lane }) => lane === source).length
        return records
      },
    }),
    read: () => read,
  }
}

describe('ingestion that looks for copies', () => {
  it('makes one row of an event and its copies, and counts these as dropped', async () => {
    const log = createMemoryLog(partitionCount)
    for (const key of ['a', 'b', 'a', 'c', 'b', 'a']) putKeyed(log, key)
    putKeyed(log, 'a', { partition: 1 })
    const running = await work(log, { copies: anIndex() })
    const [first] = await assertWhole(log, await sourceEnds(log))
    const copy = { kind: 'dropped', reason: 'duplicate', step: 'duplicate' }
    const exceptions = first?.heads.flatMap((head) => head.exceptions)
    assert.deepEqual(
      exceptions,
      [2, 4, 5].map((offset) => ({ offset, ...copy })),
    )
    assert.deepEqual(await booksOf(running), {
      ...emptyBooks,
      ...{ in: 7, out: 4, dropped: 3 },
      setAside: [{ ...copy, count: 3 }],
    })
  })

  it('counts the health check’s own events by themselves, copies or not', async () => {
    const log = createMemoryLog(partitionCount)
    for (let n = 0; n < 3; n++) putKeyed(log, 'a', { token: canaryToken })
    const running = await work(log, { copies: anIndex() })
    assert.deepEqual(await booksOf(running), { ...emptyBooks, canary: 3 })
  })

  it('lets a copy in that comes when the window is over', async () => {
    const log = createMemoryLog(partitionCount)
    putKeyed(log, 'a', { timeMs: Date.now() - 25 * hourMs })
    putKeyed(log, 'b', { timeMs: Date.now() - 20 * hourMs })
    const copies = anIndex()
    await work(log, { copies })
    putKeyed(log, 'a')
    putKeyed(log, 'b')
    await work(log, { copies })
    assert.deepEqual([...(await rowsByKey(log)).values()], [2, 1])
  })

  it('makes one row of each event when appends fail, whether their batches are there or not', async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    t.diagnostic(`seed ${String(seed)}`)
    const random = seededRandom(seed)
    for (let round = 0; round < 20; round++) {
      const log = createMemoryLog(partitionCount)
      const shaky = disturbed(log, {
        append: (append) => async (partition, record) => {
          const luck = random()
          const unavailable = new Failure('SLUICE_LOG_UNAVAILABLE', 'shaky', { retryable: true })
          if (luck < 0.15) throw unavailable
          const position = await append(partition, record)
          if (luck > 0.85) throw unavailable
          return position
        },
      })
      const keys = new Set<string>()
      for (let n = 0; n < 60; n++) {
        const partition = Math.floor(random() * partitionCount)
        const key = `k${String(Math.floor(random() * 15))}`
        keys.add(`${key} in ${String(partition)}`)
        putKeyed(log, key, { partition })
      }
      await work(shaky, { copies: anIndex() })
      const rows = await rowsByKey(log)
      assert.deepEqual(new Set(rows.keys()), keys)
      assert.deepEqual(new Set(rows.values()), new Set([1]))
    }
  })

  it('knows after a move what another process decided, and reads no more of it than it has not seen', async () => {
    const log = createMemoryLog(partitionCount)
    const one = anIndex()
    const other = anIndex()
    for (let n = 0; n < 30; n++) putKeyed(log, `k${String(n)}`)
    await work(log, { copies: one })
    putKeyed(log, 'k3')
    for (let n = 30; n < 40; n++) putKeyed(log, `k${String(n)}`)
    const moved = counting(log)
    await work(moved.log, { copies: other })
    assert.equal(moved.read(), 30 + 11)
    putKeyed(log, 'k35')
    putKeyed(log, 'k4')
    const back = counting(log)
    await work(back.log, { copies: one })
    assert.equal(back.read(), 11 + 2)
    const rows = await rowsByKey(log)
    assert.equal(rows.size, 40)
    assert.deepEqual(new Set(rows.values()), new Set([1]))
  })

  it('reads nothing again of a partition that it goes on with', async () => {
    const log = createMemoryLog(partitionCount)
    const copies = anIndex()
    for (let n = 0; n < 30; n++) putKeyed(log, `k${String(n)}`)
    await work(log, { copies })
    putKeyed(log, 'k3')
    const again = counting(log)
    await work(again.log, { copies })
    assert.equal(again.read(), 1)
    assert.deepEqual(new Set((await rowsByKey(log)).values()), new Set([1]))
  })

  it('reads back only what was accepted within the window', async () => {
    const log = createMemoryLog(partitionCount)
    for (let n = 0; n < 20; n++) putKeyed(log, `k${String(n)}`, { timeMs: Date.now() - 25 * hourMs })
    for (let n = 20; n < 30; n++) putKeyed(log, `k${String(n)}`, { timeMs: Date.now() - hourMs })
    await work(log, {})
    putKeyed(log, 'k30')
    const { log: counted, read } = counting(log)
    await work(counted, { copies: anIndex() })
    assert.equal(read(), 10 + 1)
  })

  it('reads back so many records at most, the newest of each partition, shared evenly by those that need them', async () => {
    const log = createMemoryLog(partitionCount)
    for (let n = 0; n < 100; n++) putKeyed(log, `k${String(n)}`, { partition: 0 })
    for (let n = 0; n < 200; n++) putKeyed(log, `k${String(n)}`, { partition: 1 })
    for (let n = 0; n < 5; n++) putKeyed(log, `k${String(n)}`, { partition: 2 })
    await work(log, {})
    for (const key of ['k99', 'k85', 'k84']) putKeyed(log, key, { partition: 0 })
    for (const key of ['k199', 'k185', 'k184']) putKeyed(log, key, { partition: 1 })
    for (const key of ['k0', 'k4']) putKeyed(log, key, { partition: 2 })
    const { log: counted, read } = counting(log)
    await work(counted, { copies: anIndex(), duplicateRebuildRecordsMax: 35 })
    assert.equal(read(), 35 + 8)
    const twice = [...(await rowsByKey(log))].filter(([, rows]) => rows > 1)
    assert.deepEqual(
      twice.map(([key]) => key),
      ['k84 in 0', 'k184 in 1'],
    )
  })

  it('goes on when what it wants to read back is gone, and tries again when the log is away', async () => {
    const log = createMemoryLog(partitionCount)
    for (let n = 0; n < 30; n++) putKeyed(log, `k${String(n)}`)
    await work(log, {})
    putKeyed(log, 'k29')
    putKeyed(log, 'k5')
    let begin = 0
    let asked = 0
    const trimming: EventLog = {
      ...log,
      bounds: async (lane) => (await log.bounds(lane)).map(({ end }) => ({ begin: Math.min(begin, end), end })),
      async *read(wanted, options) {
        const isReadBack = wanted.some(({ to }) => to !== undefined)
        if (isReadBack && asked++ === 0) throw new Failure('SLUICE_LOG_UNAVAILABLE', 'away', { retryable: true })
        if (isReadBack && begin === 0) {
          begin = 10
          throw new Failure('SLUICE_LOG_TRIMMED', 'gone')
        }
        yield* log.read(wanted, options)
      },
    }
    await work(trimming, { copies: anIndex() })
    assert.equal(asked, 3)
    const rows = await rowsByKey(log)
    assert.equal(rows.get('k29 in 0'), 1)
    assert.equal(rows.get('k5 in 0'), 2)
  })

  it('loses no event when there are more keys than it can keep', async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    t.diagnostic(`seed ${String(seed)}`)
    const random = seededRandom(seed)
    const log = createMemoryLog(partitionCount)
    const keys = new Set<string>()
    const copies = anIndex(20)
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < 60; n++) {
        const partition = Math.floor(random() * partitionCount)
        const key = `k${String(Math.floor(random() * 60))}`
        keys.add(`${key} in ${String(partition)}`)
        putKeyed(log, key, { partition })
      }
      await work(log, { copies })
    }
    const rows = await rowsByKey(log)
    assert.deepEqual(new Set(rows.keys()), keys)
    assert.ok([...rows.values()].some((count) => count > 1))
  })

  it('makes one row of each event while processes take partitions from each other at any moment', async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    t.diagnostic(`seed ${String(seed)}`)
    const random = seededRandom(seed)
    const log = createMemoryLog(partitionCount)
    const slow = disturbed(log, {
      append: (append) => async (partition, record) => {
        for (let turns = random() * 20; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
        return append(partition, record)
      },
    })
    const processes = [0, 1].map(() =>
      createIngestion(config, { flow: flows.events, log: slow, derive, telemetry: silent, copies: anIndex() }),
    )
    let fenced = 0
    const keys = new Set<string>()
    for (let round = 0; round < 40; round++) {
      const stopping = new AbortController()
      const lives = processes.map((ingestion) =>
        ingestion
          .run(
            allOfThem.filter(() => random() < 0.7),
            stopping.signal,
          )
          .catch((error: unknown) => {
            assert.equal(codeOf(error), 'SLUICE_LOG_FENCED')
            fenced++
          }),
      )
      for (let n = 0; n < 20; n++) {
        const partition = Math.floor(random() * partitionCount)
        const key = `k${String(round - Math.floor(random() * 3))}-${String(Math.floor(random() * 15))}`
        keys.add(`${key} in ${String(partition)}`)
        putKeyed(log, key, { partition })
        if (random() < 0.3) await new Promise((resolve) => setImmediate(resolve))
      }
      stopping.abort()
      await Promise.all(lives)
    }
    t.diagnostic(`fenced ${String(fenced)} times`)
    await work(log, { copies: anIndex() })
    const rows = await rowsByKey(log)
    assert.deepEqual(new Set(rows.keys()), keys)
    assert.deepEqual(new Set(rows.values()), new Set([1]))
  })
})
