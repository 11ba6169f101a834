/**
 * What the door asks Redis, and what it does while Redis is away.
 *
 * Words:
 * - turn: one turn of the event loop. What requests of one token ask within it goes out as one call.
 * - owed: what Redis has to be told still, because it was away when it was to be told: where events stand, and debits to give back. Told
 *   as soon as it answers again, at most `owedKeysMax` keys of it; beyond them the oldest are forgotten and counted.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Failure } from '../../../kit/failure.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import type { RedisArgument, RedisHealth, RedisReply, RedisScript } from '../../coordination/redis/redis-connection.ts'
import type { AppliedLimit } from '../intake.ts'
import * as happened from './cluster-intake.events.ts'
import { decideScript, giveBackScript, keepScript } from './redis-scripts.ts'

/** What is used of a `RedisConnection`. */
export interface DoorRedis {
  key(name: string): string
  command(name: string, ...args: readonly RedisArgument[]): Promise<RedisReply>
  run(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply>
  health(): RedisHealth
  close(): Promise<void>
}

export interface RedisDoorOptions {
  readonly redis: DoorRedis
  readonly duplicateWindowMs: number
  readonly limitKeysMax: number
  /** How long what a request debited can be given back: longer than any append takes. */
  readonly debitMs: number
  readonly owedKeysMax: number
  readonly telemetry: Telemetry
}

export interface Asked {
  readonly token: string
  readonly nowMs: number
  readonly isAllOrNothing: boolean
  readonly limits: readonly AppliedLimit[]
  /** Names the debit; undefined where nothing can be debited. */
  readonly debit: string | undefined
  readonly events: readonly AskedEvent[]
}

export interface AskedEvent {
  /** As `duplicateKeyOf` makes it. */
  readonly key: string | undefined
  readonly limits: readonly number[]
}

/** For each event: 0 it enters; 1 it is a copy of one before it; a text: where the first copy stands; which limit it met, and for how long. */
export type Answers = readonly (0 | 1 | string | readonly [limit: number, retryAfterMs: number])[]

export interface Kept {
  readonly token: string
  readonly keys: readonly string[]
  /** Of each key. */
  readonly places: readonly string[]
  readonly debit: string | undefined
}

interface Gathered {
  readonly asked: Asked
  readonly resolve: (answers: Answers) => void
  readonly reject: (error: unknown) => void
}

interface Keeping {
  readonly kept: Kept
  readonly resolve: (isKept: boolean) => void
}

/** `done`: called once Redis was told, or will never be. */
type Owed =
  | { readonly kind: 'keep'; readonly kept: Kept; readonly done: () => void }
  | { readonly kind: 'give back'; readonly asked: Asked; readonly done: () => void }

/** Keys in one call; scripts hold up everybody else. */
const callKeysMax = 1000
/** How long a meter is remembered when it is spent, for those who are late; as in `kit/limit-meters.ts`. */
export const lateMs = 15 * 60_000
/** A connection that is not there after so long counts as away, whatever it hopes for. */
const connectingMsMax = 250
const owedPauseMs = 250
/** Between two looks at whether it is back; what is written is gone after as long. */
const lookPauseMs = 250

export class RedisDoor {
  readonly #options: RedisDoorOptions
  #asking = new Map<string, Gathered[]>()
  #keeping = new Map<string, Keeping[]>()
  #owed: Owed[] = []
  #owedKeys = 0
  #owedForgotten = 0
  #copiesAppended = 0
  #isTelling = false
  #isLooking = false
  #isClosing = false
  /** When it was away first since it answered last. */
  #awaySinceMs: number | undefined

  constructor(options: RedisDoorOptions) {
    this.#options = options
  }

  get owedKeys(): number {
    return this.#owedKeys
  }

  get owedForgotten(): number {
    return this.#owedForgotten
  }

  /** Events that were appended although a copy was, at the same time or by somebody whose key was lost. */
  get copiesAppended(): number {
    return this.#copiesAppended
  }

  get awaySinceMs(): number | undefined {
    return this.#awaySinceMs
  }

  /**
   * Duplicates and limits of a request, in one atomic step. Rejects with a Failure when Redis does not say: what may have been debited is
   * then given back by itself.
   */
  decide(asked: Asked): Promise<Answers> {
    return new Promise((resolve, reject) => {
      const gathered = this.#asking.get(asked.token)
      if (gathered !== undefined) gathered.push({ asked, resolve, reject })
      else {
        if (this.#asking.size === 0) setImmediate(() => this.#askAll())
        this.#asking.set(asked.token, [{ asked, resolve, reject }])
      }
    })
  }

  /** Tells where events stand. False: it is owed, and `done` is called when that is over. */
  async keep(kept: Kept, done: () => void): Promise<boolean> {
    if (kept.keys.length === 0 && kept.debit === undefined) return true
    const isKept = await new Promise<boolean>((resolve) => {
      const keeping = this.#keeping.get(kept.token)
      if (keeping !== undefined) keeping.push({ kept, resolve })
      else {
        if (this.#keeping.size === 0) setImmediate(() => this.#keepAll())
        this.#keeping.set(kept.token, [{ kept, resolve }])
      }
    })
    if (!isKept) this.#owe({ kind: 'keep', kept, done })
    return isKept
  }

  /** Gives back what a request debited; later, when Redis is away. */
  async giveBack(asked: Asked): Promise<void> {
    if (asked.debit === undefined) return
    try {
      await this.#giveBack(asked)
    } catch {
      this.#owe({ kind: 'give back', asked, done: () => undefined })
    }
  }

  /** Tries for the last time to tell what is owed. */
  async close(): Promise<void> {
    this.#isClosing = true
    while (this.#isTelling) await pause(5)
    await this.#tellAll()
    for (const { done } of this.#owed.splice(0)) done()
    await this.#options.redis.close()
  }

  #askAll(): void {
    const asking = this.#asking
    this.#asking = new Map()
    for (const [token, gathered] of asking) {
      for (const group of groupsOf(gathered, ({ asked }) => asked.events.length + asked.limits.length + 1)) {
        void this.#ask(token, group)
      }
    }
  }

  async #ask(token: string, group: readonly Gathered[]): Promise<void> {
    try {
      this.#refuseWhileAway()
      const hasLimits = group.some(({ asked }) => asked.debit !== undefined)
      const all = hasLimits ? await this.#decideLimited(token, group) : await this.#lookUp(group)
      this.#answered()
      for (const [at, { asked, resolve, reject }] of group.entries()) {
        const answers = all[at]
        if (answers === undefined || answers === 'void') reject(unsure())
        else if (answers === 'full') reject(limitsFull())
        else if (answers.length !== asked.events.length) reject(new RangeError('Redis answered for other events.'))
        else resolve(answers)
      }
    } catch (error) {
      this.#failed(error)
      for (const { asked, reject } of group) {
        // It may have been done, or may yet be.
        if (asked.debit !== undefined && isUnsure(error)) {
          this.#owe({ kind: 'give back', asked, done: () => undefined })
        }
        reject(error)
      }
    }
  }

  /** Nothing is debited, so that looking is enough. */
  async #lookUp(group: readonly Gathered[]): Promise<readonly Answers[]> {
    const keys: string[] = []
    for (const { asked } of group) for (const { key } of asked.events) if (key !== undefined) keys.push(key)
    const places = keys.length === 0 ? [] : ((await this.#command('MGET', keys)) as readonly (string | null)[])
    let at = 0
    return group.map(({ asked }) => {
      const seen = new Set<string>()
      return asked.events.map(({ key }) => {
        if (key === undefined) return 0
        const place = places[at++]
        if (place !== undefined && place !== null) return place
        if (seen.has(key)) return 1
        seen.add(key)
        return 0
      })
    })
  }

  async #command(name: string, keys: readonly string[]): Promise<RedisReply> {
    return await this.#options.redis.command(name, ...keys)
  }

  async #decideLimited(token: string, group: readonly Gathered[]): Promise<readonly (Answers | 'full' | 'void')[]> {
    const { redis, limitKeysMax, debitMs } = this.#options
    const { keys, call } = callOf(redis, token, group)
    const args = [call, String(limitKeysMax), String(lateMs), String(debitMs)]
    const reply = String(await redis.run(decideScript, keys, args))
    const [isNewIndex, all] = JSON.parse(reply) as [number, (Answers | 'full' | 'void')[]]
    if (isNewIndex === 1) {
      // Only for whoever asks for all tokens: it may come late or never.
      redis.command('SADD', redis.key('limit-tokens'), token).catch(() => undefined)
    }
    return all
  }

  #keepAll(): void {
    const keeping = this.#keeping
    this.#keeping = new Map()
    for (const [, all] of keeping) {
      for (const group of groupsOf(all, ({ kept }) => kept.keys.length + 1)) {
        this.#keep(group.map(({ kept }) => kept)).then(
          () => group.forEach(({ resolve }) => resolve(true)),
          () => group.forEach(({ resolve }) => resolve(false)),
        )
      }
    }
  }

  async #keep(all: readonly Kept[]): Promise<void> {
    try {
      this.#refuseWhileAway()
      const keys = all.flatMap((kept) => kept.keys)
      const places = all.flatMap((kept) => kept.places)
      const debits = all.flatMap(({ debit }) => (debit === undefined ? [] : [debit]))
      const args = [String(this.#options.duplicateWindowMs), String(keys.length), ...places]
      const others = Number(await this.#options.redis.run(keepScript, [...keys, ...debits], args))
      this.#answered()
      if (others === 0) return
      this.#copiesAppended += others
      happened.copiesAppended(others).emit(this.#options.telemetry)
    } catch (error) {
      this.#failed(error)
      throw error
    }
  }

  async #giveBack({ token, limits, debit }: Asked): Promise<void> {
    const { redis, debitMs } = this.#options
    if (debit === undefined) return
    const keys = [debit, limitsKey(redis, token), ...limits.map(({ key }) => redis.key(key))]
    await redis.run(giveBackScript, keys, [String(debitMs)])
  }

  #owe(owed: Owed): void {
    this.#owed.push(owed)
    this.#owedKeys += keysOwed(owed)
    while (this.#owedKeys > this.#options.owedKeysMax) {
      const oldest = this.#owed.shift()
      if (oldest === undefined) break
      this.#owedKeys -= keysOwed(oldest)
      this.#owedForgotten += keysOwed(oldest)
      oldest.done()
    }
    if (!this.#isTelling && !this.#isClosing) void this.#tellLater()
  }

  async #tellLater(): Promise<void> {
    this.#isTelling = true
    while (this.#owed.length > 0 && !this.#isClosing) {
      await pause(owedPauseMs, undefined, { ref: false })
      if (this.#options.redis.health().state === 'ready') await this.#tellAll()
    }
    this.#isTelling = false
  }

  async #tellAll(): Promise<void> {
    for (let owed = this.#owed[0]; owed !== undefined; owed = this.#owed[0]) {
      try {
        if (owed.kind === 'keep') await this.#keep([owed.kept])
        else await this.#giveBack(owed.asked)
      } catch {
        return
      }
      // The oldest may have been forgotten meanwhile.
      if (this.#owed[0] !== owed) continue
      this.#owed.shift()
      this.#owedKeys -= keysOwed(owed)
      owed.done()
    }
  }

  #refuseWhileAway(): void {
    const { state, sinceMs } = this.#options.redis.health()
    if (state === 'connecting' && Date.now() - sinceMs > connectingMsMax) {
      throw new Failure('SLUICE_COORDINATION_UNAVAILABLE', 'Redis has not answered yet.', { retryable: true })
    }
  }

  #failed(error: unknown): void {
    if (this.#awaySinceMs !== undefined) return
    this.#awaySinceMs = Date.now()
    happened.redisFailed(error).emit(this.#options.telemetry)
    if (!this.#isLooking) void this.#lookWhileAway()
  }

  /** A door that says that it takes nothing may be sent nothing, and would never hear of it. */
  async #lookWhileAway(): Promise<void> {
    const { redis } = this.#options
    this.#isLooking = true
    while (this.#awaySinceMs !== undefined && !this.#isClosing) {
      await pause(lookPauseMs, undefined, { ref: false })
      if (redis.health().state !== 'ready') continue
      // Written, because one that is full or has become a replica would answer a PING.
      await redis.command('SET', redis.key('door'), '', 'PX', String(lookPauseMs)).then(
        () => this.#answered(),
        () => undefined,
      )
    }
    this.#isLooking = false
  }

  #answered(): void {
    if (this.#awaySinceMs === undefined) return
    happened.redisAnswersAgain(Date.now() - this.#awaySinceMs).emit(this.#options.telemetry)
    this.#awaySinceMs = undefined
  }
}

function keysOwed(owed: Owed): number {
  return owed.kind === 'keep' ? owed.kept.keys.length + 1 : owed.asked.limits.length + 1
}

export function limitsKey(redis: DoorRedis, token: string): string {
  return redis.key(`limits:{${token}}`)
}

/** Cut so that no call has too many keys; one request is never cut. */
function groupsOf<T>(all: readonly T[], keysOf: (one: T) => number): readonly (readonly T[])[] {
  const groups: T[][] = []
  let group: T[] = []
  let keys = 0
  for (const one of all) {
    const more = keysOf(one)
    if (group.length > 0 && keys + more > callKeysMax) {
      groups.push(group)
      group = []
      keys = 0
    }
    group.push(one)
    keys += more
  }
  if (group.length > 0) groups.push(group)
  return groups
}

/** What `decideScript` is asked. */
function callOf(redis: DoorRedis, token: string, group: readonly Gathered[]): { keys: string[]; call: string } {
  const keys = [limitsKey(redis, token)]
  const places = new Map<string, number>()
  /** 1-based, as Lua counts. */
  const placeOf = (key: string): number => {
    let place = places.get(key)
    if (place === undefined) {
      place = keys.push(key)
      places.set(key, place)
    }
    return place
  }
  const heads = group.map(({ asked }) => ({
    debit: asked.debit === undefined ? 0 : placeOf(asked.debit),
    limits: asked.limits.map((limit) => {
      const place = placeOf(redis.key(limit.key))
      return limit.kind === 'quota'
        ? [place, 'q', limit.max, limit.expiresAtMs]
        : [place, 'r', limit.perSecond, limit.burst]
    }),
  }))
  const firstDup = keys.length + 1
  const requests = group.map(({ asked }, at) => {
    const sets: number[][] = []
    const setOf = new Map<readonly number[], number>()
    const events: number[] = []
    for (const { key, limits } of asked.events) {
      let set = 0
      if (limits.length > 0) {
        set = setOf.get(limits) ?? sets.push(limits.map((limit) => limit + 1))
        setOf.set(limits, set)
      }
      events.push(key === undefined ? 0 : placeOf(key), set)
    }
    const head = heads[at]
    return [asked.nowMs, asked.isAllOrNothing ? 1 : 0, head?.debit ?? 0, head?.limits ?? [], sets, events]
  })
  return { keys, call: JSON.stringify([firstDup, requests]) }
}

function isUnsure(error: unknown): boolean {
  return error instanceof Failure && error.code === 'SLUICE_COORDINATION_UNSURE'
}

function unsure(): Failure {
  return new Failure('SLUICE_COORDINATION_UNSURE', 'Redis decided too late.', { retryable: true })
}

function limitsFull(): Failure {
  return new Failure('SLUICE_LIMITS_FULL', 'Too many quotas and rates are counted at once; try again later.', {
    retryable: true,
  })
}
