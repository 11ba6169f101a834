import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { chdbEngineDefaults } from '../../stores/warehouse/chdb/chdb-engine.config.ts'
import { openChdbEngine } from '../../stores/warehouse/chdb/chdb-engine.ts'
import { movedExpression } from './copy-tables.ts'

it('places of rows are counted from what is retained, and rows from before it are apart from all others', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-scale-out-'))
  const engine = await openChdbEngine({ ...chdbEngineDefaults, folder })
  const link = engine.connect()
  try {
    const begins = [10, 0]
    const rows = await link.rows(
      `SELECT ${movedExpression('_partition', begins)}, toTypeName(${movedExpression('_offset', begins)}),
        toString(${movedExpression('_offset', begins)}), ${movedExpression('_incarnation', begins)}
      FROM (
        SELECT toUInt64(tupleElement(place, 2)) AS _offset, toUInt16(tupleElement(place, 1)) AS _partition, toUInt32(7) AS _incarnation
        FROM (SELECT arrayJoin([(0, 9), (0, 10), (0, 12), (1, 0)]) AS place)
      ) AS old`,
    )
    assert.deepEqual(rows, [
      [0, 'UInt64', String(2 ** 52 + 9), 0],
      [0, 'UInt64', '0', 1],
      [0, 'UInt64', '2', 1],
      [1, 'UInt64', '0', 1],
    ])
  } finally {
    await link.close()
    await engine.close()
    await rm(folder, { recursive: true, force: true })
  }
})
