import type { QuestionLimits, WarehouseReader } from '../../stores/warehouse/warehouse-reader.ts'
import type { TableName } from '../../stores/warehouse/warehouse.ts'
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

const tables: readonly TableName[] = ['events', 'session_recording_events', 'heatmaps']

const limits: QuestionLimits = {
  timeMs: 5000,
  memoryBytes: 128 * 1024 ** 2,
  rowsMax: 10_000,
  resultBytesMax: 4 * 1024 ** 2,
}

/** By column, or by table and column where it is not the same in all. */
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
  session_id: 'The session that the SDK made.',
  window_id: 'The tab of the session.',
  snapshot_source: '`web` or `mobile`.',
  snapshot_library: 'The SDK that recorded.',
  snapshot_data: 'JSON text of an array: the snapshots that came in one request. Large: ask for few rows of it.',
  event_count: 'How many snapshots.',
  size: 'Bytes of the snapshots.',
  current_url: 'The page.',
  viewport_width: 'Of the window, in pixels; 0 when not known.',
  viewport_height: 'Of the window, in pixels; 0 when not known.',
  'session_recording_events.uuid': 'Id of the request that brought the snapshots.',
  'session_recording_events.timestamp': 'When the first of the snapshots was taken, UTC.',
  'heatmaps.properties': "JSON text of an object; clicks and movements are in '$heatmap_data', by page.",
}

export async function describeTables(
  reader: WarehouseReader,
  projectId: number,
  signal: AbortSignal,
): Promise<Vocabulary> {
  const propertyColumns = await reader.propertyColumns()
  const database = await reader.projectDatabase(projectId)
  const { rows } = await reader.ask({
    sql: 'SELECT table, name, type FROM system.columns WHERE database = {database:String} ORDER BY position',
    parameters: { database },
    limits,
    signal,
  })
  const properties = new Map([...propertyColumns].map(([property, column]) => [column, property]))
  const columnsOf = (table: string) =>
    rows
      .filter(([of]) => of === table)
      .map(([, own, type]) => {
        const name = String(own)
        const property = properties.get(name)
        const description =
          property === undefined
            ? (descriptions[`${table}.${name}`] ?? descriptions[name] ?? '')
            : `Text of the property ${property}; faster than the JSON.`
        return { name, type: String(type), description }
      })
  return {
    tables: tables.map((name) => ({ name, columns: columnsOf(name) })),
    functions: permittedFunctionNames,
  }
}
