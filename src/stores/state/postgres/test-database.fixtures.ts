/**
 * A database with all migrations for one test: on the server of DATABASE_URL under a name of its own where there is one, else on
 * a bundled Postgres of its own.
 */
import { randomBytes } from 'node:crypto'
import { openTestPostgres } from '../embedded-postgres/postgres.fixtures.ts'
import { service } from '../../../kit/service.fixtures.ts'
import { migrate, readMigrations } from '../migrate.ts'
import type { SqlClient } from '../sql-client.ts'
import { readDatabaseUrl } from './database-url.ts'
import { openPostgresSqlClient } from './postgres-sql-client.ts'
import type { Way } from './postgres-sql-client.ts'

/** For tests that begin with the tables of an earlier release. */
export { readMigrations }

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
  const place = await readDatabaseUrl(address)
  const open = (connection: Way): SqlClient =>
    openPostgresSqlClient({
      ...place,
      connection,
      otherWays: place.otherWays.map((way) => ({ ...way, database: connection.database })),
      applicationName: name,
      statementTimeoutMs: 60_000,
    })
  const server = open(place.connection)
  await server.query(`create database ${name}`)
  const clients: SqlClient[] = []
  const client = (): SqlClient => {
    const opened = open({ ...place.connection, database: name })
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
