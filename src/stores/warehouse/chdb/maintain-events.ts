/**
 * What keeps questions fast without changing their answers.
 *
 * Filling: a property's column that was added later is missing in older parts, where each question computes it again.
 * `MATERIALIZE COLUMN` writes it into the parts of one month at a time; the engine keeps that order in a file and goes on with
 * it after a restart.
 *
 * Merging: FINAL reads parts that hold the same days (of a project) side by side, comparing keys row by row, and every other
 * part as it is. Traffic makes parts that follow each other in time. An import makes parts that all have the same days, and the
 * engine's own merges leave some ten of them. Merging those of a month into one takes the comparing away.
 */
import type { Maintenance } from '../warehouse.ts'
import type { ChdbLink } from './chdb-engine.ts'
import { readPropertyColumns } from './read-property-columns.ts'

export interface MaintenanceConfig {
  /** A month is merged when so many of its rows lie beside others of the same days … */
  readonly overlapRowsMin: number
  /** … and this share of them: each merge rewrites the month, so the next one has to wait until it has grown. */
  readonly overlapShareMin: number
  /** A larger month is left alone: its merge would take too long, and as much disk again meanwhile. */
  readonly mergeBytesMax: number
}

export async function maintainEvents(link: ChdbLink, config: MaintenanceConfig): Promise<Maintenance> {
  if (await isBusy(link)) return { kind: 'none' }
  const unfilled = await newestUnfilledMonth(link)
  if (unfilled !== undefined) {
    const steps = unfilled.columns.map((column) => `MATERIALIZE COLUMN ${column} IN PARTITION ID '${unfilled.month}'`)
    await link.client.command({ query: `ALTER TABLE sluice.events ${steps.join(', ')} SETTINGS mutations_sync = 0` })
    return { kind: 'filling', month: unfilled.month, properties: unfilled.properties }
  }
  const overlapping = await overlappingMonth(link, config)
  if (overlapping === undefined) return { kind: 'none' }
  await link.client.command({ query: `OPTIMIZE TABLE sluice.events PARTITION ID '${overlapping.month}' FINAL` })
  return { kind: 'merged', ...overlapping }
}

/** The engine works at older parts already; what it was asked for last is not finished. */
async function isBusy(link: ChdbLink): Promise<boolean> {
  const [row] = await rowsOf(
    link,
    `SELECT count() FROM system.mutations WHERE database = 'sluice' AND table = 'events' AND NOT is_done`,
  )
  return Number(row?.[0]) > 0
}

async function newestUnfilledMonth(link: ChdbLink) {
  const columns = await readPropertyColumns(link)
  const properties = new Map([...columns].map(([property, column]) => [column, property]))
  const rows = await rowsOf(
    link,
    `SELECT partition_id, groupArray(column), count() FROM system.parts_columns
    WHERE database = 'sluice' AND table = 'events' AND active AND (startsWith(column, 'property_') OR column = 'uuid')
    GROUP BY partition_id, name ORDER BY partition_id DESC`,
  )
  for (const [month, present] of rows) {
    const there = new Set(Array.isArray(present) ? present.map(String) : [])
    const missing = [...properties.keys()].filter((column) => !there.has(column))
    if (missing.length > 0) {
      return {
        month: String(month),
        columns: missing,
        properties: missing.map((column) => properties.get(column) ?? column),
      }
    }
  }
  return undefined
}

/** From the primary keys in memory, one for some thousand rows: no row is read. */
async function overlappingMonth(link: ChdbLink, { overlapRowsMin, overlapShareMin, mergeBytesMax }: MaintenanceConfig) {
  const [row] = await rowsOf(
    link,
    `WITH days AS
      (
        SELECT month, sum(part_rows) AS rows, rows - max(part_rows) AS beside
        FROM
        (
          SELECT splitByChar('_', part_name)[1] AS month, team_id, day, part_name, sum(rows_in_granule) AS part_rows
          FROM mergeTreeIndex(sluice, events) GROUP BY month, team_id, day, part_name
        )
        GROUP BY month, team_id, day
      )
    SELECT month, sum(rows) AS all_rows FROM days
    WHERE month IN (
      SELECT partition_id FROM system.parts WHERE database = 'sluice' AND table = 'events' AND active
      GROUP BY partition_id HAVING sum(bytes_on_disk) <= ${String(mergeBytesMax)}
    )
    GROUP BY month
    HAVING sum(beside) >= ${String(overlapRowsMin)} AND sum(beside) >= ${String(overlapShareMin)} * all_rows
    ORDER BY sum(beside) DESC LIMIT 1`,
  )
  return row === undefined ? undefined : { month: String(row[0]), rows: Number(row[1]) }
}

async function rowsOf(link: ChdbLink, query: string): Promise<readonly (readonly unknown[])[]> {
  const result = await link.client.query({
    query,
    format: 'JSONCompactEachRow',
    clickhouse_settings: { max_threads: 1, output_format_json_quote_64bit_integers: 0 },
  })
  return await result.json<unknown[]>()
}
