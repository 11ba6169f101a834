/**
 * One reader's end of the feed. It never makes anybody wait: what its connection does not take is kept up to a limit, then
 * the oldest goes and a gap is told in its place.
 *
 * ```
 *  flowing ──the sink is full──► blocked ──drained──► flowing
 *     └───────────── end ─────────────┴──► ended
 * ```
 */

/** Where a reader's bytes go. */
export interface LiveSink {
  /** Takes the bytes; false when that was more than it can pass on at once. `drained` of the subscription is called then. */
  write(bytes: Buffer): boolean
  /** Bytes that it took and could not pass on yet. */
  readonly waitingBytes: number
  end(): void
}

/** Frames that belong together in time, shared by all readers that get them. */
export interface Portion {
  readonly bytes: Buffer
  /** Events in it. */
  readonly events: number
  /** Events that gaps in it tell of. */
  readonly missed: number
  /** Number of the last event that it has or tells of. */
  readonly last: number
}

export interface LiveReaderOptions {
  readonly sink: LiveSink
  /** What may wait for the reader, in the queue and in the sink together. */
  readonly queueBytesMax: number
  readonly slowGap: (last: number, missed: number) => Buffer
  readonly delivered: (events: number) => void
  readonly leftOut: (events: number) => void
}

export class LiveReader {
  readonly #options: LiveReaderOptions
  readonly #queue: Portion[] = []
  #queueBytes = 0
  #isBlocked = false
  #hasEnded = false
  /** What was let go of from the front of the queue. */
  #gap: { readonly last: number; readonly missed: number } | undefined

  constructor(options: LiveReaderOptions) {
    this.#options = options
  }

  deliver(portion: Portion): void {
    if (this.#hasEnded) return
    if (!this.#isBlocked) {
      this.#write(portion)
      return
    }
    this.#queue.push(portion)
    this.#queueBytes += portion.bytes.length
    this.#shorten()
  }

  /** The sink has passed on what it had. */
  drained(): void {
    this.#isBlocked = false
    if (this.#hasEnded) return
    if (this.#gap !== undefined) {
      const { last, missed } = this.#gap
      this.#gap = undefined
      this.#write({ bytes: this.#options.slowGap(last, missed), events: 0, missed, last })
    }
    let written = 0
    for (const portion of this.#queue) {
      if (this.#isWaiting()) break
      this.#write(portion)
      this.#queueBytes -= portion.bytes.length
      written++
    }
    this.#queue.splice(0, written)
  }

  /** Says a word between events, unless the reader has enough to take as it is. */
  say(bytes: Buffer): void {
    if (!this.#hasEnded && !this.#isBlocked) this.#isBlocked = !this.#options.sink.write(bytes)
  }

  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#queue.length = 0
    this.#queueBytes = 0
    this.#options.sink.end()
  }

  #isWaiting(): boolean {
    return this.#isBlocked
  }

  #write(portion: Portion): void {
    this.#isBlocked = !this.#options.sink.write(portion.bytes)
    if (portion.events > 0) this.#options.delivered(portion.events)
  }

  #shorten(): void {
    const { queueBytesMax, sink, leftOut } = this.#options
    let gone = 0
    for (const { bytes, events, missed, last } of this.#queue) {
      if (this.#queueBytes + sink.waitingBytes <= queueBytesMax) break
      this.#queueBytes -= bytes.length
      this.#gap = { last, missed: (this.#gap?.missed ?? 0) + events + missed }
      leftOut(events)
      gone++
    }
    if (gone > 0) this.#queue.splice(0, gone)
  }
}
