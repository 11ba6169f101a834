/** Projects and the tokens by which events reach them. */
import type { Lane } from '../../event/position.ts'
import { writeAuditLine } from './audit-log.ts'
import type { Actor } from './audit-log.ts'
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
  by: Actor,
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
    const made = projectFrom(row)
    const token = newProjectToken()
    await session.query('insert into sluice.project_tokens (token, project_id) values ($1, $2)', [token, made.id])
    const projectId = made.id
    const line = { action: 'project.created', subject: String(projectId), projectId, after: auditedProject(made) }
    await writeAuditLine(session, by, line)
    await writeAuditLine(session, by, { action: 'token.created', subject: token, projectId, after: { lanes: null } })
    return made
  })
}

/** What is left out stays; `eventRetentionDays: null` keeps events for ever. */
export async function changeProject(
  sql: SqlClient,
  by: Actor,
  projectId: number,
  change: {
    readonly name?: string | undefined
    readonly answers?: Answers | undefined
    readonly eventRetentionDays?: number | null | undefined
  },
): Promise<Project | undefined> {
  return await sql.transaction(async (session) => {
    const [old] = await session.query<ProjectRow>(
      `select ${columns} from sluice.projects p where p.id = $1 for no key update`,
      [projectId],
    )
    const [row] = await session.query<ProjectRow>(
      `update sluice.projects p set name = coalesce($2::text, name), answers = coalesce($3::text, answers),
         event_retention_days = case when $4::boolean then $5::int else event_retention_days end
       where p.id = $1 returning ${columns}`,
      [
        projectId,
        change.name ?? null,
        change.answers ?? null,
        change.eventRetentionDays !== undefined,
        change.eventRetentionDays ?? null,
      ],
    )
    if (old === undefined || row === undefined) return undefined
    const before = auditedProject(projectFrom(old))
    const after = auditedProject(projectFrom(row))
    if (JSON.stringify(before) !== JSON.stringify(after)) {
      const line = { action: 'project.changed', subject: String(projectId), projectId, before, after }
      await writeAuditLine(session, by, line)
    }
    return projectFrom(row)
  })
}

function auditedProject({ name, answers, eventRetentionDays }: Project): object {
  return { name, answers, event_retention_days: eventRetentionDays ?? null }
}

/** A new token that writes to the project, all lanes or those named; undefined when it has `tokensMax` already. */
export async function addProjectToken(
  sql: SqlClient,
  by: Actor,
  projectId: number,
  { lanes }: { readonly lanes: readonly Lane[] | undefined },
  tokensMax: number,
): Promise<string | undefined> {
  return await sql.transaction(async (session) => {
    await session.query('select id from sluice.projects where id = $1 for update', [projectId])
    const [row] = await session.query<{ readonly token: string }>(
      `insert into sluice.project_tokens (token, project_id, lanes) select $1::text, $2::bigint, $4::text[]
       where (select count(*) from sluice.project_tokens where project_id = $2::bigint and revoked_at is null) < $3::bigint
       returning token`,
      [newProjectToken(), projectId, tokensMax, lanes ?? null],
    )
    if (row === undefined) return undefined
    const line = { action: 'token.created', subject: row.token, projectId, after: { lanes: lanes ?? null } }
    await writeAuditLine(session, by, line)
    return row.token
  })
}

/** False when the project has no such token. Doors that follow the changes refuse it soon. */
export async function revokeProjectToken(
  sql: SqlClient,
  by: Actor,
  projectId: number,
  token: string,
): Promise<boolean> {
  return await sql.transaction(async (session) => {
    const rows = await session.query(
      `update sluice.project_tokens set revoked_at = now()
       where project_id = $1 and token = $2 and revoked_at is null returning token`,
      [projectId, token],
    )
    if (rows.length === 0) return false
    await writeAuditLine(session, by, { action: 'token.revoked', subject: token, projectId })
    return true
  })
}

/** Tokens of the project that hold and may write some lanes alone, oldest first. */
export async function laneTokens(
  sql: SqlSession,
  projectId: number,
): Promise<readonly { readonly token: string; readonly lanes: readonly Lane[] }[]> {
  return await sql.query(
    `select token, lanes from sluice.project_tokens
     where project_id = $1 and revoked_at is null and lanes is not null order by created_at, version`,
    [projectId],
  )
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
