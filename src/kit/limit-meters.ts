/**
 * Counts under keys, against quotas and rates: pure arithmetic over a bounded table, no clock and no I/O of its own.
 *
 * Words:
 * - quota: at most `max` until `expiresAtMs`; then the count begins anew at 0.
 * - rate: a bucket of `burst` tokens, refilled by `perSecond`; what enters takes one.
 * - meter: what is counted under one key. `amount` is, of a quota, how many entered; of a rate, how many tokens were taken and are not
 *   refilled at `atMs`. So both are met when one more exceeds the limit, and debited by adding one.
 * - late: whoever asks carries the time at which it came and may be decided later, behind others that came after it.
 * - spent: forgetting the meter would change no decision any more.
 */
import { Failure } from './failure.ts'

export type Limit =
  | { readonly kind: 'quota'; readonly key: string; readonly max: number; readonly expiresAtMs: number }
  | { readonly kind: 'rate'; readonly key: string; readonly perSecond: number; readonly burst: number }

/** A meter's state, never changed once it is made. */
export interface KeptLimit {
  readonly key: string
  readonly kind: Limit['kind']
  readonly amount: number
  /** quota: when the count begins anew; rate: up to when the refilling was reckoned. Unix milliseconds. */
  readonly atMs: number
  /** Of the bucket when it was last looked at; 0 for a quota. */
  readonly perSecond: number
  readonly burst: number
}

/** Between `open` and the end of the same turn it may be debited; `keep` ends that. */
export class Meter implements KeptLimit {
  readonly key: string
  kind: Limit['kind']
  amount = 0
  atMs: number
  perSecond = 0
  burst = 0
  isDebited = false
  /** What `keep` made last. */
  kept: KeptLimit | undefined

  constructor(key: string, kind: Limit['kind'], atMs: number) {
    this.key = key
    this.kind = kind
    this.atMs = atMs
  }

  keep(): KeptLimit {
    const { key, kind, amount, atMs, perSecond, burst } = this
    this.isDebited = false
    this.kept = { key, kind, amount, atMs, perSecond, burst }
    return this.kept
  }
}

/** What expired is still counted for so long, for those who are late. A clock that was set back by more counts as set right. */
const lateMsMax = 15 * 60_000
/** Keys are made of tokens and names of events; a longer one is nobody's. */
const keyCharsMax = 4096
/** When room is needed, all meters are looked through at most this often. */
const sweepEveryMs = 1000
/** Refilled tokens are fractions: a bucket is as full as it was to be when all but this much of a token is in it. */
const fractionMax = 1e-6

export class LimitMeters {
  readonly #meters = new Map<string, Meter>()
  readonly #keysMax: number
  #sweptMs = -Infinity

  constructor(keysMax: number) {
    this.#keysMax = keysMax
  }

  get size(): number {
    return this.#meters.size
  }

  /**
   * The limits' meters, reckoned up to `nowMs`. Throws SLUICE_LIMITS_FULL (retryable) when there are keys among them that the table
   * has no room for; those that count already go on.
   */
  open(limits: readonly Limit[], nowMs: number): Meter[] {
    if (this.#meters.size + limits.length > this.#keysMax) this.#makeRoom(limits, nowMs)
    return limits.map((limit) => {
      const meter = this.#meters.get(limit.key) ?? this.#add(limit, nowMs)
      reckon(meter, limit, nowMs)
      return meter
    })
  }

  /** Forgets everything but what was kept. */
  restore(kept: Iterable<KeptLimit>): void {
    this.#meters.clear()
    for (const one of kept) {
      const meter = new Meter(one.key, one.kind, one.atMs)
      meter.amount = one.amount
      meter.perSecond = one.perSecond
      meter.burst = one.burst
      meter.kept = one
      this.#meters.set(one.key, meter)
    }
  }

  forgetSpent(nowMs: number): void {
    for (const meter of this.#meters.values()) if (isSpent(meter, nowMs)) this.#meters.delete(meter.key)
  }

  all(): Iterable<KeptLimit> {
    return this.#meters.values()
  }

  #add(limit: Limit, nowMs: number): Meter {
    const { key, kind } = limit
    if (key.length > keyCharsMax) {
      throw new Failure(
        'SLUICE_LIMIT_KEY_TOO_LONG',
        `The key of a limit has at most ${String(keyCharsMax)} characters.`,
      )
    }
    const meter = new Meter(key, kind, limit.kind === 'quota' ? limit.expiresAtMs : nowMs)
    this.#meters.set(key, meter)
    return meter
  }

  #makeRoom(limits: readonly Limit[], nowMs: number): void {
    if (Math.abs(nowMs - this.#sweptMs) >= sweepEveryMs) {
      this.#sweptMs = nowMs
      this.forgetSpent(nowMs)
    }
    const missing = limits.reduce((count, { key }) => count + (this.#meters.has(key) ? 0 : 1), 0)
    if (this.#meters.size + missing > this.#keysMax) {
      throw new Failure('SLUICE_LIMITS_FULL', 'Too many quotas and rates are counted at once; try again later.', {
        retryable: true,
      })
    }
  }
}

/** Without what is never asked for again: expired long enough, or a bucket that is full. */
export function isSpent({ kind, amount, atMs, perSecond }: KeptLimit, nowMs: number): boolean {
  if (amount === 0) return true
  if (kind === 'quota') return atMs + lateMsMax <= nowMs
  return amount <= (Math.max(0, nowMs - atMs) / 1000) * perSecond
}

/** What is in use of the limit at this time, as far as its rule of then goes on. */
export function usedOf({ kind, amount, atMs, perSecond }: KeptLimit, nowMs: number): number {
  if (kind === 'quota') return atMs <= nowMs ? 0 : amount
  return Math.max(0, amount - (Math.max(0, nowMs - atMs) / 1000) * perSecond)
}

/** Which of the wanted limits lets nothing more in: the first quota, else the first rate, as index; -1 when all let it in. */
export function metLimit(meters: readonly Meter[], limits: readonly Limit[], wanted: readonly number[]): number {
  let rate = -1
  for (const at of wanted) {
    const limit = limits[at]
    const meter = meters[at]
    if (limit === undefined || meter === undefined) throw new RangeError(`There is no limit ${String(at)}.`)
    if (limit.kind === 'quota') {
      if (meter.amount + 1 > limit.max) return at
    } else if (rate < 0 && meter.amount + 1 > limit.burst + fractionMax) rate = at
  }
  return rate
}

export function debit(meters: readonly Meter[], wanted: readonly number[]): void {
  for (const at of wanted) {
    const meter = meters[at]
    if (meter === undefined) continue
    meter.amount++
    meter.isDebited = true
  }
}

/** How long until a limit that is met lets the next one in, when nobody else comes. */
export function retryAfterMs({ amount, atMs }: KeptLimit, limit: Limit, nowMs: number): number {
  if (limit.kind === 'quota') return Math.max(0, atMs - nowMs)
  const missing = Math.max(0, amount + 1 - limit.burst)
  return Math.ceil((missing / limit.perSecond) * 1000 + Math.max(0, atMs - nowMs))
}

function reckon(meter: Meter, limit: Limit, nowMs: number): void {
  if (meter.kind !== limit.kind) {
    meter.kind = limit.kind
    meter.amount = 0
    meter.atMs = limit.kind === 'quota' ? limit.expiresAtMs : nowMs
    meter.perSecond = 0
    meter.burst = 0
  }
  if (limit.kind === 'quota') {
    if (meter.atMs <= nowMs) meter.amount = 0
    // Who is late must not bring an end back that was left behind.
    if (limit.expiresAtMs > meter.atMs) meter.atMs = limit.expiresAtMs
    return
  }
  if (nowMs > meter.atMs) {
    if (meter.amount > 0) meter.amount = usedOf(meter, nowMs)
    meter.atMs = nowMs
  } else if (meter.atMs > nowMs + lateMsMax) meter.atMs = nowMs
  if (meter.burst !== limit.burst && meter.burst > 0) meter.amount *= limit.burst / meter.burst
  meter.perSecond = limit.perSecond
  meter.burst = limit.burst
}
