import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { derivedBatchRows } from '../../event/derived-batch.ts'
import { acceptedMs } from '../../stores/warehouse/warehouse.fixtures.ts'
import { createMemoryTable, openMemoryWarehouse } from '../../stores/warehouse/memory/memory-warehouse.ts'
import type { WarehouseRow } from '../../stores/warehouse/warehouse-row.ts'
import { insertBlockOf, intentOf } from './block.ts'
import { missingRows } from './missing-rows.ts'
import { aReadBatch } from './warehousing.fixtures.ts'

const soonMs = acceptedMs + 60_000
const batches = [
  aReadBatch(0, { from: 0, rows: 4 }),
  aReadBatch(1, { from: 4, rows: 2, row: { expires_at: soonMs / 1000 } }),
  aReadBatch(0, { partition: 1, from: 0, rows: 3 }),
]
const intent = intentOf(batches)

async function opened() {
  const table = createMemoryTable()
  const warehouse = openMemoryWarehouse(table)
  await warehouse.insert(insertBlockOf(intent, batches))
  const lose = (isLost: (row: WarehouseRow) => boolean): void => {
    table.rows = table.rows.filter((row) => !isLost(row))
  }
  return { warehouse, lose }
}

describe('the rows of a block that the table lacks', () => {
  it('are none when all are there, whatever else the table holds of the range', async () => {
    const { warehouse } = await opened()
    const missing = await missingRows(intent, batches, warehouse, acceptedMs)
    assert.deepEqual([missing.rowCount, missing.batches], [0, []])
  })

  it('are those and no others, with heads that say so', async () => {
    const { warehouse, lose } = await opened()
    lose((row) => (row._partition === 0 ? [1, 2, 5].includes(row._offset) : row._offset === 0))
    const missing = await missingRows(intent, batches, warehouse, acceptedMs)
    assert.equal(missing.rowCount, 4)
    const found = missing.batches.map(({ head, value }) => {
      const rows = derivedBatchRows(value)
        .toString()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as WarehouseRow)
      assert.equal(head.rowCount, rows.length)
      return [head.partition, ...rows.map((row) => row._offset)]
    })
    assert.deepEqual(found, [
      [0, 1, 2],
      [0, 5],
      [1, 0],
    ])
    const block = { ...intent, token: missing.token, rowCount: missing.rowCount }
    await warehouse.insert(insertBlockOf(block, missing.batches))
    assert.equal((await missingRows(intent, batches, warehouse, acceptedMs)).rowCount, 0)
  })

  it('are not those past their time: the table let them go on purpose', async () => {
    const { warehouse, lose } = await opened()
    lose((row) => row._partition === 0 && row._offset >= 3)
    assert.equal((await missingRows(intent, batches, warehouse, soonMs - 1)).rowCount, 3)
    assert.equal((await missingRows(intent, batches, warehouse, soonMs)).rowCount, 1)
  })

  it('have a token of their own: the same for the same rows, another for others and for the block', async () => {
    const { warehouse, lose } = await opened()
    lose((row) => row._offset === 0)
    const { token } = await missingRows(intent, batches, warehouse, acceptedMs)
    assert.equal((await missingRows(intent, batches, warehouse, acceptedMs)).token, token)
    assert.notEqual(token, intent.token)
    lose((row) => row._offset === 1)
    assert.notEqual((await missingRows(intent, batches, warehouse, acceptedMs)).token, token)
  })
})
