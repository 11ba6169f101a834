/**
 * Counts of the door since the installation began, of all edges together: each adds what it decided to one hash in Redis once a second and
 * learns the totals by it. What an edge did not add before it was killed, and all that was added before Redis lost its memory, is missing:
 * the ends of the lanes in the log say what was stored, whatever is told here.
 */
import { countScript } from './redis-scripts.ts'
import type { DoorRedis } from './redis-door.ts'

const names = [
  'stored',
  'duplicate',
  'refused',
  'quota_limited',
  'rate_limited',
  'split',
  'canary',
  'unchecked',
] as const
export type DoorCount = (typeof names)[number]
export type DoorTotals = Readonly<Record<DoorCount, number>>

const addEveryMs = 1000

export class DoorBooks {
  readonly #redis: DoorRedis
  readonly #timer: NodeJS.Timeout
  #totals = zeros()
  /** Since the last time. */
  #more = zeros()
  #isAdding = false

  /** `open` has learned the totals. */
  static async open(redis: DoorRedis): Promise<DoorBooks> {
    const books = new DoorBooks(redis)
    await books.#add(true)
    return books
  }

  private constructor(redis: DoorRedis) {
    this.#redis = redis
    this.#timer = setInterval(() => void this.#add(false), addEveryMs).unref()
  }

  count(name: DoorCount, by = 1): void {
    this.#more[name] += by
  }

  totals(): DoorTotals {
    const totals = zeros()
    for (const name of names) totals[name] = this.#totals[name] + this.#more[name]
    return totals
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#add(false)
  }

  async #add(isFirst: boolean): Promise<void> {
    const more = this.#more
    if (this.#isAdding || (!isFirst && names.every((name) => more[name] === 0))) return
    this.#isAdding = true
    this.#more = zeros()
    try {
      const args = names.flatMap((name) => [name, String(more[name])])
      const totals = await this.#redis.run(countScript, [this.#redis.key('door-books')], args)
      if (!Array.isArray(totals)) return
      for (const [at, name] of names.entries()) this.#totals[name] = Number(totals[at])
    } catch {
      // Whether it was added nobody knows when no answer came: rather once too often in our view than never.
      for (const name of names) this.#more[name] += more[name]
    } finally {
      this.#isAdding = false
    }
  }
}

function zeros(): Record<DoorCount, number> {
  return {
    stored: 0,
    duplicate: 0,
    refused: 0,
    quota_limited: 0,
    rate_limited: 0,
    split: 0,
    canary: 0,
    unchecked: 0,
  }
}
