/**
 * PostHog's quota sets (C7; capture spec §12): the sorted sets `@posthog/quota-limits/<resource>`, whose members are tokens and whose
 * scores say until when each is limited, in Unix seconds. All of them are read together every so often. A set that cannot be read
 * stays as it was read last, each token until its time.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '../../../kit/failure.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import { limitedResources } from '../limited-tokens.ts'
import type { LimitedResource, LimitedTokens, LimitedUntil } from '../limited-tokens.ts'
import { limitedTokensCut, limitedTokensNotRead, limitedTokensRead } from './redis.events.ts'
import type { RedisConnection } from './redis-connection.ts'

export interface RedisLimitedTokensOptions {
  /** Somebody else's: stays open. */
  readonly redis: Pick<RedisConnection, 'command'>
  /** Before the names of the sets, as whoever writes them has it. */
  readonly keyPrefix: string
  readonly everyMs: number
  /** Tokens of one set that are obeyed; of more, those that are limited for longest. */
  readonly tokensMax: number
  readonly telemetry: Telemetry
}

/** The last millisecond of the year 9999: a score beyond it means for ever. */
const endOfTimeMs = 253_402_300_799_999

/** Opens with what the sets say, or with nothing while Redis is away. */
export async function openRedisLimitedTokens(options: RedisLimitedTokensOptions): Promise<LimitedTokens> {
  const sets = new RedisLimitedTokens(options)
  await sets.read()
  void sets.readOn()
  return sets
}

class RedisLimitedTokens implements LimitedTokens {
  readonly #options: RedisLimitedTokensOptions
  readonly #closed = new AbortController()
  readonly #sets = new Map<LimitedResource, ReadonlyMap<string, number>>()
  #tokens: ReadonlyMap<string, LimitedUntil> = new Map()
  #isRead = true
  readonly #cut = new Set<LimitedResource>()

  constructor(options: RedisLimitedTokensOptions) {
    this.#options = options
  }

  of(token: string): LimitedUntil | undefined {
    return this.#tokens.get(token)
  }

  close(): void {
    this.#closed.abort()
  }

  async readOn(): Promise<void> {
    const { signal } = this.#closed
    const wait = async (): Promise<boolean> => {
      await pause(this.#options.everyMs, undefined, { signal, ref: false }).catch(() => undefined)
      return !signal.aborted
    }
    while (await wait()) await this.read()
  }

  /** Never rejects. Commands of one turn leave as one write. */
  async read(): Promise<void> {
    const read = await Promise.allSettled(limitedResources.map((resource) => this.#readSet(resource)))
    if (this.#closed.signal.aborted) return
    const failed = read.find((one) => one.status === 'rejected')
    if (failed !== undefined && this.#isRead)
      limitedTokensNotRead(messageOf(failed.reason)).emit(this.#options.telemetry)
    this.#isRead = failed === undefined
    const tokens = new Map<string, Map<LimitedResource, number>>()
    for (const [resource, set] of this.#sets) {
      for (const [token, untilMs] of set) {
        const known = tokens.get(token)
        if (known === undefined) tokens.set(token, new Map([[resource, untilMs]]))
        else known.set(resource, untilMs)
      }
    }
    this.#tokens = tokens
  }

  async #readSet(resource: LimitedResource): Promise<void> {
    const { redis, keyPrefix, tokensMax, telemetry } = this.#options
    const key = `${keyPrefix}@posthog/quota-limits/${resource}`
    const above = `(${String(Date.now() / 1000)}`
    const args = [key, '+inf', above, 'WITHSCORES', 'LIMIT', 0, tokensMax] as const
    const reply = await redis.command('ZREVRANGEBYSCORE', ...args)
    if (this.#closed.signal.aborted) return
    const set = tokensIn(reply as readonly (string | readonly string[])[])
    this.#sets.set(resource, set)
    limitedTokensRead(resource, set.size).emit(telemetry)
    if (set.size < tokensMax) this.#cut.delete(resource)
    else if (!this.#cut.has(resource)) {
      this.#cut.add(resource)
      limitedTokensCut(resource, tokensMax).emit(telemetry)
    }
  }
}

/** In pairs, or, by Redis's older protocol, member and score in turns. */
function tokensIn(reply: readonly (string | readonly string[])[]): ReadonlyMap<string, number> {
  const flat = reply.flat()
  const set = new Map<string, number>()
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const score = Number(flat[at + 1]?.replace('inf', 'Infinity'))
    set.set(flat[at] ?? '', Math.min(score * 1000, endOfTimeMs))
  }
  return set
}
