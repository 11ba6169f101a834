/**
 * Where all source indexes of a flow stand, whoever decides them.
 *
 * Words:
 * - own: decided by this process now. It knows exactly.
 * - others: decided elsewhere, or by nobody at the moment. What their owners had remembered in the log is known, a second or so old.
 *
 * What is known never goes back: after Postgres was restored, the log may say less than it did.
 */
import { emptyBooks } from '../../event/derived-batch.ts'
import type { Lane } from '../../event/position.ts'
import { askedSeldom } from '../../kit/asked-seldom.ts'
import { Failure } from '../../kit/failure.ts'
import type { EventLog, Remembered } from '../../stores/log/event-log.ts'
import type { PartitionState } from './derive-batches.ts'

/** Several ask at once and often: what was said this long ago is new enough. */
const askEveryMs = 500
/** Whoever asks waits no longer than this for a log that is slow to say. */
const waitMs = 500

export class KnownStates {
  readonly #log: Pick<EventLog, 'remembered'>
  readonly #derived: Lane
  readonly #states: PartitionState[]
  readonly #askAgain = askedSeldom(() => this.#ask(), { everyMs: askEveryMs, waitMsMax: waitMs })
  #own: ReadonlySet<number> = new Set()

  constructor(log: Pick<EventLog, 'remembered' | 'partitionsOf'>, derived: Lane) {
    this.#log = log
    this.#derived = derived
    this.#states = Array.from({ length: log.partitionsOf(derived) }, () => nothingDecided)
  }

  /** From now on only `decided` says where these stand. */
  own(states: ReadonlyMap<number, PartitionState>): void {
    this.#own = new Set(states.keys())
    for (const [index, state] of states) this.#states[index] = state
  }

  disown(): void {
    this.#own = new Set()
  }

  decided(index: number, state: PartitionState): void {
    this.#states[index] = state
  }

  /** As known now, by source index. */
  now(): readonly PartitionState[] {
    return this.#states
  }

  /** By source index; asks the log about others, unless that was done just now. As last known while the log is away. */
  async all(): Promise<readonly PartitionState[]> {
    if (this.#own.size < this.#states.length) await this.#askAgain()
    return this.#states.slice()
  }

  async #ask(): Promise<void> {
    let remembered: ReadonlyMap<number, Remembered>
    try {
      remembered = await this.#log.remembered(this.#derived)
    } catch (error) {
      if (error instanceof Failure && error.retryable) return
      throw error
    }
    for (const [index, { about }] of remembered) {
      const state = this.#own.has(index) ? undefined : stateFrom(about)
      const known = this.#states[index]
      if (state !== undefined && known !== undefined && state.decidedTo >= known.decidedTo) this.#states[index] = state
    }
  }
}

export const nothingDecided: PartitionState = { decidedTo: 0, books: emptyBooks, acceptedToMs: 0 }

/** What is remembered about the newest batch of a source index. */
export function aboutState({ decidedTo, books, acceptedToMs }: PartitionState): string {
  return JSON.stringify({ decidedTo, books, acceptedToMs })
}

/** Undefined for what an earlier release remembered, which said nothing. */
function stateFrom(about: string): PartitionState | undefined {
  if (about === '') return undefined
  // Written by `aboutState`, in this process or another.
  const { decidedTo, books, acceptedToMs } = JSON.parse(about) as Partial<PartitionState>
  return decidedTo === undefined || books === undefined || acceptedToMs === undefined
    ? undefined
    : { decidedTo, books, acceptedToMs }
}
