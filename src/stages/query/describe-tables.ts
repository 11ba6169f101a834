import type { QuestionLimits, WarehouseReader } from '../../stores/warehouse/warehouse-reader.ts'
import { permittedFunctionNames } from './permitted-functions.ts'

export interface TableDescription {
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly type: string; readonly description: string }[]
}

/** What SQL over a project can name, for whoever writes it. */
export interface Vocabulary {
  readonly tables: readonly TableDescription[]
  readonly functions: readonly string[]
}

const limits: QuestionLimits = {
  timeMs: 5000,
  memoryBytes: 128 * 1024 ** 2,
  rowsMax: 10_000,
  resultBytesMax: 4 * 1024 ** 2,
}

const descriptions: Readonly<Record<string, string>> = {
  uuid: 'Id of the event.',
  event: 'Name of the event.',
  properties: "JSON text of an object: JSONExtractString(properties, 'name').",
  timestamp: 'When it happened, UTC.',
  day: 'Day of `timestamp`, UTC. The table is sorted by it: a condition on it makes a question fast.',
  distinct_id: 'Who did it.',
  distinct_hash: 'cityHash64(distinct_id): faster to count than the text.',
  team_id: 'The project.',
  created_at: 'When the row was made.',
  accepted_at: 'When the door accepted the event.',
}

export async function describeTables(
  reader: WarehouseReader,
  projectId: number,
  signal: AbortSignal,
): Promise<Vocabulary> {
  const propertyColumns = await reader.propertyColumns()
  const database = await reader.projectDatabase(projectId)
  const { rows } = await reader.ask({
    sql: "SELECT name, type FROM system.columns WHERE database = {database:String} AND table = 'events' ORDER BY position",
    parameters: { database },
    limits,
    signal,
  })
  const properties = new Map([...propertyColumns].map(([property, column]) => [column, property]))
  const columns = rows.map(([own, type]) => {
    const name = String(own)
    const property = properties.get(name)
    const description =
      property === undefined ? (descriptions[name] ?? '') : `Text of the property ${property}; faster than the JSON.`
    return { name, type: String(type), description }
  })
  return { tables: [{ name: 'events', columns }], functions: permittedFunctionNames }
}
