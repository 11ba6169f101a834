import { EngineWarehouse, engineWarehouseDefaults } from '../engine-warehouse.ts'
import type { EngineWarehouseConfig } from '../engine-warehouse.ts'
import { embeddedLayout } from '../layout.ts'
import type { Warehouse } from '../warehouse.ts'
import type { ChdbEngine } from './chdb-engine.ts'
import { openChdbTable } from './chdb-table.ts'

/** Opens the table of events. */
export async function openChdbWarehouse(
  engine: ChdbEngine,
  config: EngineWarehouseConfig = engineWarehouseDefaults,
): Promise<Warehouse> {
  const events = await openChdbTable(engine, 'events', config)
  const links = { asking: engine.connect(), maintaining: engine.connect() }
  return new EngineWarehouse(events, embeddedLayout, links, config)
}
