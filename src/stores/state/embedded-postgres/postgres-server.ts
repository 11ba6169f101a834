/**
 * The bundled PostgreSQL as a child process.
 *
 * Words used here:
 * - folder: ours, closed to everybody else; holds `data`, and `data.new-…` while initdb makes it.
 * - data folder: `<folder>/data`, the cluster. It belongs to the account that runs Postgres (postgres-account.ts).
 * - guard: a shell of 1 MB that waits for our end of a pipe to close and then shuts Postgres down.
 *
 * Wherever the folder lies: parents of it may be closed to the account that runs Postgres (a clone under /root). The kernel
 * does not check them for what is reached through a working directory that is already inside, so the programs get
 * the data folder as working directory, set while we still are root, and `/proc/self/cwd` as its name, which leads into it
 * without walking the path. Tried: `-D .` does not do, initdb makes it absolute first and the server then fails on
 * the path; ambient CAP_DAC_READ_SEARCH works but is not granted in containers and would let SQL read any file.
 *
 * Who can connect: whoever can enter the data folder, which is the account and root, because the only socket lies in it.
 * The same two can read the data files anyway, so a password would protect nothing; there is no TCP port to guard or to
 * find taken.
 *
 * Who ends it: `stop`, or our death, SIGKILL included: the guard then does what `stop` does. Signals of a terminal do not
 * reach it (a session of its own), or Ctrl-C would take it away from processes that still finish their work.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import {
  chmod,
  chown,
  lchown,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, messageOf } from '../../../kit/failure.ts'
import { stopLeftover } from './leftover-postgres.ts'
import { postgresAccount } from './postgres-account.ts'
import type { Account } from './postgres-account.ts'
import { programEnvironment, programsFor } from './postgres-programs.ts'
import type { PostgresPrograms } from './postgres-programs.ts'
import { openSocketFolder } from './socket-folder.ts'

export interface PostgresServerOptions {
  /** Made when it is not there. Its lock is the caller's: one server a folder. */
  readonly folder: string
  /** Gets every line that Postgres writes, in order. */
  readonly logLine: (line: string) => void
  /** Most connections at once, of all clients together. */
  readonly connectionsMax?: number
  readonly sharedBuffersMiB?: number
  /** Until it answers; recovery after a crash is part of it. */
  readonly startTimeoutMs?: number
  /** How long `stop`, and ending a leftover of an earlier run, may take before it is forced. */
  readonly stopTimeoutMs?: number
  /** Other programs than the bundled ones. */
  readonly programs?: PostgresPrograms
}

export interface PostgresServer {
  readonly pid: number
  /** How to reach it; the same after every start on the same folder. */
  connection(): PostgresConnection
  /** Resolves when the server is gone, for whatever reason. Never rejects. */
  readonly exited: Promise<PostgresExit>
  /** Ends sessions, writes a checkpoint, exits; killed when that takes longer than `stopTimeoutMs`. Safe to call twice. */
  stop(): Promise<PostgresExit>
}

/** What `pg` needs to connect; plain data, so that it can be handed to another process. */
export interface PostgresConnection {
  /** Folder of the socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
}

export interface PostgresExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** True when `stop` asked for it. */
  readonly asked: boolean
}

const user = 'sluice'
const readyPollMs = 10
/** For the last words of a server that did not start; children of it may hold on to the pipe. */
const drainTimeoutMs = 500
const initTimeoutMs = 120_000
const logLineCharsMax = 8192
const lastLinesMax = 20

/**
 * `$$` is the pid that Postgres has after the exec. The guard is detached twice, or the postmaster would inherit a child it
 * does not know and treat its end as a crash. It ignores what a terminal or a service manager may send to the group.
 */
const guarded = `( ( trap '' HUP INT TERM; cd /; read -r _; kill -INT $$ ) <&3 3<&- >/dev/null 2>&1 & )
exec "$@" 3<&-`

/** Starts Postgres on the folder, making the cluster first when there is none, and resolves once it answers. */
export async function openPostgresServer(options: PostgresServerOptions): Promise<PostgresServer> {
  const stopTimeoutMs = options.stopTimeoutMs ?? 20_000
  await mkdir(options.folder, { recursive: true, mode: 0o700 })
  const folder = await realpath(options.folder)
  const dataFolder = join(folder, 'data')

  const leftover = await stopLeftover(dataFolder, stopTimeoutMs)
  if (leftover !== 'none') options.logLine(`A Postgres of an earlier run was ${leftover}.`)
  const account = await postgresAccount(dataFolder)
  const programs = options.programs ?? (await programsFor(account))
  await makeCluster(folder, dataFolder, account, programs, options.logLine)
  await giveTo(account, dataFolder)
  await refuseOtherVersion(dataFolder, programs)
  const socketFolder = await openSocketFolder(folder, dataFolder)

  const child = spawn(
    '/bin/sh',
    ['-c', guarded, 'sh', programs.postgres, '-D', '/proc/self/cwd', ...settings(options)],
    inFolder(dataFolder, account, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], detached: true }),
  )
  const lastLines = followLines(child, options.logLine)
  let asked = false
  const drained = exitOf(child, 'close')
  const exited = exitOf(child, 'exit').then((exit) => {
    // Tells the guard that there is nobody left to guard.
    child.stdio[3]?.destroy()
    socketFolder.close()
    return { ...exit, asked }
  })

  async function stop(): Promise<PostgresExit> {
    asked = true
    child.kill('SIGINT')
    const force = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
    try {
      return await exited
    } finally {
      clearTimeout(force)
    }
  }

  const pid = await untilReady(child, dataFolder, exited, options.startTimeoutMs ?? 60_000).catch(
    async (error: unknown) => {
      await stop()
      await Promise.race([drained, sleep(drainTimeoutMs)])
      throw new Failure('SLUICE_POSTGRES_START', `${messageOf(error)} ${lastLines.join(' | ')}`.trim(), {
        retryable: true,
        cause: error,
      })
    },
  )
  return {
    pid,
    connection: () => ({ host: socketFolder.path, port: 5432, user, database: 'postgres' }),
    exited,
    stop,
  }
}

/** Small on an idle machine, durable always. Given at each start, so that they follow our version and not initdb's. */
function settings(options: PostgresServerOptions): string[] {
  const values = {
    listen_addresses: '',
    unix_socket_directories: '.',
    unix_socket_permissions: '0700',
    port: '5432',
    max_connections: String(options.connectionsMax ?? 20),
    shared_buffers: `${String(options.sharedBuffersMiB ?? 16)}MB`,
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    // No replicas, no parallel plans, no input/output workers: fewer processes to keep.
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_wal_size: '256MB',
    min_wal_size: '32MB',
    io_method: 'sync',
    max_worker_processes: '2',
    max_parallel_workers: '0',
    max_logical_replication_workers: '0',
    autovacuum_max_workers: '1',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '',
    log_checkpoints: 'off',
    // Neither statements nor the values in them belong in a log: they may be about people.
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/** Whole or not at all: initdb works beside the place, and one rename makes it the cluster. */
async function makeCluster(
  folder: string,
  dataFolder: string,
  account: Account | undefined,
  programs: PostgresPrograms,
  logLine: (line: string) => void,
): Promise<void> {
  for (const name of await readdir(folder)) {
    // Of a start that was killed; its initdb may still be at it for a moment, then the next start removes the rest.
    if (name.startsWith('data.new-'))
      await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined)
  }
  if (await exists(dataFolder)) return
  const staging = await mkdtemp(join(folder, 'data.new-'))
  if (account !== undefined) await chown(staging, account.uid, account.gid)
  const initdb = spawn(
    programs.initdb,
    [
      ...['-D', '/proc/self/cwd', '-U', user, '--auth-local=trust', '--auth-host=reject', '--encoding=UTF8'],
      ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions'],
    ],
    inFolder(staging, account, { stdio: ['ignore', 'pipe', 'pipe'], timeout: initTimeoutMs }),
  )
  // Its twenty lines are for somebody at a terminal; they are of interest when it fails.
  const lastLines = followLines(initdb, () => undefined)
  const { code } = await exitOf(initdb, 'close')
  if (code !== 0) {
    await rm(staging, { recursive: true, force: true })
    throw new Failure('SLUICE_POSTGRES_INIT', `initdb could not make ${dataFolder}: ${lastLines.join(' | ')}`)
  }
  await rename(staging, dataFolder)
  const handle = await open(folder)
  await handle.sync().finally(() => handle.close())
  logLine('A new database was made.')
}

/** A cluster that root copied or restored here gets the owner it needs; any other already has it. */
async function giveTo(account: Account | undefined, dataFolder: string): Promise<void> {
  if (account === undefined || (await stat(dataFolder)).uid === account.uid) return
  for (const entry of await readdir(dataFolder, { recursive: true, withFileTypes: true })) {
    await lchown(join(entry.parentPath, entry.name), account.uid, account.gid)
  }
  await chmod(dataFolder, 0o700)
  // Last, because its owner is what says that all is done.
  await chown(dataFolder, account.uid, account.gid)
}

async function refuseOtherVersion(dataFolder: string, programs: PostgresPrograms): Promise<void> {
  const found = (await readFile(join(dataFolder, 'PG_VERSION'), 'utf8')).trim()
  if (found === programs.majorVersion) return
  throw new Failure(
    'SLUICE_POSTGRES_VERSION',
    `${dataFolder} was made by PostgreSQL ${found}, but PostgreSQL ${programs.majorVersion} is bundled. ` +
      'Start the version of Sluice that made it, or move its contents with pg_dump and pg_restore.',
  )
}

function inFolder(cwd: string, account: Account | undefined, options: SpawnOptions): SpawnOptions {
  // libuv changes the working directory first and the account afterwards.
  return { ...options, ...account, cwd, env: programEnvironment }
}

/** Hands every line on and keeps the last ones, to explain a start that fails. */
function followLines(child: ChildProcess, logLine: (line: string) => void): readonly string[] {
  const lastLines: string[] = []
  const take = (whole: string) => {
    const line = whole.slice(0, logLineCharsMax)
    if (lastLines.push(line) > lastLinesMax) lastLines.shift()
    logLine(line)
  }
  for (const input of [child.stdout, child.stderr]) {
    if (input !== null) createInterface({ input }).on('line', take)
  }
  child.once('error', (error) => take(messageOf(error)))
  return lastLines
}

/** `exit` is when the process is gone, `close` when everything that it wrote was read as well. */
function exitOf(
  child: ChildProcess,
  event: 'exit' | 'close',
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => {
    child.once(event, (code: number | null, signal: NodeJS.Signals | null) => resolve({ code, signal }))
    // What could not be started ends here.
    child.once('error', () => {
      if (child.pid === undefined) resolve({ code: null, signal: null })
    })
  })
}

/** Ready is when postmaster.pid says so, as pg_ctl has it. Rejects when it exits first or takes too long. */
async function untilReady(
  child: ChildProcess,
  dataFolder: string,
  exited: Promise<PostgresExit>,
  timeoutMs: number,
): Promise<number> {
  const gone = exited.then(() => 'gone' as const)
  const deadline = performance.now() + timeoutMs
  while (performance.now() < deadline) {
    const lines = (await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
    if (child.pid !== undefined && lines[0] === String(child.pid) && lines[7]?.trim() === 'ready') return child.pid
    if ((await Promise.race([gone, sleep(readyPollMs)])) === 'gone') {
      throw new Error('Postgres ended before it was ready.')
    }
  }
  throw new Error(`Postgres was not ready within ${String(timeoutMs)} ms.`)
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
