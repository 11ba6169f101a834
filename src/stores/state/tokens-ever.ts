import type { SqlSession } from './sql-client.ts'

/** Every token that writes or ever wrote to the project, revoked ones included; the newest `limit` of them. */
export async function tokensEver(sql: SqlSession, projectId: number, limit = 10_000): Promise<readonly string[]> {
  const rows = await sql.query<{ readonly token: string }>(
    'select token from sluice.project_tokens where project_id = $1 order by version desc limit $2',
    [projectId, limit],
  )
  return rows.map(({ token }) => token)
}
