import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sourceIndex, flows } from '../../event/flows.ts'
import type { Lane } from '../../event/position.ts'
import { seededRandom } from '../../kit/seeded-random.ts'
import { silent } from '../../kit/telemetry/telemetry.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { LogRecord } from '../../stores/log/event-log.ts'
import { CopyIndex } from './copy-index.ts'
import { aRecord, keyOf, nowMs } from './ingestion.fixtures.ts'

const hourMs = 3_600_000
const windowMs = 24 * hourMs
const sliceMs = windowMs / 8

function anIndex(own: { readonly keysMax?: number; readonly telemetry?: Telemetry } = {}): CopyIndex {
  return new CopyIndex({ keysMax: own.keysMax ?? 100_000, windowMs, telemetry: own.telemetry ?? silent })
}

interface At {
  readonly lane?: Lane
  readonly partition?: number
  readonly timeMs?: number
}

function keyed(key: string, offset: number, at: At = {}): LogRecord {
  return aRecord(offset, { ...at, headers: { duplicate_key: keyOf(key) } })
}

describe('the index of copies', () => {
  it('knows a copy by a smaller offset of the same lane and partition', () => {
    const index = anIndex()
    assert.equal(index.isCopy(keyed('a', 3)), false)
    assert.equal(index.isCopy(keyed('b', 4)), false)
    assert.equal(index.isCopy(keyed('a', 5)), true)
    assert.equal(index.isCopy(keyed('a', 5, { partition: 1 })), false)
    assert.equal(index.isCopy(keyed('a', 5, { lane: 'historical_events' })), false)
    assert.equal(index.isCopy(keyed('a', 6, { lane: 'historical_events' })), true)
    assert.equal(index.keyCount, 4)
  })

  it('never takes a record for a copy of itself or of a later one, however often it is shown', () => {
    const index = anIndex()
    for (let times = 0; times < 3; times++) {
      assert.equal(index.isCopy(keyed('a', 3)), false)
      assert.equal(index.isCopy(keyed('a', 5)), true)
    }
    assert.equal(index.isCopy(keyed('a', 2)), false)
  })

  it('never takes what has no key for a copy', () => {
    const index = anIndex()
    for (const headers of [{}, { duplicate_key: '' }, { duplicate_key: 'no key' }]) {
      assert.equal(index.isCopy(aRecord(1, { headers })), false)
      assert.equal(index.isCopy(aRecord(2, { headers })), false)
    }
    assert.equal(index.keyCount, 0)
  })

  it('knows a key for at least seven eighths of the window and never for longer than it', () => {
    for (const intoSliceMs of [0, 1, sliceMs / 2, sliceMs - 1]) {
      const firstMs = Math.floor(nowMs / sliceMs) * sliceMs + intoSliceMs
      const isCopyAfter = (elapsedMs: number): boolean => {
        const index = anIndex()
        assert.equal(index.isCopy(keyed('a', 1, { timeMs: firstMs })), false)
        return index.isCopy(keyed('a', 2, { timeMs: firstMs + elapsedMs }))
      }
      assert.equal(isCopyAfter(0), true)
      assert.equal(isCopyAfter(windowMs - sliceMs), true)
      assert.equal(isCopyAfter(windowMs + 1), false)
      assert.equal(isCopyAfter(10 * windowMs), false)
    }
  })

  it('counts the window from the first copy, as the door does: later ones do not renew it', () => {
    const index = anIndex()
    const timeMs = Math.floor(nowMs / sliceMs) * sliceMs
    assert.equal(index.isCopy(keyed('a', 1, { timeMs })), false)
    assert.equal(index.isCopy(keyed('a', 2, { timeMs: timeMs + 20 * hourMs })), true)
    assert.equal(index.isCopy(keyed('a', 3, { timeMs: timeMs + 25 * hourMs })), false)
    assert.equal(index.isCopy(keyed('a', 4, { timeMs: timeMs + 26 * hourMs })), true)
  })

  it('says up to where each source is whole', () => {
    const index = anIndex()
    assert.equal(index.wholeTo('exceptions', 2), 0)
    index.isCopy(aRecord(7, { lane: 'exceptions', partition: 2 }))
    index.isCopy(aRecord(5, { lane: 'exceptions', partition: 2 }))
    assert.equal(index.wholeTo('exceptions', 2), 8)
    index.isWholeTo('exceptions', 2, 4)
    assert.equal(index.wholeTo('exceptions', 2), 8)
    index.isWholeTo('exceptions', 2, 12)
    assert.equal(index.wholeTo('exceptions', 2), 12)
    assert.equal(index.wholeTo('exceptions', 1), 0)
    assert.equal(index.wholeTo('historical_events', 2), 0)
  })

  it('answers like a list of everything that it was shown', (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    t.diagnostic(`seed ${String(seed)}`)
    const random = seededRandom(seed)
    for (let round = 0; round < 30; round++) {
      const index = anIndex()
      const model = new Map<string, { readonly offset: number; readonly sliceFromMs: number }[]>()
      for (const { record, name } of aStory(random, 400)) {
        const known = model.get(name) ?? []
        model.set(name, known)
        const expected = known.some(
          ({ offset, sliceFromMs }) => offset < record.position.offset && sliceFromMs >= record.timeMs - windowMs,
        )
        assert.equal(index.isCopy(record), expected)
        if (expected) continue
        known.push({ offset: record.position.offset, sliceFromMs: Math.floor(record.timeMs / sliceMs) * sliceMs })
      }
    }
  })

  it('may miss copies when it is full, but takes nothing for one that is none, and stays within its bound', (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    t.diagnostic(`seed ${String(seed)}`)
    const random = seededRandom(seed)
    let forgotten = 0
    const told: string[] = []
    const telemetry: Telemetry = {
      ...silent,
      count: (name, by = 0) => (forgotten += name === 'ingestion_copy_keys_forgotten_total' ? by : 0),
      log: (level) => told.push(level),
    }
    for (let round = 0; round < 30; round++) {
      const keysMax = 1 + Math.floor(random() * 80)
      const index = anIndex({ keysMax, telemetry })
      const shown = new Map<string, LogRecord[]>()
      for (const { record, name } of aStory(random, 400)) {
        const { offset } = record.position
        const before = shown.get(name) ?? []
        shown.set(name, [...before, record])
        if (index.isCopy(record)) {
          const isOne = before.some((one) => one.position.offset < offset && record.timeMs - one.timeMs <= windowMs)
          assert.ok(isOne, `nothing was there that ${name} at ${String(offset)} could be a copy of`)
        }
        assert.ok(index.keyCount <= keysMax)
      }
    }
    assert.ok(forgotten > 0)
    assert.deepEqual(new Set(told), new Set(['warn']))
    assert.ok(told.length <= 30, 'it says so once an hour')
  })

  it('takes 35 to 70 bytes a key', () => {
    const index = anIndex({ keysMax: 400_000 })
    const random = seededRandom(1)
    const word = (): string =>
      Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0')
    for (let offset = 0; offset < 300_000; offset++) {
      index.isCopy(aRecordWithKey(offset, word() + word() + word() + word()))
    }
    const bytes = index.memoryBytes / index.keyCount
    assert.ok(bytes > 34 && bytes < 70, `${String(bytes)} bytes`)
  })
})

function aRecordWithKey(offset: number, key: string): LogRecord {
  return {
    lane: 'events_plugin_ingestion',
    position: { incarnation: 1, partition: 0, offset },
    timeMs: nowMs,
    headers: { duplicate_key: key },
    value: Buffer.alloc(0),
  }
}

/** Records of several sources, each in order, with few keys over two days; now and then some of them once more. */
function* aStory(
  random: () => number,
  count: number,
): Generator<{ readonly record: LogRecord; readonly name: string }> {
  const sources = flows.events.sources.slice(0, 2).flatMap((lane) => [0, 1].map((partition) => ({ lane, partition })))
  const logs = sources.map((): LogRecord[] => [])
  const next = sources.map(() => 0)
  let timeMs = nowMs
  for (let n = 0; n < count; n++) {
    const at = Math.floor(random() * sources.length)
    const { lane, partition } = sources[at] ?? { lane: 'exceptions', partition: 0 }
    const log = logs[at] ?? []
    timeMs += Math.floor(random() * 2 * (48 * hourMs)) / count
    const offset = next[at] ?? 0
    if (offset === log.length)
      log.push(keyed(`k${String(Math.floor(random() * 25))}`, offset, { lane, partition, timeMs }))
    const record = log[offset]
    if (record === undefined) continue
    next[at] = random() < 0.02 ? Math.floor(random() * offset) : offset + 1
    const source = String(sourceIndex(flows.events, lane, partition, 2))
    yield { record, name: `${record.headers['duplicate_key'] ?? ''} of ${source}` }
  }
}
