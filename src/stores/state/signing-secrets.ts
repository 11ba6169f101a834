/** Secrets by which servers sign what they send, as people manage them. While a project has one, unsigned requests are refused. */
import { writeAuditLine } from './audit-log.ts'
import type { Actor } from './audit-log.ts'
import { newSigningSecret } from './project-token.ts'
import type { SqlClient, SqlSession } from './sql-client.ts'

/** Without the secret, which is shown when it is made and never again. */
export interface SigningSecret {
  readonly id: string
  readonly label: string
  readonly createdAt: Date
}

/** Those that hold, oldest first. */
export async function listSigningSecrets(sql: SqlSession, projectId: number): Promise<readonly SigningSecret[]> {
  return await sql.query<SigningSecret>(
    `select ${columns} from sluice.signing_secrets where project_id = $1 and revoked_at is null order by created_at, id`,
    [projectId],
  )
}

/** Undefined when the project has `secretsMax` already. */
export async function createSigningSecret(
  sql: SqlClient,
  by: Actor,
  projectId: number,
  label: string,
  secretsMax: number,
): Promise<{ readonly listed: SigningSecret; readonly secret: string } | undefined> {
  const secret = newSigningSecret()
  return await sql.transaction(async (session) => {
    await session.query('select id from sluice.projects where id = $1 for no key update', [projectId])
    const [listed] = await session.query<SigningSecret>(
      `insert into sluice.signing_secrets (project_id, label, secret) select $1::bigint, $2::text, $3::text
       where (select count(*) from sluice.signing_secrets where project_id = $1::bigint and revoked_at is null) < $4::bigint
       returning ${columns}`,
      [projectId, label, secret, secretsMax],
    )
    if (listed === undefined) return undefined
    const line = { action: 'signing_secret.created', subject: listed.id, projectId, after: { label } }
    await writeAuditLine(session, by, line)
    return { listed, secret }
  })
}

/** False when the project has no such secret that holds. The text is forgotten with it. */
export async function revokeSigningSecret(sql: SqlClient, by: Actor, projectId: number, id: string): Promise<boolean> {
  return await sql.transaction(async (session) => {
    const [revoked] = await session.query<SigningSecret>(
      `update sluice.signing_secrets set revoked_at = now(), secret = gen_random_uuid()::text || gen_random_uuid()::text
       where project_id = $1 and id = $2::uuid and revoked_at is null returning ${columns}`,
      [projectId, id],
    )
    if (revoked === undefined) return false
    const before = { label: revoked.label }
    await writeAuditLine(session, by, { action: 'signing_secret.revoked', subject: revoked.id, projectId, before })
    return true
  })
}

const columns = 'id, label, created_at as "createdAt"'
