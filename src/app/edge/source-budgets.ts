/**
 * What one source may have of the edge: connections, and requests a second. A source is a client's address (`sourceOf`).
 *
 * Requests: a bucket that fills by the rate and holds one second of it. Kept as one number, the time at which it would be
 * full again (`fullAtMs`), so that nothing has to be filled by a timer. A refused request costs ten: who sends nothing but
 * rubbish gets a tenth. Who asks an empty bucket is closed for a while (`closedUntilMs`): he is answered 429 and his
 * connections are not read from until then, which costs nothing however much he sends.
 *
 * Overload: when the edge's thread was busy for four fifths of the last sample while several sources sent, each has a quarter
 * of its rate, and who goes on beyond it is closed for twice as long each time, and begins anew with a quarter of his bucket.
 * Every 16 KiB that a source sends count as a request then, because few requests without an end cost as much as many, and a
 * connection counts as four. It ends after a second of calm.
 *
 * Connections: a source has at most its maximum. The last tenth of all connections is for sources that have next to none: a few
 * that take all that they can get leave some for everybody else.
 *
 * Trusted proxies have no budget for what they send without naming a client: it is their own (health checks, servers on the
 * same machine), and a budget of the proxy would be one for all of its clients together.
 *
 * At most `sourcesMax` sources are remembered; the ones that are forgotten have no open connection and were not seen lately.
 */
import { performance } from 'node:perf_hooks'

export interface Budgets {
  readonly connectionsMax: number
  readonly connectionsPerSourceMax: number
  readonly requestsPerSecondPerSourceMax: number
}

/** What is remembered of one. Only `SourceBudgets` changes it. */
export interface Source {
  connections: number
  fullAtMs: number
  closedUntilMs: number
  /** How often in a row it was closed while the edge was overloaded. */
  strikes: number
  /** The last second in which it sent a request. */
  seenIn: number
}

const burstMs = 1000
/** Of a full bucket, what one that was shut out while the edge was overloaded lacks when it is heard again. */
const lackingShare = 0.75
const bytesOfRequest = 16 * 1024
/** A connection costs as much as some requests. */
const connectionCost = 4
const overloadedShare = 0.25
const closedMs = 250
const strikesMax = 5
const refusedCost = 10
const sampleMs = 100
const busyShare = 0.8
const calmShare = 0.5
const samplesOfSecond = 10
/** One in so many connections is kept for sources that have fewer than `scarceConnections`. */
const scarceShare = 10
const scarceConnections = 8
const sourcesMaxUsual = 50_000
const forgetTries = 16

export class SourceBudgets {
  readonly #sources = new Map<string, Source>()
  readonly #sourcesMax: number
  readonly #nowMs: () => number
  #budgets: Budgets
  #open = 0
  readonly #unlimited = { seenIn: 0 }
  #samples = 0
  #second = 1
  #senders = 0
  #sendersBefore = 0
  #isOverloaded = false
  #calm = 0
  #busySince = performance.eventLoopUtilization()

  constructor(budgets: Budgets, { sourcesMax = sourcesMaxUsual, nowMs = () => performance.now() } = {}) {
    this.#budgets = budgets
    this.#sourcesMax = sourcesMax
    this.#nowMs = nowMs
  }

  get isOverloaded(): boolean {
    return this.#isOverloaded
  }

  get openConnections(): number {
    return this.#open
  }

  get size(): number {
    return this.#sources.size
  }

  /** Holds from the next request and connection on. */
  set(budgets: Budgets): void {
    this.#budgets = budgets
  }

  of(key: string): Source {
    const known = this.#sources.get(key)
    if (known !== undefined) return known
    if (this.#sources.size >= this.#sourcesMax) this.#forgetOne()
    const source = { connections: 0, fullAtMs: 0, closedUntilMs: 0, strikes: 0, seenIn: 0 }
    this.#sources.set(key, source)
    return source
  }

  /** False when the connection is one too many; otherwise `disconnected` has to follow. */
  connected(source: Source | undefined): boolean {
    const { connectionsMax, connectionsPerSourceMax } = this.#budgets
    const free = connectionsMax - this.#open
    if (free <= 0) return false
    if (source !== undefined) {
      const most = free * scarceShare > connectionsMax ? connectionsPerSourceMax : scarceConnections
      if (source.connections >= Math.min(connectionsPerSourceMax, most)) return false
      const nowMs = this.#nowMs()
      if (source.closedUntilMs > nowMs) return false
      if (this.#isOverloaded && this.#charge(source, nowMs, connectionCost) > 0) return false
      source.connections++
    }
    this.#open++
    return true
  }

  disconnected(source: Source | undefined): void {
    this.#open--
    if (source !== undefined) source.connections--
  }

  /** 0 when the request may go on, otherwise the milliseconds until the source is heard again. */
  take(source: Source | undefined): number {
    // Who has no budget shall not suffer from the others either.
    const sender = source ?? this.#unlimited
    if (sender.seenIn !== this.#second) {
      sender.seenIn = this.#second
      this.#senders++
    }
    if (source === undefined) return 0
    const nowMs = this.#nowMs()
    if (source.closedUntilMs > nowMs) return source.closedUntilMs - nowMs
    const costMs = this.#costMs()
    const fullAtMs = Math.max(source.fullAtMs, nowMs) + costMs
    const bucketMs = Math.max(costMs, burstMs)
    if (fullAtMs - nowMs > bucketMs) return this.#close(source, nowMs)
    source.fullAtMs = fullAtMs
    return 0
  }

  /**
   * For a request that was taken, and was nothing that one could accept. One that was too large may have been inflated for a
   * tenth of a second before that was known: while the edge is overloaded it costs all that its source has.
   */
  chargeRefused(source: Source, isTooLarge = false): void {
    const nowMs = this.#nowMs()
    const costMs = isTooLarge && this.#isOverloaded ? burstMs : (refusedCost - 1) * this.#costMs()
    const fullAtMs = Math.max(source.fullAtMs, nowMs) + costMs
    // At most a full bucket is owed: a source is never shut out for what it did long ago.
    source.fullAtMs = Math.min(fullAtMs, nowMs + burstMs)
  }

  /** For what a source has sent while the edge was overloaded; as `take`. */
  takeBytes(source: Source, bytes: number): number {
    const nowMs = this.#nowMs()
    if (source.closedUntilMs > nowMs) return source.closedUntilMs - nowMs
    return this.#charge(source, nowMs, bytes / bytesOfRequest)
  }

  /** For what has happened already. Returns how long the source is shut out for it, milliseconds. */
  #charge(source: Source, nowMs: number, requests: number): number {
    source.fullAtMs = Math.max(source.fullAtMs, nowMs) + requests * this.#costMs()
    return source.fullAtMs - nowMs > burstMs ? this.#close(source, nowMs) : 0
  }

  /** Looks at how busy the thread is, every `sampleMs`, until the signal; calls back each time while it is overloaded. */
  watchLoad(signal: AbortSignal, whileOverloaded: () => void): void {
    const timer = setInterval(() => {
      this.#takeSample()
      if (this.#isOverloaded) whileOverloaded()
    }, sampleMs)
    timer.unref()
    signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  }

  /** `busyShare`: of the time since the last one. */
  sampled(busy: number): void {
    const several = Math.max(this.#senders, this.#sendersBefore) > 1
    if (++this.#samples % samplesOfSecond === 0) {
      this.#second++
      this.#sendersBefore = this.#senders
      this.#senders = 0
    }
    this.#calm = busy < calmShare ? this.#calm + 1 : 0
    if (busy > busyShare && several) this.#isOverloaded = true
    else if (this.#calm >= samplesOfSecond) this.#isOverloaded = false
  }

  #takeSample(): void {
    const now = performance.eventLoopUtilization()
    this.sampled(performance.eventLoopUtilization(now, this.#busySince).utilization)
    this.#busySince = now
  }

  #costMs(): number {
    const rate = this.#budgets.requestsPerSecondPerSourceMax
    return 1000 / (this.#isOverloaded ? Math.max(1, rate * overloadedShare) : rate)
  }

  #close(source: Source, nowMs: number): number {
    const waitMs = this.#isOverloaded ? closedMs * 2 ** source.strikes : closedMs
    source.strikes = this.#isOverloaded ? Math.min(strikesMax, source.strikes + 1) : 0
    source.closedUntilMs = nowMs + waitMs
    if (this.#isOverloaded) source.fullAtMs = source.closedUntilMs + lackingShare * burstMs
    return waitMs
  }

  /** The oldest come first; who is still there goes to the end of the row. */
  #forgetOne(): void {
    let tries = forgetTries
    for (const [key, source] of this.#sources) {
      this.#sources.delete(key)
      const isStillThere = source.connections > 0 || (source.seenIn === this.#second && tries > 1)
      if (!isStillThere) return
      this.#sources.set(key, source)
      // Not more than there are open connections can be kept this way.
      if (--tries === 0) return
    }
  }
}
