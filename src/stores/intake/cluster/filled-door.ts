/**
 * Tells Redis what the door of another installation knew: where events stand that may come again, and what is counted under limits.
 * For moving an installation; keys and values are those of `redis-scripts.ts`.
 */
import type { Lane } from '../../../event/position.ts'
import type { KeptLimit } from '../../../kit/limit-meters.ts'
import type { DuplicateKey } from '../intake.ts'
import { duplicateKeyName, placeFrom } from './door-keys.ts'
import { lateMs, limitsKey } from './redis-door.ts'
import type { DoorRedis } from './redis-door.ts'

export interface StoredEvent {
  readonly token: string
  readonly duplicateKey: DuplicateKey
  readonly lane: Lane
  readonly partition: number
  readonly offset: number
  readonly expiresInMs: number
}

const commandsAtOnce = 200

/** What was there already stays. */
export async function keepEvents(redis: DoorRedis, events: readonly StoredEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += commandsAtOnce) {
    await Promise.all(
      events.slice(at, at + commandsAtOnce).map(({ token, duplicateKey, lane, partition, offset, expiresInMs }) => {
        const name = redis.key(duplicateKeyName(token, duplicateKey))
        const place = placeFrom({ lane, partition, offset })
        return redis.command('SET', name, place, 'PX', String(Math.ceil(expiresInMs)), 'NX')
      }),
    )
  }
}

const refillMsMax = 31_622_400_000

/** Replaces what is counted under the same keys. */
export async function keepMeters(redis: DoorRedis, meters: Iterable<KeptLimit>, nowMs: number): Promise<void> {
  for (const { key, kind, amount, atMs, perSecond, burst } of meters) {
    const token = /^[a-z]+:\{([^}]*)\}/.exec(key)?.[1]
    const refillMs = perSecond > 0 ? Math.min((amount / perSecond) * 1000, refillMsMax) : refillMsMax
    const spentMs = kind === 'quota' ? atMs + lateMs : atMs + refillMs
    const leftMs = Math.min(Math.ceil(spentMs - nowMs + lateMs), 10 * refillMsMax)
    if (token === undefined || amount <= 0 || spentMs <= nowMs) continue
    const text = `${kind === 'quota' ? 'q' : 'r'} ${String(amount)} ${String(atMs)} ${String(perSecond)} ${String(burst)}`
    await redis.command('SET', redis.key(key), text, 'PX', String(leftMs))
    const index = limitsKey(redis, token)
    await redis.command('ZADD', index, String(spentMs), redis.key(key))
    if (Number(await redis.command('PTTL', index)) < leftMs) await redis.command('PEXPIRE', index, String(leftMs))
    await redis.command('SADD', redis.key('limit-tokens'), token)
  }
}
