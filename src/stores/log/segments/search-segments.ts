/**
 * The searches themselves, one segment after the other. Runs in the search thread; see `frame-walk.ts` for what is read.
 */
import { closeSync, openSync } from 'node:fs'
import { derivedBatchHead } from '../../../event/derived-batch.ts'
import type { DerivedBatchHead } from '../../../event/derived-batch.ts'
import { flows } from '../../../event/flows.ts'
import { laneNumber, lanes } from '../../../event/position.ts'
import type { Lane } from '../../../event/position.ts'
import { parseUuid } from '../../../event/uuid.ts'
import { codeOf } from '../../../kit/failure.ts'
import { decisionOn } from '../decision-on.ts'
import type { FoundBatch } from '../decision-on.ts'
import { entriesMax, rawCharsMax } from '../log-search.ts'
import type { Decision, DoorEntry, Found, Place } from '../log-search.ts'
import { entryBytes, flags, marksOf, verdicts } from './frame.ts'
import type { Frame } from './frame.ts'
import { FrameWalk } from './frame-walk.ts'
import type { ReachedFrame } from './frame-walk.ts'
import type { DerivedLane, SearchOrder, Slot } from './search-tasks.ts'
import { mayHold, mayHoldAny } from './stretches.ts'
import type { Stretch } from './stretches.ts'

const refusedLane = laneNumber('events_plugin_ingestion_dlq')

/** What a search may still use. */
class Budget {
  readonly #deadlineMs: number
  #bytesLeft: number

  constructor({ bytesMax, timeMsMax }: SearchOrder) {
    this.#deadlineMs = performance.now() + timeMsMax
    this.#bytesLeft = bytesMax
  }

  spend(bytes: number): boolean {
    this.#bytesLeft -= bytes
    return this.#bytesLeft >= 0 && performance.now() < this.#deadlineMs
  }
}

/** Remembers what was searched. */
class Coverage {
  readonly #stretches: readonly Stretch[]
  #fromMs: number | undefined
  #throughMs = 0
  #isCut = false
  isDamaged = false

  constructor(stretches: readonly Stretch[]) {
    this.#stretches = stretches
  }

  searched({ fromMs, toMs }: Stretch): void {
    this.#fromMs = Math.min(this.#fromMs ?? fromMs, fromMs)
    this.#throughMs = Math.max(this.#throughMs, toMs)
  }

  /** The budget, or the number of answers, ends the search. */
  cut(): void {
    this.#isCut = true
  }

  isCut(): boolean {
    return this.#isCut
  }

  /** What damage hides is then nothing that was wanted. */
  foundAll(): void {
    this.isDamaged = false
  }

  /** Without anything left out, the search covers all that the journal holds. */
  whole(): Found<never>['searched'] {
    if (!this.#isCut) for (const stretch of this.#stretches) this.searched(stretch)
    return { fromMs: this.#fromMs, throughMs: this.#throughMs, complete: !this.#isCut && !this.isDamaged }
  }
}

export function searchEntries(order: SearchOrder): Found<DoorEntry> {
  switch (order.task.kind) {
    case 'uuid':
      return entriesOf(order, order.task.uuid)
    case 'places':
      return entriesAt(order, order.task.places)
    case 'refused':
      return newestRefused(order, order.task.limit, order.task.tokens)
    default:
      throw new RangeError(`${order.task.kind} is no search for entries.`)
  }
}

export function searchDecisions(order: SearchOrder): Found<Decision> {
  switch (order.task.kind) {
    case 'decisions':
      return decisionsAt(order, order.task.derived, order.task.slots)
    case 'parked':
      return newestParked(order, order.task.derived, order.task.limit)
    default:
      throw new RangeError(`${order.task.kind} is no search for decisions.`)
  }
}

function entriesOf(order: SearchOrder, uuid: string): Found<DoorEntry> {
  const wanted = uuidAsWords(uuid)
  const items: DoorEntry[] = []
  const coverage = new Coverage(order.stretches)
  const budget = new Budget(order)
  for (const stretch of order.stretches) {
    const done = walk(stretch, budget, coverage, (walking, frame) => {
      const { words } = walking
      let whole: Frame | undefined
      let at = (walking.entryAt(frame, 0) + 32) / 4
      for (let entry = 0; entry < frame.entryCount; entry++, at += entryBytes / 4) {
        if (words[at] !== wanted[0] || words[at + 1] !== wanted[1]) continue
        if (words[at + 2] !== wanted[2] || words[at + 3] !== wanted[3]) continue
        whole ??= walking.whole(frame)
        if (whole === undefined) return true
        if (items.length >= entriesMax) {
          coverage.cut()
          return false
        }
        items.push(doorEntry(whole, entry, stretch.incarnation))
      }
      return true
    })
    if (!done) break
  }
  items.sort((a, b) => a.timeMs - b.timeMs || a.position.offset - b.position.offset)
  return { items, searched: coverage.whole() }
}

function entriesAt(order: SearchOrder, places: readonly Place[]): Found<DoorEntry> {
  const open = new Set(places.map(placeKey))
  const items: DoorEntry[] = []
  const coverage = new Coverage(order.stretches)
  const budget = new Budget(order)
  const wanted = new Set(places.map((place) => laneNumber(place.lane)))
  for (const stretch of order.stretches) {
    const here = places.some(
      (place) => open.has(placeKey(place)) && mayHold(stretch, place.lane, place.partition, place.offset),
    )
    if (!here) continue
    const done = walk(stretch, budget, coverage, (walking, frame) => {
      let whole: Frame | undefined
      for (let entry = 0; entry < frame.entryCount; entry++) {
        const { bytes } = walking
        const at = walking.entryAt(frame, entry)
        const number = bytes[at] ?? 0
        if (!wanted.has(number) || bytes[at + 1] === verdicts.duplicate) continue
        const lane = laneNamed(number)
        const key = placeKey({ lane, partition: bytes.readUInt16LE(at + 4), offset: bytes.readDoubleLE(at + 8) })
        if (!open.has(key)) continue
        whole ??= walking.whole(frame)
        if (whole === undefined) return true
        open.delete(key)
        items.push(doorEntry(whole, entry, stretch.incarnation))
      }
      return open.size > 0
    })
    if (!done) break
  }
  if (open.size === 0) coverage.foundAll()
  return { items, searched: coverage.whole() }
}

/** Stretches come newest first; within one the newest stand last. */
function newestRefused(order: SearchOrder, limit: number, tokens: readonly string[] | undefined): Found<DoorEntry> {
  const wanted = tokens === undefined ? undefined : new Set(tokens)
  const items: DoorEntry[] = []
  const coverage = new Coverage(order.stretches)
  const budget = new Budget(order)
  for (const stretch of order.stretches) {
    if (items.length >= limit) break
    if (!mayHoldAny(stretch, 'events_plugin_ingestion_dlq')) continue
    const here: DoorEntry[] = []
    const done = walk(stretch, budget, coverage, (walking, frame) => {
      let whole: Frame | undefined
      for (let entry = 0; entry < frame.entryCount; entry++) {
        const { bytes } = walking
        const at = walking.entryAt(frame, entry)
        if (bytes[at] !== refusedLane || bytes[at + 1] !== verdicts.refused) continue
        whole ??= walking.whole(frame)
        if (whole === undefined) return true
        const found = doorEntry(whole, entry, stretch.incarnation)
        if (wanted !== undefined && !wanted.has(found.token)) continue
        here.push(found)
        if (here.length > limit * 2) here.splice(0, here.length - limit)
      }
      return true
    })
    items.push(...here.toReversed())
    if (!done) break
  }
  return { items: items.slice(0, limit), searched: coverage.whole() }
}

/**
 * Source offsets of a partition's batches rise from segment to segment, so the segment is found by halving: the first batch
 * of the partition in the middle one says in which half to go on.
 */
function decisionsAt(order: SearchOrder, derived: DerivedLane, places: readonly Slot[]): Found<Decision> {
  const items: Decision[] = []
  const coverage = new Coverage(order.stretches)
  const budget = new Budget(order)
  for (const [partition, own] of Map.groupBy(places, (place) => place.partition)) {
    const searched: OnePartition = { lane: laneOf(derived), partition, budget, coverage }
    const holding = order.stretches.filter((stretch) => holds(stretch, searched.lane, partition))
    const open = new Set(own.map(({ offset }) => offset))
    while (open.size > 0) {
      const offset = Math.min(...open)
      const from = newestBeginningBefore(holding, offset, searched)
      if (coverage.isCut()) break
      const before = open.size
      for (const stretch of holding.slice(Math.max(0, from))) {
        eachBatch(stretch, searched, (batch) => {
          for (const wanted of open) {
            if (wanted < batch.head.from || wanted >= batch.head.to) continue
            open.delete(wanted)
            items.push(decisionOn(wanted, batch, flows[derived.flow], derived.partitionCount))
          }
          return open.has(offset) && batch.head.from <= offset
        })
        if (!open.has(offset) || coverage.isCut()) break
      }
      if (coverage.isCut()) break
      // Not in the log (any more, or yet): the next one may be.
      if (open.size === before) open.delete(offset)
    }
  }
  if (items.length === places.length) coverage.foundAll()
  return { items, searched: coverage.whole() }
}

/** Index of the last stretch whose first batch of the partition begins at or before the offset; -1 when none does. */
function newestBeginningBefore(stretches: readonly Stretch[], offset: number, searched: OnePartition): number {
  let low = 0
  let high = stretches.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const stretch = stretches[middle]
    let first: number | undefined
    if (stretch !== undefined) {
      eachBatch(stretch, searched, ({ head }) => {
        first = head.from
        return false
      })
    }
    if (searched.coverage.isCut()) return -1
    if (first === undefined || first <= offset) low = middle + 1
    else high = middle
  }
  return low - 1
}

/**
 * Stretches come newest first. The books of a partition's first batch in a stretch say how many dead letters lie before it:
 * where that is as many as before the next stretch, this one has none, and where it is none, nothing older has any.
 */
function newestParked(order: SearchOrder, derived: DerivedLane, limit: number): Found<Decision> {
  const lane = laneOf(derived)
  const items: Decision[] = []
  const coverage = new Coverage(order.stretches)
  const budget = new Budget(order)
  const earlier = new Map<number, number>()
  for (const stretch of order.stretches) {
    if (items.length >= limit) break
    const here: Decision[] = []
    const later = new Map(earlier)
    /** Partitions that may have dead letters in this stretch. */
    const begins = stretch.begins[lane] ?? []
    const open = new Set(begins.keys().filter((partition) => holds(stretch, lane, partition)))
    const isUnknown = begins.length === 0
    if (!isUnknown && open.size === 0) continue
    const firstSeen = new Set<number>()
    walk(stretch, budget, coverage, (walking, frame) => {
      const head = batchHeadOf(walking, frame, lane)
      if (head === undefined) return true
      const { partition, books } = head
      const own = head.exceptions.filter(({ kind }) => kind === 'dead_letter')
      if (!firstSeen.has(partition)) {
        firstSeen.add(partition)
        earlier.set(partition, books.deadLetter - own.length)
        if (later.get(partition) === books.deadLetter - own.length) open.delete(partition)
      }
      const batch = own.length === 0 ? undefined : batchOf(walking, frame, stretch)
      if (batch !== undefined)
        for (const { offset } of own) here.push(decisionOn(offset, batch, flows[derived.flow], derived.partitionCount))
      if (here.length > limit * 2) here.splice(0, here.length - limit)
      return isUnknown || open.size > 0
    })
    items.push(...here.toReversed())
    if (coverage.isCut()) break
    if (begins.length > 0 && begins.every((begin, partition) => begin === 0 || earlier.get(partition) === 0)) break
  }
  items.sort((a, b) => b.timeMs - a.timeMs || b.place.offset - a.place.offset)
  return { items: items.slice(0, limit), searched: coverage.whole() }
}

function laneOf({ flow }: DerivedLane): number {
  return laneNumber(flows[flow].derived)
}

function holds(stretch: Stretch, lane: number, partition: number): boolean {
  const begin = stretch.begins[lane]?.[partition] ?? 0
  const end = stretch.ends[lane]?.[partition] ?? Number.MAX_SAFE_INTEGER
  return end > begin
}

/** What is gone through of a derived lane. */
interface OnePartition {
  readonly lane: number
  readonly partition: number
  readonly budget: Budget
  readonly coverage: Coverage
}

/** The derived batches of a partition in a stretch, until `visit` says no. */
function eachBatch(
  stretch: Stretch,
  { lane, partition, budget, coverage }: OnePartition,
  visit: (batch: FoundBatch) => boolean,
): void {
  walk(stretch, budget, coverage, (walking, frame) => {
    const at = walking.entryAt(frame, 0)
    if (!isBatch(walking, frame, lane) || walking.bytes.readUInt16LE(at + 4) !== partition) return true
    const batch = batchOf(walking, frame, stretch)
    return batch === undefined || visit(batch)
  })
}

function isBatch(walking: FrameWalk, frame: ReachedFrame, lane: number): boolean {
  return frame.entryCount === 1 && walking.bytes[walking.entryAt(frame, 0)] === lane
}

/** Read whole and checked; undefined when it is damaged. */
function batchOf(walking: FrameWalk, frame: ReachedFrame, stretch: Stretch): FoundBatch | undefined {
  const whole = walking.whole(frame)
  if (whole === undefined) return undefined
  const value = whole.value(0)
  return {
    head: derivedBatchHead(value),
    value,
    offset: whole.offset(0),
    incarnation: stretch.incarnation ?? 0,
    timeMs: whole.timeMs,
  }
}

/** Its head alone, without the rows; undefined when the frame is no batch, or damaged. */
function batchHeadOf(walking: FrameWalk, frame: ReachedFrame, lane: number): DerivedBatchHead | undefined {
  if (!isBatch(walking, frame, lane)) return undefined
  const length = walking.bodyStart(frame, 4)
  if (length?.length !== 4) return undefined
  const head = walking.bodyStart(frame, 4 + length.readUInt32LE(0))
  try {
    return head === undefined ? undefined : derivedBatchHead(head)
  } catch {
    // Not checked by a sum: `whole` counts the damage.
    walking.whole(frame)
    return undefined
  }
}

/** Visits the frames of a stretch until `visit` says no; false when the search is over: told so, or out of budget. */
function walk(
  stretch: Stretch,
  budget: Budget,
  coverage: Coverage,
  visit: (walking: FrameWalk, frame: ReachedFrame) => boolean,
): boolean {
  let file: number
  try {
    file = openSync(stretch.path, 'r')
  } catch (error) {
    // Retention took it away since the heads were looked at.
    if (codeOf(error) === 'ENOENT') return true
    throw error
  }
  try {
    const walking = new FrameWalk(file, stretch.salt, stretch.fromByte, stretch.endByte, budget)
    let goesOn = true
    for (let frame = walking.next(); frame !== undefined; frame = walking.next()) {
      goesOn = visit(walking, frame)
      if (!goesOn) break
    }
    if (walking.isCut()) coverage.cut()
    else coverage.searched(stretch)
    if (walking.damagedBytes > 0) coverage.isDamaged = true
    return goesOn && !walking.isCut()
  } finally {
    closeSync(file)
  }
}

function doorEntry(frame: Frame, entry: number, incarnation: number | undefined): DoorEntry {
  const verdict = frame.verdict(entry)
  const isDuplicate = verdict === verdicts.duplicate
  const bits = frame.flags(entry)
  const { token = '' } = frame.headers
  return {
    uuid: frame.uuid(entry),
    verdict: isDuplicate ? 'duplicate' : verdict === verdicts.refused ? 'refused' : 'stored',
    position: {
      lane: laneNamed(frame.lane(entry)),
      incarnation: isDuplicate ? undefined : incarnation,
      partition: frame.partition(entry),
      offset: frame.offset(entry),
    },
    timeMs: frame.timeMs,
    token,
    distinctId: frame.distinctId(entry),
    reason: frame.reason(entry),
    isCanary: (bits & flags.canary) !== 0,
    isErased: (bits & flags.erased) !== 0,
    marks: marksOf(bits),
    raw: isDuplicate ? undefined : frame.value(entry).toString().slice(0, rawCharsMax),
  }
}

function placeKey({ lane, partition, offset }: Place): string {
  return `${lane}:${String(partition)}:${String(offset)}`
}

function laneNamed(number: number): Lane {
  return lanes[number] ?? 'events_plugin_ingestion'
}

/** As an entry has it in memory: bytes in text order, read as words of this machine. */
function uuidAsWords(uuid: string): Int32Array {
  const bytes = Buffer.alloc(16)
  for (const [at, word] of (parseUuid(uuid) ?? [0, 0, 0, 0]).entries()) bytes.writeUInt32BE(word, at * 4)
  return new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 16))
}
