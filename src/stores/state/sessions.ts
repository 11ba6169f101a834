/**
 * Sessions of the console. The browser has a token of 256 random bits, we its SHA-256. A session ends after `ageMsMax`, or when it
 * was not used for `idleMsMax`; when a user has more than `perUserMax`, his oldest go.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { SqlClient, SqlSession } from './sql-client.ts'
import type { User } from './users.ts'

export interface SessionLimits {
  readonly ageMsMax: number
  readonly idleMsMax: number
  readonly perUserMax: number
}

/** What the browser keeps; never stored. */
export async function createSession(sql: SqlClient, userId: string, limits: SessionLimits): Promise<string> {
  const token = randomBytes(32).toString('base64url')
  await sql.transaction(async (session) => {
    // Logins of one user follow each other, so that none is counted past.
    await session.query('select id from sluice.users where id = $1 for update', [userId])
    await session.query('insert into sluice.sessions (token_hash, user_id) values ($1, $2)', [
      sessionHash(token),
      userId,
    ])
    await session.query(
      `delete from sluice.sessions where user_id = $1 and (${isOver('$3', '$4')} or token_hash not in (
         select token_hash from sluice.sessions where user_id = $1 order by created_at desc limit $2))`,
      [userId, limits.perUserMax, limits.ageMsMax, limits.idleMsMax],
    )
  })
  return token
}

/** Whose session it is; undefined when it is nobody's or over. Notes the use, at most once a minute. */
export async function userBySession(sql: SqlSession, token: string, limits: SessionLimits): Promise<User | undefined> {
  const rows = await sql.query<User>(
    `with used as (
       update sluice.sessions set last_used_at = now()
       where token_hash = $1 and last_used_at < now() - interval '1 minute' and not (${isOver('$2', '$3')})
     )
     select u.id, u.login, u.organization_id as "organizationId", o.name as "organizationName", u.one_time as "oneTime"
     from sluice.sessions s join sluice.users u on u.id = s.user_id join sluice.organizations o on o.id = u.organization_id
     where s.token_hash = $1 and not (${isOver('$2', '$3', 's.')})`,
    [sessionHash(token), limits.ageMsMax, limits.idleMsMax],
  )
  return rows[0]
}

export async function endSession(sql: SqlSession, token: string): Promise<void> {
  await sql.query('delete from sluice.sessions where token_hash = $1', [sessionHash(token)])
}

export function sessionHash(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function isOver(ageMs: string, idleMs: string, of = ''): string {
  return `(${of}created_at < now() - ${ageMs}::bigint * interval '1 millisecond'
    or ${of}last_used_at < now() - ${idleMs}::bigint * interval '1 millisecond')`
}
