/** Redis (or Valkey under that name) of the machine, in memory and in an append-only file. It evicts nothing. */
import { mkdir } from 'node:fs/promises'
import { Redis } from 'ioredis'
import { daemonEnvironment, ensureProgram } from './programs.ts'
import { portOf } from './service.ts'
import type { Service } from './service.ts'

const askTimeoutMs = 5000

export const redisService: Service = {
  name: 'redis',
  members: ['redis'],
  portsEach: 1,
  stopSignal: 'SIGTERM',

  async install(_downloads, say) {
    await ensureProgram('redis-server', 'redis-server', say)
  },

  async prepare(_member, place) {
    await mkdir(place.folder, { recursive: true })
  },

  async launch(member, place) {
    const settings = {
      port: String(portOf(place, member)),
      bind: '127.0.0.1',
      dir: place.folder,
      appendonly: 'yes',
      appendfsync: 'everysec',
      save: '',
      'maxmemory-policy': 'noeviction',
      daemonize: 'no',
    }
    const parameters = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
    return { command: 'redis-server', arguments: parameters, cwd: place.folder, environment: daemonEnvironment }
  },

  async ask(place) {
    const client = new Redis({
      host: '127.0.0.1',
      port: portOf(place, 'redis'),
      connectTimeout: askTimeoutMs,
      commandTimeout: askTimeoutMs,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      lazyConnect: true,
    })
    // Without a listener it would print what `connect` rejects with anyway.
    client.on('error', () => undefined)
    try {
      await client.connect()
      const [answer, info] = await Promise.all([client.ping(), client.info('server')])
      const version = /^(?:valkey|redis)_version:(\S+)/m.exec(info)?.[1] ?? '?'
      return `Redis ${version} says ${answer}`
    } finally {
      client.disconnect()
    }
  },

  environment: (place) => ({ REDIS_URL: `redis://127.0.0.1:${String(portOf(place, 'redis'))}` }),
}
