import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compare } from './compare.ts'
import type { AcceptedEvent } from './compare.ts'

const none = new Map<number, 'dropped'>()

describe('holding accepted events against rows', () => {
  it('finds nothing wrong when each event has its row', () => {
    const result = compare([event(0), event(1)], none, [row(0), row(1)])
    assert.deepEqual([result.missing, result.doubled, result.invented], [[], [], []])
    assert.deepEqual([result.accepted, result.rows], [2, 2])
  })

  it('misses an event without a row, wherever it stands', () => {
    for (const gone of [0, 1, 2]) {
      const rows = [row(0), row(1), row(2)].filter(({ offset }) => offset !== gone)
      const { missing, invented } = compare([event(0), event(1), event(2)], none, rows)
      assert.deepEqual(missing, [event(gone)])
      assert.deepEqual(invented, [])
    }
  })

  it('does not miss an event that ingestion set aside, and counts it by kind', () => {
    const result = compare([event(0), event(1)], new Map([[1, 'dead_letter' as const]]), [row(0)])
    assert.deepEqual(result.missing, [])
    assert.deepEqual(result.excepted, { dead_letter: 1 })
  })

  it('calls the second row of a position doubled', () => {
    assert.deepEqual(compare([event(0)], none, [row(0), row(0)]).doubled, [row(0)])
  })

  it('calls a row invented that no accepted event explains: no position, another uuid or life, an event set aside', () => {
    assert.equal(compare([event(1)], none, [row(0), row(1)]).invented.length, 1)
    assert.equal(compare([event(1)], none, [row(1), row(2)]).invented.length, 1)
    assert.equal(compare([event(1)], none, [{ ...row(1), uuid: 'other' }]).invented.length, 1)
    assert.equal(compare([event(1)], none, [{ ...row(1), incarnation: 2 }]).invented.length, 1)
    assert.equal(compare([event(1)], new Map([[1, 'dropped' as const]]), [row(1)]).invented.length, 1)
    assert.equal(compare([event(1)], none, [row(1), { ...row(1), index: 1 }]).invented.length, 1)
  })
})

function event(offset: number): AcceptedEvent {
  return { offset, incarnation: 1, uuid: `uuid-${String(offset)}` }
}

function row(offset: number) {
  return { ...event(offset), index: 0 }
}
