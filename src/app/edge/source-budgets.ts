/**
 * What one source may have of the edge: connections, and requests a second. A source is a client's address (`sourceOf`).
 *
 * Requests: a bucket that fills by the rate and holds one second of it. Kept as one number, the time at which it would be
 * full again (`fullAtMs`), so that nothing has to be filled by a timer. A refused request costs ten: who sends nothing but
 * rubbish gets a tenth. Who asks an empty bucket is closed for a while (`closedUntilMs`): he is answered 429 and his
 * connections are not read from until then, which costs nothing however much he sends.
 *
 * Overload: when the edge's thread was busy for four fifths of two samples in a row while several sources sent, each has a
 * quarter of its rate and half a second of that at once. Bytes beyond 4 KiB a request count as requests then, one for every 4 KiB
 * (that much of a batch costs as much as a single event), because few requests without an end cost as much as many; and a connection
 * counts as four. A connection of one that is not known, on which less than that came at once, is read again after two seconds: each
 * drip of a request costs a reading, and those of a thousand connections come together. Who goes on beyond it with good requests rests:
 * what was read of him is taken, and his connections are not read from until half of his bucket is full again. Whoever is not known
 * from half a minute of calm has a tenth of a second at once instead of half a one, and rests twice as long each time, up to four
 * times, while he never lets his bucket be full in between: who came with the overload has less than who was there before it, in
 * smaller pieces, and who sends nearly his quarter can catch up after a rest. Who sends rubbish, or too much of all else, is closed for
 * twice as long each time, and begins anew with next to nothing. The overload ends after a second of calm; for sources that were closed
 * in it, or rested, a minute later, because an attack that is held down looks like calm.
 *
 * Connections: a source has at most its maximum. Of those that it opens at once a few are served at once, and the others as fast
 * as it may send requests; of those that all who are not known open together, twice as many, and the others as fast as the thread can
 * bear. One that comes while its source is closed is, up to a number, not refused but left unread until then: who is refused comes
 * again at once, and again. The number falls to a few with connections that end without a byte: who does not stay gains nothing by
 * waiting, and each that waits is an object for the collector to copy. The last tenth of all connections is for sources that have next
 * to none: a few that take all that they can get leave some for everybody else.
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
  /** When its bucket will be full again. */
  fullAtMs: number
  /** Until then its requests are refused, and its connections are not read from. */
  closedUntilMs: number
  /** When the last of its connections was, or is, served. */
  servedAtMs: number
  /** Until then its connections are not read from; what was read before is taken. */
  restsUntilMs: number
  /** How often in a row it had to rest. */
  rests: number
  /** Bytes that its requests have paid for, and that were not counted yet. */
  paidBytes: number
  /** Until then it has what a source has in an overload. */
  strictUntilMs: number
  /** Since it was last closed: with requests that nobody can accept, or more bytes or connections than it may have. */
  hasOffended: boolean
  /** How often in a row it was closed for that while one was strict with it. */
  strikes: number
  /** How many connections it may have while it is shut out. */
  waitingConnectionsMax: number
  /** The last second in which it sent a request. */
  seenIn: number
  /** In how many seconds it sent one while one was not strict with it. */
  calmSeconds: number
}

const burstMs = 1000
/** Enough for a client that catches up after it had to wait. */
const strictBurstMs = 500
/** Of one that is not known: those that come together send theirs together. */
const unknownBurstMs = 100
/** What one that was shut out so has at once when it is heard again. */
const secondChanceMs = 60
const bytesOfRequest = 4 * 1024
const paidBytesMax = 128 * bytesOfRequest
/** So much may be owed by one that is slowed down: what it had sent already. */
const owedMsMax = 1000
/** The longest rest of one that is not known is four times the first. */
const restsMax = 2
/** So many seconds in which one sent something, and one was not strict with it, make it known. */
const knownSeconds = 30
/** For so long one goes on to be strict with a source that had more than it may in an overload. */
const strictMs = 60_000
/** A connection costs as much as some requests. */
const connectionCost = 4
/** So many that come together are served at once: as many as a client usually keeps open. */
const connectionsAtOnce = 16
/** Of all sources that are not known, together: half of what a core can begin, and while it is busy a sixth. */
const unknownPerSecond = 3000
const unknownPerBusySecond = 1000
const unknownAtOnce = 32
const unknownWaitMsMax = 1000
/** For so long one is not read from who sends less than a request's worth at a time. */
const dripRestMs = 2000
const strictShare = 0.25
const closedMs = 250
const strikesMax = 5
const refusedCost = 10
const sampleMs = 25
/** So many in a row make an overload. */
const busySamples = 2
const busyShare = 0.8
const calmShare = 0.5
const samplesOfSecond = 40
/** Bytes are counted less often: there are thousands of connections to look at. */
const samplesOfCount = 4
/** One in so many connections is kept for sources that have fewer than `scarceConnections`. */
const scarceShare = 10
const scarceConnections = 8
/** A source that is shut out has at most so many: each that waits costs as much as one that is served, in the end. */
const waitingConnectionsUsual = 128
/** Each that ends without a byte halves them, down to this; the next that brought one gives all of them back. */
const waitingConnectionsLeast = 8
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
  /** The last `strictUntilMs` of a source. */
  #strictUntilMs = 0
  /** When the last connection of one that is not known was, or is, served. */
  #unknownServedAtMs = 0
  #busy = 0
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
    const source = {
      ...{ connections: 0, servedAtMs: 0, fullAtMs: 0, closedUntilMs: 0, restsUntilMs: 0, strictUntilMs: 0 },
      ...{ rests: 0, paidBytes: 0, hasOffended: false, strikes: 0, seenIn: 0, calmSeconds: 0 },
      waitingConnectionsMax: waitingConnectionsUsual,
    }
    this.#sources.set(key, source)
    return source
  }

  /** Whether a connection is one too many. Asked before anything is made of it. */
  refuses(source: Source | undefined): boolean {
    const { connectionsMax, connectionsPerSourceMax } = this.#budgets
    const free = connectionsMax - this.#open
    if (free <= 0) return true
    if (source === undefined) return false
    const most = free * scarceShare > connectionsMax ? connectionsPerSourceMax : scarceConnections
    if (source.connections >= Math.min(connectionsPerSourceMax, most)) return true
    if (source.connections < source.waitingConnectionsMax || this.#unreadMs(source, this.#nowMs()) === 0) return false
    source.hasOffended = true
    return true
  }

  /** For one that is not refused: for how long nothing is to be read from it, milliseconds. `disconnected` has to follow. */
  connected(source: Source | undefined): number {
    this.#open++
    if (source === undefined) return 0
    source.connections++
    const nowMs = this.#nowMs()
    const unreadMs = this.#unreadMs(source, nowMs)
    if (unreadMs > 0) return unreadMs
    const waitMs = this.#isStrictWith(source, nowMs) ? this.#chargeConnection(source, nowMs) : 0
    if (waitMs > 0) return waitMs
    return Math.max(this.#turnMs(source, nowMs), isKnown(source) ? 0 : this.#unknownTurnMs(nowMs))
  }

  /** `bytes`: that came on it. */
  disconnected(source: Source | undefined, bytes: number): void {
    this.#open--
    if (source === undefined) return
    source.connections--
    source.waitingConnectionsMax =
      bytes > 0 ? waitingConnectionsUsual : Math.max(waitingConnectionsLeast, source.waitingConnectionsMax / 2)
  }

  /** 0 when the request may go on, otherwise the milliseconds until the source is heard again. */
  take(source: Source | undefined): number {
    // Who has no budget shall not suffer from the others either.
    const sender = source ?? this.#unlimited
    if (sender.seenIn !== this.#second) {
      sender.seenIn = this.#second
      this.#senders++
      if (source !== undefined && !this.#isStrictWith(source, this.#nowMs())) source.calmSeconds++
    }
    if (source === undefined) return 0
    const nowMs = this.#nowMs()
    if (source.closedUntilMs > nowMs) return source.closedUntilMs - nowMs
    if (source.fullAtMs <= nowMs) source.rests = 0
    if (!this.#pay(source, nowMs, this.#costMs(source, nowMs))) return this.#close(source, nowMs)
    source.paidBytes = Math.min(source.paidBytes + bytesOfRequest, paidBytesMax)
    return 0
  }

  /** For how long nothing is to be read from a source's connections, because it is shut out or rests, milliseconds. */
  unreadMs(source: Source): number {
    return this.#unreadMs(source, this.#nowMs())
  }

  /**
   * For a request that was taken, and was nothing that one could accept. One that was too large may have been inflated for a
   * tenth of a second before that was known: while the edge is overloaded it costs all that its source has.
   */
  chargeRefused(source: Source, isTooLarge = false): void {
    const nowMs = this.#nowMs()
    const bucketMs = this.#bucketMs(source, nowMs)
    const takesAll = isTooLarge && this.#isStrictWith(source, nowMs)
    const costMs = takesAll ? bucketMs : (refusedCost - 1) * this.#costMs(source, nowMs)
    const fullAtMs = Math.max(source.fullAtMs, nowMs) + costMs
    // At most a full bucket is owed: a source is never shut out for what it did long ago.
    source.fullAtMs = Math.max(source.fullAtMs, Math.min(fullAtMs, nowMs + bucketMs))
    source.hasOffended = true
  }

  /**
   * For what came on one connection of a source, if one is strict with it. Returns for how long nothing is to be read from that
   * connection, milliseconds.
   */
  takeBytes(source: Source, bytes: number): number {
    const nowMs = this.#nowMs()
    if (!this.#isStrictWith(source, nowMs)) return 0
    if (source.closedUntilMs > nowMs) return source.closedUntilMs - nowMs
    const paidBytes = Math.min(bytes, source.paidBytes)
    source.paidBytes -= paidBytes
    const unpaidBytes = bytes - paidBytes
    const waitMs = this.#charge(source, nowMs, (unpaidBytes / bytesOfRequest) * this.#costMs(source, nowMs))
    const isDrip = unpaidBytes > 0 && unpaidBytes < bytesOfRequest && !isKnown(source)
    return isDrip ? Math.max(waitMs, dripRestMs) : waitMs
  }

  #unreadMs(source: Source, nowMs: number): number {
    return Math.max(0, source.closedUntilMs - nowMs, source.restsUntilMs - nowMs)
  }

  /** How long a connection waits for those of its source that came with it, milliseconds. */
  #turnMs(source: Source, nowMs: number): number {
    source.servedAtMs = nextServedAtMs(source.servedAtMs, nowMs, connectionsAtOnce, this.#costMs(source, nowMs))
    return Math.max(0, source.servedAtMs - nowMs)
  }

  /** How long a connection of one that is not known waits for those of all others that came with it, milliseconds. */
  #unknownTurnMs(nowMs: number): number {
    const costMs = 1000 / (this.#busy > 0 || this.#isOverloaded ? unknownPerBusySecond : unknownPerSecond)
    const servedAtMs = nextServedAtMs(this.#unknownServedAtMs, nowMs, unknownAtOnce, costMs)
    this.#unknownServedAtMs = Math.min(servedAtMs, nowMs + unknownWaitMsMax)
    return Math.max(0, this.#unknownServedAtMs - nowMs)
  }

  /** A first connection leaves enough for a request on it, however low the rate is. */
  #chargeConnection(source: Source, nowMs: number): number {
    const requestMs = this.#costMs(source, nowMs)
    const isFirst = source.fullAtMs <= nowMs
    const mostMs = isFirst ? this.#bucketMs(source, nowMs) - requestMs : Infinity
    return this.#charge(source, nowMs, Math.min(connectionCost * requestMs, mostMs))
  }

  /** For what has happened already. Returns how long nothing is to be read from the source for it, milliseconds. */
  #charge(source: Source, nowMs: number, costMs: number): number {
    if (this.#pay(source, nowMs, costMs)) return this.#unreadMs(source, nowMs)
    source.hasOffended = true
    return this.#close(source, nowMs)
  }

  /** False when it cannot, and is to be shut out. Who pays with more than he has rests. */
  #pay(source: Source, nowMs: number, costMs: number): boolean {
    const fullAtMs = Math.max(source.fullAtMs, nowMs) + costMs
    if (fullAtMs - nowMs <= this.#bucketMs(source, nowMs)) source.fullAtMs = fullAtMs
    else if (this.#isSlowedDown(source, nowMs, fullAtMs)) this.#rest(source, nowMs, fullAtMs)
    else return false
    return true
  }

  /** Instead of being shut out: one with whom we are strict, though all that it sent was good. */
  #isSlowedDown(source: Source, nowMs: number, fullAtMs: number): boolean {
    if (source.hasOffended || !this.#isStrictWith(source, nowMs)) return false
    const bucketMs = this.#bucketMs(source, nowMs)
    // While it rests: of what it would owe when it is heard again.
    const sinceMs = Math.max(nowMs, source.restsUntilMs - bucketMs / 2)
    // However low the rate is, the one beyond the bucket was read with it.
    return fullAtMs - sinceMs <= Math.max(owedMsMax, 2 * bucketMs)
  }

  /** Until half of its bucket is full again, or longer if it never is in between. What was read of it before counts on. */
  #rest(source: Source, nowMs: number, fullAtMs: number): void {
    if (source.restsUntilMs > nowMs) source.fullAtMs = fullAtMs
    else {
      const halfMs = this.#bucketMs(source, nowMs) / 2
      source.restsUntilMs = nowMs + (fullAtMs - halfMs - nowMs) * (isKnown(source) ? 1 : 2 ** source.rests)
      source.fullAtMs = source.restsUntilMs + halfMs
      source.rests = Math.min(restsMax, source.rests + 1)
    }
    // Otherwise who always sends more than a quarter of his rate would never have it whole again.
    if (this.#isOverloaded) this.#beStrictWith(source, source.restsUntilMs)
  }

  /** Looks at how busy the thread is until the signal; calls back ten times a second while one is strict with anybody. */
  watchLoad(signal: AbortSignal, whileStrict: () => void): void {
    const timer = setInterval(() => {
      this.#takeSample()
      const isStrict = this.#isOverloaded || this.#strictUntilMs > this.#nowMs()
      if (isStrict && this.#samples % samplesOfCount === 0) whileStrict()
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
    this.#busy = busy > busyShare ? this.#busy + 1 : 0
    if (this.#busy >= busySamples && several) this.#isOverloaded = true
    else if (this.#calm >= samplesOfSecond) this.#isOverloaded = false
  }

  #takeSample(): void {
    const now = performance.eventLoopUtilization()
    this.sampled(performance.eventLoopUtilization(now, this.#busySince).utilization)
    this.#busySince = now
  }

  #isStrictWith(source: Source, nowMs: number): boolean {
    return this.#isOverloaded || source.strictUntilMs > nowMs
  }

  /** For a while after it is heard again. */
  #beStrictWith(source: Source, heardAtMs: number): void {
    source.strictUntilMs = heardAtMs + strictMs
    this.#strictUntilMs = Math.max(this.#strictUntilMs, source.strictUntilMs)
  }

  #costMs(source: Source, nowMs: number): number {
    const rate = this.#budgets.requestsPerSecondPerSourceMax
    return 1000 / (this.#isStrictWith(source, nowMs) ? Math.max(1, rate * strictShare) : rate)
  }

  /** Holds at least one request. */
  #bucketMs(source: Source, nowMs: number): number {
    const inOverloadMs = isKnown(source) ? strictBurstMs : unknownBurstMs
    return Math.max(this.#costMs(source, nowMs), this.#isStrictWith(source, nowMs) ? inOverloadMs : burstMs)
  }

  #close(source: Source, nowMs: number): number {
    if (!this.#isStrictWith(source, nowMs)) {
      source.strikes = 0
      source.closedUntilMs = nowMs + closedMs
      return closedMs
    }
    const strikes = source.hasOffended ? source.strikes : 0
    const waitMs = closedMs * 2 ** strikes
    source.strikes = source.hasOffended ? Math.min(strikesMax, strikes + 1) : 0
    source.hasOffended = false
    source.closedUntilMs = nowMs + waitMs
    this.#beStrictWith(source, source.closedUntilMs)
    // However low the rate is, one request may go on then.
    const lacksMs = this.#bucketMs(source, nowMs) - Math.max(secondChanceMs, this.#costMs(source, nowMs))
    source.fullAtMs = source.closedUntilMs + lacksMs
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

/** From half a minute of calm. */
function isKnown({ calmSeconds }: Source): boolean {
  return calmSeconds >= knownSeconds
}

/** After the one at `servedAtMs`: `atOnce` that come together are served at once, the others every `costMs`. */
function nextServedAtMs(servedAtMs: number, nowMs: number, atOnce: number, costMs: number): number {
  return Math.max(servedAtMs, nowMs - atOnce * costMs) + costMs
}
