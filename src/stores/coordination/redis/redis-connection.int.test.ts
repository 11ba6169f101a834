import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { readFileSync } from 'node:fs'
import { aCertificateFolder, openSslMissing, writeCertificate } from '../../../kit/certificate.fixtures.ts'
import { Failure } from '../../../kit/failure.ts'
import { freePort } from '../../../kit/free-port.fixtures.ts'
import { until } from '../../../kit/until.fixtures.ts'
import { openRedisConnection, redisScript } from './redis-connection.ts'
import type { RedisConnection } from './redis-connection.ts'
import { openTestRedis, redisServerSkip } from './redis-server.fixtures.ts'
import type { TestRedis } from './redis-server.fixtures.ts'

const skip = redisServerSkip()

async function rejects(promise: Promise<unknown>, code: string, retryable: boolean): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof Failure, String(error))
    assert.equal(error.code, code, error.message)
    assert.equal(error.retryable, retryable)
    return true
  })
}

const ready = (redis: RedisConnection): Promise<void> => until('Redis is ready', () => redis.health().state === 'ready')
const away = (redis: RedisConnection): Promise<void> => until('Redis is away', () => redis.health().state === 'away')

describe('a connection to Redis', { skip }, () => {
  let server: TestRedis
  before(async () => {
    server = await openTestRedis()
  })
  after(() => server.close())

  it('gives back what was sent, whatever is in it', async () => {
    const redis = server.connection()
    const value = 'a\r\nb\0ä€😀"'
    await redis.command('SET', redis.key('k'), value)
    assert.equal(await redis.command('GET', redis.key('k')), value)
    assert.equal(await redis.command('GET', 'no such key'), null)
    assert.deepEqual(await redis.command('MGET', redis.key('k'), 'no such key'), [value, null])
  })

  it('puts the prefix before keys, and nothing where there is none', () => {
    assert.equal(server.connection({ keyPrefix: 'acme:' }).key('k'), 'acme:k')
    assert.equal(server.connection().key('k'), 'k')
  })

  it('answers each of many calls at once with its own answer', async () => {
    const redis = server.connection()
    const numbers = Array.from({ length: 1000 }, (_, index) => String(index))
    assert.deepEqual(await Promise.all(numbers.map((text) => redis.command('ECHO', text))), numbers)
  })

  it('runs a script also after the server has forgotten it', async () => {
    const redis = server.connection()
    const script = redisScript(`return {KEYS[1], ARGV[1], redis.call('EXISTS', KEYS[1])}`)
    assert.deepEqual(await redis.run(script, ['nothing'], [7]), ['nothing', '7', 0])
    assert.deepEqual(await redis.run(script, ['nothing'], [8]), ['nothing', '8', 0])
    await redis.command('SCRIPT', 'FLUSH')
    const answers = await Promise.all([1, 2, 3].map((n) => redis.run(script, ['nothing'], [n])))
    assert.deepEqual(
      answers,
      [1, 2, 3].map((n) => ['nothing', String(n), 0]),
    )
  })

  it('rejects what Redis refuses, and goes on', async () => {
    const redis = server.connection()
    await rejects(redis.command('NOSUCHCOMMAND'), 'SLUICE_COORDINATION_REFUSED', false)
    await rejects(redis.run(redisScript('this is no Lua'), [], []), 'SLUICE_COORDINATION_REFUSED', false)
    assert.equal(await redis.command('PING'), 'PONG')
  })

  it('keeps databases apart, and takes no other one for a database that there is not', async () => {
    const other = server.connection({ url: `${server.url}/3` })
    await other.command('SET', 'only in three', '1')
    assert.equal(await server.connection().command('GET', 'only in three'), null)
    const connectionsTo = async (): Promise<number> =>
      Number(/total_connections_received:(\d+)/.exec(String(await other.command('INFO', 'stats')))?.[1])
    const before = await connectionsTo()
    const none = server.connection({ url: `${server.url}/9999`, commandTimeoutMs: 10_000, retryMsMax: 50 })
    await away(none)
    assert.match(none.health().reason ?? '', /DB index is out of range/)
    await rejects(none.command('GET', 'k'), 'SLUICE_COORDINATION_UNAVAILABLE', true)
    // Nobody but the connection itself meets the refusal at a further try.
    await until('further tries', async () => (await connectionsTo()) >= before + 4)
  })

  it('refuses more calls than may be under way', async () => {
    const redis = server.connection({ callsMax: 2 })
    const [one, two] = [redis.command('PING'), redis.command('PING')]
    await rejects(redis.command('PING'), 'SLUICE_COORDINATION_BUSY', true)
    assert.deepEqual(await Promise.all([one, two]), ['PONG', 'PONG'])
    assert.equal(await redis.command('PING'), 'PONG')
  })

  it('lets calls under way end when it is closed, and takes no more', async () => {
    const redis = server.connection()
    await ready(redis)
    const last = redis.command('PING')
    await Promise.all([redis.close(), redis.close()])
    assert.equal(await last, 'PONG')
    assert.equal(redis.health().state, 'closed')
    await rejects(redis.command('PING'), 'SLUICE_COORDINATION_CLOSED', false)
  })

  it('measures how long the server takes to answer', async () => {
    const redis = server.connection({ checkMs: 5 })
    await until('the round trip is known', () => (redis.health().roundTripMs ?? 0) > 0)
  })
})

describe('a connection to a Redis that goes away', { skip }, () => {
  it('opens while it is away, refuses calls at once, and is ready when it comes', async () => {
    const server = await openTestRedis()
    await server.kill()
    const redis = server.connection({ commandTimeoutMs: 60_000 })
    await away(redis)
    assert.match(redis.health().reason ?? '', /ECONNREFUSED/)
    await rejects(redis.command('PING'), 'SLUICE_COORDINATION_UNAVAILABLE', true)
    await server.start()
    await ready(redis)
    assert.equal(redis.health().reason, undefined)
    assert.equal(await redis.command('PING'), 'PONG')
    await server.close()
  })

  it('is ready again after a kill and a restart, and sends nothing twice', async () => {
    const server = await openTestRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
    const redis = server.connection()
    let acknowledged = 0
    let unsure = 0
    const over = new AbortController()
    const adding = (async () => {
      while (!over.signal.aborted) {
        try {
          await redis.command('INCR', 'n')
          acknowledged += 1
        } catch (error) {
          assert.ok(error instanceof Failure && error.retryable, String(error))
          if (error.code === 'SLUICE_COORDINATION_UNSURE') unsure += 1
          else assert.equal(error.code, 'SLUICE_COORDINATION_UNAVAILABLE')
          await new Promise(setImmediate)
        }
      }
    })()
    for (let kills = 1; kills <= 5; kills += 1) {
      const wanted = acknowledged + 20
      await until('calls are answered', () => acknowledged >= wanted)
      await server.kill()
      await server.start()
    }
    await ready(redis)
    over.abort()
    await adding
    const stored = Number(await redis.command('GET', 'n'))
    assert.ok(stored >= acknowledged && stored <= acknowledged + unsure, `${String(stored)} are stored`)
    await server.close()
  })

  it('gives up a server that falls silent, and finds it again', async () => {
    const server = await openTestRedis()
    const redis = server.connection({ commandTimeoutMs: 200 })
    await ready(redis)
    const thaw = server.freeze()
    await rejects(redis.command('PING'), 'SLUICE_COORDINATION_UNSURE', true)
    assert.equal(redis.health().state, 'away')
    await rejects(redis.command('PING'), 'SLUICE_COORDINATION_UNAVAILABLE', true)
    thaw()
    await ready(redis)
    assert.equal(await redis.command('PING'), 'PONG')
    await server.close()
  })

  it('notices a silent server without any calls', async () => {
    const server = await openTestRedis()
    const redis = server.connection({ commandTimeoutMs: 100, checkMs: 20 })
    await ready(redis)
    const thaw = server.freeze()
    await away(redis)
    thaw()
    await ready(redis)
    await server.close()
  })

  it('closes within its timeouts while the server is silent', async () => {
    const server = await openTestRedis()
    const redis = server.connection({ commandTimeoutMs: 200 })
    await ready(redis)
    const thaw = server.freeze()
    const call = rejects(redis.command('PING'), 'SLUICE_COORDINATION_UNSURE', true)
    await redis.close()
    await call
    thaw()
    await server.close()
  })

  it('takes a port where something answers that is no Redis for one that is away', async () => {
    const stranger = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    }).listen(0, '127.0.0.1')
    await once(stranger, 'listening')
    const address = stranger.address()
    assert.ok(typeof address === 'object' && address !== null)
    const redis = openRedisConnection({
      url: `redis://127.0.0.1:${String(address.port)}`,
      name: 'test',
      retryMsMax: 50,
    })
    await away(redis)
    await rejects(redis.command('PING'), 'SLUICE_COORDINATION_UNAVAILABLE', true)
    await redis.close()
    stranger.close()
  })
})

describe('how a Redis is set up', { skip }, () => {
  it('is fine with noeviction', async () => {
    const server = await openTestRedis()
    const redis = server.connection()
    await ready(redis)
    assert.deepEqual(redis.health().warnings, [])
    await server.close()
  })

  it('is warned of when the server throws keys away', async () => {
    const server = await openTestRedis(['--maxmemory-policy', 'allkeys-lru'])
    const redis = server.connection()
    await ready(redis)
    assert.deepEqual(
      redis.health().warnings.map(({ code }) => code),
      ['evicts'],
    )
    assert.equal(await redis.command('PING'), 'PONG')
    await server.close()
  })

  it('makes writes fail, and nothing else, when memory is full', async () => {
    const server = await openTestRedis()
    const redis = server.connection()
    await redis.command('SET', 'k', '1')
    await redis.command('CONFIG', 'SET', 'maxmemory', '1')
    await rejects(redis.command('SET', 'k', '2'), 'SLUICE_COORDINATION_FULL', true)
    const set = redisScript(`return redis.call('SET', KEYS[1], ARGV[1])`)
    await rejects(redis.run(set, ['k'], ['2']), 'SLUICE_COORDINATION_FULL', true)
    assert.equal(await redis.command('GET', 'k'), '1')
    await server.close()
  })

  it('may ask for a password, of the address or beside it', async () => {
    const server = await openTestRedis(['--requirepass', 'p@ss:w/rd'])
    const { host } = new URL(server.url)
    const inAddress = server.connection({ url: `redis://:${encodeURIComponent('p@ss:w/rd')}@${host}` })
    const beside = server.connection({ password: 'p@ss:w/rd' })
    assert.deepEqual([await inAddress.command('PING'), await beside.command('PING')], ['PONG', 'PONG'])
    for (const wrong of [server.connection(), server.connection({ password: 'wrong' })]) {
      await away(wrong)
      assert.match(wrong.health().reason ?? '', /NOAUTH|WRONGPASS/)
      assert.doesNotMatch(wrong.health().reason ?? '', /p@ss/)
    }
    await server.close()
  })
})

describe('a connection to Redis over TLS', { skip: skip || openSslMissing }, () => {
  it('trusts the certificates that it is told to, and no others', async (t) => {
    const folder = aCertificateFolder(t)
    const own = writeCertificate(folder, 'localhost')
    const other = writeCertificate(folder, 'localhost', 'other')
    const port = String(await freePort())
    const files = ['--tls-cert-file', own.certificateFile, '--tls-key-file', own.keyFile]
    const server = await openTestRedis(['--tls-port', port, ...files, '--tls-ca-cert-file', own.certificateFile])
    t.after(() => server.close())
    const url = `rediss://127.0.0.1:${port}`
    // The server asks for our certificate as well, and knows no other one than its own.
    const ca = readFileSync(own.certificateFile, 'utf8')
    const key = readFileSync(own.keyFile, 'utf8')
    assert.equal(await server.connection({ url, tls: { ca, cert: ca, key } }).command('PING'), 'PONG')

    const wrong = [
      { url },
      { url, tls: { ca: readFileSync(other.certificateFile, 'utf8'), cert: ca, key } },
      { url, tls: { ca } },
      // Not spoken to over TLS at all.
      { url: url.replace('rediss', 'redis') },
    ]
    for (const options of wrong) {
      const redis = server.connection(options)
      await away(redis)
      await rejects(redis.command('PING'), 'SLUICE_COORDINATION_UNAVAILABLE', true)
    }
  })
})
