/**
 * Secrets that all instances of one installation have to share: in Postgres for all, and in each instance's data folder, so that it
 * starts while Postgres is away.
 */
import { rename, rm, writeFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { secretFile } from '../../kit/secret-file.ts'
import type { SqlSession } from '../../stores/state/sql-client.ts'

/** Name in Postgres, file in the data folder (the working directory), and bytes of each. */
const shared = [
  { name: 'canary', path: 'canary.key', bytes: 20 },
  { name: 'duplicate_keys', path: 'edge/duplicates.key', bytes: 32 },
] as const

/** Safe to call at any time by any number of instances: whoever is first decides. Rejects while Postgres is away. */
export async function shareSecretFiles(sql: SqlSession): Promise<void> {
  for (const { name, path, bytes } of shared) {
    const own = await secretFile(path, bytes)
    await sql.query('insert into sluice.shared_secrets (name, value) values ($1, $2) on conflict do nothing', [
      name,
      own.toString('hex'),
    ])
    const [row] = await sql.query<{ value: string }>('select value from sluice.shared_secrets where name = $1', [name])
    const value = row?.value ?? own.toString('hex')
    if (value === own.toString('hex')) continue
    const next = `${path}.${randomUUID()}`
    try {
      await writeFile(next, value, { mode: 0o600, flush: true, flag: 'wx' })
      await rename(next, path)
    } finally {
      await rm(next, { force: true })
    }
  }
}
