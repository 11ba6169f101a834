/** People who log in at the console. */
import { Failure } from '../../kit/failure.ts'
import { systemActor, writeAuditLine } from './audit-log.ts'
import type { Actor } from './audit-log.ts'
import { hashPassword, isPassword, newPassword } from './passwords.ts'
import type { PasswordHash } from './passwords.ts'
import type { SqlClient, SqlSession } from './sql-client.ts'

export interface User {
  readonly id: string
  readonly login: string
  readonly organizationId: string
  readonly organizationName: string
  /** The password was made by Sluice and must be replaced before anything else. */
  readonly oneTime: boolean
}

/** The one that a new installation begins with. */
export const firstLogin = 'admin'

/** The user with this login and password; undefined when there is none, which takes as long. */
export async function userByPassword(sql: SqlSession, login: string, password: string): Promise<User | undefined> {
  const rows = await sql.query<User & PasswordHash>(
    `select u.id, u.login, u.organization_id as "organizationId", o.name as "organizationName", u.one_time as "oneTime",
       u.password_hash as hash, u.password_salt as salt, u.password_cost as cost,
       u.password_block_size as "blockSize", u.password_parallelism as parallelism
     from sluice.users u join sluice.organizations o on o.id = u.organization_id where u.login = $1`,
    [login],
  )
  const [row] = rows
  if (!(await isPassword(password, row)) || row === undefined) return undefined
  const { id, organizationId, organizationName, oneTime } = row
  return { id, login: row.login, organizationId, organizationName, oneTime }
}

/** Replaces the password and ends every session of the user but the one whose token hash is given. */
export async function changePassword(
  sql: SqlClient,
  by: Actor,
  userId: string,
  password: string,
  options: { readonly oneTime: boolean; readonly keepSession?: Buffer },
): Promise<void> {
  const hash = await hashPassword(password)
  await sql.transaction(async (session) => {
    const [user] = await session.query<{ readonly login: string; readonly organizationId: string }>(
      `update sluice.users set password_hash = $2, password_salt = $3, password_cost = $4, password_block_size = $5,
         password_parallelism = $6, one_time = $7 where id = $1 returning login, organization_id as "organizationId"`,
      [userId, ...columnsOf(hash), options.oneTime],
    )
    await session.query('delete from sluice.sessions where user_id = $1 and token_hash is distinct from $2', [
      userId,
      options.keepSession ?? null,
    ])
    if (user === undefined) return
    const { login, organizationId } = user
    const action = options.oneTime ? 'login.reset' : 'password.changed'
    await writeAuditLine(session, by, { action, subject: login, organizationId })
  })
}

/**
 * Makes sure that somebody can log in. A wished password is taken as long as nobody has chosen one; without it a one-time password
 * is made and handed to `keep` before it is valid, so that a crash never leaves one that nobody knows. Resolves with whether the
 * password is still a one-time one.
 */
export async function ensureFirstUser(
  sql: SqlClient,
  organizationId: string,
  options: { readonly password?: string; keep(password: string): Promise<void> },
): Promise<{ readonly oneTime: boolean }> {
  const [known] = await usersCalled(sql, firstLogin)
  if (known !== undefined) {
    if (!known.oneTime || options.password === undefined) return { oneTime: known.oneTime }
    await changePassword(sql, systemActor, known.id, options.password, { oneTime: false })
    return { oneTime: false }
  }
  const oneTime = options.password === undefined
  const password = options.password ?? newPassword()
  const hash = await hashPassword(password)
  return await sql.transaction(async (session) => {
    await session.query(`select pg_advisory_xact_lock(hashtext('sluice.first_user'))`)
    const [meanwhile] = await usersCalled(session, firstLogin)
    if (meanwhile !== undefined) return { oneTime: meanwhile.oneTime }
    if (oneTime) await options.keep(password)
    await session.query(
      `insert into sluice.users (organization_id, login, password_hash, password_salt, password_cost, password_block_size,
         password_parallelism, one_time) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [organizationId, firstLogin, ...columnsOf(hash), oneTime],
    )
    await writeAuditLine(session, systemActor, { action: 'user.created', subject: firstLogin, organizationId })
    return { oneTime }
  })
}

/** Gives the first user a new one-time password, hands it to `keep` first, and ends all of his sessions. */
export async function resetFirstUser(
  sql: SqlClient,
  by: Actor,
  keep: (password: string) => Promise<void>,
): Promise<{ readonly login: string; readonly password: string }> {
  const [user] = await usersCalled(sql, firstLogin)
  if (user === undefined) {
    throw new Failure('SLUICE_NO_USER', 'There is no user yet: the core has not prepared its database.', {
      retryable: true,
    })
  }
  const password = newPassword()
  await keep(password)
  await changePassword(sql, by, user.id, password, { oneTime: true })
  return { login: firstLogin, password }
}

function usersCalled(sql: SqlSession, login: string) {
  return sql.query<{ readonly id: string; readonly oneTime: boolean }>(
    'select id, one_time as "oneTime" from sluice.users where login = $1',
    [login],
  )
}

function columnsOf({ hash, salt, cost, blockSize, parallelism }: PasswordHash) {
  return [hash, salt, cost, blockSize, parallelism] as const
}
