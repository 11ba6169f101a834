import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { balance, parkedEvents } from './books.ts'
import type { FlowCounts, IntakeCounts } from './books.ts'

const intake: IntakeCounts = {
  stored: 100,
  duplicate: 9,
  refused: 3,
  quotaLimited: 2,
  rateLimited: 1,
  canary: 16,
  split: 0,
}
/** 100 events and 16 canaries went in; 4 wait for ingestion, 7 for the warehouse. */
const whole: FlowCounts = {
  name: 'events',
  sourceRecords: 116,
  ingestion: { in: 98, out: 90, dropped: 3, deadLetter: 4, damaged: 1, canary: 14 },
  decidedRecords: 112,
  insertedRecords: 105,
  isInserted: false,
  rowsInserted: 97,
  canariesInserted: 10,
  rowsRefused: 0,
}
/** The same with nothing left for the warehouse to insert. */
const settled: FlowCounts = {
  ...whole,
  insertedRecords: 112,
  isInserted: true,
  rowsInserted: 104,
  canariesInserted: 14,
}

describe('the books', () => {
  it('balance while events wait and when all are through, and say what waits', () => {
    const books = balance({ intake, flows: [whole] })
    assert.deepEqual(books.imbalances, [])
    assert.equal(books.intake.received, 115)
    // Of the 4 records before ingestion 2 are canaries, of the 7 before the warehouse 4.
    assert.equal(books.ingestion.waiting, 2)
    assert.deepEqual(books.warehouse, { rows: 87, refused: 0, canary: 10, waiting: 3 })
    assert.deepEqual(balance({ intake, flows: [settled] }).imbalances, [])
  })

  it('hold no canary that waits, and take for granted what an earlier release did not count', () => {
    const canaries: FlowCounts = {
      ...settled,
      sourceRecords: 144,
      ingestion: { ...settled.ingestion, canary: 30 },
      decidedRecords: 128,
      isInserted: false,
    }
    const { ingestion, warehouse, imbalances } = balance({
      intake: { ...intake, stored: 98, canary: 46 },
      flows: [canaries],
    })
    assert.deepEqual(
      [ingestion.waiting, warehouse, imbalances],
      [0, { rows: 90, refused: 0, canary: 14, waiting: 0 }, []],
    )
    const earlier = balance({ intake, flows: [{ ...settled, canariesInserted: undefined }] })
    const now = balance({ intake, flows: [settled] })
    assert.deepEqual([earlier.warehouse, earlier.imbalances], [now.warehouse, []])
  })

  it('count as parked what was acknowledged and is in no table, and nothing of which the sender was told', () => {
    assert.equal(parkedEvents([settled]), 4)
    assert.equal(parkedEvents([settled, { ...settled, rowsRefused: 2 }]), 10)
  })

  it('are of all flows together, of which each balances by itself', () => {
    const heatmaps: FlowCounts = {
      name: 'heatmaps',
      sourceRecords: 20,
      ingestion: { in: 18, out: 17, dropped: 0, deadLetter: 1, damaged: 0, canary: 0 },
      decidedRecords: 18,
      insertedRecords: 18,
      isInserted: true,
      rowsInserted: 17,
      canariesInserted: 0,
      rowsRefused: 0,
    }
    const door = { ...intake, stored: 105, split: 15 }
    const books = balance({ intake: door, flows: [whole, heatmaps] })
    assert.deepEqual(books.imbalances, [])
    assert.deepEqual([books.ingestion.in, books.ingestion.out, books.ingestion.waiting], [116, 107, 4])
    assert.deepEqual(books.warehouse, { rows: 104, refused: 0, canary: 10, waiting: 3 })
    // One too many here and one too few there do not make up for each other.
    const crossed = [
      { ...settled, rowsInserted: 105 },
      { ...heatmaps, rowsInserted: 16 },
    ]
    assert.deepEqual(balance({ intake: door, flows: crossed }).imbalances, [
      'events: rows that ingestion derived, against rows inserted: 104 against 105',
      'heatmaps: rows that ingestion derived, against rows inserted: 17 against 16',
    ])
  })

  it('find each imbalance, and it alone, with its numbers', () => {
    const wrong: readonly (readonly [FlowCounts, string])[] = [
      [
        {
          ...whole,
          ingestion: {
            ...whole.ingestion,
            setAside: [{ kind: 'dead_letter', step: 'parse', reason: 'not_json', count: 9 }],
          },
        },
        'reasons of ingestion, against what it set aside: 9 against 8',
      ],
      [{ ...whole, decidedRecords: 113 }, 'records that ingestion decided, against its books: 113 against 112'],
      [
        { ...whole, ingestion: { ...whole.ingestion, dropped: 2 } },
        'ingestion in, against out and set aside: 98 against 97',
      ],
      [
        { ...whole, ingestion: { ...whole.ingestion, damaged: 2 } },
        'ingestion in, against out and set aside: 98 against 99',
      ],
      [{ ...settled, rowsInserted: 103 }, 'rows that ingestion derived, against rows inserted: 104 against 103'],
      [{ ...settled, rowsInserted: 105 }, 'rows that ingestion derived, against rows inserted: 104 against 105'],
      [
        { ...settled, canariesInserted: 13 },
        'canaries that ingestion derived, against canaries inserted: 14 against 13',
      ],
    ]
    for (const [counts, text] of wrong)
      assert.deepEqual(balance({ intake, flows: [counts] }).imbalances, [`events: ${text}`])
    const atDoor: readonly (readonly [Partial<IntakeCounts>, string])[] = [
      [
        { reasons: { 'event is not an object': 3, other: 1 } },
        'reasons of the door, against what it refused: 4 against 3',
      ],
      [{ stored: 101 }, 'events stored at the door, against records in the lanes: 117 against 116'],
      [{ canary: 15 }, 'events stored at the door, against records in the lanes: 115 against 116'],
      [{ split: 1 }, 'events stored at the door, against records in the lanes: 117 against 116'],
    ]
    for (const [own, text] of atDoor)
      assert.deepEqual(balance({ intake: { ...intake, ...own }, flows: [whole] }).imbalances, [text])
  })
})
