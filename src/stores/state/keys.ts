/** Personal keys: by which people and programs ask questions. Only their hashes are kept. */
import { createHash } from 'node:crypto'
import { Failure } from '../../kit/failure.ts'
import { writeAuditLine } from './audit-log.ts'
import type { Actor } from './audit-log.ts'
import { newPersonalKey } from './project-token.ts'
import type { SqlClient, SqlSession } from './sql-client.ts'

/** What a key may do: `read` asks, `write` keeps insights, `manage` changes projects, tokens and keys. */
export const scopes = ['read', 'write', 'manage'] as const
export type Scope = (typeof scopes)[number]

export interface PersonalKey {
  readonly id: string
  readonly label: string
  readonly scopes: readonly Scope[]
  readonly organizationId: string
}

export interface NewPersonalKey {
  readonly organizationId: string
  readonly label: string
  readonly scopes: readonly Scope[]
  /** The key itself, for automation; a random one when it is left out. */
  readonly text?: string
}

/** Whose key this is; undefined when it is nobody's or was revoked. Notes the use, at most once a minute. */
export async function personalKeyByText(sql: SqlSession, text: string): Promise<PersonalKey | undefined> {
  const rows = await sql.query<PersonalKey>(
    `with used as (
       update sluice.personal_keys set last_used_at = now()
       where key_hash = $1 and revoked_at is null
         and (last_used_at is null or last_used_at < now() - interval '1 minute')
     )
     select id, label, scopes, organization_id as "organizationId"
     from sluice.personal_keys where key_hash = $1 and revoked_at is null`,
    [keyHash(text)],
  )
  return rows[0]
}

/** Keeps a new key and resolves with its text, which cannot be had again. */
export async function createPersonalKey(sql: SqlSession, key: NewPersonalKey): Promise<string> {
  const text = key.text ?? newPersonalKey()
  if (!/^[\x21-\x7e]{1,256}$/.test(text)) {
    throw new Failure('SLUICE_PERSONAL_KEY_INVALID', 'A personal key is 1 to 256 visible ASCII characters.')
  }
  await sql.query(
    'insert into sluice.personal_keys (key_hash, label, scopes, organization_id) values ($1, $2, $3, $4)',
    [keyHash(text), key.label, key.scopes, key.organizationId],
  )
  return text
}

/** A key as a list shows it. */
export interface ListedKey {
  readonly id: string
  readonly label: string
  readonly scopes: readonly Scope[]
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
}

/** The keys of an organization that hold, oldest first. */
export async function listPersonalKeys(sql: SqlSession, organizationId: string): Promise<readonly ListedKey[]> {
  return await sql.query<ListedKey>(
    `select ${listedColumns} from sluice.personal_keys where organization_id = $1 and revoked_at is null
     order by created_at, id`,
    [organizationId],
  )
}

/** As `createPersonalKey`, with the key as the list shows it; undefined when the organization has `keysMax` already. */
export async function addPersonalKey(
  sql: SqlClient,
  by: Actor,
  { organizationId, label, scopes }: Omit<NewPersonalKey, 'text'>,
  keysMax: number,
): Promise<{ readonly text: string; readonly listed: ListedKey } | undefined> {
  const text = newPersonalKey()
  return await sql.transaction(async (session) => {
    await session.query('select id from sluice.organizations where id = $1 for update', [organizationId])
    const [listed] = await session.query<ListedKey>(
      `insert into sluice.personal_keys (key_hash, label, scopes, organization_id)
       select $1::bytea, $2::text, $3::text[], $4::uuid
       where (select count(*) from sluice.personal_keys where organization_id = $4::uuid and revoked_at is null) < $5::bigint
       returning ${listedColumns}`,
      [keyHash(text), label, scopes, organizationId, keysMax],
    )
    if (listed === undefined) return undefined
    const line = { action: 'key.created', subject: listed.id, organizationId, after: { label, scopes } }
    await writeAuditLine(session, by, line)
    return { text, listed }
  })
}

/** False when the organization has no such key. From then on it is nobody's. */
export async function revokePersonalKey(
  sql: SqlClient,
  by: Actor,
  organizationId: string,
  id: string,
): Promise<boolean> {
  return await sql.transaction(async (session) => {
    const [revoked] = await session.query<ListedKey>(
      `update sluice.personal_keys set revoked_at = now()
       where organization_id = $1 and id = $2::uuid and revoked_at is null returning ${listedColumns}`,
      [organizationId, id],
    )
    if (revoked === undefined) return false
    const { label, scopes } = revoked
    const line = { action: 'key.revoked', subject: revoked.id, organizationId, before: { label, scopes } }
    await writeAuditLine(session, by, line)
    return true
  })
}

const listedColumns = 'id, label, scopes, created_at as "createdAt", last_used_at as "lastUsedAt"'

/** Nothing to compare in constant time: who can guess at hashes of 256 bits in an index has found the key. */
export function keyHash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
