import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { service } from '../../../kit/service.fixtures.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { until } from '../../../kit/until.fixtures.ts'
import { describeLimitedTokens } from '../limited-tokens.contract.ts'
import { openRedisConnection } from './redis-connection.ts'
import { openRedisLimitedTokens } from './redis-limited-tokens.ts'
import { openTestRedis, redisServerSkip } from './redis-server.fixtures.ts'

const server = service('REDIS_URL')
const setOf = (resource: string, prefix = ''): string => `${prefix}@posthog/quota-limits/${resource}`
const everyMs = 20
const nowS = (): number => Math.floor(Date.now() / 1000)

describeLimitedTokens(
  "PostHog's quota sets in Redis",
  async () => {
    const redis = openRedisConnection({ url: server.address, name: 'test', commandTimeoutMs: 10_000 })
    // Others test on the same server.
    const keyPrefix = `test-${randomUUID()}:`
    const tokens = await openRedisLimitedTokens({ redis, keyPrefix, everyMs, tokensMax: 100, telemetry: silent })
    return {
      tokens,
      async limit(token, resource, untilMs) {
        await redis.command('ZADD', setOf(resource, keyPrefix), untilMs / 1000, token)
      },
      async lift(token, resource) {
        await redis.command('ZREM', setOf(resource, keyPrefix), token)
      },
      async close() {
        tokens.close()
        await redis.command('DEL', setOf('events', keyPrefix), setOf('recordings', keyPrefix))
        await redis.command('DEL', ...['exceptions', 'surveys', 'llm_events'].map((one) => setOf(one, keyPrefix)))
        await redis.close()
      },
    }
  },
  { skip: server.skip },
)

describe("PostHog's quota sets in a Redis", { skip: redisServerSkip() }, () => {
  it('are known at once, by the names that PostHog gives them; what is over or for ever is told apart', async (t) => {
    const server = await openTestRedis()
    t.after(() => server.close())
    const redis = server.connection({ keyPrefix: 'ours:' })
    await redis.command('ZADD', setOf('events'), nowS() - 5, 'phc_over', nowS() + 500, 'phc_a', 'inf', 'phc_ever')
    await redis.command('ZADD', setOf('feature_flag_requests'), nowS() + 500, 'phc_flags')
    const tokens = await openRedisLimitedTokens({ redis, keyPrefix: '', everyMs, tokensMax: 100, telemetry: silent })
    t.after(() => tokens.close())
    assert.equal(tokens.of('phc_over'), undefined)
    assert.equal(tokens.of('phc_flags'), undefined)
    assert.ok((tokens.of('phc_a')?.get('events') ?? 0) > Date.now())
    assert.equal(tokens.of('phc_ever')?.get('events'), Date.UTC(10_000, 0) - 1)
  })

  it('count as they were read last while Redis is away or a set is no set, which is said once', async (t) => {
    const server = await openTestRedis()
    t.after(() => server.close())
    const lines: string[] = []
    const telemetry = { ...silent, log: (level: string, message: string) => void lines.push(`${level}: ${message}`) }
    const redis = server.connection()
    await redis.command('ZADD', setOf('events'), nowS() + 500, 'phc_a')
    await redis.command('ZADD', setOf('recordings'), nowS() + 500, 'phc_a')
    const tokens = await openRedisLimitedTokens({ redis, keyPrefix: '', everyMs, tokensMax: 100, telemetry })
    t.after(() => tokens.close())
    await redis.command('SET', setOf('events'), 'no set')
    await redis.command('DEL', setOf('recordings'))
    await until('the other set is read still', () => tokens.of('phc_a')?.size === 1)
    assert.equal(tokens.of('phc_a')?.has('events'), true)
    await redis.command('DEL', setOf('events'))
    await redis.command('ZADD', setOf('events'), nowS() + 900, 'phc_b')
    await until('the set is one again', () => tokens.of('phc_b') !== undefined)
    await server.kill()
    await until('it is noticed', () => lines.length === 2)
    assert.equal(tokens.of('phc_b')?.has('events'), true)
    await server.start()
    await until('an emptied Redis limits nobody', () => tokens.of('phc_b') === undefined)
    assert.deepEqual(new Set(lines), new Set([lines[0]]))
  })

  it('are read up to a bound, and then those that are limited for longest', async (t) => {
    const server = await openTestRedis()
    t.after(() => server.close())
    const lines: string[] = []
    const telemetry = { ...silent, log: (level: string, message: string) => void lines.push(`${level}: ${message}`) }
    const redis = server.connection()
    for (let n = 1; n <= 9; n++) await redis.command('ZADD', setOf('events'), nowS() + n * 100, `phc_${String(n)}`)
    const tokens = await openRedisLimitedTokens({ redis, keyPrefix: '', everyMs, tokensMax: 4, telemetry })
    t.after(() => tokens.close())
    const known = Array.from({ length: 9 }, (_, n) => n + 1).filter((n) => tokens.of(`phc_${String(n)}`) !== undefined)
    assert.deepEqual(known, [6, 7, 8, 9])
    assert.match(lines.join(), /^warn: A quota set has more tokens/)
  })
})
