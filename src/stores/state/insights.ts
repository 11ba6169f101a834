/** Questions that people keep, each in its project. */
import type { SqlClient, SqlSession } from './sql-client.ts'

export const insightKinds = ['trend', 'funnel', 'retention', 'sql'] as const
export type InsightKind = (typeof insightKinds)[number]

export interface Insight {
  readonly id: string
  readonly name: string
  readonly kind: InsightKind
  /** As it was sent. */
  readonly question: unknown
  readonly createdAt: Date
  readonly updatedAt: Date
}

export async function listInsights(sql: SqlSession, projectId: number): Promise<readonly Insight[]> {
  return await sql.query<Insight>(
    `select ${columns} from sluice.insights where project_id = $1 order by created_at, id`,
    [projectId],
  )
}

export async function insight(sql: SqlSession, projectId: number, id: string): Promise<Insight | undefined> {
  const rows = await sql.query<Insight>(
    `select ${columns} from sluice.insights where project_id = $1 and id = $2::uuid`,
    [projectId, id],
  )
  return rows[0]
}

/** Undefined when the project has `insightsMax` already. */
export async function createInsight(
  sql: SqlClient,
  projectId: number,
  { name, kind, question }: Pick<Insight, 'name' | 'kind' | 'question'>,
  insightsMax: number,
): Promise<Insight | undefined> {
  return await sql.transaction(async (session) => {
    await session.query('select id from sluice.projects where id = $1 for update', [projectId])
    const rows = await session.query<Insight>(
      `insert into sluice.insights (project_id, name, kind, question)
       select $1::bigint, $2::text, $3::text, $4::json
       where (select count(*) from sluice.insights where project_id = $1::bigint) < $5::bigint
       returning ${columns}`,
      [projectId, name, kind, JSON.stringify(question), insightsMax],
    )
    return rows[0]
  })
}

/** Undefined when the project has no such insight. What is left out stays. */
export async function changeInsight(
  sql: SqlSession,
  projectId: number,
  id: string,
  change: { readonly name?: string | undefined; readonly question?: unknown },
): Promise<Insight | undefined> {
  const question = change.question === undefined ? null : JSON.stringify(change.question)
  const rows = await sql.query<Insight>(
    `update sluice.insights set name = coalesce($3::text, name), question = coalesce($4::json, question),
       updated_at = now() where project_id = $1 and id = $2::uuid returning ${columns}`,
    [projectId, id, change.name ?? null, question],
  )
  return rows[0]
}

/** False when the project has no such insight. */
export async function deleteInsight(sql: SqlSession, projectId: number, id: string): Promise<boolean> {
  const rows = await sql.query('delete from sluice.insights where project_id = $1 and id = $2::uuid returning id', [
    projectId,
    id,
  ])
  return rows.length > 0
}

const columns = 'id, name, kind, question, created_at as "createdAt", updated_at as "updatedAt"'
