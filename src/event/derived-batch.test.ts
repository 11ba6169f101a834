import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  addSetAside,
  derivedBatchHead,
  derivedBatchRows,
  emptyBooks,
  encodeDerivedBatch,
  monthOf,
} from './derived-batch.ts'
import type { DerivedBatchHead } from './derived-batch.ts'

const head: DerivedBatchHead = {
  epoch: 3_000_001,
  partition: 7,
  from: 2 ** 40,
  to: 2 ** 40 + 3,
  exceptions: [
    { offset: 2 ** 40, kind: 'dead_letter', reason: 'not_json', step: 'parse', raw: '{"name":"Zoë 👩‍👩‍👧 \u2028\n"' },
  ],
  rowCount: 2,
  idSetHash: '18446744073709551615',
  month: 202_603,
  acceptedFromMs: 1_773_000_000_000,
  acceptedToMs: 1_773_000_000_001,
  books: { ...emptyBooks, in: 5, out: 4, deadLetter: 1 },
}

describe('a derived batch', () => {
  it('comes back as it was encoded: head with any text, rows byte for byte', () => {
    const rows = Buffer.from('{"event":"ü"}\n{"event":"\\u0000"}\n')
    const value = encodeDerivedBatch(head, rows)
    assert.deepEqual(derivedBatchHead(value), head)
    assert.deepEqual(derivedBatchRows(value), rows)
  })

  it('may have no rows', () => {
    const value = encodeDerivedBatch({ ...head, rowCount: 0 }, Buffer.alloc(0))
    assert.equal(derivedBatchRows(value).length, 0)
    assert.equal(derivedBatchHead(value).rowCount, 0)
  })
})

describe('the month of a time', () => {
  it('is that of UTC, up to its last millisecond', () => {
    assert.equal(monthOf(Date.UTC(2026, 2, 31, 23, 59, 59, 999)), 202_603)
    assert.equal(monthOf(Date.UTC(2026, 3, 1)), 202_604)
    assert.equal(monthOf(Date.UTC(2026, 11, 31, 23, 59, 59, 999)), 202_612)
    assert.equal(monthOf(Date.UTC(2027, 0, 1)), 202_701)
  })
})

describe('counts of what was set aside', () => {
  const count = (reason: string, step = 'parse') => ({ kind: 'dead_letter' as const, step, reason, count: 1 })

  it('add up by kind, step and reason', () => {
    assert.deepEqual(addSetAside([count('not_json')], [count('not_json'), count('not_json', 'project')]), [
      { ...count('not_json'), count: 2 },
      count('not_json', 'project'),
    ])
  })

  it('are bounded: what comes when there are too many is counted as other', () => {
    const many = Array.from({ length: 100 }, (_, n) => count(`reason-${String(n)}`))
    const counts = addSetAside([], many)
    assert.equal(counts.length, 65)
    assert.deepEqual(counts.at(-1), { kind: 'dead_letter', step: 'other', reason: 'other', count: 36 })
  })
})
