/**
 * What keeps questions fast without changing their answers.
 *
 * Filling: a property's column that was added later is missing in older parts, where each question computes it again.
 * `MATERIALIZE COLUMN` writes it into the parts of one month at a time; the engine keeps that order in a file and goes on with
 * it after a restart.
 *
 * Merging: FINAL compares keys row by row wherever two parts hold the same days, and reads every other stretch as it is. Traffic
 * makes parts that follow each other in time, but each late row stretches its part over the days before. An import makes parts
 * that all have the same days. The engine's own merges leave some ten of either kind; merging those of a month into one
 * takes the comparing away.
 */
import type { EngineLink } from './engine-link.ts'
import { databaseName, onCluster, storedTable, storedTableName, systemTable } from './layout.ts'
import type { Layout } from './layout.ts'
import { readPropertyColumns } from './read-property-columns.ts'
import { sqlString } from './sql-text.ts'
import type { Maintenance } from './warehouse.ts'

export interface MaintenanceConfig {
  /** A month is merged when so many of its rows lie in days that several of its parts cover … */
  readonly overlapRowsMin: number
  /** … and this share of them: each merge rewrites the month, so the next one has to wait until it has grown. */
  readonly overlapShareMin: number
  /** A larger month is left alone: its merge would take too long, and as much disk again meanwhile. */
  readonly mergeBytesMax: number
  /** A month that was merged rests so many times as long as its merge took, or rows that are always late would wear out the disk. */
  readonly restFactor: number
}

/** Until when each month that was merged in this process rests, by a clock that only goes forward. */
export type RestingMonths = Map<string, number>

export async function maintainEvents(
  link: EngineLink,
  layout: Layout,
  config: MaintenanceConfig,
  resting: RestingMonths,
): Promise<Maintenance> {
  if (await isBusy(link, layout)) return { kind: 'none' }
  const unfilled = await newestUnfilledMonth(link, layout)
  if (unfilled !== undefined) {
    const steps = unfilled.columns.map((column) => `MATERIALIZE COLUMN ${column} IN PARTITION ID '${unfilled.month}'`)
    await link.command(
      `ALTER TABLE ${storedTableName(layout, 'events')}${onCluster(layout)} ${steps.join(', ')} SETTINGS mutations_sync = 0`,
    )
    return { kind: 'filling', month: unfilled.month, properties: unfilled.properties }
  }
  const beganMs = performance.now()
  for (const [month, untilMs] of resting) if (untilMs <= beganMs) resting.delete(month)
  const overlapping = await overlappingMonth(link, layout, config, [...resting.keys()])
  if (overlapping === undefined) return { kind: 'none' }
  await link.command(
    `OPTIMIZE TABLE ${storedTableName(layout, 'events')}${onCluster(layout)} PARTITION ID '${overlapping.month}' FINAL`,
  )
  const endedMs = performance.now()
  resting.set(overlapping.month, endedMs + (endedMs - beganMs) * config.restFactor)
  return { kind: 'merged', ...overlapping }
}

/** The engine works at older parts already; what it was asked for last is not finished. */
async function isBusy(link: EngineLink, layout: Layout): Promise<boolean> {
  const [row] = await link.rows(
    `SELECT count() FROM ${systemTable(layout, 'mutations')} WHERE ${ofEvents(layout)} AND NOT is_done`,
  )
  return Number(row?.[0]) > 0
}

async function newestUnfilledMonth(link: EngineLink, layout: Layout) {
  const columns = await readPropertyColumns(link, layout)
  const properties = new Map([...columns].map(([property, column]) => [column, property]))
  const rows = await link.rows(
    `SELECT partition_id, groupArray(column), count() FROM ${systemTable(layout, 'parts_columns')}
    WHERE ${ofEvents(layout)} AND active AND (startsWith(column, 'property_') OR column = 'uuid')
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

/**
 * From the primary keys in memory, one for some thousand rows: no row is read. A part covers all days from its first to its last,
 * as it does for FINAL.
 * Of a cluster it looks at the shard that it is connected to: rows are spread evenly, so the others are like it.
 */
async function overlappingMonth(
  link: EngineLink,
  layout: Layout,
  { overlapRowsMin, overlapShareMin, mergeBytesMax }: MaintenanceConfig,
  resting: readonly string[],
) {
  const [row] = await link.rows(
    `WITH part_days AS
      (
        SELECT splitByChar('_', part_name)[1] AS month, part_name, day, sum(rows_in_granule) AS part_rows
        FROM mergeTreeIndex(${databaseName(layout)}, ${storedTable(layout, 'events')}) GROUP BY month, part_name, day
      ),
      spans AS
      (
        SELECT month, groupArray((first_day, last_day)) AS month_spans
        FROM (SELECT month, part_name, min(day) AS first_day, max(day) AS last_day FROM part_days GROUP BY month, part_name)
        GROUP BY month
      )
    SELECT month, sum(part_rows) AS all_rows,
      sumIf(part_rows, arrayCount(span -> span.1 <= day AND day <= span.2, month_spans) > 1) AS compared
    FROM part_days INNER JOIN spans USING (month)
    WHERE month IN (
      SELECT partition_id FROM system.parts WHERE ${ofEvents(layout)} AND active
      GROUP BY partition_id HAVING sum(bytes_on_disk) <= ${String(mergeBytesMax)}
    ) AND NOT has([${resting.map(sqlString).join()}], month)
    GROUP BY month
    HAVING compared >= ${String(overlapRowsMin)} AND compared >= ${String(overlapShareMin)} * all_rows
    ORDER BY compared DESC LIMIT 1`,
  )
  return row === undefined ? undefined : { month: String(row[0]), rows: Number(row[1]) }
}

function ofEvents(layout: Layout): string {
  return `database = ${sqlString(layout.database)} AND table = ${sqlString(storedTable(layout, 'events'))}`
}
