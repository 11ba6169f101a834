/** Projects and the tokens by which events reach them. */
import { newProjectToken } from './project-token.ts'
import type { SqlClient, SqlSession } from './sql-client.ts'

/** How capture answers a refused event: `sdk` as the real SDKs need it, `strict` with a status for each refusal. */
export type Answers = 'sdk' | 'strict'

export interface Project {
  readonly id: number
  /** Undefined for the reserved project alone. */
  readonly organizationId: string | undefined
  readonly name: string
  readonly answers: Answers
  /** Undefined keeps events for ever. */
  readonly eventRetentionDays: number | undefined
  readonly createdAt: Date
}

/** What a list of tokens says about one of them. */
export interface TokenChange {
  readonly token: string
  readonly projectId: number
  readonly answers: Answers
  readonly revoked: boolean
  /** Larger than that of every change that was visible before. */
  readonly version: number
}

/** The project of canaries. No question counts it and no list shows it. */
export const canaryProjectId = 0

/** The project that a token writes to; undefined when nobody has the token or it was revoked. */
export async function projectByToken(sql: SqlSession, token: string): Promise<Project | undefined> {
  const rows = await sql.query<ProjectRow>(
    `select ${columns} from sluice.project_tokens t join sluice.projects p on p.id = t.project_id
     where t.token = $1 and t.revoked_at is null`,
    [token],
  )
  return rows[0] && projectFrom(rows[0])
}

export async function project(sql: SqlSession, id: number): Promise<Project | undefined> {
  const rows = await sql.query<ProjectRow>(`select ${columns} from sluice.projects p where p.id = $1`, [id])
  return rows[0] && projectFrom(rows[0])
}

/** All projects of an organization, oldest first; never the reserved one. */
export async function listProjects(sql: SqlSession, organizationId: string): Promise<readonly Project[]> {
  const rows = await sql.query<ProjectRow>(
    `select ${columns} from sluice.projects p where p.organization_id = $1 and p.id <> $2 order by p.id`,
    [organizationId, canaryProjectId],
  )
  return rows.map(projectFrom)
}

/** A new project with a first token; undefined when the organization has `projectsMax` already. */
export async function createProject(
  sql: SqlClient,
  organizationId: string,
  name: string,
  projectsMax: number,
): Promise<Project | undefined> {
  return await sql.transaction(async (session) => {
    await session.query('select id from sluice.organizations where id = $1 for update', [organizationId])
    const [row] = await session.query<ProjectRow>(
      `insert into sluice.projects as p (organization_id, name) select $1::uuid, $2::text
       where (select count(*) from sluice.projects where organization_id = $1::uuid) < $3::bigint returning ${columns}`,
      [organizationId, name, projectsMax],
    )
    if (row === undefined) return undefined
    await session.query('insert into sluice.project_tokens (token, project_id) values ($1, $2)', [
      newProjectToken(),
      row.id,
    ])
    return projectFrom(row)
  })
}

/** What is left out stays; `eventRetentionDays: null` keeps events for ever. */
export async function changeProject(
  sql: SqlSession,
  id: number,
  change: { readonly name?: string | undefined; readonly eventRetentionDays?: number | null | undefined },
): Promise<Project | undefined> {
  const rows = await sql.query<ProjectRow>(
    `update sluice.projects p set name = coalesce($2::text, name),
       event_retention_days = case when $3::boolean then $4::int else event_retention_days end
     where p.id = $1 returning ${columns}`,
    [id, change.name ?? null, change.eventRetentionDays !== undefined, change.eventRetentionDays ?? null],
  )
  return rows[0] && projectFrom(rows[0])
}

/** A new token that writes to the project; undefined when it has `tokensMax` already. */
export async function addProjectToken(
  sql: SqlClient,
  projectId: number,
  tokensMax: number,
): Promise<string | undefined> {
  return await sql.transaction(async (session) => {
    await session.query('select id from sluice.projects where id = $1 for update', [projectId])
    const [row] = await session.query<{ readonly token: string }>(
      `insert into sluice.project_tokens (token, project_id) select $1::text, $2::bigint
       where (select count(*) from sluice.project_tokens where project_id = $2::bigint and revoked_at is null) < $3::bigint
       returning token`,
      [newProjectToken(), projectId, tokensMax],
    )
    return row?.token
  })
}

/** False when the project has no such token. Doors that follow the changes refuse it soon. */
export async function revokeProjectToken(sql: SqlSession, projectId: number, token: string): Promise<boolean> {
  const rows = await sql.query(
    `update sluice.project_tokens set revoked_at = now()
     where project_id = $1 and token = $2 and revoked_at is null returning token`,
    [projectId, token],
  )
  return rows.length > 0
}

/** The tokens that write to a project now, oldest first; the newest are left out when there are more than `limit`. */
export async function projectTokens(sql: SqlSession, projectId: number, limit = 100): Promise<readonly string[]> {
  const rows = await sql.query<{ readonly token: string }>(
    `select token from sluice.project_tokens where project_id = $1 and revoked_at is null
     order by created_at, version limit $2`,
    [projectId, limit],
  )
  return rows.map(({ token }) => token)
}

/**
 * Up to `limit` tokens that were added, changed or revoked after `version`, in order of their versions. Whoever asks again
 * with the last version he got, until there are none, misses nothing; from 0 on these are all tokens.
 */
export async function tokensChangedSince(
  sql: SqlSession,
  version: number,
  limit: number,
): Promise<readonly TokenChange[]> {
  return await sql.query<TokenChange>(
    `select t.token, t.project_id as "projectId", p.answers, t.revoked_at is not null as revoked, t.version
     from sluice.project_tokens t join sluice.projects p on p.id = t.project_id
     where t.version > $1 order by t.version limit $2`,
    [version, limit],
  )
}

/** One token as a list would show it; undefined when nobody has it. */
export async function tokenNow(sql: SqlSession, token: string): Promise<TokenChange | undefined> {
  const rows = await sql.query<TokenChange>(
    `select t.token, t.project_id as "projectId", p.answers, t.revoked_at is not null as revoked, t.version
     from sluice.project_tokens t join sluice.projects p on p.id = t.project_id where t.token = $1`,
    [token],
  )
  return rows[0]
}

interface ProjectRow {
  readonly id: number
  readonly organizationId: string | null
  readonly name: string
  readonly answers: Answers
  readonly eventRetentionDays: number | null
  readonly createdAt: Date
}

const columns = `p.id, p.organization_id as "organizationId", p.name, p.answers,
  p.event_retention_days as "eventRetentionDays", p.created_at as "createdAt"`

function projectFrom(row: ProjectRow): Project {
  return {
    ...row,
    organizationId: row.organizationId ?? undefined,
    eventRetentionDays: row.eventRetentionDays ?? undefined,
  }
}
