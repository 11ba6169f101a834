import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { derivedBatchRows } from '../../event/derived-batch.ts'
import { acceptedMs } from '../../stores/warehouse/warehouse.fixtures.ts'
import type { Warehouse } from '../../stores/warehouse/warehouse.ts'
import { createMemoryTable, openMemoryWarehouse } from '../../stores/warehouse/memory/memory-warehouse.ts'
import type { WarehouseRow } from '../../stores/warehouse/warehouse-row.ts'
import { insertBlockOf, intentOf } from './block.ts'
import { missingRows } from './missing-rows.ts'
import type { MissingRows } from './missing-rows.ts'
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

/** What the table lacks of each range. */
async function missingOf(warehouse: Pick<Warehouse, 'present'>, nowMs: number) {
  const all = await Promise.all(intent.ranges.map((range) => missingRows(intent, range, batches, warehouse, nowMs)))
  return all.filter((missing) => missing.batches.length > 0)
}

function rowCountIn(all: readonly MissingRows[]): number {
  return all.reduce((sum, { block }) => sum + block.rowCount, 0)
}

describe('the rows of a block that the table lacks', () => {
  it('are none when all are there, whatever else the table holds of the range', async () => {
    const { warehouse } = await opened()
    assert.deepEqual(await missingOf(warehouse, acceptedMs), [])
  })

  it('are those and no others, with heads that say so', async () => {
    const { warehouse, lose } = await opened()
    lose((row) => (row._partition === 0 ? [1, 2, 5].includes(row._offset) : row._offset === 0))
    const missing = await missingOf(warehouse, acceptedMs)
    assert.deepEqual(
      missing.map(({ block }) => [block.rowCount, block.ranges]),
      [
        [3, intent.ranges.slice(0, 1)],
        [1, intent.ranges.slice(1)],
      ],
    )
    const found = missing
      .flatMap((one) => one.batches)
      .map(({ head, value }) => {
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
    for (const { block, batches: lost } of missing) await warehouse.insert(insertBlockOf(block, lost))
    assert.deepEqual(await missingOf(warehouse, acceptedMs), [])
  })

  it('are not those past their time: the table let them go on purpose', async () => {
    const { warehouse, lose } = await opened()
    lose((row) => row._partition === 0 && row._offset >= 3)
    assert.equal(rowCountIn(await missingOf(warehouse, soonMs - 1)), 3)
    assert.equal(rowCountIn(await missingOf(warehouse, soonMs)), 1)
  })

  it('have a token of their own in each range: the same for the same rows, another for others and for the block', async () => {
    const { warehouse, lose } = await opened()
    const tokens = async () => (await missingOf(warehouse, acceptedMs)).map(({ block }) => block.token)
    lose((row) => row._offset === 0)
    const first = await tokens()
    assert.equal(new Set([...first, intent.token]).size, 3)
    assert.deepEqual(await tokens(), first)
    // What another range lacks does not matter.
    lose((row) => row._partition === 0 && row._offset === 1)
    const second = await tokens()
    assert.notEqual(second[0], first[0])
    assert.equal(second[1], first[1])
  })
})
