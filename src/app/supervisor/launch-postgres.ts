/** The bundled Postgres as one of the supervised processes, and how others find it. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, messageOf } from '../../kit/failure.ts'
import type { LogLevel, Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { PostgresConnection, PostgresServer } from '../../stores/state/embedded-postgres/postgres-server.ts'
import { openPostgresServer } from '../../stores/state/embedded-postgres/postgres-server.ts'
import type { Config } from '../config.ts'
import { runFolder } from './data-folder.ts'
import type { Exit, Launch } from './launch.ts'

const connectionFile = 'postgres.json'

/** Launches Postgres in `<data folder>/postgres`; once it answers, `run/postgres.json` says how to reach it. */
export function launchPostgres(config: Config, telemetry: Pick<Telemetry, 'log'>): Launch {
  const dataFolder = config.data.dir
  return (life) => {
    const opening = openPostgresServer({
      folder: join(dataFolder, 'postgres'),
      stopTimeoutMs: config.supervisor.stopTimeoutMs,
      logLine: (line) => telemetry.log(levelOf(line), line),
    })
    // Who cannot be opened is gone already; `exited` says why.
    const withServer = (act: (server: PostgresServer) => unknown) => void opening.then(act, () => undefined)
    withServer((server) => {
      writeConnection(dataFolder, server.connection())
      life.spawned(server.pid)
      life.ready({})
    })
    return {
      exited: opening.then(exitOf, refusalOf),
      stop: () => withServer((server) => server.stop()),
      kill: () => withServer(({ pid }) => killIfAlive(pid)),
    }
  }
}

/** How to reach the bundled Postgres; undefined until it ran once. It stays the same from then on. */
export function readPostgresConnection(dataFolder: string): PostgresConnection | undefined {
  try {
    // Written by this program alone, and whole.
    return JSON.parse(readFileSync(join(dataFolder, runFolder, connectionFile), 'utf8')) as PostgresConnection
  } catch {
    return undefined
  }
}

function writeConnection(dataFolder: string, connection: PostgresConnection): void {
  const path = join(dataFolder, runFolder, connectionFile)
  writeFileSync(`${path}.next`, `${JSON.stringify(connection)}\n`)
  renameSync(`${path}.next`, path)
}

async function exitOf(server: PostgresServer): Promise<Exit> {
  const { code, signal } = await server.exited
  return { how: signal ?? `code ${String(code)}` }
}

function refusalOf(error: unknown): Exit {
  const how = messageOf(error)
  return error instanceof Failure && !error.retryable ? { how, refusal: { code: error.code, message: how } } : { how }
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone, which is what was wanted.
  }
}

/**
 * Postgres tells of every start and stop as LOG, and of what a statement did wrong as ERROR: whoever sent the statement is told
 * as well and says it better. FATAL ends one session, PANIC the server.
 */
function levelOf(line: string): LogLevel {
  if (line.startsWith('PANIC:')) return 'error'
  return /^(FATAL|WARNING):/.test(line) ? 'warn' : 'debug'
}
