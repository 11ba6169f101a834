/**
 * The readers of a project with the same filter. They get the same bytes, made once: what is let through and what is left
 * out by rate is decided here, for all of them, and 200 readers of one channel cost one choice and 200 writes a flush.
 */
import { gapFrame } from './event-frames.ts'
import type { LiveReader, Portion } from './live-reader.ts'

/** What each reader may get. */
export interface Allowance {
  readonly eventsPerSecond: number
  /** At once, after a pause. */
  readonly burst: number
}

/** Larger portions would make a slow reader lose more than it has to. */
const portionBytesMax = 64 * 1024

export class Channel {
  readonly readers = new Set<LiveReader>()
  readonly #idOf: (number: number) => string
  readonly #leftOut: (events: number) => void
  #events = Number.POSITIVE_INFINITY
  #allowedMs = 0
  #frames: Buffer[] = []
  #frameBytes = 0
  #frameEvents = 0
  #frameMissed = 0
  #frameLast = 0
  /** Events left out since the last one that was let through, and the newest of them. */
  #missed = 0
  #missedLast = 0
  #portions: Portion[] = []

  constructor(idOf: (number: number) => string, leftOut: (events: number) => void) {
    this.#idOf = idOf
    this.#leftOut = leftOut
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0 && this.#missed === 0 && this.#portions.length === 0
  }

  /** What has become free since the last time. */
  allow(nowMs: number, { eventsPerSecond, burst }: Allowance): void {
    const seconds = (nowMs - this.#allowedMs) / 1000
    this.#allowedMs = nowMs
    this.#events = Math.min(burst, this.#events + seconds * eventsPerSecond)
  }

  /** An event that the readers want. The frame is made only when they may have it. */
  take(number: number, frameOf: () => Buffer): void {
    if (this.#events < 1) {
      this.#missed++
      this.#missedLast = number
      return
    }
    this.#events--
    this.#tellGap()
    this.#add(frameOf(), number)
    this.#frameEvents++
  }

  /** Hands over what has gathered. */
  flush(): void {
    this.#tellGap()
    this.#cut()
    const portions = this.#portions
    this.#portions = []
    for (const reader of this.readers) for (const portion of portions) reader.deliver(portion)
  }

  #tellGap(): void {
    if (this.#missed === 0) return
    this.#add(gapFrame(this.#idOf(this.#missedLast), this.#missed, 'rate'), this.#missedLast)
    this.#frameMissed += this.#missed
    this.#leftOut(this.#missed * this.readers.size)
    this.#missed = 0
  }

  #add(frame: Buffer, last: number): void {
    if (this.#frameBytes + frame.length > portionBytesMax) this.#cut()
    this.#frameLast = last
    this.#frames.push(frame)
    this.#frameBytes += frame.length
  }

  #cut(): void {
    if (this.#frames.length === 0) return
    const bytes = Buffer.concat(this.#frames, this.#frameBytes)
    this.#portions.push({ bytes, events: this.#frameEvents, missed: this.#frameMissed, last: this.#frameLast })
    this.#frames = []
    this.#frameBytes = 0
    this.#frameEvents = 0
    this.#frameMissed = 0
  }
}
