/** A real Postgres for tests: the bundled one, in a folder of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate, readMigrations } from '../migrate.ts'
import { openPostgresSqlClient } from '../postgres/postgres-sql-client.ts'
import type { PostgresSqlClientOptions } from '../postgres/postgres-sql-client.ts'
import type { SqlClient } from '../sql-client.ts'
import { openPostgresServer } from './postgres-server.ts'
import type { PostgresConnection, PostgresServer } from './postgres-server.ts'

export interface TestPostgres {
  readonly connection: PostgresConnection
  /** A client with the usual bounds; its database has every migration. */
  readonly sql: SqlClient
  /** The server as it runs now: another one after `restart`. */
  server(): PostgresServer
  /** Another client, closed with the rest. */
  client(options?: Partial<PostgresSqlClientOptions>): SqlClient
  /** As the machine's power would: SIGKILL to the postmaster. Resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it again on the same folder after `kill` or `server().stop()`. */
  restart(): Promise<void>
  close(): Promise<void>
}

export async function openTestPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-postgres-'))
  const lines: string[] = []
  // Tests have many clients at once, each as another process would.
  const options = { folder: join(folder, 'postgres'), connectionsMax: 100, logLine: (line: string) => lines.push(line) }
  const clients: SqlClient[] = []
  let server = await openPostgresServer(options)
  const connection = server.connection()

  const client = (clientOptions: Partial<PostgresSqlClientOptions> = {}): SqlClient => {
    const opened = openPostgresSqlClient({ connection, applicationName: 'test', ...clientOptions })
    clients.push(opened)
    return opened
  }
  const close = async () => {
    await Promise.all(clients.map((opened) => opened.close()))
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const sql = client()
    await migrate(sql, await readMigrations())
    return {
      connection,
      sql,
      server: () => server,
      client,
      async kill() {
        process.kill(server.pid, 'SIGKILL')
        await server.exited
      },
      async restart() {
        server = await openPostgresServer(options)
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
