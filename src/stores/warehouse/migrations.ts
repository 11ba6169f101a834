import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../kit/failure.ts'
import { embeddedLayout, onCluster, statementsFor, tableName } from './layout.ts'
import type { Layout } from './layout.ts'

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
  command(sql: string): Promise<void>
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

/** @internal for the test that reads all statements; what makes the table that says which migrations were applied. */
export const beforeMigrations: readonly string[] = [
  'CREATE DATABASE IF NOT EXISTS sluice',
  `CREATE TABLE IF NOT EXISTS sluice.schema_migrations
    (number UInt32, name String, checksum String, applied_at DateTime('UTC'))
    ENGINE = MergeTree ORDER BY number SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
]

/** Brings the database up to the newest migration; refuses one that was changed afterwards or made by a newer release. */
export async function migrate(
  runner: MigrationRunner,
  migrations: readonly Migration[],
  layout: Layout = embeddedLayout,
): Promise<void> {
  const run = async (statement: string) => {
    for (const rendered of statementsFor(layout, statement)) await runner.command(rendered)
  }
  for (const statement of beforeMigrations) await run(statement)
  const done = tableName(layout, 'schema_migrations')
  if (layout.cluster !== undefined) await runner.command(`SYSTEM SYNC REPLICA${onCluster(layout)} ${done}`)
  const applied = new Map<number, string>()
  for (const [number, checksum] of await runner.rows(`SELECT number, checksum FROM ${done}`)) {
    applied.set(Number(number), String(checksum))
  }
  checkApplied(applied, migrations)
  for (const { number, name, checksum, statements } of migrations) {
    if (applied.has(number)) continue
    for (const statement of statements) await run(statement)
    await runner.command(`INSERT INTO ${done} VALUES (${String(number)}, '${name}', '${checksum}', now())`)
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
