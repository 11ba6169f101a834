/** A failing seed of the property is printed with its counterexample. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { derivedBatchHead, derivedBatchRows, emptyBooks, monthOf } from '../../event/derived-batch.ts'
import { flows } from '../../event/flows.ts'
import type { LogRecord } from '../../stores/log/event-log.ts'
import { IdSet } from '../../stores/warehouse/id-set.ts'
import type { WarehouseRow } from '../../stores/warehouse/warehouse-row.ts'
import { createDerive } from './derive.ts'
import { deriveBatches } from './derive-batches.ts'
import type { DerivedPartition } from './derive-batches.ts'
import { aNewRecord, aRecord, canaryToken, nowMs, projectsInMemory } from './ingestion.fixtures.ts'
import type { PartitionState } from './partition-state.ts'

const derive = createDerive({ projects: projectsInMemory() })
const epoch = 5
const deriving = { flow: flows.events, partitionCount: 3, epochOf: () => epoch, derive }

function fresh(partitionCount = 3): PartitionState[] {
  return Array.from({ length: partitionCount }, () => ({ decidedTo: 0, books: emptyBooks, acceptedToMs: 0 }))
}

function rowsOf({ value }: DerivedPartition): WarehouseRow[] {
  return derivedBatchRows(value)
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as WarehouseRow)
}

async function only(records: readonly LogRecord[], states = fresh()): Promise<DerivedPartition> {
  const batches = await deriveBatches(records, states, deriving)
  assert.equal(batches.length, 1)
  const [batch] = batches
  assert.ok(batch !== undefined)
  return batch
}

describe('derived batches', () => {
  it('of several lanes are one a partition of each, numbered through, as their rows are', async () => {
    const records = [
      aRecord(4),
      aRecord(0, { lane: 'exceptions', partition: 1 }),
      aRecord(0, { lane: 'historical_events', partition: 2 }),
      aRecord(1, { lane: 'exceptions', partition: 1 }),
    ]
    const states = fresh(18).map((state, at) => (at === 0 ? { ...state, decidedTo: 4 } : state))
    const batches = await deriveBatches(records, states, deriving)
    assert.deepEqual(
      batches.map(({ partition, head }) => [partition, head.partition, head.from, head.to]),
      [
        [0, 0, 4, 5],
        [10, 10, 0, 2],
        [5, 5, 0, 1],
      ],
    )
    for (const batch of batches) for (const row of rowsOf(batch)) assert.equal(row._partition, batch.partition)
  })

  it('are one a partition, each with its range, its rows in order and their id set', async () => {
    const records = [aRecord(0), aRecord(0, { partition: 2 }), aRecord(1), aRecord(2), aRecord(1, { partition: 2 })]
    const batches = await deriveBatches(records, fresh(), deriving)
    assert.deepEqual(
      batches.map(({ partition, head }) => [partition, head.partition, head.epoch, head.from, head.to, head.rowCount]),
      [
        [0, 0, 5, 0, 3, 3],
        [2, 2, 5, 0, 2, 2],
      ],
    )
    for (const batch of batches) {
      assert.deepEqual(derivedBatchHead(batch.value), batch.head)
      const ids = new IdSet()
      const rows = rowsOf(batch)
      for (const row of rows) ids.add(row.uuid, row._offset, row._index)
      assert.equal(batch.head.idSetHash, String(ids.hash))
      assert.deepEqual(
        rows.map((row) => [row._partition, row._offset]),
        Array.from({ length: batch.head.to }, (_, offset) => [batch.partition, offset]),
      )
    }
  })

  it('never span two months of acceptance, and their ranges go on where the other ended', async () => {
    const march = Date.UTC(2026, 2, 31, 23, 59, 59, 999)
    const records = [
      aRecord(0, { timeMs: march - 5 }),
      aRecord(1, { timeMs: march }),
      aRecord(2, { timeMs: march + 1 }),
      aRecord(3, { timeMs: Date.UTC(2026, 4, 1) }),
    ]
    const batches = await deriveBatches(records, fresh(), deriving)
    assert.deepEqual(
      batches.map(({ head }) => [head.month, head.from, head.to, head.acceptedFromMs, head.acceptedToMs]),
      [
        [202_603, 0, 2, march - 5, march],
        [202_604, 2, 3, march + 1, march + 1],
        [202_605, 3, 4, Date.UTC(2026, 4, 1), Date.UTC(2026, 4, 1)],
      ],
    )
    assert.deepEqual(
      batches.map(({ head }) => head.books.in),
      [2, 3, 4],
    )
  })

  it('name what became no row by offset, a dead letter with its raw payload', async () => {
    const broken = { value: Buffer.from('{"event": "Zoë') }
    const records = [
      aRecord(0),
      aRecord(1, { headers: { token: 'phc_typo' } }),
      aRecord(2, broken),
      aRecord(3, { headers: { erased: 'true' }, value: Buffer.alloc(0) }),
      aRecord(4),
    ]
    const { head } = await only(records)
    assert.deepEqual(head.exceptions, [
      { offset: 1, kind: 'dead_letter', reason: 'unknown_token', step: 'project', raw: records[1]?.value.toString() },
      { offset: 2, kind: 'dead_letter', reason: 'not_json', step: 'parse', raw: '{"event": "Zoë' },
      { offset: 3, kind: 'dropped', reason: 'erased', step: 'read' },
    ])
    const setAside = [
      { kind: 'dead_letter', step: 'project', reason: 'unknown_token', count: 1 },
      { kind: 'dead_letter', step: 'parse', reason: 'not_json', count: 1 },
      { kind: 'dropped', step: 'read', reason: 'erased', count: 1 },
    ]
    assert.deepEqual(head.books, { in: 5, out: 2, dropped: 1, deadLetter: 2, damaged: 0, canary: 0, setAside })
  })

  it('count what the log could not read as damaged, before, between and over the edge of a month', async () => {
    const april = Date.UTC(2026, 3, 1)
    const states = [{ decidedTo: 2, books: { ...emptyBooks, in: 2, out: 2 }, acceptedToMs: 0 }]
    const records = [aRecord(4), aRecord(7), aRecord(9, { timeMs: april })]
    const [first, second, ...others] = await deriveBatches(records, states, deriving)
    assert.deepEqual(others, [])
    const damaged = (offset: number) => ({ offset, kind: 'damaged', reason: 'damaged', step: 'read' })
    assert.deepEqual(first?.head.exceptions, [2, 3, 5, 6].map(damaged))
    assert.deepEqual([first.head.from, first.head.to, first.head.rowCount], [2, 8, 2])
    assert.deepEqual(second?.head.exceptions, [damaged(8)])
    assert.deepEqual([second.head.from, second.head.to], [8, 10])
    assert.deepEqual(second.head.books, {
      ...{ in: 10, out: 5, dropped: 0, deadLetter: 0, damaged: 5, canary: 0 },
      setAside: [{ kind: 'damaged', step: 'read', reason: 'damaged', count: 5 }],
    })
  })

  it('count canaries apart and nowhere else', async () => {
    const { head } = await only([aRecord(0), aRecord(1, { headers: { token: canaryToken } }), aRecord(2)])
    assert.equal(head.rowCount, 3)
    assert.deepEqual(head.books, { ...emptyBooks, in: 2, out: 2, canary: 1 })
  })

  it('are none for nothing, and the states handed in are not changed', async () => {
    const states = Object.freeze(fresh().map((state) => Object.freeze(state)))
    assert.deepEqual(await deriveBatches([], states, deriving), [])
    await deriveBatches([aRecord(0)], states, deriving)
  })

  it('refuse a record of a partition that does not exist', async () => {
    await assert.rejects(deriveBatches([aRecord(0, { partition: 3 })], fresh(), deriving), RangeError)
  })

  it('are as many as it takes for none to be larger than the derived lane takes', async () => {
    const derivedBytesMax = 20_000
    const records = Array.from({ length: 60 }, (_, offset) =>
      aRecord(offset + 300, aNewRecord({ event: 'e', properties: { text: '"'.repeat((offset * 37) % 1500) } })),
    )
    const batches = await deriveBatches(records, fresh(), { ...deriving, derivedBytesMax })
    assert.ok(batches.length > 6)
    let to = 0
    for (const { head, value } of batches) {
      assert.equal(head.from, to)
      to = head.to
      assert.ok(value.length < derivedBytesMax + 1000, String(value.length))
    }
    assert.equal(to, 360)
    const { books } = batches.at(-1)?.head ?? {}
    assert.deepEqual([books?.in, books?.out, books?.damaged], [360, 60, 300])
    assert.equal(batches.flatMap((batch) => rowsOf(batch)).length, 60)
  })

  it('make a dead letter of a row that is too large by itself, with the event where that fits', async () => {
    const derivedBytesMax = 4000
    const event = (text: string) => aNewRecord({ event: 'e', properties: { text } })
    const records = [
      aRecord(0, event('"'.repeat(850))),
      aRecord(1, event('x'.repeat(3000))),
      aRecord(2, event('ä'.repeat(2000))),
      aRecord(3, aNewRecord(`{"event":"e","properties":{"n":[${Array(250).fill('1e20').join()}]}}`)),
      aRecord(4),
    ]
    const batches = await deriveBatches(records, fresh(), { ...deriving, derivedBytesMax })
    const setAside = batches.flatMap(({ head }) => head.exceptions)
    const letter = (offset: number) => ({ offset, kind: 'dead_letter', reason: 'row_too_large', step: 'row' })
    assert.deepEqual(setAside, [letter(2), { ...letter(3), raw: records[3]?.value.toString() }])
    assert.deepEqual(
      batches.flatMap((batch) => rowsOf(batch).map(({ _offset }) => _offset)),
      [0, 1, 4],
    )
    for (const { value } of batches) assert.ok(value.length < derivedBytesMax + 1000, String(value.length))
  })

  it('decide every offset once and keep books that add up, over any stretches, gaps, months, sizes and verdicts', async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    t.diagnostic(`seed ${String(seed)}`)
    const verdicts = fc.constantFrom('row', 'row', 'row', 'canary', 'typo', 'broken', 'erased', 'gap')
    const story = fc.array(
      fc.array(fc.record({ partition: fc.nat(2), verdict: verdicts, days: fc.constantFrom(0, 0, 0, 0, 17) })),
      { maxLength: 12 },
    )
    await fc.assert(
      fc.asyncProperty(story, fc.constantFrom(Infinity, 100, 500, 2000), async (stretches, derivedBytesMax) => {
        let states = fresh()
        let timeMs = nowMs
        const ends = [0, 0, 0]
        const decided = [new Map<number, string>(), new Map<number, string>(), new Map<number, string>()]
        for (const stretch of stretches) {
          const records: LogRecord[] = []
          const pendingGaps = [0, 0, 0]
          for (const { partition, verdict, days } of stretch) {
            timeMs += days * 86_400_000
            const offset = ends[partition] ?? 0
            if (verdict === 'gap') {
              pendingGaps[partition] = (pendingGaps[partition] ?? 0) + 1
              ends[partition] = offset + 1
              continue
            }
            ends[partition] = offset + 1
            pendingGaps[partition] = 0
            records.push(aRecordWith(verdict, partition, offset, timeMs))
          }
          // A gap at the end of a stretch is noticed by the next record only: take it back.
          for (const [partition, gaps] of pendingGaps.entries()) ends[partition] = (ends[partition] ?? 0) - gaps
          const batches = await deriveBatches(records, states, { ...deriving, derivedBytesMax })
          states = states.map((state) => ({ ...state }))
          for (const { partition, head, value } of batches) {
            const state = states[partition]
            assert.equal(head.from, state?.decidedTo)
            assert.ok(head.to > head.from)
            states[partition] = { decidedTo: head.to, books: head.books, acceptedToMs: head.acceptedToMs }
            const own = decided[partition]
            for (const { offset, kind } of head.exceptions) mark(own, offset, kind)
            const rows = rowsOf({ partition, head, value })
            for (const row of rows) {
              assert.equal(monthOf(row.accepted_at), head.month)
              mark(own, row._offset, 'row')
            }
            assert.equal(head.rowCount, rows.length)
            assert.equal(own?.size, head.to, 'an offset was left undecided')
            const { in: taken, out, dropped, deadLetter, damaged, canary } = head.books
            assert.equal(taken, out + dropped + deadLetter + damaged)
            assert.equal(taken + canary, head.to)
          }
        }
        assert.deepEqual(
          states.map(({ decidedTo }) => decidedTo),
          ends,
        )
      }),
      { seed, numRuns: 150 },
    )
  })
})

function mark(decided: Map<number, string> | undefined, offset: number, what: string): void {
  assert.ok(decided !== undefined && !decided.has(offset), `offset ${String(offset)} was decided twice`)
  decided.set(offset, what)
}

function aRecordWith(verdict: string, partition: number, offset: number, timeMs: number): LogRecord {
  if (verdict === 'canary') return aRecord(offset, { partition, timeMs, headers: { token: canaryToken } })
  if (verdict === 'typo') return aRecord(offset, { partition, timeMs, headers: { token: 'phc_typo' } })
  if (verdict === 'erased') return aRecord(offset, { partition, timeMs, headers: { erased: 'true' } })
  if (verdict === 'broken') return aRecord(offset, { partition, timeMs, value: Buffer.from('{') })
  return aRecord(offset, { partition, timeMs })
}
