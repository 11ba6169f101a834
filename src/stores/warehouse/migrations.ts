import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../kit/failure.ts'

/**
 * Numbered SQL files, forward only: `migrations/0001-events.sql`. A file that was applied once never changes.
 * Statements end with a semicolon at the end of a line and can be repeated (`IF NOT EXISTS`), because a start may end
 * between a statement and the note that it was applied.
 */
export interface Migration {
  readonly number: number
  readonly name: string
  readonly checksum: string
  readonly statements: readonly string[]
}

/** What migrations need of an engine. */
export interface MigrationRunner {
  run(sql: string): Promise<void>
  rows(sql: string): Promise<readonly (readonly unknown[])[]>
}

export async function readMigrations(folder: string = join(import.meta.dirname, 'migrations')): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  const migrations = await Promise.all(names.map((name) => readMigration(folder, name)))
  migrations.forEach(({ number, name }, at) => {
    if (number !== at + 1) throw new Failure('SLUICE_WAREHOUSE_MIGRATION', `Migration ${name} is out of sequence.`)
  })
  return migrations
}

async function readMigration(folder: string, name: string): Promise<Migration> {
  const text = await readFile(join(folder, name), 'utf8')
  const statements = text.split(/;\s*(?:\n|$)/).map((part) => part.trim())
  return {
    number: Number(name.slice(0, 4)),
    name,
    checksum: createHash('sha256').update(text).digest('hex'),
    statements: statements.filter((part) => part !== ''),
  }
}

/** Brings the database up to the newest migration; refuses one that was changed afterwards or made by a newer release. */
export async function migrate(runner: MigrationRunner, migrations: readonly Migration[]): Promise<void> {
  await runner.run('CREATE DATABASE IF NOT EXISTS sluice')
  await runner.run(`CREATE TABLE IF NOT EXISTS sluice.schema_migrations
    (number UInt32, name String, checksum String, applied_at DateTime('UTC'))
    ENGINE = MergeTree ORDER BY number SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`)
  const applied = new Map<number, string>()
  for (const [number, checksum] of await runner.rows('SELECT number, checksum FROM sluice.schema_migrations')) {
    applied.set(Number(number), String(checksum))
  }
  checkApplied(applied, migrations)
  for (const { number, name, checksum, statements } of migrations) {
    if (applied.has(number)) continue
    for (const statement of statements) await runner.run(statement)
    await runner.run(`INSERT INTO sluice.schema_migrations VALUES (${String(number)}, '${name}', '${checksum}', now())`)
  }
}

function checkApplied(applied: ReadonlyMap<number, string>, migrations: readonly Migration[]): void {
  for (const [number, checksum] of applied) {
    const known = migrations.find((migration) => migration.number === number)
    if (known === undefined) {
      throw new Failure(
        'SLUICE_WAREHOUSE_NEWER',
        `The warehouse was made by a newer release (it has migration ${String(number)}). Start that release, or restore a backup made before it.`,
      )
    }
    if (known.checksum !== checksum) {
      throw new Failure(
        'SLUICE_WAREHOUSE_MIGRATION',
        `Migration ${known.name} was changed after it had been applied here. Restore the file, and put the change into a new migration.`,
      )
    }
  }
}
