import assert from 'node:assert/strict'
import { IdSet } from '../id-set.ts'
import { describeWarehouse } from '../warehouse.contract.ts'
import type { OpenWarehouse } from '../warehouse.contract.ts'
import { createMemoryTable, openMemoryWarehouse } from './memory-warehouse.ts'
import type { MemoryTable } from './memory-warehouse.ts'

describeWarehouse('the memory warehouse', () => Promise.resolve(openOn(createMemoryTable())))

function openOn(table: MemoryTable): OpenWarehouse {
  const warehouse = openMemoryWarehouse(table)
  const matching = (where: string) => {
    const partition = /^_partition = (\d+)$/.exec(where)?.[1]
    assert.ok(partition !== undefined, `this table does not understand ${where}`)
    return table.rows
      .filter((row) => row._partition === Number(partition))
      .sort((a, b) => a._offset - b._offset || a._index - b._index)
  }
  return {
    warehouse,
    stored: (where) => Promise.resolve(matching(where).map((row) => ({ ...row }))),
    idSetHash(where) {
      const ids = new IdSet()
      for (const row of matching(where)) ids.add(row.uuid, row._offset, row._index)
      return Promise.resolve(ids.hash)
    },
    async reopen() {
      await warehouse.close()
      return openOn(table)
    },
    remove: () => warehouse.close(),
  }
}
