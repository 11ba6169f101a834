/** Personal keys: by which people and programs ask questions. Only their hashes are kept. */
import { createHash } from 'node:crypto'
import { Failure } from '../../kit/failure.ts'
import { newPersonalKey } from './project-token.ts'
import type { SqlSession } from './sql-client.ts'

export interface PersonalKey {
  readonly id: string
  readonly label: string
  /** What the key may do; `*` is everything. */
  readonly scopes: readonly string[]
  readonly organizationId: string
}

export interface NewPersonalKey {
  readonly organizationId: string
  readonly label: string
  readonly scopes: readonly string[]
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

/** Nothing to compare in constant time: who can guess at hashes of 256 bits in an index has found the key. */
export function keyHash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
