/**
 * Brings the database to the state that this version of the code expects.
 *
 * `migrations/NNNN-what.sql` are numbered without gaps and only ever added. Each is applied in a transaction of its own under
 * a lock, so that several instances may start at once: one applies it, the others wait and find it done. What was applied
 * is remembered with its checksum; a file that changed afterwards, or a database newer than the code, is refused rather
 * than guessed at.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { Failure } from '../../kit/failure.ts'
import type { SqlClient, SqlSession } from './sql-client.ts'

export interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
}

export interface MigrateOptions {
  /** For one statement of a migration, waiting for another instance's migration included. */
  readonly statementTimeoutMs?: number
}

const bundledMigrations = new URL('migrations/', import.meta.url)

/** Applies what is missing and resolves with the names of what it applied itself. */
export async function migrate(
  sql: SqlClient,
  migrations: readonly Migration[],
  options: MigrateOptions = {},
): Promise<readonly string[]> {
  const applied: string[] = []
  const statementTimeoutMs = options.statementTimeoutMs ?? 300_000
  while (true) {
    const name = await sql.transaction((session) => applyNext(session, migrations), { statementTimeoutMs })
    if (name === undefined) return applied
    applied.push(name)
  }
}

/** The files of the folder in order; the ones of this version when none is given. */
export async function readMigrations(folder: URL = bundledMigrations): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return await Promise.all(
    names.map(async (name, index) => {
      const number = Number(/^(\d{4})-[a-z0-9-]+\.sql$/.exec(name)?.[1] ?? Number.NaN)
      if (number !== index + 1) {
        throw new Failure(
          'SLUICE_STATE_MIGRATIONS',
          `The migration ${name} should be called ${String(index + 1).padStart(4, '0')}-….sql: they are numbered without gaps.`,
        )
      }
      return { number, name, sql: await readFile(new URL(name, folder), 'utf8') }
    }),
  )
}

/** One step, under the lock: resolves with the migration that it applied, or undefined when none was missing. */
async function applyNext(session: SqlSession, migrations: readonly Migration[]): Promise<string | undefined> {
  await session.query(`select pg_advisory_xact_lock(hashtext('sluice.migrations'))`)
  await session.query(`
    create schema if not exists sluice;
    create table if not exists sluice.migrations (
      number int primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`)
  const done = await session.query<AppliedRow>('select number, name, checksum from sluice.migrations order by number')
  refuseStrangers(done, migrations)
  const next = migrations[done.length]
  if (next === undefined) return undefined
  await session.query(next.sql)
  await session.query('insert into sluice.migrations (number, name, checksum) values ($1, $2, $3)', [
    next.number,
    next.name,
    checksumOf(next.sql),
  ])
  return next.name
}

interface AppliedRow {
  readonly number: number
  readonly name: string
  readonly checksum: string
}

function refuseStrangers(done: readonly AppliedRow[], migrations: readonly Migration[]): void {
  for (const [index, { number, name, checksum }] of done.entries()) {
    const known = migrations[index]
    if (known === undefined) {
      throw new Failure(
        'SLUICE_STATE_NEWER',
        `The database has the migration ${name}, which this version of Sluice does not know. Start the newer version that applied it.`,
      )
    }
    if (known.number !== number || checksumOf(known.sql) !== checksum) {
      throw new Failure(
        'SLUICE_STATE_MIGRATION_CHANGED',
        `The migration ${known.name} is not the one that was applied to the database as ${name}. Put the old file back and add a new one for the change.`,
      )
    }
  }
}

function checksumOf(sql: string): string {
  return createHash('sha256').update(sql).digest('hex')
}
