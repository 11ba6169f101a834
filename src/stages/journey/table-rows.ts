/** What the table holds of one uuid, versions that were replaced included, as long as merges have not removed them. */
import type { Position } from '../../event/position.ts'
import type { QuestionLimits, WarehouseReader } from '../../stores/warehouse/warehouse-reader.ts'

export interface TableRow {
  readonly projectId: number
  readonly event: string
  readonly version: number
  readonly position: Position
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

export function createTableRows(deps: { readonly reader: Pick<WarehouseReader, 'ask'>; readonly timeMsMax: number }) {
  const limits: QuestionLimits = {
    timeMs: deps.timeMsMax,
    memoryBytes: memoryBytesMax,
    rowsMax,
    resultBytesMax,
  }
  return async function tableRows(uuid: string, signal: AbortSignal): Promise<readonly TableRow[]> {
    const { rows } = await deps.reader.ask({
      sql: `SELECT team_id, event, version, _incarnation, _partition, _offset,
          toUnixTimestamp64Milli(accepted_at), toUnixTimestamp(expires_at),
          toString(tuple(team_id, toDate(timestamp), event, distinct_id))
        FROM sluice.events WHERE uuid = {uuid:UUID}
        ORDER BY version DESC, _offset DESC LIMIT ${String(rowsMax)}`,
      parameters: { uuid },
      limits,
      signal,
    })
    const seen = new Set<string>()
    return rows.map((row) => rowFrom(row, seen))
  }
}

/** `seen` has the keys of rows before this one: they come with the largest version first. */
function rowFrom(row: readonly unknown[], seen: Set<string>): TableRow {
  const [projectId, event, version, incarnation, partition, offset, acceptedAtMs, expiresAt, key] = row
  const isCurrent = !seen.has(String(key))
  seen.add(String(key))
  return {
    projectId: Number(projectId),
    event: String(event),
    version: Number(version),
    position: { incarnation: Number(incarnation), partition: Number(partition), offset: Number(offset) },
    acceptedAtMs: Number(acceptedAtMs),
    expiresAt: Number(expiresAt),
    key: String(key),
    isCurrent,
  }
}
