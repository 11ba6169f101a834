import type { PropertyColumns } from '../property-columns.ts'
import type { ChdbLink } from './chdb-engine.ts'

/** The table itself knows its property columns: their comment is the property. */
export async function readPropertyColumns(link: ChdbLink): Promise<PropertyColumns> {
  const result = await link.client.query({
    query: `SELECT comment, name FROM system.columns
    WHERE database = 'sluice' AND table = 'events' AND default_kind = 'MATERIALIZED' AND startsWith(name, 'property_')
    ORDER BY position`,
    format: 'JSONCompactEachRow',
  })
  return new Map(await result.json<[string, string]>())
}
