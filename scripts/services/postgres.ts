/**
 * The bundled PostgreSQL on a loopback port, with a superuser `app` that needs no password and a database `sluice`.
 *
 * It keeps nothing worth a disk's time, so it does not wait for the disk (`fsync` off): a killed process loses nothing all
 * the same. As root it runs under another account, with its data folder as working directory and `/proc/self/cwd` as its
 * name, because parents of the clone may be closed to that account.
 */
import { existsSync } from 'node:fs'
import { chown, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { stopLeftover } from '../../src/stores/state/embedded-postgres/leftover-postgres.ts'
import { postgresAccount } from '../../src/stores/state/embedded-postgres/postgres-account.ts'
import { programEnvironment, programsFor } from '../../src/stores/state/embedded-postgres/postgres-programs.ts'
import { runProgram } from './programs.ts'
import { portOf } from './service.ts'
import type { Place, Service } from './service.ts'

const user = 'app'
const database = 'sluice'
const connectionsMax = 200
const askTimeoutMs = 5000
const initTimeoutMs = 120_000
const leftoverTimeoutMs = 10_000

const dataFolder = (place: Place) => path.join(place.folder, 'data')

export const postgresService: Service = {
  name: 'postgres',
  members: ['postgres'],
  portsEach: 1,
  // Fast shutdown: sessions are ended.
  stopSignal: 'SIGINT',

  async install() {
    // Comes with the npm packages; programsFor says what is wrong when it is not there.
  },

  async prepare(_member, place) {
    const data = dataFolder(place)
    if (existsSync(data)) return
    await mkdir(place.folder, { recursive: true })
    const account = await postgresAccount(data)
    const { initdb } = await programsFor(account)
    const staging = await mkdtemp(`${data}.new-`)
    if (account !== undefined) await chown(staging, account.uid, account.gid)
    try {
      const parameters = ['-D', '/proc/self/cwd', '-U', user, '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync']
      await runProgram(initdb, parameters, {
        timeoutMs: initTimeoutMs,
        cwd: staging,
        environment: programEnvironment,
        account,
      })
      await rename(staging, data)
    } finally {
      await rm(staging, { recursive: true, force: true })
    }
  },

  // Its children outlive a killed server for a moment, and no other one starts as long as they are there.
  async endLeftovers(place) {
    await stopLeftover(dataFolder(place), leftoverTimeoutMs)
  },

  async launch(member, place) {
    const data = dataFolder(place)
    const account = await postgresAccount(data)
    const { postgres } = await programsFor(account)
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(portOf(place, member)),
      unix_socket_directories: '',
      max_connections: String(connectionsMax),
      shared_buffers: '64MB',
      max_wal_size: '256MB',
      fsync: 'off',
      full_page_writes: 'off',
      io_method: 'sync',
      timezone: 'UTC',
    }
    const parameters = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    return {
      command: postgres,
      arguments: ['-D', '/proc/self/cwd', ...parameters],
      cwd: data,
      environment: programEnvironment,
      account,
    }
  },

  async finish(place) {
    await asking(place, 'postgres', async (client) => {
      const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [database])
      if (rowCount === 0) await client.query(`CREATE DATABASE ${database}`)
    })
  },

  async ask(place) {
    return await asking(place, 'postgres', async (client) => {
      const { rows } = await client.query<{ version: string }>("SELECT current_setting('server_version') AS version")
      return `PostgreSQL ${rows[0]?.version ?? '?'}, at most ${String(connectionsMax)} connections`
    })
  },

  environment: (place) => ({
    DATABASE_URL: `postgres://${user}@127.0.0.1:${String(portOf(place, 'postgres'))}/${database}`,
  }),
}

async function asking<Result>(
  place: Place,
  inDatabase: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: portOf(place, 'postgres'),
    user,
    database: inDatabase,
    connectionTimeoutMillis: askTimeoutMs,
    query_timeout: askTimeoutMs,
  })
  // What happens between two questions: the next one rejects.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}
