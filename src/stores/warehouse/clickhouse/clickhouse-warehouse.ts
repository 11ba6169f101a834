import { checkTable, EngineTable, engineTableDefaults } from '../engine-table.ts'
import type { EngineTableConfig } from '../engine-table.ts'
import { EngineWarehouse, engineWarehouseDefaults } from '../engine-warehouse.ts'
import type { EngineWarehouseConfig } from '../engine-warehouse.ts'
import type { TableName, Warehouse } from '../warehouse.ts'
import type { ClickhouseServer } from './clickhouse-server.ts'

/**
 * Opens one table of a server. A block is one request: whether its answer is lost, the server dies half-way or the connection
 * breaks, the block comes again under its token, by which the server knows whether it has it.
 */
export async function openClickhouseTable(
  server: ClickhouseServer,
  table: TableName,
  config: EngineTableConfig = engineTableDefaults,
): Promise<EngineTable> {
  return await openTable(server, table, config, () => Promise.resolve())
}

/** Opens the table of events. */
export async function openClickhouseWarehouse(
  server: ClickhouseServer,
  config: EngineWarehouseConfig = engineWarehouseDefaults,
): Promise<Warehouse> {
  const maintaining = server.connectForMaintenance()
  // A merge that nobody waits for any more goes on at the server, and others may need it.
  const events = await openTable(server, 'events', config, () => maintaining.close())
  return new EngineWarehouse(events, server.layout, { asking: server.connect(), maintaining }, config)
}

async function openTable(
  server: ClickhouseServer,
  table: TableName,
  config: EngineTableConfig,
  onClose: () => Promise<void>,
): Promise<EngineTable> {
  const { layout } = server
  const writing = server.connect()
  const reading = server.connect()
  const opened = new EngineTable({ name: table, layout, writing, reading, config, onClose })
  try {
    await checkTable(reading, layout, table)
  } catch (cause) {
    await opened.close()
    throw cause
  }
  return opened
}
