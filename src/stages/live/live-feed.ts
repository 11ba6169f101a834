/**
 * What ingestion has just decided, to whoever looks on.
 *
 * ```
 *  decided(derived batches) ─► watch of the project ─┬► ring
 *                                                    └► channel of the filter ─(flush)─► readers ─► their sinks
 * ```
 *
 * Words:
 * - reader: a connection that follows a project's events.
 * - watch: what is kept of a project that somebody follows or lately followed: a count of its events, a ring of the newest
 *   rows, its channels. An event's number is its place in that count, from 1 on; an id is `<life>.<watch>.<number>`.
 * - channel: the readers of a watch with the same filter.
 * - gap: what a reader gets in the place of events that it wanted and does not get; says how many.
 * - life: one run of this process.
 *
 * States of a watch: followed ─(its last reader left)─► idle ─(a reader came)─► followed; idle ─(`ringLingerMs`)─► gone.
 * Of a reader: `live-reader.ts`.
 *
 * Promises: a reader gets events that match its filter, in the order of their numbers, each at most once, and for those that
 * it does not get a gap in their place; events and gaps together are all that matched. Nobody waits: neither ingestion
 * nor a reader for another one. What it costs is bounded: `readersMax`, `eventsPerSecondMax`, `deliveriesPerSecondMax`
 * and the writes of a second bound the work; the ring and the queues bound the memory.
 */
import { randomUUID } from 'node:crypto'
import { derivedBatchRows } from '../../event/derived-batch.ts'
import type { DerivedBatchHead } from '../../event/derived-batch.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import { RowLines, rowText } from '../../stores/warehouse/row-lines.ts'
import { Channel } from './channel.ts'
import type { Allowance } from './channel.ts'
import { eventFrame, gapFrame, openFrame, pingFrame } from './event-frames.ts'
import type { GapReason } from './event-frames.ts'
import * as happened from './live.events.ts'
import { LiveReader } from './live-reader.ts'
import type { LiveSink } from './live-reader.ts'
import { ReplayRing } from './replay-ring.ts'

export interface LiveConfig {
  readonly readersMax: number
  /** Of events to readers, all readers together. */
  readonly deliveriesPerSecondMax: number
  /** Of one reader. */
  readonly eventsPerSecondMax: number
  /** What may wait for one reader. */
  readonly queueBytesMax: number
  /** Rows that a project's ring keeps. */
  readonly ringRowsMax: number
  /** Of all rings together. */
  readonly ringBytesMax: number
  readonly ringLingerMs: number
}

export interface LiveFeedDeps {
  readonly telemetry: Telemetry
  /** Never goes back. */
  readonly nowMs?: () => number
  /** Another one than that of any other life. */
  readonly life?: string
}

/** Both are compared exactly; what is left out matches everything. */
export interface LiveFilter {
  readonly event?: string | undefined
  readonly distinctId?: string | undefined
}

export interface LiveRequest {
  readonly projectId: number
  readonly filter: LiveFilter
  /** The last id that the reader got from an earlier stream. */
  readonly lastId?: string | undefined
}

export interface Subscription {
  /** The sink can take more. */
  drained(): void
  /** Says that the stream is alive. */
  ping(): void
  /** Nothing is written any more. */
  close(): void
}

export interface DecidedBatch {
  readonly head: Pick<DerivedBatchHead, 'partition' | 'from' | 'to'>
  readonly value: Buffer
}

export interface LiveFeed {
  /** Takes derived batches that are durable. Neither waits nor throws. */
  decided(batches: readonly DecidedBatch[]): void
  /** Undefined when there are as many readers as there may be, or the feed is closed. */
  subscribe(request: LiveRequest, sink: LiveSink): Subscription | undefined
  /** Whether it keeps anything of what is decided: somebody follows, or lately did and may come back. */
  isFollowed(): boolean
  /** Resolves as soon as `isFollowed` says otherwise than now, or the signal aborts. */
  followedChange(signal: AbortSignal): Promise<void>
  /** Ends all streams. */
  close(): void
}

/** Least time between two flushes; with many readers it grows, so that writes stay few. */
const flushMsMin = 20
const flushMsMax = 1000
const writesPerSecondMax = 200
/** Rows that a reader gets at most when it comes back; older ones are a gap. */
const replayRowsMax = 500
/** After which time a reader that lost its connection may come back. */
const retryMs = 1000

export function createLiveFeed(
  config: LiveConfig,
  { telemetry, nowMs = () => performance.now(), life = randomUUID().slice(0, 8) }: LiveFeedDeps,
): LiveFeed {
  const watches = new Map<number, Watch>()
  /** Of each partition, while somebody follows. */
  const decidedTo = new Map<number, number>()
  let readers = 0
  let watchesMade = 0
  let isClosed = false
  const waitingForChange = new Set<{ readonly wasFollowed: boolean; readonly resolve: () => void }>()
  let flushTimer: NodeJS.Timeout | undefined
  let flushedMs = Number.NEGATIVE_INFINITY
  let allowance = allowanceOf(config, 0)

  /** What ingestion found durable when it took over anew was never handed on: the streams end, and tell when they come back. */
  function isWhole(batches: readonly DecidedBatch[]): boolean {
    let whole = true
    for (const { head } of batches) {
      const expected = decidedTo.get(head.partition) ?? head.from
      decidedTo.set(head.partition, head.to)
      whole &&= expected === head.from
    }
    return whole
  }

  function take(batches: readonly DecidedBatch[]): void {
    if (!isWhole(batches)) {
      happened.batchesPassedBy().emit(telemetry)
      stop()
      return
    }
    const now = nowMs()
    const touched = new Set<Watch>()
    let watch: Watch | undefined
    let teamId = Number.NaN
    for (const { value } of batches) {
      const lines = new RowLines(derivedBatchRows(value))
      while (lines.next()) {
        if (lines.teamId !== teamId) {
          teamId = lines.teamId
          watch = watches.get(teamId)
          if (watch !== undefined && !touched.has(watch)) {
            touched.add(watch)
            watch.allow(now, allowance)
          }
        }
        watch?.take(lines)
      }
    }
    const ring = { rowsMax: config.ringRowsMax, bytesMax: config.ringBytesMax / watches.size }
    for (const one of touched) one.seal(ring)
    if (flushTimer === undefined && [...touched].some((one) => one.hasFrames())) {
      const everyMs = Math.min(flushMsMax, Math.max(flushMsMin, (readers * 1000) / writesPerSecondMax))
      flushTimer = setTimeout(flush, Math.max(0, flushedMs + everyMs - now))
    }
  }

  function flush(): void {
    flushTimer = undefined
    flushedMs = nowMs()
    for (const watch of watches.values()) watch.flush()
  }

  function stop(): void {
    clearTimeout(flushTimer)
    flushTimer = undefined
    for (const watch of watches.values()) watch.end()
    watches.clear()
    tellChange()
  }

  function tellChange(): void {
    for (const waiting of waitingForChange) if (waiting.wasFollowed !== watches.size > 0) waiting.resolve()
  }

  function watchOf(projectId: number): Watch {
    const known = watches.get(projectId)
    if (known !== undefined) return known
    // There are fewer followed ones than readers, so one of so many is idle.
    if (watches.size >= config.readersMax) {
      for (const [id, watch] of watches) {
        if (!watch.isIdle()) continue
        watch.end()
        watches.delete(id)
        break
      }
    }
    const made = new Watch(`${life}.${String(++watchesMade)}`, telemetry)
    watches.set(projectId, made)
    tellChange()
    return made
  }

  function count(change: 1 | -1): void {
    readers += change
    allowance = allowanceOf(config, readers)
    happened.readersChanged(readers).emit(telemetry)
  }

  return {
    decided(batches) {
      if (watches.size === 0) {
        decidedTo.clear()
        return
      }
      try {
        take(batches)
      } catch (error) {
        // Ingestion must not suffer from who looks on.
        happened.feedBroke(error).emit(telemetry)
        stop()
      }
    },

    subscribe({ projectId, filter, lastId }, sink) {
      if (isClosed) return undefined
      if (readers >= config.readersMax) {
        happened.readerTurnedAway(readers).emit(telemetry)
        return undefined
      }
      const watch = watchOf(projectId)
      const leave = watch.join({ filter, lastId, life, queueBytesMax: config.queueBytesMax }, sink)
      count(1)
      let hasLeft = false
      return {
        drained: () => leave.reader.drained(),
        ping: () => leave.ping(),
        close() {
          if (hasLeft) return
          hasLeft = true
          leave.end()
          count(-1)
          watch.idleFor(config.ringLingerMs, () => {
            if (watches.get(projectId) !== watch) return
            watches.delete(projectId)
            tellChange()
          })
        },
      }
    },

    isFollowed: () => watches.size > 0,

    async followedChange(signal) {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      const waiting = { wasFollowed: watches.size > 0, resolve: () => resolve(undefined) }
      waitingForChange.add(waiting)
      signal.addEventListener('abort', waiting.resolve)
      if (signal.aborted) waiting.resolve()
      await promise
      waitingForChange.delete(waiting)
      signal.removeEventListener('abort', waiting.resolve)
    },

    close() {
      isClosed = true
      stop()
    },
  }
}

/** Readers share evenly: what one leaves is not given to others, so that nobody's stream changes with somebody's filter. */
function allowanceOf({ eventsPerSecondMax, deliveriesPerSecondMax }: LiveConfig, readers: number): Allowance {
  const eventsPerSecond = Math.min(eventsPerSecondMax, deliveriesPerSecondMax / Math.max(1, readers))
  return { eventsPerSecond, burst: Math.max(eventsPerSecond / 4, Math.min(50, eventsPerSecondMax)) }
}

interface Joining {
  readonly filter: LiveFilter
  readonly lastId: string | undefined
  readonly life: string
  readonly queueBytesMax: number
}

interface Joined {
  readonly reader: LiveReader
  ping(): void
  end(): void
}

class Watch {
  readonly #idPrefix: string
  readonly #telemetry: Telemetry
  readonly #ring = new ReplayRing()
  /** By `keyOf`. */
  readonly #channels = new Map<string, Channel>()
  /** How many of them ask for what, so that no row is read for nothing. */
  readonly #asking = { all: 0, event: 0, distinctId: 0, both: 0 }
  #idleTimer: NodeJS.Timeout | undefined
  #lines: RowLines | undefined
  #frame: Buffer | undefined

  constructor(idPrefix: string, telemetry: Telemetry) {
    this.#idPrefix = idPrefix
    this.#telemetry = telemetry
  }

  allow(nowMs: number, allowance: Allowance): void {
    for (const channel of this.#channels.values()) channel.allow(nowMs, allowance)
  }

  take(lines: RowLines): void {
    const number = this.#ring.add(lines)
    this.#lines = lines
    this.#frame = undefined
    const { all, event, distinctId, both } = this.#asking
    if (all > 0) this.#offer(number, keyOf(undefined, undefined))
    if (event > 0) this.#offer(number, keyOf(lines.event, undefined))
    if (distinctId > 0) this.#offer(number, keyOf(undefined, lines.distinctId))
    if (both > 0) this.#offer(number, keyOf(lines.event, lines.distinctId))
  }

  #offer(number: number, key: string): void {
    this.#channels.get(key)?.take(number, this.#frameOf)
  }

  /** Of the row that is just taken; made once for all channels that want it. */
  readonly #frameOf = (): Buffer => {
    this.#frame ??= eventFrame(this.#idOf(this.#ring.last), this.#lines?.text ?? '')
    return this.#frame
  }

  readonly #idOf = (number: number): string => `${this.#idPrefix}.${String(number)}`

  seal(limits: { readonly rowsMax: number; readonly bytesMax: number }): void {
    this.#lines = undefined
    this.#ring.seal(limits)
  }

  hasFrames(): boolean {
    return this.#channels.values().some((channel) => !channel.isEmpty)
  }

  flush(): void {
    for (const channel of this.#channels.values()) if (!channel.isEmpty) channel.flush()
  }

  isIdle(): boolean {
    return this.#channels.size === 0
  }

  /** Calls `gone` when nobody has come in that time. */
  idleFor(lingerMs: number, gone: () => void): void {
    if (!this.isIdle()) return
    clearTimeout(this.#idleTimer)
    this.#idleTimer = setTimeout(gone, lingerMs)
    this.#idleTimer.unref()
  }

  end(): void {
    clearTimeout(this.#idleTimer)
    for (const channel of this.#channels.values()) for (const reader of channel.readers) reader.end()
    this.#channels.clear()
  }

  join({ filter, lastId, life, queueBytesMax }: Joining, sink: LiveSink): Joined {
    clearTimeout(this.#idleTimer)
    const event = filter.event === undefined ? undefined : rowText(filter.event)
    const distinctId = filter.distinctId === undefined ? undefined : rowText(filter.distinctId)
    const key = keyOf(event, distinctId)
    let channel = this.#channels.get(key)
    // Others get what has gathered before this one is there; it gets that from the ring, if it asks.
    channel?.flush()
    if (channel === undefined) {
      channel = new Channel(this.#idOf, (events) => happened.eventsLeftOut(events, 'rate').emit(this.#telemetry))
      this.#channels.set(key, channel)
      this.#asking[kindOf(filter)]++
    }
    const reader = new LiveReader({
      sink,
      queueBytesMax,
      slowGap: (last, missed) => gapFrame(this.#idOf(last), missed, 'slow_reader'),
      delivered: (events) => happened.eventsDelivered(events).emit(this.#telemetry),
      leftOut: (events) => happened.eventsLeftOut(events, 'slow_reader').emit(this.#telemetry),
    })
    this.#welcome(reader, { event, distinctId }, lastId, life)
    channel.readers.add(reader)
    return {
      reader,
      ping: () => {
        // What has gathered is not with the reader yet: it may not be told that it has all.
        reader.say(pingFrame(channel.isEmpty ? this.#idOf(this.#ring.last) : undefined))
      },
      end: () => {
        channel.readers.delete(reader)
        if (channel.readers.size === 0 && this.#channels.delete(key)) this.#asking[kindOf(filter)]--
        reader.end()
      },
    }
  }

  /** Says that listening has begun, and what came since the last id. */
  #welcome(reader: LiveReader, filter: LiveFilter, lastId: string | undefined, life: string): void {
    const { last } = this.#ring
    const open = (number: number) => reader.say(openFrame(this.#idOf(number), Date.now(), retryMs))
    if (lastId === undefined) {
      open(last)
      return
    }
    const seen = numberIn(lastId, this.#idPrefix)
    if (seen === undefined || seen > last) {
      open(last)
      // Another watch of this life was there before and is gone; anything else nobody here has given.
      this.#tellGap(reader, last, null, lastId.startsWith(`${life}.`) ? 'too_old' : 'restarted')
      return
    }
    open(seen)
    const kept = this.#ring.first - 1
    if (seen < kept) {
      const isEverything = filter.event === undefined && filter.distinctId === undefined
      this.#tellGap(reader, kept, isEverything ? kept - seen : null, 'too_old')
    }
    this.#replay(reader, filter, Math.max(seen, kept))
  }

  #replay(reader: LiveReader, { event, distinctId }: LiveFilter, after: number): void {
    const found: { readonly number: number; readonly rows: Buffer; readonly start: number; readonly end: number }[] = []
    this.#ring.after(after, (lines, number) => {
      if (event !== undefined && event !== lines.event) return
      if (distinctId !== undefined && distinctId !== lines.distinctId) return
      found.push({ number, rows: lines.rows, start: lines.start, end: lines.end })
    })
    const leftOut = Math.max(0, found.length - replayRowsMax)
    if (leftOut > 0) this.#tellGap(reader, found[leftOut - 1]?.number ?? 0, leftOut, 'rate')
    // Through a channel of its own, which cuts it into portions; all of it is allowed.
    const replay = new Channel(this.#idOf, () => undefined)
    replay.readers.add(reader)
    for (const { number, rows, start, end } of found.slice(leftOut)) {
      replay.take(number, () => eventFrame(this.#idOf(number), rows.toString('utf8', start, end)))
    }
    replay.flush()
  }

  #tellGap(reader: LiveReader, last: number, missed: number | null, reason: GapReason): void {
    const bytes = gapFrame(this.#idOf(last), missed, reason)
    reader.deliver({ bytes, events: 0, missed: missed ?? 0, last })
    happened.resumedWithGap(reason).emit(this.#telemetry)
    if (missed !== null) happened.eventsLeftOut(missed, reason).emit(this.#telemetry)
  }
}

function kindOf({ event, distinctId }: LiveFilter): 'all' | 'event' | 'distinctId' | 'both' {
  if (event === undefined) return distinctId === undefined ? 'all' : 'distinctId'
  return distinctId === undefined ? 'event' : 'both'
}

/** Where the channel of a filter is; in a row's text there is no raw line break. */
function keyOf(event: string | undefined, distinctId: string | undefined): string {
  if (event === undefined) return distinctId === undefined ? '' : `distinct id\n${distinctId}`
  return distinctId === undefined ? `event\n${event}` : `both\n${event}\n${distinctId}`
}

function numberIn(id: string, prefix: string): number | undefined {
  const number = id.startsWith(`${prefix}.`) ? id.slice(prefix.length + 1) : ''
  return /^\d{1,15}$/.test(number) ? Number(number) : undefined
}
