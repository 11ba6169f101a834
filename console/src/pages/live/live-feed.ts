/**
 * What the live page shows, and how it keeps up with any rate.
 *
 * Words used here:
 * - row: an event or a gap, as it is shown; newest first, at most `rowsMax`.
 * - waiting: messages that came since the last flush; the oldest fall out beyond `rowsMax`, nobody would see them.
 * - flush: waiting messages become rows, in one step, at most once in `flushMsMin`. What waits when the feed is paused is
 *   dropped: the list must hold still then, and going on from the newest row fetches it again.
 */
import { liveEventFrom, liveGapFrom } from '../../api/live-message.ts'
import type { GapReason, LiveEvent, LiveGap } from '../../api/live-message.ts'
import type { LiveMessage } from '../../api/live-stream.ts'

export const rowsMax = 500
export const flushMsMin = 150
const rateWindowMs = 5_000

export type LiveRow =
  | { readonly kind: 'event'; readonly key: number; readonly event: LiveEvent }
  | { readonly kind: 'gap'; readonly key: number; readonly gap: LiveGap }

export interface Flushed {
  /** Newest first. */
  readonly rows: readonly LiveRow[]
  /** Events that came, those included that fell out. */
  readonly eventCount: number
  /** The position of the newest; undefined when none had one. */
  readonly lastId: string | undefined
}

/** Takes messages at any rate; `flush` hands them out and forgets them. */
export class WaitingMessages {
  readonly #waiting: { readonly key: number; readonly message: LiveMessage }[] = []
  #key = 0
  #eventCount = 0

  /** Cuts only now and then: one by one each message beyond the bound would move all others. */
  push(message: LiveMessage): void {
    this.#key += 1
    if (message.kind === 'event') this.#eventCount += 1
    this.#waiting.push({ key: this.#key, message })
    if (this.#waiting.length >= 2 * rowsMax) this.#waiting.splice(0, this.#waiting.length - rowsMax)
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  flush(): Flushed {
    const newest = this.#waiting.splice(0).slice(-rowsMax).reverse()
    const eventCount = this.#eventCount
    this.#eventCount = 0
    return {
      rows: newest.flatMap(({ key, message }) => rowFrom(key, message) ?? []),
      eventCount,
      lastId: newest[0]?.message.id || undefined,
    }
  }
}

function rowFrom(key: number, message: LiveMessage): LiveRow | undefined {
  if (message.kind === 'gap') {
    const gap = liveGapFrom(message.data)
    return gap === undefined ? undefined : { kind: 'gap', key, gap }
  }
  const event = liveEventFrom(message.data)
  return event === undefined ? undefined : { kind: 'event', key, event }
}

export function withNewRows(rows: readonly LiveRow[], newest: readonly LiveRow[]): readonly LiveRow[] {
  return newest.length === 0 ? rows : [...newest, ...rows].slice(0, rowsMax)
}

/** Events a second, over at most the last five whole seconds, with one number kept for each of them. */
export class EventRate {
  #seconds: { readonly second: number; count: number }[] = []
  readonly #beganAt: number

  constructor(nowMs: number) {
    this.#beganAt = Math.floor(nowMs / 1_000)
  }

  add(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000)
    const last = this.#seconds.at(-1)
    if (last?.second === second) last.count += 1
    else this.#seconds.push({ second, count: 1 })
    this.#forget(nowMs)
  }

  perSecond(nowMs: number): number {
    this.#forget(nowMs)
    const current = Math.floor(nowMs / 1_000)
    // The running second is not over, so it would pull the rate down.
    const count = this.#seconds.reduce((sum, each) => (each.second === current ? sum : sum + each.count), 0)
    return count / Math.max(1, Math.min(rateWindowMs / 1_000, current - this.#beganAt))
  }

  #forget(nowMs: number): void {
    const oldest = Math.floor(nowMs / 1_000) - rateWindowMs / 1_000
    while ((this.#seconds[0]?.second ?? oldest) < oldest) this.#seconds.shift()
  }
}

const gapWords: Readonly<Record<GapReason, string>> = {
  slow_reader: 'this browser did not take them fast enough',
  rate: 'more arrive than the feed shows in a second',
  too_old: 'the feed does not remember so far back',
  restarted: 'Sluice was restarted meanwhile',
}

/** A gap, said to a person: how many, why, and that nothing is lost. */
export function sayGap(gap: LiveGap): string {
  const count = gap.missed
  const what =
    count === null
      ? 'Some events are not shown here'
      : count === 1
        ? 'One event is not shown here'
        : `${count.toLocaleString('en')} events are not shown here`
  return `${what}: ${gapWords[gap.reason]}. What was accepted is stored all the same; look under Events.`
}
