import type { EngineLink } from './engine-link.ts'
import { storedTable } from './layout.ts'
import type { Layout } from './layout.ts'
import type { PropertyColumns } from './property-columns.ts'
import { sqlString } from './sql-text.ts'

/** The table itself knows its property columns: their comment is the property. */
export async function readPropertyColumns(link: EngineLink, layout: Layout): Promise<PropertyColumns> {
  const rows = await link.rows(
    `SELECT comment, name FROM system.columns
    WHERE database = ${sqlString(layout.database)} AND table = ${sqlString(storedTable(layout, 'events'))}
      AND default_kind = 'MATERIALIZED' AND startsWith(name, 'property_')
    ORDER BY position`,
  )
  return new Map(rows.map(([comment, name]) => [String(comment), String(name)]))
}
