/** What the table holds of one uuid, versions that were replaced included, as long as merges have not removed them. */
import { sourceAt } from '../../event/flows.ts'
import type { Flow } from '../../event/flows.ts'
import type { Place } from '../../stores/log/log-search.ts'
import type { QuestionLimits, WarehouseReader } from '../../stores/warehouse/warehouse-reader.ts'

export interface TableRow {
  readonly projectId: number
  readonly version: number
  readonly position: Place & { readonly incarnation: number }
  readonly acceptedAtMs: number
  /** Unix seconds. */
  readonly expiresAt: number
  /** Equal for rows of which the table keeps one. */
  readonly key: string
  /** Whether it is the one of its key that questions see. */
  readonly isCurrent: boolean
}

const rowsMax = 100
const memoryBytesMax = 512 * 1024 * 1024
const resultBytesMax = 1024 * 1024

/** What the tables are ordered by, beside the uuid: of rows that agree in it the one with the largest version stands. */
const keyColumns = {
  events: 'team_id, toDate(timestamp), event, distinct_id',
  heatmaps: 'team_id, day',
  session_recording_events: 'team_id, session_id',
} as const

export function createTableRows(deps: {
  readonly reader: Pick<WarehouseReader, 'ask' | 'tableName'>
  readonly timeMsMax: number
  readonly flow: Flow
  /** Of a source lane. */
  readonly partitionCount: number
}) {
  const { flow, partitionCount } = deps
  const limits: QuestionLimits = {
    timeMs: deps.timeMsMax,
    memoryBytes: memoryBytesMax,
    rowsMax,
    resultBytesMax,
  }
  return async function tableRows(uuid: string, signal: AbortSignal): Promise<readonly TableRow[]> {
    const { rows } = await deps.reader.ask({
      sql: `SELECT team_id, version, _incarnation, _partition, _offset,
          toUnixTimestamp64Milli(accepted_at), toUnixTimestamp(expires_at),
          toString(tuple(${keyColumns[flow.table]}))
        FROM ${deps.reader.tableName(flow.table)} WHERE uuid = {uuid:UUID}
        ORDER BY version DESC, _offset DESC LIMIT ${String(rowsMax)}`,
      parameters: { uuid },
      limits,
      signal,
    })
    const seen = new Set<string>()
    return rows.map((row) => rowFrom(row, seen, (index) => sourceAt(flow, index, partitionCount)))
  }
}

/** `seen` has the keys of rows before this one: they come with the largest version first. */
function rowFrom(
  row: readonly unknown[],
  seen: Set<string>,
  sourceOf: (index: number) => Omit<Place, 'offset'>,
): TableRow {
  const [projectId, version, incarnation, index, offset, acceptedAtMs, expiresAt, key] = row
  const isCurrent = !seen.has(String(key))
  seen.add(String(key))
  return {
    projectId: Number(projectId),
    version: Number(version),
    position: { incarnation: Number(incarnation), ...sourceOf(Number(index)), offset: Number(offset) },
    acceptedAtMs: Number(acceptedAtMs),
    expiresAt: Number(expiresAt),
    key: String(key),
    isCurrent,
  }
}
