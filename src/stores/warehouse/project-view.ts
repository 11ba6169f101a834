import type { PropertyColumns } from './property-columns.ts'
import { sqlName } from './sql-text.ts'

/** The database in which a project's questions look up names. Nothing but the project's own views may ever lie in it. */
export function projectDatabaseName(projectId: number): string {
  return `project_${String(projectId)}`
}

/**
 * `day` is the UTC day of `timestamp`. The table is ordered by it: a question that groups by it, or bounds it beside the
 * timestamp, reads less. `distinct_hash` is `cityHash64(distinct_id)`: users are counted faster by it.
 */
const visibleColumns = [
  'uuid',
  'event',
  'properties',
  'timestamp',
  'distinct_id',
  'team_id',
  'created_at',
  'accepted_at',
  'day',
  'distinct_hash',
]

/**
 * What makes a project's view, in order; safe to repeat. Made anew at each start of the process, so that a release that
 * changes the view needs no migration.
 */
export function projectViewStatements(projectId: number, properties: PropertyColumns): readonly string[] {
  const database = projectDatabaseName(projectId)
  const columns = [...visibleColumns, ...[...properties.values()].map(sqlName)]
  return [
    `CREATE DATABASE IF NOT EXISTS ${database}`,
    `CREATE OR REPLACE VIEW ${database}.events AS
      SELECT ${columns.join(', ')}
      FROM sluice.events FINAL
      WHERE team_id = ${String(projectId)} AND expires_at > now()`,
  ]
}
