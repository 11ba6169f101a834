import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeWarehouseReader } from '../warehouse-reader.contract.ts'
import { chdbEngineDefaults } from './chdb-engine.config.ts'
import { openChdbEngine } from './chdb-engine.ts'
import { openChdbWarehouseReader } from './chdb-warehouse-reader.ts'
import { openChdbWarehouse } from './chdb-warehouse.ts'

describeWarehouseReader('chDB', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-reader-'))
  const engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
  const warehouse = await openChdbWarehouse(engine)
  const reader = openChdbWarehouseReader(engine, {
    questionsAtOnceMax: 2,
    questionsWaitingMax: 1,
    questionThreadsMax: 1,
  })
  const link = engine.connect()
  return {
    reader,
    warehouse,
    async computing() {
      const query = "SELECT 1 FROM system.processes WHERE query_kind = 'Select' AND query NOT LIKE '%system.processes%'"
      const result = await link.client.query({ query, format: 'JSONCompactEachRow' })
      return (await result.json()).length
    },
    async remove() {
      await link.close()
      await reader.close()
      await warehouse.close()
      await engine.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
})
