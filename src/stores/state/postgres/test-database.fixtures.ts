/**
 * A database with all migrations for one test: on the server of DATABASE_URL under a name of its own where there is one, else on
 * a bundled Postgres of its own.
 */
import { randomBytes } from 'node:crypto'
import { openTestPostgres } from '../embedded-postgres/postgres.fixtures.ts'
import { service } from '../../../kit/service.fixtures.ts'
import { migrate, readMigrations } from '../migrate.ts'
import type { SqlClient } from '../sql-client.ts'
import { openPostgresSqlClient } from './postgres-sql-client.ts'

export interface TestDatabase {
  readonly sql: SqlClient
  /** Another client of the same database, as another process has it; closed with the rest. */
  client(): SqlClient
  /** The database goes away. */
  close(): Promise<void>
}

export async function openTestDatabase(): Promise<TestDatabase> {
  const { address } = service('DATABASE_URL')
  return address === '' ? await openTestPostgres() : await openDatabaseOn(address)
}

async function openDatabaseOn(address: string): Promise<TestDatabase> {
  const name = `sluice_test_${randomBytes(6).toString('hex')}`
  const own = new URL(address)
  own.pathname = `/${name}`
  const clients: SqlClient[] = []
  const open = (connectionString: string): SqlClient =>
    openPostgresSqlClient({ connection: { connectionString }, applicationName: name, statementTimeoutMs: 60_000 })
  const server = open(address)
  await server.query(`create database ${name}`)
  const client = (): SqlClient => {
    const opened = open(own.href)
    clients.push(opened)
    return opened
  }
  const sql = client()
  await migrate(sql, await readMigrations())
  return {
    sql,
    client,
    async close() {
      await Promise.all(clients.map((opened) => opened.close()))
      await server.query(`drop database ${name} with (force)`)
      await server.close()
    },
  }
}
