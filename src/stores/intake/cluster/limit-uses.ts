/** What is counted under quotas and rates, read back from Redis for whoever shows it. Off the way of events. */
import { usedOf } from '../../../kit/limit-meters.ts'
import type { KeptLimit } from '../../../kit/limit-meters.ts'
import type { LimitUse } from '../intake.ts'
import { limitsKey } from './redis-door.ts'
import type { DoorRedis } from './redis-door.ts'

const metersAtOnceMax = 500

/** As `Intake.limitUses`; rejects with a Failure when Redis does not answer. */
export async function limitUsesIn(
  redis: DoorRedis,
  nowMs: number,
  prefix: string,
  countMax: number,
): Promise<readonly LimitUse[]> {
  const uses: LimitUse[] = []
  const before = redis.key('').length
  for (const token of await tokensOf(redis, prefix)) {
    const names = texts(await redis.command('ZRANGE', limitsKey(redis, token), '0', '-1')).filter((name) =>
      name.startsWith(prefix, before),
    )
    for (let from = 0; from < names.length && uses.length < countMax; from += metersAtOnceMax) {
      const some = names.slice(from, from + metersAtOnceMax)
      const meters = (await redis.command('MGET', ...some)) as readonly (string | null)[]
      for (const [at, name] of some.entries()) {
        const meter = meterFrom(name.slice(before), meters[at])
        const used = meter === undefined ? 0 : usedOf(meter, nowMs)
        if (used > 0 && uses.length < countMax) uses.push({ key: name.slice(before), used })
      }
    }
    if (uses.length >= countMax) break
  }
  return uses
}

/** The token that a prefix names, else all that have meters. */
async function tokensOf(redis: DoorRedis, prefix: string): Promise<readonly string[]> {
  const token = /^[a-z]+:\{([^}]*)\}/.exec(prefix)?.[1]
  return token === undefined ? texts(await redis.command('SMEMBERS', redis.key('limit-tokens'))) : [token]
}

function texts(reply: unknown): readonly string[] {
  return Array.isArray(reply) ? reply.map(String) : []
}

/** Undefined for what is gone or no meter. */
function meterFrom(key: string, text: string | null | undefined): KeptLimit | undefined {
  const [kind, amount, at, perSecond, burst] = (text ?? '').split(' ')
  if (kind !== 'q' && kind !== 'r') return undefined
  return {
    key,
    kind: kind === 'q' ? 'quota' : 'rate',
    amount: Number(amount),
    atMs: Number(at),
    perSecond: Number(perSecond),
    burst: Number(burst),
  }
}
