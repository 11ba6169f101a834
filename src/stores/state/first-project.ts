/**
 * The project that a new installation begins with, and the keys that automation names: whatever else is in the database,
 * after this the given token writes and the given personal key asks.
 */
import { Failure } from '../../kit/failure.ts'
import { systemActor, writeAuditLine } from './audit-log.ts'
import { createPersonalKey, keyHash, scopes } from './keys.ts'
import { newProjectToken, tokenRefusal } from './project-token.ts'
import { canaryProjectId, projectTokens } from './projects.ts'
import type { SqlClient, SqlSession } from './sql-client.ts'

export interface FirstProjectWishes {
  /** Random when left out; of the first project unless it already is another project's. */
  readonly projectToken?: string
  /** Random when left out. */
  readonly personalKey?: string
  /** By which canaries write to the reserved project. The same at every start, or old ones pile up. */
  readonly canaryToken: string
}

export interface FirstProject {
  readonly projectId: number
  readonly organizationId: string
  readonly token: string
  /** Undefined when there was a project before and no key was wished: keys are kept as hashes alone. */
  readonly personalKey: string | undefined
  /** True when the project was made now. */
  readonly created: boolean
}

/** Safe to call at every start and by several instances at once: they all get the same project. */
export async function ensureFirstProject(sql: SqlClient, wishes: FirstProjectWishes): Promise<FirstProject> {
  refuseBadToken(wishes.canaryToken)
  if (wishes.projectToken !== undefined) refuseBadToken(wishes.projectToken)
  return await sql.transaction(async (session) => {
    await session.query(`select pg_advisory_xact_lock(hashtext('sluice.first_project'))`)
    await ensureCanaryToken(session, wishes.canaryToken)
    const existing = await firstProject(session)
    const first = existing ?? (await createFirstProject(session))
    const { token, projectId } = await ensureToken(session, first.id, wishes.projectToken)
    const created = existing === undefined
    const personalKey =
      wishes.personalKey !== undefined || created
        ? await ensurePersonalKey(session, first.organizationId, wishes.personalKey)
        : undefined
    return { projectId, organizationId: first.organizationId, token, personalKey, created }
  })
}

interface FirstProjectRow {
  readonly id: number
  readonly organizationId: string
}

async function firstProject(session: SqlSession): Promise<FirstProjectRow | undefined> {
  const rows = await session.query<FirstProjectRow>(
    `select id, organization_id as "organizationId" from sluice.projects where id <> $1 order by id limit 1`,
    [canaryProjectId],
  )
  return rows[0]
}

async function createFirstProject(session: SqlSession): Promise<FirstProjectRow> {
  const rows = await session.query<FirstProjectRow>(
    `with mine as (insert into sluice.organizations (name) values ($1) returning id)
     insert into sluice.projects (organization_id, name) select id, $2 from mine
     returning id, organization_id as "organizationId"`,
    ['My organisation', 'My project'],
  )
  if (rows[0] === undefined) throw new Error('An insert returned no row.')
  const { id: projectId } = rows[0]
  const after = { name: 'My project', answers: 'sdk', event_retention_days: null }
  await writeAuditLine(session, systemActor, {
    action: 'project.created',
    subject: String(projectId),
    projectId,
    after,
  })
  return rows[0]
}

async function ensureCanaryToken(session: SqlSession, token: string): Promise<void> {
  const { projectId } = await addToken(session, canaryProjectId, token)
  if (projectId !== canaryProjectId) {
    throw new Failure('SLUICE_CANARY_TOKEN_TAKEN', 'The token for canaries is the token of a project.')
  }
}

async function ensureToken(
  session: SqlSession,
  projectId: number,
  wished: string | undefined,
): Promise<{ readonly token: string; readonly projectId: number }> {
  if (wished !== undefined) {
    const kept = await addToken(session, projectId, wished)
    if (kept.projectId === canaryProjectId) {
      throw new Failure('SLUICE_PROJECT_TOKEN_TAKEN', 'The wished project token belongs to the canaries.')
    }
    return kept
  }
  const [oldest] = await projectTokens(session, projectId, 1)
  return oldest === undefined ? await addToken(session, projectId, newProjectToken()) : { token: oldest, projectId }
}

/** Adds a token, or makes it valid again where it was revoked. A token stays with the project that has it. */
async function addToken(
  session: SqlSession,
  projectId: number,
  token: string,
): Promise<{ readonly token: string; readonly projectId: number }> {
  const [kept] = await session.query<{ readonly projectId: number; readonly isNew: boolean }>(
    `insert into sluice.project_tokens (token, project_id) values ($1, $2)
     on conflict (token) do update set revoked_at = null where project_tokens.revoked_at is not null
     returning project_id as "projectId", xmax = 0 as "isNew"`,
    [token, projectId],
  )
  if (kept !== undefined && kept.projectId !== canaryProjectId) {
    const action = kept.isNew ? 'token.created' : 'token.restored'
    await writeAuditLine(session, systemActor, { action, subject: token, projectId: kept.projectId })
  }
  const rows = await session.query<{ readonly token: string; readonly projectId: number }>(
    'select token, project_id as "projectId" from sluice.project_tokens where token = $1',
    [token],
  )
  if (rows[0] === undefined) throw new Error('A token that was just kept is not there.')
  return rows[0]
}

async function ensurePersonalKey(
  session: SqlSession,
  organizationId: string,
  wished: string | undefined,
): Promise<string> {
  const known = wished === undefined ? undefined : await keyByText(session, wished)
  if (wished !== undefined && known?.revoked === false) return wished
  if (wished !== undefined && known !== undefined) {
    await session.query('update sluice.personal_keys set revoked_at = null where id = $1::uuid', [known.id])
    const { id: subject, organizationId: owner } = known
    await writeAuditLine(session, systemActor, { action: 'key.restored', subject, organizationId: owner })
    return wished
  }
  const label = 'First key'
  const text = await createPersonalKey(session, {
    organizationId,
    label,
    scopes,
    ...(wished === undefined ? {} : { text: wished }),
  })
  const made = await keyByText(session, text)
  if (made === undefined) throw new Error('A key that was just kept is not there.')
  const after = { label, scopes }
  await writeAuditLine(session, systemActor, { action: 'key.created', subject: made.id, organizationId, after })
  return text
}

async function keyByText(session: SqlSession, text: string) {
  const rows = await session.query<{
    readonly id: string
    readonly organizationId: string
    readonly revoked: boolean
  }>(
    `select id, organization_id as "organizationId", revoked_at is not null as revoked
     from sluice.personal_keys where key_hash = $1`,
    [keyHash(text)],
  )
  return rows[0]
}

function refuseBadToken(token: string): void {
  const refusal = tokenRefusal(token)
  if (refusal !== undefined || token !== token.trim()) {
    throw new Failure(
      'SLUICE_PROJECT_TOKEN_INVALID',
      `A project token cannot be this: ${refusal ?? 'surrounded by space'}.`,
    )
  }
}
