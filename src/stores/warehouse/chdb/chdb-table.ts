import type { EngineTableConfig } from '../engine-table.ts'
import { checkTable, EngineTable, engineTableDefaults } from '../engine-table.ts'
import { embeddedLayout } from '../layout.ts'
import { migrate, readMigrations } from '../migrations.ts'
import type { TableName } from '../warehouse.ts'
import type { ChdbEngine } from './chdb-engine.ts'

/** Opens one table; the first of an engine's makes them all. Two at a time may not be opened. */
export async function openChdbTable(
  engine: ChdbEngine,
  table: TableName,
  config: EngineTableConfig = engineTableDefaults,
): Promise<EngineTable> {
  // A link takes one statement at a time.
  const writing = engine.connect()
  const reading = engine.connect()
  const opened = new EngineTable({
    name: table,
    layout: embeddedLayout,
    writing,
    reading,
    config,
    // A merge that is broken off leaves the parts as they were. Until the table is opened again it merges nothing.
    onClose: () => reading.command(`SYSTEM STOP MERGES sluice.${table}`).catch(() => undefined),
  })
  try {
    await migrate(writing, await readMigrations())
    await checkTable(reading, embeddedLayout, table)
    // Whoever closed it on this engine before has stopped them.
    await writing.command(`SYSTEM START MERGES sluice.${table}`)
  } catch (cause) {
    await opened.close()
    throw cause
  }
  return opened
}
