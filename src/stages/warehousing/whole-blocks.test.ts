import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMemoryTable, openMemoryWarehouse } from '../../stores/warehouse/memory/memory-warehouse.ts'
import type { WarehouseRow } from '../../stores/warehouse/warehouse-row.ts'
import { insertBlockOf, intentOf } from './block.ts'
import { aReadBatch } from './warehousing.fixtures.ts'
import { wholeBlocks } from './whole-blocks.ts'

const batchesOfBlocks = [
  [aReadBatch(0, { from: 0, rows: 3 }), aReadBatch(0, { partition: 1, from: 0, rows: 2 })],
  [aReadBatch(1, { from: 3, rows: 4 })],
  [aReadBatch(2, { from: 7, rows: 1 }), aReadBatch(1, { partition: 1, from: 2, rows: 5 })],
]
const blocks = batchesOfBlocks.map(intentOf)

async function opened() {
  const table = createMemoryTable()
  const warehouse = openMemoryWarehouse(table)
  for (const batches of batchesOfBlocks) await warehouse.insert(insertBlockOf(intentOf(batches), batches))
  const lose = (isLost: (row: WarehouseRow) => boolean): void => {
    table.rows = table.rows.filter((row) => !isLost(row))
  }
  const numbers = async (of = blocks): Promise<number[]> =>
    [...(await wholeBlocks(of, warehouse))].map((block) => blocks.indexOf(block))
  return { table, lose, numbers }
}

describe('the blocks that the table has whole', () => {
  it('are all of them when nothing was lost', async () => {
    const { numbers } = await opened()
    assert.deepEqual(await numbers(), [0, 1, 2])
  })

  it('are not those that lost a row, in whichever partition', async () => {
    const { lose, numbers } = await opened()
    lose((row) => row._partition === 0 && row._offset === 6)
    assert.deepEqual(await numbers(), [0, 2])
    lose((row) => row._partition === 1 && row._offset === 0)
    assert.deepEqual(await numbers(), [2])
  })

  it('count a row once that is there twice', async () => {
    const { table, lose, numbers } = await opened()
    table.rows = [...table.rows, ...table.rows]
    assert.deepEqual(await numbers(), [0, 1, 2])
    lose((row) => row._partition === 0 && row._offset === 0)
    assert.deepEqual(await numbers(), [1, 2])
  })

  it('are found whatever the table holds between and around them', async () => {
    const { numbers } = await opened()
    assert.deepEqual(await numbers(blocks.filter((_, number) => number !== 1)), [0, 2])
  })

  it('are asked for once a partition', async () => {
    const questions: number[] = []
    const warehouse = openMemoryWarehouse(createMemoryTable())
    await wholeBlocks(blocks, {
      present(range) {
        questions.push(range.partition)
        return warehouse.present(range)
      },
    })
    assert.deepEqual(questions, [0, 1])
  })
})
