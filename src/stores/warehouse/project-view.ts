import { embeddedLayout, onCluster, tableName } from './layout.ts'
import type { Layout } from './layout.ts'
import type { PropertyColumns } from './property-columns.ts'
import { sqlName } from './sql-text.ts'
import type { TableName } from './warehouse.ts'

/** The database in which a project's questions look up names; another installation on the same servers has its own. Nothing but the project's own views may ever lie in it. */
export function projectDatabaseName(layout: Layout, projectId: number): string {
  const name = `project_${String(projectId)}`
  return layout.database === embeddedLayout.database ? name : `${layout.database}_${name}`
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

const commonColumns = ['uuid', 'timestamp', 'team_id', 'distinct_id', 'session_id', 'created_at', 'accepted_at']
const recordingColumns = [
  ...commonColumns,
  ...['window_id', 'snapshot_source', 'snapshot_library', 'event_count', 'size', 'snapshot_data'],
]
const heatmapColumns = [...commonColumns, 'current_url', 'viewport_width', 'viewport_height', 'properties', 'day']

/**
 * What makes a project's views, in order; safe to repeat. Made anew at each start of the process, so that a release that
 * changes the view needs no migration.
 */
export function projectViewStatements(
  layout: Layout,
  projectId: number,
  properties: PropertyColumns,
): readonly string[] {
  const database = sqlName(projectDatabaseName(layout, projectId))
  const everywhere = onCluster(layout)
  const view = (
    table: TableName,
    columns: readonly string[],
  ) => `CREATE OR REPLACE VIEW ${database}.${table}${everywhere} AS
      SELECT ${columns.join(', ')}
      FROM ${tableName(layout, table)} FINAL
      WHERE team_id = ${String(projectId)} AND expires_at > now()`
  return [
    `CREATE DATABASE IF NOT EXISTS ${database}${everywhere}`,
    view('events', [...visibleColumns, ...[...properties.values()].map(sqlName)]),
    view('session_recording_events', recordingColumns),
    view('heatmaps', heatmapColumns),
  ]
}
