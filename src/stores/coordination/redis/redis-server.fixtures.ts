/** A Redis server of a test's own, to be killed and frozen at will: `redis-server` or `valkey-server`, wherever PATH has one. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePort } from '../../../kit/free-port.fixtures.ts'
import { until } from '../../../kit/until.fixtures.ts'
import { openRedisConnection } from './redis-connection.ts'
import type { RedisConnection, RedisConnectionOptions } from './redis-connection.ts'

export interface TestRedis {
  readonly url: string
  /** A connection with short pauses, closed with the rest. */
  connection(options?: Partial<RedisConnectionOptions>): RedisConnection
  /** SIGKILL; resolves when it is gone. What it knew is lost, unless it was started with `--appendonly`. */
  kill(): Promise<void>
  /** Starts it again on the same port; resolves when it answers. */
  start(): Promise<void>
  /** It keeps its connections and stops answering. Returns how to go on. */
  freeze(): () => void
  close(): Promise<void>
}

const program = ['redis-server', 'valkey-server']
  .flatMap((name) => (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name)))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** For `describe(title, { skip }, …)`. */
export function redisServerSkip(): string | false {
  if (program !== undefined) return false
  if (process.env['SLUICE_TEST_SERVICES'] === 'required')
    throw new Error('Neither redis-server nor valkey-server is on PATH.')
  return 'neither redis-server nor valkey-server is on PATH'
}

export async function openTestRedis(settings: readonly string[] = []): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-redis-'))
  const port = await freePort()
  const url = `redis://127.0.0.1:${String(port)}`
  const connections: RedisConnection[] = []
  let server: ChildProcess | undefined

  const connection = (options: Partial<RedisConnectionOptions> = {}): RedisConnection => {
    const opened = openRedisConnection({ url, name: 'test', retryMsMax: 100, commandTimeoutMs: 5000, ...options })
    connections.push(opened)
    return opened
  }
  const start = async (): Promise<void> => {
    if (program === undefined) throw new Error('There is no Redis server to start.')
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...settings]
    server = spawn(program, options, { stdio: 'ignore' })
    const probe = openRedisConnection({ url, name: 'probe', retryMsMax: 20 })
    await until('the Redis server answers', () => {
      // A password that the probe lacks is an answer too.
      const { state, reason } = probe.health()
      return state === 'ready' || reason?.startsWith('NOAUTH') === true
    }).finally(() => probe.close())
  }
  const kill = async (): Promise<void> => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const gone = once(server, 'exit')
    server.kill('SIGKILL')
    await gone
  }
  const close = async (): Promise<void> => {
    await Promise.all(connections.map((opened) => opened.close()))
    await kill()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await close()
    throw error
  }
  return {
    url,
    connection,
    kill,
    start,
    freeze() {
      server?.kill('SIGSTOP')
      return () => server?.kill('SIGCONT')
    },
    close,
  }
}
