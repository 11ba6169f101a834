/**
 * Which keys (`token:distinct_id`) send too many events at once and go to the overflow lane, where they hold up nobody else (capture
 * spec §11.5). Off unless it is set.
 *
 * A retry may find another lane here than its first try did. Copies are found by their duplicate key whatever the lane, and the
 * partition does not change.
 */

export interface Overflow {
  /** Takes an event of the key into account; true when it is one too many. */
  isTooMany(key: string, nowMs: number): boolean
  /** The operator has named the token or the key. */
  isForced(token: string, key: string): boolean
}

export interface OverflowSettings {
  readonly overflowEventsPerSecond: number
  readonly overflowBurstEventsMax: number
  readonly overflowKeysMax: number
  readonly overflowKeys: readonly string[]
}

/** Undefined when nothing overflows. */
export function createOverflow(settings: OverflowSettings): Overflow | undefined {
  const { overflowEventsPerSecond: perSecond, overflowBurstEventsMax: burst, overflowKeysMax, overflowKeys } = settings
  if (perSecond === 0 && overflowKeys.length === 0) return undefined
  const forced = new Set(overflowKeys)
  const buckets = new RecentBuckets(overflowKeysMax)
  return {
    isForced: (token, key) => forced.size > 0 && (forced.has(token) || forced.has(key)),
    isTooMany(key, nowMs) {
      if (perSecond === 0) return false
      const bucket = buckets.of(key, nowMs)
      // A clock that was set back refills nothing.
      const refilled = (Math.max(0, nowMs - bucket.atMs) * perSecond) / 1000
      bucket.taken = Math.max(0, bucket.taken - refilled)
      bucket.atMs = nowMs
      if (bucket.taken + 1 > burst) return true
      bucket.taken++
      return false
    },
  }
}

interface Bucket {
  /** Tokens that were taken and are not refilled at `atMs`. */
  taken: number
  atMs: number
}

/**
 * The buckets of the keys that were seen last, at most `keysMax`: a young generation, and an old one that is forgotten as a whole
 * when the young one is half of all. A key that is forgotten has a full bucket again.
 */
class RecentBuckets {
  readonly #generationMax: number
  #young = new Map<string, Bucket>()
  #old = new Map<string, Bucket>()

  constructor(keysMax: number) {
    this.#generationMax = Math.max(1, Math.floor(keysMax / 2))
  }

  of(key: string, nowMs: number): Bucket {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const bucket = this.#old.get(key) ?? { taken: 0, atMs: nowMs }
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, bucket)
    return bucket
  }
}
