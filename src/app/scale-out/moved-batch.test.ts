import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { aBatchHead } from '../../event/derived-batch.fixtures.ts'
import { derivedBatchHead, derivedBatchLines, emptyBooks, encodeDerivedBatch } from '../../event/derived-batch.ts'
import type { DerivedBatchHead } from '../../event/derived-batch.ts'
import { Failure } from '../../kit/failure.ts'
import { nothingDecided } from '../../stages/ingestion/partition-state.ts'
import { IdSet } from '../../stores/warehouse/id-set.ts'
import { movedBatch } from './moved-batch.ts'

const uuidOf = (offset: number): string => `00000000-0000-4000-8000-${String(offset).padStart(12, '0')}`

/** A row as ingestion writes it, with texts that look like what is searched for. */
function row(offset: number, teamId = 1): string {
  return JSON.stringify({
    uuid: uuidOf(offset),
    event: 'a ,"_incarnation":9,"_partition":9,"_offset":9,"_index":9}',
    properties: '{"a":",\\"team_id\\":0,"}',
    team_id: teamId,
    distinct_id: ',"team_id":0,',
    _incarnation: 7,
    _partition: 3,
    _offset: offset,
    _index: 0,
  })
}

function batch(head: Partial<DerivedBatchHead>, rows: readonly string[]): Buffer {
  const whole = aBatchHead({ partition: 3, epoch: 1_000_001, rowCount: rows.length, ...head })
  return encodeDerivedBatch(whole, Buffer.from(rows.map((one) => `${one}\n`).join('')))
}

function hashOf(uuids: readonly (readonly [string, number])[]): string {
  const ids = new IdSet()
  for (const [uuid, offset] of uuids) ids.add(uuid, offset, 0)
  return String(ids.hash)
}

describe('a derived batch that is moved', () => {
  it('has its range, exceptions, rows and books counted from what is retained', () => {
    const exceptions = [{ offset: 11, kind: 'dropped', reason: 'asked', step: 'project' }] as const
    const value = batch({ from: 10, to: 14, exceptions }, [row(10), row(12, 0), row(13)])
    const moved = movedBatch(value, 10, nothingDecided, 5)
    assert.ok(moved !== undefined)
    assert.deepEqual(moved.head, derivedBatchHead(moved.value))
    const { from, to, epoch, rowCount, idSetHash, books } = moved.head
    assert.deepEqual({ from, to, epoch, rowCount }, { from: 0, to: 4, epoch: 5, rowCount: 3 })
    assert.deepEqual(moved.head.exceptions, [{ ...exceptions[0], offset: 1 }])
    assert.equal(
      idSetHash,
      hashOf([
        [uuidOf(10), 0],
        [uuidOf(12), 2],
        [uuidOf(13), 3],
      ]),
    )
    const setAside = [{ kind: 'dropped', step: 'project', reason: 'asked', count: 1 }]
    assert.deepEqual(books, { in: 3, out: 2, dropped: 1, deadLetter: 0, damaged: 0, canary: 1, setAside })
    const expected = [10, 12, 13].map((offset) => ({
      ...(JSON.parse(row(offset, offset === 12 ? 0 : 1)) as object),
      _incarnation: 1,
      _offset: offset - 10,
    }))
    assert.deepEqual(
      derivedBatchLines(moved.value).map((line) => JSON.parse(line) as object),
      expected,
    )
  })

  it('is left without what is not retained any more', () => {
    const moved = movedBatch(batch({ from: 8, to: 11 }, [row(8), row(9), row(10)]), 9, nothingDecided, 1)
    assert.deepEqual([moved?.head.from, moved?.head.to, moved?.head.rowCount], [0, 2, 2])
    assert.equal(movedBatch(batch({ from: 8, to: 9 }, [row(8)]), 9, nothingDecided, 1), undefined)
  })

  it('counts records whose decisions are gone as decided, and follows the one before it', () => {
    const first = movedBatch(batch({ from: 5, to: 6 }, [row(5)]), 2, nothingDecided, 1)
    assert.deepEqual([first?.head.from, first?.head.books.in, first?.head.books.out], [3, 4, 4])
    const before = { decidedTo: 4, books: first?.head.books ?? emptyBooks, acceptedToMs: 0 }
    assert.equal(movedBatch(batch({ from: 5, to: 6 }, [row(5)]), 2, before, 1), undefined)
    assert.equal(movedBatch(batch({ from: 6, to: 7 }, [row(6)]), 2, before, 1)?.head.books.in, 5)
    assert.equal(movedBatch(batch({ from: 6, to: 6 }, []), 2, before, 1), undefined)
    assert.throws(() => movedBatch(batch({ from: 7, to: 8 }, [row(7)]), 2, before, 1), Failure)
  })

  it('is refused when its rows do not account for its range', () => {
    assert.throws(() => movedBatch(batch({ from: 0, to: 2 }, [row(0)]), 0, nothingDecided, 1), Failure)
  })
})
