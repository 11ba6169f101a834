/**
 * What is known of numbered parts of which this process works on some, and others on the rest.
 *
 * Words:
 * - own: worked on by this process now. It knows exactly.
 * - others: worked on elsewhere, or by nobody at the moment. What was said of them where all can look is known, a second or so old.
 *
 * What is known never goes back: an answer may be older than what this process did itself before others took over, and storage that was
 * restored may say less than it did.
 */
import { askedSeldom } from './asked-seldom.ts'
import { Failure } from './failure.ts'

export interface KnownPartsOptions<T> {
  readonly count: number
  /** What is known of a part at first. */
  readonly nothing: T
  /** Asks what was said of all parts; of some it may be nothing. */
  readonly ask: () => Promise<ReadonlyMap<number, T>>
  /** Grows with what was done to a part. */
  readonly progressOf: (part: T) => number
}

/** Several ask at once and often: what was said this long ago is new enough. */
const askEveryMs = 500
/** Whoever asks waits no longer than this for an answer. */
const waitMsMax = 500

export class KnownParts<T> {
  readonly #parts: T[]
  readonly #progressOf: (part: T) => number
  readonly #ask: () => Promise<void>
  #own: ReadonlySet<number> = new Set()

  constructor({ count, nothing, ask, progressOf }: KnownPartsOptions<T>) {
    this.#parts = Array.from({ length: count }, () => nothing)
    this.#progressOf = progressOf
    this.#ask = askedSeldom(
      async () => {
        this.#learn(await ask())
      },
      { everyMs: askEveryMs, waitMsMax },
    )
  }

  /** From now on only this process says where these stand. */
  own(parts: ReadonlyMap<number, T>): void {
    this.#own = new Set(parts.keys())
    for (const [index, part] of parts) this.#parts[index] = part
  }

  disown(): void {
    this.#own = new Set()
  }

  /** Where one of its own stands now. */
  set(index: number, part: T): void {
    this.#parts[index] = part
  }

  /** As known now, by number. */
  now(): readonly T[] {
    return this.#parts
  }

  /** By number; asks about others, unless that was done just now. As last known while nobody answers. */
  async all(): Promise<readonly T[]> {
    if (this.#own.size < this.#parts.length) await this.#ask().catch(unlessAway)
    return this.#parts.slice()
  }

  #learn(said: ReadonlyMap<number, T>): void {
    for (const [index, part] of said) {
      const known = this.#parts[index]
      if (known === undefined || this.#own.has(index) || this.#progressOf(part) < this.#progressOf(known)) continue
      this.#parts[index] = part
    }
  }
}

function unlessAway(error: unknown): void {
  if (!(error instanceof Failure && error.retryable)) throw error
}
