/** A Postgres that tests reach over TCP, as people's own ones are: the bundled programs, with what settings a test wants. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, cp, lchown, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../../kit/free-port.fixtures.ts'
import { postgresAccount } from '../embedded-postgres/postgres-account.ts'
import { programEnvironment, programsFor } from '../embedded-postgres/postgres-programs.ts'

export interface TcpPostgresOptions {
  readonly settings?: Readonly<Record<string, string>>
  /** Lines of pg_hba.conf; whoever comes from this machine is trusted when none are given. */
  readonly rules?: readonly string[]
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string }
  /** Its standby, made of a copy; it is stopped for the time of copying. */
  readonly standbyOf?: TcpPostgres
}

export interface TcpPostgres {
  readonly port: number
  readonly dataFolder: string
  /** `sslmode=…` and the like come behind a question mark. */
  url(parameters?: string): string
  start(): Promise<void>
  /** In order: what was committed is on disk and no standby misses it. */
  stop(): Promise<void>
  /** SIGKILL to the postmaster. */
  kill(): Promise<void>
  close(): Promise<void>
}

export async function openTcpPostgres(options: TcpPostgresOptions = {}): Promise<TcpPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-tcp-postgres-'))
  await chmod(folder, 0o755)
  const dataFolder = join(folder, 'data')
  const account = await postgresAccount(dataFolder)
  const programs = await programsFor(account)
  const own = { cwd: '/', env: programEnvironment, ...account }
  const port = await freePort()
  const lines: string[] = []
  let child: ChildProcess | undefined

  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port: String(port),
    shared_buffers: '16MB',
    ...options.settings,
  }
  const start = async (): Promise<void> => {
    const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const started = spawn(programs.postgres, ['-D', dataFolder, ...words], {
      ...own,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = started
    for (const output of [started.stdout, started.stderr])
      output.on('data', (bytes: Buffer) => lines.push(String(bytes)))
    // `postmaster.pid` says so in its last line, whatever the rules of access are.
    for (;;) {
      if (started.exitCode !== null) throw new Error(lines.join(''))
      const status = (await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
      if (Number(status[0]) === started.pid && (status[7] ?? '').trim() === 'ready') return
      await sleep(10)
    }
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const running = child
    child = undefined
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
    const ended = once(running, 'exit')
    running.kill(signal)
    await ended
  }
  process.on('exit', () => child?.kill('SIGKILL'))

  await writeFile(join(folder, 'password'), password)
  if (account !== undefined) {
    await chown(folder, account.uid, account.gid)
    await chown(join(folder, 'password'), account.uid, account.gid)
  }
  if (options.standbyOf === undefined) {
    const initdb = spawn(
      programs.initdb,
      [
        ...['-D', dataFolder, '-U', 'sluice', `--pwfile=${join(folder, 'password')}`, '--auth=trust', '--no-sync'],
        ...['--encoding=UTF8', '--locale=C', '--no-instructions'],
      ],
      { ...own, stdio: 'ignore' },
    )
    await once(initdb, 'exit')
  } else {
    await options.standbyOf.stop()
    await cp(options.standbyOf.dataFolder, dataFolder, { recursive: true })
    await options.standbyOf.start()
    await rm(join(dataFolder, 'postmaster.pid'), { force: true })
    await writeFile(join(dataFolder, 'standby.signal'), '')
    Object.assign(settings, { primary_conninfo: `host=127.0.0.1 port=${String(options.standbyOf.port)} user=sluice` })
  }
  if (options.rules !== undefined) await writeFile(join(dataFolder, 'pg_hba.conf'), `${options.rules.join('\n')}\n`)
  if (options.tls !== undefined) {
    await cp(options.tls.certificateFile, join(dataFolder, 'server.crt'))
    await cp(options.tls.keyFile, join(dataFolder, 'server.key'))
    await chmod(join(dataFolder, 'server.key'), 0o600)
    Object.assign(settings, { ssl: 'on' })
  }
  if (account !== undefined) {
    await chown(dataFolder, account.uid, account.gid)
    for (const entry of await readdir(dataFolder, { recursive: true, withFileTypes: true }))
      await lchown(join(entry.parentPath, entry.name), account.uid, account.gid)
  }
  await chmod(dataFolder, 0o700)
  await start()
  return {
    port,
    dataFolder,
    url: (parameters = '') => `postgres://sluice:${password}@127.0.0.1:${String(port)}/postgres${parameters}`,
    start,
    stop: () => end('SIGINT'),
    kill: () => end('SIGKILL'),
    async close() {
      await end('SIGQUIT')
      // What a killed one leaves writes for a moment still.
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    },
  }
}

export const password = 'a-s3cret'
