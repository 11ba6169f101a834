/** The database in which a project's questions look up names. Nothing but the project's own views may ever lie in it. */
export function projectDatabaseName(projectId: number): string {
  return `project_${String(projectId)}`
}

/**
 * What makes a project's view, in order; safe to repeat. Made anew at each start of the process, so that a release that
 * changes the view needs no migration.
 */
export function projectViewStatements(projectId: number): readonly string[] {
  const database = projectDatabaseName(projectId)
  return [
    `CREATE DATABASE IF NOT EXISTS ${database}`,
    `CREATE OR REPLACE VIEW ${database}.events AS
      SELECT uuid, event, properties, timestamp, day, distinct_id, team_id, created_at, accepted_at
      FROM sluice.events FINAL
      WHERE team_id = ${String(projectId)} AND expires_at > now()`,
  ]
}
