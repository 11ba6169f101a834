/**
 * `Coordination` on Redis or Valkey. Keys: `sluice:counter:<name>`, `sluice:lease:<name>`, `sluice:value:<key>`; channels have the names
 * that callers give them; all of them behind the prefix of the installation. Every call touches one key.
 */
import { createArgumentChecks, refused } from '../argument-checks.ts'
import type { ArgumentChecks } from '../argument-checks.ts'
import { defaultBounds } from '../coordination.ts'
import type { Coordination, CoordinationBounds, CoordinationHealth, Counters, KeyValue } from '../coordination.ts'
import { openLeases } from '../open-leases.ts'
import type { LeaseSteps } from '../open-leases.ts'
import { openRedisConnection } from './redis-connection.ts'
import type { RedisConnection, RedisConnectionOptions, RedisReply } from './redis-connection.ts'
import { addUpToScript, giveBackScript, incrementScript, renewScript, takeBackScript } from './redis-scripts.ts'
import { openRedisSignals } from './redis-signals.ts'

export interface RedisCoordinationOptions extends RedisConnectionOptions {
  readonly bounds?: Partial<CoordinationBounds>
}

/** Connects in the background. Has two connections: for calls, and for subscriptions. */
export function openRedisCoordination(options: RedisCoordinationOptions): Coordination {
  const bounds = { ...defaultBounds, ...options.bounds }
  const check = createArgumentChecks(bounds)
  const redis = openRedisConnection(options)
  const leases = openLeases(leaseStepsOn(redis), check)
  const signals = openRedisSignals(redis, options, bounds.subscriptionsMax, check)
  let closing: Promise<void> | undefined
  return {
    counters: countersOn(redis, check),
    leases,
    signals,
    keyValue: keyValueOn(redis, check),
    health: () => worse(redis.health(), signals.health()),
    close() {
      closing ??= leases.close().then(async () => {
        await Promise.all([signals.close(), redis.close()])
      })
      return closing
    },
  }
}

function countersOn(redis: RedisConnection, check: ArgumentChecks): Counters {
  const keyOf = (name: string): string => {
    check.name(name)
    return redis.key(`sluice:counter:${name}`)
  }
  const addUpTo: Counters['addUpTo'] = async (name, by, max, ttlMs) => {
    check.amount(by)
    check.whole(max)
    check.ttl(ttlMs)
    const reply = await redis.run(addUpToScript, [keyOf(name)], [by, max, ttlMs])
    const [isAdded, amount] = Array.isArray(reply) ? (reply as readonly RedisReply[]) : []
    return { isAdded: isAdded === 1, amount: Number(amount) }
  }
  return {
    async add(name, by, ttlMs) {
      const { isAdded, amount } = await addUpTo(name, by, Number.MAX_SAFE_INTEGER, ttlMs)
      if (!isAdded) throw refused(`The counter "${name}" stands at ${String(amount)}, which is too much to add to.`)
      return amount
    },
    addUpTo,
    async takeBack(name, by) {
      check.amount(by)
      return Number(await redis.run(takeBackScript, [keyOf(name)], [by]))
    },
    async read(name) {
      return Number((await redis.command('GET', keyOf(name))) ?? 0)
    },
    async remove(name) {
      await redis.command('DEL', keyOf(name))
    },
  }
}

function leaseStepsOn(redis: RedisConnection): LeaseSteps {
  const keyOf = (name: string): string => redis.key(`sluice:lease:${name}`)
  return {
    async take(name, text, ttlMs) {
      return (await redis.command('SET', keyOf(name), text, 'PX', ttlMs, 'NX')) === 'OK'
    },
    async renew(name, text, ttlMs) {
      return (await redis.run(renewScript, [keyOf(name)], [text, ttlMs])) === 1
    },
    async giveBack(name, text) {
      await redis.run(giveBackScript, [keyOf(name)], [text])
    },
    async read(name) {
      return textFrom(await redis.command('GET', keyOf(name)))
    },
  }
}

function keyValueOn(redis: RedisConnection, check: ArgumentChecks): KeyValue {
  const keyOf = (key: string): string => {
    check.name(key)
    return redis.key(`sluice:value:${key}`)
  }
  return {
    async get(key) {
      return textFrom(await redis.command('GET', keyOf(key)))
    },
    async set(key, value, ttlMs) {
      check.value(value)
      if (ttlMs === undefined) {
        await redis.command('SET', keyOf(key), value)
        return
      }
      check.ttl(ttlMs)
      await redis.command('SET', keyOf(key), value, 'PX', ttlMs)
    },
    async delete(key) {
      return (await redis.command('DEL', keyOf(key))) === 1
    },
    async increment(key, by) {
      check.whole(by)
      return Number(await redis.run(incrementScript, [keyOf(key)], [by]))
    },
    async expire(key, ttlMs) {
      check.ttl(ttlMs)
      return (await redis.command('PEXPIRE', keyOf(key), ttlMs)) === 1
    },
  }
}

function textFrom(reply: RedisReply): string | undefined {
  return typeof reply === 'string' ? reply : undefined
}

const rank = { ready: 0, connecting: 1, away: 2, closed: 3 }

function worse(one: CoordinationHealth, other: CoordinationHealth): CoordinationHealth {
  return rank[other.state] > rank[one.state] ? other : one
}
