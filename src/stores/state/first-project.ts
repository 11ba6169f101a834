/**
 * The project that a new installation begins with, and the keys that automation names: whatever else is in the database,
 * after this the given token writes and the given personal key asks.
 */
import { Failure } from '../../kit/failure.ts'
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
  await session.query(
    `insert into sluice.project_tokens (token, project_id) values ($1, $2)
     on conflict (token) do update set revoked_at = null where project_tokens.revoked_at is not null`,
    [token, projectId],
  )
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
  const known =
    wished === undefined
      ? []
      : await session.query('update sluice.personal_keys set revoked_at = null where key_hash = $1 returning id', [
          keyHash(wished),
        ])
  if (wished !== undefined && known.length > 0) return wished
  return await createPersonalKey(session, {
    organizationId,
    label: 'First key',
    scopes,
    ...(wished === undefined ? {} : { text: wished }),
  })
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
