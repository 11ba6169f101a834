/** Names of a journal's files, the first frame of a segment, and what the writer publishes. Format: see `frame.ts`. */
import { crc32 } from 'node:zlib'
import { partitionsOf } from '../../../event/flows.ts'
import { lanes } from '../../../event/position.ts'
import type { Files, OpenFile } from '../../../kit/files.ts'
import type { KeptLimit } from '../../../kit/limit-meters.ts'
import { draftFrame, finishFrame, flags, frameKinds, lookAtFrame, verdicts } from './frame.ts'
import type { Frame } from './frame.ts'

export interface SegmentName {
  readonly sequence: number
  readonly salt: number
  readonly file: string
}

export function segmentName(sequence: number, salt: number): SegmentName {
  const file = `${String(sequence).padStart(10, '0')}-${salt.toString(16).padStart(8, '0')}.seg`
  return { sequence, salt, file }
}

/** The journal's segments, oldest first; other files in the folder are nobody's business here. */
export async function listSegments(files: Files, folder: string): Promise<SegmentName[]> {
  const segments: SegmentName[] = []
  for (const file of await files.list(folder)) {
    const parts = /^(\d{10})-([0-9a-f]{8})\.seg$/.exec(file)
    if (parts?.[1] === undefined || parts[2] === undefined) continue
    segments.push({ sequence: Number(parts[1]), salt: Number.parseInt(parts[2], 16), file })
  }
  return segments
}

/** What a journal has counted so far. Every segment begins with it, so that counters outlive retention. */
export interface JournalState {
  /** Log time of the newest frame, Unix milliseconds. */
  timeMs: number
  /** Next offset, by lane number, by partition; lanes have their own numbers of partitions. */
  next: number[][]
  /** Entries by verdict; canaries are counted apart and nowhere else. */
  counts: {
    stored: number
    duplicate: number
    refused: number
    canary: number
    /** Events that met a limit: no frame has them, so the newest may be missing after a crash. */
    quotaLimited: number
    rateLimited: number
    /** Entries split off from stored ones. */
    split: number
    /** How `refused` came together, by reason; what was refused before this was counted is missing. */
    reasons: Record<string, number>
  }
}

/** Reasons that are counted apart; further ones are counted under `otherReason`. */
const reasonsMax = 32
const reasonCharsMax = 200
const otherReason = 'other'

export function emptyState(partitionCount: number): JournalState {
  return {
    timeMs: 0,
    next: lanes.map((lane) => Array.from({ length: partitionsOf(lane, partitionCount) }, () => 0)),
    counts: emptyCounts(),
  }
}

export function emptyCounts(): JournalState['counts'] {
  return { stored: 0, duplicate: 0, refused: 0, canary: 0, quotaLimited: 0, rateLimited: 0, split: 0, reasons: {} }
}

export function copyState(state: JournalState): JournalState {
  const { timeMs, next, counts } = state
  // A head that an earlier release wrote has no reasons, and counts less.
  const reasons = { ...(counts as { readonly reasons?: Record<string, number> }).reasons }
  // Nor lanes and partitions that came later.
  const all = emptyState(next[0]?.length ?? 0).next
  for (const [lane, offsets] of all.entries()) {
    for (const partition of offsets.keys()) offsets[partition] = next[lane]?.[partition] ?? 0
  }
  return { timeMs, next: all, counts: { ...emptyCounts(), ...counts, reasons } }
}

/** Moves the state past a frame. */
export function advance(state: JournalState, frame: Frame): void {
  if (frame.kind !== frameKinds.records) return
  state.timeMs = Math.max(state.timeMs, frame.timeMs)
  const { counts, next } = state
  for (let entry = 0; entry < frame.entryCount; entry++) {
    const verdict = frame.verdict(entry)
    const isCanary = (frame.flags(entry) & flags.canary) !== 0
    if (verdict === verdicts.split) counts.split += isCanary ? 0 : 1
    else if (isCanary) counts.canary++
    else if (verdict === verdicts.stored) counts.stored++
    else if (verdict === verdicts.duplicate) counts.duplicate++
    else countRefused(counts, frame.reason(entry))
    if (verdict === verdicts.duplicate) continue
    const offsets = next[frame.lane(entry)]
    // Damage may have taken entries away: the offset in the file is the truth, not the count.
    if (offsets !== undefined) offsets[frame.partition(entry)] = frame.offset(entry) + 1
  }
}

/** Numbers in a reason (sizes, limits) would make each one its own. */
function countRefused(counts: JournalState['counts'], reason: string): void {
  counts.refused++
  const { reasons } = counts
  const kind = reason.replace(/\d+/g, '…').slice(0, reasonCharsMax)
  const isKept = Object.hasOwn(reasons, kind) || Object.keys(reasons).length < reasonsMax
  const name = isKept ? kind : otherReason
  reasons[name] = (reasons[name] ?? 0) + 1
}

export interface SegmentHead {
  readonly format: 1
  readonly incarnation: number
  readonly sequence: number
  readonly createdMs: number
  readonly partitionCount: number
  /** How far the segment before this one is good; bytes behind it were never acknowledged. Absent for the first one. */
  readonly previous?: { readonly sequence: number; readonly bytes: number }
  readonly state: JournalState
}

/** Writes the head frame of a new segment, with all limits of the journal, into `into`; returns its bytes. */
export function writeSegmentHead(
  head: SegmentHead,
  limits: readonly KeptLimit[],
  salt: number,
  into: Uint8Array[],
): number {
  const body = Buffer.from(JSON.stringify(head))
  const draft = draftFrame({ kind: frameKinds.head, entryCount: 0, headers: '', textsBytes: 0, body, limits })
  return finishFrame(draft, head.createdMs, salt, into)
}

export interface FoundSegmentHead {
  readonly head: SegmentHead
  /** As the frame has them: only who recovers the journal reads them. */
  readonly limits: Buffer
  /** Where the records begin. */
  readonly bytes: number
}

/** Undefined when the head cannot be read. */
export async function readSegmentHead(file: OpenFile, salt: number): Promise<FoundSegmentHead | undefined> {
  let buffer = Buffer.alloc(16 * 1024)
  for (;;) {
    const length = await file.read(buffer, 0)
    const look = lookAtFrame(buffer.subarray(0, length), 0, salt)
    if (look.kind === 'cut' && look.bytes > buffer.length) {
      buffer = Buffer.alloc(look.bytes)
      continue
    }
    if (look.kind !== 'whole' || look.frame.kind !== frameKinds.head) return undefined
    const { body, limits } = look.frame
    const head = JSON.parse(body.toString()) as SegmentHead
    return { head: { ...head, state: copyState(head.state) }, limits, bytes: look.bytes }
  }
}

/**
 * What the writer lets other processes know after each sync: the synced end and the counters at it. One small file,
 * written in place; a reader that meets it half written sees a wrong checksum and looks again.
 */
export interface Published {
  readonly incarnation: number
  readonly sequence: number
  readonly bytes: number
  readonly state: JournalState
}

export const publishedFile = 'synced'
const publishedMagic = 0x33425550
/** Of releases without limits: all offsets of the lanes, each with as many partitions, and no counts at the end. */
const publishedMagicWithoutLimits = 0x32425550
/** Of releases that counted no reasons: also without the text before them. */
const publishedMagicWithoutReasons = 0x31425550
const publishedHeadBytes = 80
/** More than all reasons take: they are cut, and text of any language has at most four bytes a character. */
const reasonsBytesMax = 32 * 1024
/** Written anew only when something was refused: most groups refuse nothing. */
let reasonsText: { readonly refused: number; readonly of: object; readonly bytes: Buffer } | undefined

export function encodePublished(published: Published, into: Buffer): Buffer {
  const { state } = published
  const partitionCount = state.next[0]?.length ?? 0
  let at = 16
  into.writeUInt32LE(publishedMagic, 0)
  into.writeUInt32LE(partitionCount, 8)
  into.writeUInt32LE(state.next.length, 12)
  const { counts } = state
  for (const value of [
    published.incarnation,
    published.sequence,
    published.bytes,
    state.timeMs,
    counts.stored,
    counts.duplicate,
    counts.refused,
    counts.canary,
  ]) {
    at = into.writeDoubleLE(value, at)
  }
  // Most lanes hold nothing, and this is written with every sync.
  for (const offsets of state.next) {
    let kept = offsets.length
    while (kept > 0 && offsets[kept - 1] === 0) kept--
    at = into.writeUInt16LE(kept, at)
    for (let partition = 0; partition < kept; partition++) at = into.writeDoubleLE(offsets[partition] ?? 0, at)
  }
  const reasons = bytesOfReasons(counts)
  at = into.writeUInt32LE(reasons.length, at)
  at += reasons.copy(into, at)
  for (const value of [counts.quotaLimited, counts.rateLimited, counts.split]) at = into.writeDoubleLE(value, at)
  into.writeUInt32LE(crc32(into.subarray(8, at)), 4)
  return into.subarray(0, at)
}

function bytesOfReasons({ refused, reasons }: JournalState['counts']): Buffer {
  if (reasonsText?.of === reasons && reasonsText.refused === refused) return reasonsText.bytes
  const bytes = Buffer.from(JSON.stringify(reasons))
  reasonsText = { refused, of: reasons, bytes: bytes.length > reasonsBytesMax ? Buffer.from('{}') : bytes }
  return reasonsText.bytes
}

export function publishedBytesMax(partitionCount: number): number {
  const offsets = lanes.reduce((sum, lane) => sum + 2 + partitionsOf(lane, partitionCount) * 8, 0)
  return publishedHeadBytes + offsets + 4 + reasonsBytesMax + 3 * 8
}

/** The most that the setting permits. */
const partitionCountMax = 256
const publishedReadBytes = publishedBytesMax(partitionCountMax)

export async function readPublished(file: OpenFile): Promise<Published | undefined> {
  const buffer = Buffer.allocUnsafe(publishedReadBytes)
  const bytes = buffer.subarray(0, await file.read(buffer, 0))
  const kind = bytes.length < publishedHeadBytes ? 0 : bytes.readUInt32LE(0)
  const hasLimits = kind === publishedMagic
  const hasReasons = hasLimits || kind === publishedMagicWithoutLimits
  if (!hasReasons && kind !== publishedMagicWithoutReasons) return undefined
  // Not checked by the sum yet.
  if (bytes.readUInt32LE(8) > partitionCountMax) return undefined
  const state = emptyState(bytes.readUInt32LE(8))
  const reasonsAt = readOffsets(bytes, state.next, kind === publishedMagic)
  if (reasonsAt === undefined || (hasReasons && reasonsAt + 4 > bytes.length)) return undefined
  const reasonsEnd = hasReasons ? reasonsAt + 4 + bytes.readUInt32LE(reasonsAt) : reasonsAt
  const end = hasLimits ? reasonsEnd + 3 * 8 : reasonsEnd
  if (end > bytes.length || crc32(bytes.subarray(8, end)) !== bytes.readUInt32LE(4)) return undefined
  const value = (index: number): number => bytes.readDoubleLE(16 + index * 8)
  state.timeMs = value(3)
  const reasons = hasReasons ? bytes.toString('utf8', reasonsAt + 4, reasonsEnd) : '{}'
  state.counts = {
    stored: value(4),
    duplicate: value(5),
    refused: value(6),
    canary: value(7),
    quotaLimited: hasLimits ? bytes.readDoubleLE(reasonsEnd) : 0,
    rateLimited: hasLimits ? bytes.readDoubleLE(reasonsEnd + 8) : 0,
    split: hasLimits ? bytes.readDoubleLE(reasonsEnd + 16) : 0,
    reasons: JSON.parse(reasons) as Record<string, number>,
  }
  return { incarnation: value(0), sequence: value(1), bytes: value(2), state }
}

/** Reads the offsets of all lanes into `next`; returns where they end, undefined when that is not in the file. */
function readOffsets(bytes: Buffer, next: readonly number[][], isCompact: boolean): number | undefined {
  const partitionCount = bytes.readUInt32LE(8)
  const laneCount = bytes.readUInt32LE(12)
  let at = publishedHeadBytes
  for (let lane = 0; lane < laneCount; lane++) {
    if (isCompact && at + 2 > bytes.length) return undefined
    const kept = isCompact ? bytes.readUInt16LE(at) : partitionCount
    if (isCompact) at += 2
    if (at + kept * 8 > bytes.length) return undefined
    // Nobody here wants a lane that only a newer release knows.
    const offsets = next[lane] ?? []
    for (let partition = 0; partition < kept; partition++, at += 8) {
      if (partition < offsets.length) offsets[partition] = bytes.readDoubleLE(at)
    }
  }
  return at
}
