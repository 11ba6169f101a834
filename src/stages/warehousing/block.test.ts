import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { acceptedMs } from '../../stores/warehouse/warehouse.fixtures.ts'
import { IdSet } from '../../stores/warehouse/id-set.ts'
import { createMemoryTable, openMemoryWarehouse } from '../../stores/warehouse/memory/memory-warehouse.ts'
import { insertBlockOf, intentOf } from './block.ts'
import { aReadBatch, rowAt } from './warehousing.fixtures.ts'

const batches = [
  aReadBatch(4, { from: 10, rows: 3, epoch: 2, timeMs: acceptedMs }),
  aReadBatch(0, { partition: 1, from: 0, rows: 2, timeMs: acceptedMs + 1 }),
  aReadBatch(7, { from: 13, rows: 1, exceptions: 4, epoch: 3, timeMs: acceptedMs + 2 }),
]

describe('the intent of a block', () => {
  it('says which records and which source offsets each partition has in it, and how to read them again', () => {
    const { month, rowCount, ranges } = intentOf(batches)
    assert.deepEqual([month, rowCount], [202_603, 6])
    assert.deepEqual(ranges, [
      {
        partition: 0,
        from: 4,
        to: 8,
        sourceFrom: 10,
        sourceTo: 18,
        epoch: 1,
        acceptedFromMs: acceptedMs,
        acceptedToMs: acceptedMs + 2,
      },
      {
        partition: 1,
        from: 0,
        to: 1,
        sourceFrom: 0,
        sourceTo: 2,
        epoch: 0,
        acceptedFromMs: acceptedMs + 1,
        acceptedToMs: acceptedMs + 1,
      },
    ])
  })

  it('has the same token for the same ranges, and another for any other', () => {
    const { token } = intentOf(batches)
    assert.match(token, /^202603-[0-9a-f]{40}$/)
    assert.equal(intentOf(batches).token, token)
    const others = [
      batches.slice(0, 2),
      batches.slice(1),
      [...batches, aReadBatch(1, { partition: 1, from: 2, rows: 1 })],
      [aReadBatch(5, { from: 10, rows: 3, epoch: 2 }), ...batches.slice(1)],
    ]
    const tokens = others.map((other) => intentOf(other).token)
    assert.equal(new Set([token, ...tokens]).size, 5)
  })
})

describe('the block of an intent', () => {
  it('is one that the warehouse takes, with count and id set of each range', async () => {
    const block = insertBlockOf(intentOf(batches), batches)
    const table = createMemoryTable()
    await openMemoryWarehouse(table).insert(block)
    assert.equal(table.rows.length, 6)
    const ids = new IdSet()
    for (const offset of [10, 11, 12, 13]) ids.add(rowAt(0, offset).uuid, offset, 0)
    const [first, second] = block.ranges
    assert.deepEqual(first, { partition: 0, fromOffset: 10, toOffset: 18, rowCount: 4, idSetHash: ids.hash })
    assert.equal(second?.rowCount, 2)
  })
})
