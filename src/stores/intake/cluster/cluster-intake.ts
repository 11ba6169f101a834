/**
 * The door's step where several machines share it: Redis says what is a duplicate and what meets a limit, the log makes durable.
 *
 * A request, in this order:
 * 1. claim: nobody else in this process decides about its duplicate keys meanwhile (`claims.ts`);
 * 2. decide: Redis looks the keys up, and meets and debits the limits, as one script;
 * 3. append: what is to be stored goes into the log, all of it or the request fails and what it debited is given back;
 * 4. keep: Redis is told where the events stand, so that copies are known, wherever they come. Then comes the answer.
 *
 * What holds, and what does not:
 * - What is acknowledged is in the log, whatever becomes of Redis.
 * - Redis knows an event only once it is durable: two copies at once at two doors may both be appended, and so may a copy after Redis lost
 *   its memory or was away. Whoever owns the partition finds them by the key that each record carries.
 * - A debit is made once and given back once, also when its answer was lost (`debit:` keys). A process that is killed between the debit
 *   and the append leaves the debits of its requests behind until the quota ends or the bucket has refilled. When Redis loses
 *   its memory, counting begins anew.
 * - An answer that a limit is met rests on debits, of which those of other doors may be given back still.
 * - While Redis is away: `open` takes events without a look at duplicates (but those of requests on their way here, and of what
 *   Redis was to be told) and limits (but quotas of none), and counts them as unchecked; `closed` rejects with SLUICE_REDIS_AWAY (retryable). No request waits longer
 *   than the connection's timeout, and none at all once it is known.
 */
import { randomBytes } from 'node:crypto'
import { partitionOf } from '../../../event/murmur2.ts'
import type { Position } from '../../../event/position.ts'
import { failpoint } from '../../../kit/failpoint.ts'
import { Failure } from '../../../kit/failure.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import type { RedisHealth } from '../../coordination/redis/redis-connection.ts'
import type { SourceLanes, SourceRecord } from '../../log/source-lanes.ts'
import type { AppliedLimit, Intake, IntakeBooks, IntakeEvent, IntakeRequest, LimitUse, Outcome } from '../intake.ts'
import { Claims, Step } from './claims.ts'
import type { Claim } from './claims.ts'
import * as happened from './cluster-intake.events.ts'
import { DoorBooks } from './door-books.ts'
import { copyAt, duplicateKeyName, placeFrom } from './door-keys.ts'
import { limitUsesIn } from './limit-uses.ts'
import { recordFrom, sharedHeaders } from './source-record.ts'
import { RedisDoor } from './redis-door.ts'
import type { Answers, Asked, AskedEvent, DoorRedis } from './redis-door.ts'

export interface ClusterIntakeOptions {
  /** Handed over: closed with the intake. */
  readonly lanes: SourceLanes
  /** A connection of its own, handed over likewise. Its command timeout is how long a request waits for Redis at most. */
  readonly redis: DoorRedis
  /** What happens to requests while Redis is away. */
  readonly whenAway: 'open' | 'closed'
  /** How long a key is remembered, by Redis's clock. */
  readonly duplicateWindowMs: number
  /** Keys of quotas and rates of one token that are counted at once; requests with further ones are refused with SLUICE_LIMITS_FULL. */
  readonly limitKeysMax: number
  /** Bytes of requests that may be on their way. */
  readonly queueBytesMax: number
  /** Keys that Redis has to be told when it answers again. */
  readonly owedKeysMax: number
  /** How long a debit can be given back: longer than any append takes. */
  readonly debitMs?: number
  readonly telemetry: Telemetry
  readonly now?: () => number
}

export interface ClusterIntake extends Intake {
  health(): ClusterIntakeHealth
}

export interface ClusterIntakeHealth {
  readonly redis: RedisHealth
  readonly whenAway: 'open' | 'closed'
  /** Since when requests are not checked, or refused; undefined when all is well. */
  readonly awaySinceMs: number | undefined
  /** Events of this process that were taken without a look at duplicates and limits. */
  readonly unchecked: number
  /** Keys that Redis has to be told still, and those that it will never be told. */
  readonly owedKeys: number
  readonly owedForgotten: number
  /** Events that stand in the log beside a copy, as far as it was noticed here. */
  readonly copiesAppended: number
  /** The log has stored nothing since then; undefined when what was appended last is stored, or nothing was appended for a while. */
  readonly log: { readonly sinceMs: number; readonly reason: string } | undefined
}

const noLimits: readonly AppliedLimit[] = []
const noneWanted: readonly number[] = []
/** About what an event takes beside its bytes while it is on its way. */
const eventBytes = 256
const debitMsDefault = 600_000
/** After so long without another failure the log is tried again. */
const logDoubtedMs = 15_000

/** Reads the books; opens while Redis is away, too. */
export async function openClusterIntake(options: ClusterIntakeOptions): Promise<ClusterIntake> {
  return new OpenedClusterIntake(options, await DoorBooks.open(options.redis))
}

/** A request while it is decided about. */
interface Taken {
  readonly request: IntakeRequest
  readonly step: Step
  /** Of each event; undefined where it has none, or where it does not count. */
  readonly keys: readonly (string | undefined)[]
  /** Of each key. */
  readonly claims: readonly (Claim | undefined)[]
  readonly asked: Asked
  readonly isUnchecked: boolean
}

class OpenedClusterIntake implements ClusterIntake {
  readonly #options: ClusterIntakeOptions
  readonly #door: RedisDoor
  readonly #books: DoorBooks
  readonly #claims = new Claims()
  readonly #name = randomBytes(6).toString('base64url')
  #requests = 0
  #waitingBytes = 0
  #onTheirWay = 0
  #unchecked = 0
  #logAway: { readonly sinceMs: number; readonly reason: string; lastMs: number } | undefined
  #allAnswered: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(options: ClusterIntakeOptions, books: DoorBooks) {
    this.#options = options
    this.#books = books
    this.#door = new RedisDoor({ debitMs: debitMsDefault, ...options })
  }

  async submit(request: IntakeRequest): Promise<Outcome[]> {
    if (this.#closing !== undefined)
      throw new Failure('SLUICE_INTAKE_CLOSED', 'The intake is closed.', { retryable: true })
    const bytes = request.body.length + request.events.length * eventBytes
    if (this.#waitingBytes + bytes > this.#options.queueBytesMax) {
      throw new Failure('SLUICE_INTAKE_FULL', 'Too many bytes wait to be stored; try again shortly.', {
        retryable: true,
      })
    }
    this.#waitingBytes += bytes
    this.#onTheirWay++
    try {
      return await this.#take(request)
    } finally {
      this.#waitingBytes -= bytes
      this.#onTheirWay--
      if (this.#onTheirWay === 0) this.#allAnswered?.()
    }
  }

  books(): IntakeBooks {
    const { stored, duplicate, refused, quota_limited, rate_limited, split, canary, unchecked } = this.#books.totals()
    return {
      durability: this.#options.lanes.durability,
      received: stored + duplicate + refused + quota_limited + rate_limited,
      stored,
      duplicate,
      refused,
      quotaLimited: quota_limited,
      rateLimited: rate_limited,
      split,
      canary,
      unchecked,
      waitingBytes: this.#waitingBytes,
    }
  }

  async limitUses(prefix = '', countMax = 1000): Promise<readonly LimitUse[]> {
    const { redis, now = Date.now } = this.#options
    return await limitUsesIn(redis, now(), prefix, countMax)
  }

  health(): ClusterIntakeHealth {
    const { redis, whenAway } = this.#options
    const { awaySinceMs, owedKeys, owedForgotten, copiesAppended } = this.#door
    const unchecked = this.#unchecked
    const log = this.#logFailure()
    return { redis: redis.health(), whenAway, awaySinceMs, unchecked, owedKeys, owedForgotten, copiesAppended, log }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#onTheirWay > 0) await new Promise<void>((resolve) => (this.#allAnswered = resolve))
    await this.#books.close()
    await this.#door.close()
    await this.#options.lanes.close()
  }

  async #take(request: IntakeRequest): Promise<Outcome[]> {
    const keys = keysOf(request)
    for (let other = this.#claims.undecided(keys); other !== undefined; other = this.#claims.undecided(keys)) {
      await other.change()
    }
    const step = new Step()
    const claims = keys.map((key) => (key === undefined ? undefined : this.#claims.claim(key, step)))
    try {
      const { taken, answers } = await this.#ask(request, step, keys, claims)
      return await this.#store(taken, answers)
    } catch (error) {
      this.#releaseAll(keys, step)
      step.become('failed')
      throw error
    }
  }

  /** What Redis says, or what is said while it is away. */
  async #ask(
    request: IntakeRequest,
    step: Step,
    keys: Taken['keys'],
    claims: Taken['claims'],
  ): Promise<{ taken: Taken; answers: Answers }> {
    const asked = this.#askedOf(request, step, keys, claims)
    const taken = { request, step, keys, claims, asked, isUnchecked: false }
    if (asked.debit === undefined && asked.events.every(({ key }) => key === undefined)) {
      return { taken, answers: asked.events.map(() => 0) }
    }
    try {
      return { taken, answers: await this.#door.decide(asked) }
    } catch (error) {
      if (!(error instanceof Failure) || error.code === 'SLUICE_LIMITS_FULL') throw error
      if (this.#options.whenAway === 'closed') {
        const message = 'Redis does not say what is a duplicate and what meets a limit; try again shortly.'
        throw new Failure('SLUICE_REDIS_AWAY', message, { retryable: true, cause: error })
      }
      const unchecked = { ...asked, debit: undefined }
      return { taken: { ...taken, asked: unchecked, isUnchecked: true }, answers: uncheckedAnswers(asked) }
    }
  }

  #askedOf(request: IntakeRequest, step: Step, keys: Taken['keys'], claims: Taken['claims']): Asked {
    const limits = request.isCanary ? noLimits : (request.limits ?? noLimits)
    const events: AskedEvent[] = []
    let isLimited = false
    for (const [at, event] of request.events.entries()) {
      if (!isAsked(event, claims[at], step)) continue
      const wanted = limits.length === 0 ? noneWanted : (event.limits ?? noneWanted)
      if (wanted.length > 0) isLimited = true
      events.push({ key: keyIn(this.#options.redis, keys[at]), limits: wanted })
    }
    const debit = isLimited ? `debit:{${request.token}}:${this.#name}${String(++this.#requests)}` : undefined
    return {
      token: request.token,
      nowMs: request.nowMs,
      isAllOrNothing: request.isAllOrNothing === true,
      limits: isLimited ? limits : noLimits,
      debit: keyIn(this.#options.redis, debit),
      events,
    }
  }

  async #store(taken: Taken, answers: Answers): Promise<Outcome[]> {
    const { request, step, asked } = taken
    const decision = decide(taken, answers, this.#options.lanes.partitionCount)
    for (const [at, key] of taken.keys.entries()) {
      const claim = taken.claims[at]
      if (key === undefined || claim?.step !== step) continue
      if (claim.outcome === undefined) this.#claims.release(key, step)
    }
    step.become('appending')
    try {
      for (const claim of decision.awaited) await durable(claim)
      await this.#append(decision)
    } catch (error) {
      await this.#door.giveBack(asked)
      throw error
    }
    step.become('durable')
    for (const { to, from } of decision.copies) decision.outcomes[to] = copyOf(from())
    this.#count(request, decision, taken.isUnchecked)
    await this.#keep(taken, decision)
    return decision.outcomes
  }

  async #append({ records, recordOf, outcomes }: Decision): Promise<void> {
    if (records.length === 0) return
    failpoint('edge:before-log-append')
    const positions = await this.#appended(records)
    failpoint('edge:after-log-append')
    for (const [at, record] of recordOf.entries()) {
      const outcome = outcomes[at]
      const position = record === undefined ? undefined : positions[record]
      // In place: claims hold the same object.
      if (outcome !== undefined && position !== undefined) Object.assign(outcome, { offset: position.offset })
    }
  }

  async #appended(records: readonly SourceRecord[]): Promise<readonly Position[]> {
    try {
      const positions = await this.#options.lanes.append(records)
      this.#logAway = undefined
      return positions
    } catch (error) {
      // A record that is too large says nothing about the log.
      if (error instanceof Failure && error.retryable) {
        const nowMs = (this.#options.now ?? Date.now)()
        this.#logAway ??= { sinceMs: nowMs, reason: error.message, lastMs: nowMs }
        this.#logAway.lastMs = nowMs
      }
      throw error
    }
  }

  /** Known as long as somebody tries: a door that says that it takes nothing may be sent nothing, and would never hear of the log again. */
  #logFailure(): ClusterIntakeHealth['log'] {
    if (this.#logAway === undefined) return undefined
    const { sinceMs, reason, lastMs } = this.#logAway
    return (this.#options.now ?? Date.now)() - lastMs < logDoubtedMs ? { sinceMs, reason } : undefined
  }

  async #keep({ request, step, keys, claims, asked }: Taken, { outcomes }: Decision): Promise<void> {
    const mine: string[] = []
    const places: string[] = []
    for (const [at, key] of keys.entries()) {
      const outcome = outcomes[at]
      if (key === undefined || outcome === undefined || claims[at]?.outcome !== outcome) continue
      mine.push(key)
      places.push(placeFrom(outcome))
    }
    const release = (): void => {
      for (const key of mine) this.#claims.release(key, step)
    }
    const named = mine.map((key) => this.#options.redis.key(key))
    const isKept = await this.#door.keep({ token: request.token, keys: named, places, debit: asked.debit }, release)
    // While it is owed, the claim answers copies.
    if (isKept) release()
  }

  #releaseAll(keys: Taken['keys'], step: Step): void {
    for (const key of keys) if (key !== undefined) this.#claims.release(key, step)
  }

  #count({ events, isCanary }: IntakeRequest, { outcomes }: Decision, isUnchecked: boolean): void {
    let stored = 0
    for (const [at, { verdict }] of outcomes.entries()) {
      const isSplit = events[at]?.splitFrom !== undefined
      if (!isSplit && verdict === 'stored') stored++
      if (isCanary) this.#books.count('canary', isSplit ? 0 : 1)
      else if (!isSplit) this.#books.count(verdict)
      else if (verdict === 'stored') this.#books.count('split')
    }
    if (!isUnchecked || stored === 0) return
    this.#unchecked += stored
    this.#books.count('unchecked', stored)
    happened.uncheckedEvents(stored).emit(this.#options.telemetry)
  }
}

function keyIn(redis: DoorRedis, name: string | undefined): string | undefined {
  return name === undefined ? undefined : redis.key(name)
}

/** Of events that may be copies or have copies. Throws for what stands in no order. */
function keysOf({ token, events }: IntakeRequest): readonly (string | undefined)[] {
  return events.map(({ duplicateKey, refusal, splitFrom }, at) => {
    if (splitFrom !== undefined && splitFrom >= at) {
      throw new Failure('SLUICE_SPLIT_BEFORE_MAIN', 'An event that is split off stands behind its main event.')
    }
    if (duplicateKey === undefined || refusal !== undefined || splitFrom !== undefined) return undefined
    return duplicateKeyName(token, duplicateKey)
  })
}

/** Redis is asked about it: not about what is refused or split off, nor about copies of what is on its way. */
function isAsked({ refusal, splitFrom }: IntakeEvent, claim: Claim | undefined, step: Step): boolean {
  return refusal === undefined && splitFrom === undefined && (claim === undefined || claim.step === step)
}

function uncheckedAnswers({ events, limits, nowMs, isAllOrNothing }: Asked): Answers {
  const seen = new Set<string>()
  const answers = events.map(({ key, limits: wanted }) => {
    if (key !== undefined && seen.has(key)) return 1
    // A quota of none is met whatever was counted.
    const met = wanted.find((at) => limits[at]?.kind === 'quota' && limits[at].max < 1)
    const quota = met === undefined ? undefined : limits[met]
    if (met !== undefined && quota?.kind === 'quota') return [met, Math.max(0, quota.expiresAtMs - nowMs)] as const
    if (key !== undefined) seen.add(key)
    return 0
  })
  const limited = isAllOrNothing ? answers.find((answer) => typeof answer === 'object') : undefined
  return limited === undefined ? answers : answers.map(() => limited)
}

async function durable({ step }: Claim): Promise<void> {
  while (step.state === 'appending') await step.change()
  if (step.state === 'failed') {
    throw new Failure('SLUICE_FIRST_COPY_FAILED', 'What this is a copy of was not stored.', { retryable: true })
  }
}

function copyOf({ lane, partition, offset }: Outcome): Outcome {
  return { verdict: 'duplicate', lane, partition, offset }
}

interface Decision {
  readonly outcomes: Outcome[]
  readonly records: readonly SourceRecord[]
  /** Of each outcome, index into `records`. */
  readonly recordOf: readonly (number | undefined)[]
  /** Outcomes that follow from others, once these have positions. */
  readonly copies: readonly { readonly to: number; readonly from: () => Outcome }[]
  /** First copies that are on their way in other requests. */
  readonly awaited: readonly Claim[]
}

/** Puts what Redis said of some events together with what follows for the others, and drafts the records. */
function decide({ request, step, keys, claims }: Taken, answers: Answers, partitionCount: number): Decision {
  const { events } = request
  const limited = request.isAllOrNothing === true ? answers.find((answer) => typeof answer === 'object') : undefined
  const outcomes: Outcome[] = []
  const records: SourceRecord[] = []
  const recordOf: (number | undefined)[] = []
  const copies: { to: number; from: () => Outcome }[] = []
  const awaited: Claim[] = []
  const headers = sharedHeaders(request)
  let asked = 0

  const place = (verdict: 'stored' | 'refused', event: IntakeEvent): Outcome => {
    const lane = verdict === 'stored' ? event.lane : 'events_plugin_ingestion_dlq'
    const partition = partitionOf(event.partitionKey, partitionCount)
    recordOf[outcomes.length] = records.push(recordFrom(request, event, lane, partition, headers)) - 1
    return { verdict, lane, partition, offset: -1 }
  }
  /** In the place of a copy until the first one has a position. */
  const copyLater = (from: () => Outcome): Outcome => {
    copies.push({ to: outcomes.length, from })
    return copyOf(from())
  }
  const said = (event: IntakeEvent, at: number): Outcome => {
    const answer = answers[asked++]
    const claim = claims[at]
    const first = claim?.outcome
    if (typeof answer === 'object') return limitedBy(event, request, answer)
    if (typeof answer === 'string') {
      const copy = copyAt(answer)
      if (copy !== undefined) return copy
    }
    if (answer === 1 && first !== undefined) return copyLater(() => first)
    const stored = place('stored', event)
    if (claim !== undefined && keys[at] !== undefined) claim.outcome = stored
    return stored
  }

  for (const [at, event] of events.entries()) {
    const main = event.splitFrom === undefined ? undefined : outcomes[event.splitFrom]
    const claim = claims[at]
    const first = claim?.step === step ? undefined : claim?.outcome
    let outcome: Outcome
    if (main !== undefined) {
      const mainAt = event.splitFrom ?? 0
      const isCopy = main.verdict === 'duplicate'
      if (main.verdict === 'stored') outcome = place('stored', event)
      else outcome = isCopy ? copyLater(() => outcomes[mainAt] ?? main) : main
    } else if (claim !== undefined && first !== undefined) {
      awaited.push(claim)
      outcome = copyLater(() => first)
    } else if (event.refusal === undefined) outcome = said(event, at)
    else outcome = limited === undefined ? place('refused', event) : limitedBy(event, request, limited)
    outcomes.push(outcome)
  }
  return { outcomes, records, recordOf, copies, awaited }
}

function limitedBy(
  event: IntakeEvent,
  { limits }: IntakeRequest,
  [limit, retryAfterMs]: readonly [number, number],
): Outcome {
  const verdict = limits?.[limit]?.kind === 'rate' ? 'rate_limited' : 'quota_limited'
  return { verdict, lane: event.lane, partition: -1, offset: -1, limit, retryAfterMs }
}
