/** Names of a journal's files, the first frame of a segment, and what the writer publishes. Format: see `frame.ts`. */
import { crc32 } from 'node:zlib'
import { lanes } from '../../../event/position.ts'
import type { Files, OpenFile } from '../../../kit/files.ts'
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
  /** Next offset, by lane number, by partition. */
  next: number[][]
  /** Entries by verdict; canaries are counted apart and nowhere else. */
  counts: { stored: number; duplicate: number; refused: number; canary: number }
}

export function emptyState(partitionCount: number): JournalState {
  return {
    timeMs: 0,
    next: lanes.map(() => Array.from({ length: partitionCount }, () => 0)),
    counts: { stored: 0, duplicate: 0, refused: 0, canary: 0 },
  }
}

export function copyState(state: JournalState): JournalState {
  return { timeMs: state.timeMs, next: state.next.map((offsets) => [...offsets]), counts: { ...state.counts } }
}

/** Moves the state past a frame. */
export function advance(state: JournalState, frame: Frame): void {
  if (frame.kind !== frameKinds.records) return
  state.timeMs = Math.max(state.timeMs, frame.timeMs)
  const { counts, next } = state
  for (let entry = 0; entry < frame.entryCount; entry++) {
    const verdict = frame.verdict(entry)
    if ((frame.flags(entry) & flags.canary) !== 0) counts.canary++
    else if (verdict === verdicts.stored) counts.stored++
    else if (verdict === verdicts.duplicate) counts.duplicate++
    else counts.refused++
    if (verdict === verdicts.duplicate) continue
    const offsets = next[frame.lane(entry)]
    // Damage may have taken entries away: the offset in the file is the truth, not the count.
    if (offsets !== undefined) offsets[frame.partition(entry)] = frame.offset(entry) + 1
  }
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

/** Writes the head frame of a new segment into `into`; returns its bytes. */
export function writeSegmentHead(head: SegmentHead, salt: number, into: Uint8Array[]): number {
  const body = Buffer.from(JSON.stringify(head))
  const draft = draftFrame({ kind: frameKinds.head, entryCount: 0, headers: Buffer.alloc(0), textsBytes: 0, body })
  return finishFrame(draft, head.createdMs, salt, into)
}

/** The head of a segment and where its records begin; undefined when the head cannot be read. */
export async function readSegmentHead(
  file: OpenFile,
  salt: number,
): Promise<{ readonly head: SegmentHead; readonly bytes: number } | undefined> {
  let buffer = Buffer.alloc(16 * 1024)
  for (;;) {
    const length = await file.read(buffer, 0)
    const look = lookAtFrame(buffer.subarray(0, length), 0, salt)
    if (look.kind === 'cut' && look.bytes > buffer.length) {
      buffer = Buffer.alloc(look.bytes)
      continue
    }
    if (look.kind !== 'whole' || look.frame.kind !== frameKinds.head) return undefined
    return { head: JSON.parse(look.frame.body.toString()) as SegmentHead, bytes: look.bytes }
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
const publishedMagic = 0x31425550

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
  for (const offsets of state.next) for (const offset of offsets) at = into.writeDoubleLE(offset, at)
  into.writeUInt32LE(crc32(into.subarray(8, at)), 4)
  return into.subarray(0, at)
}

export function publishedBytesMax(partitionCount: number): number {
  return 16 + 8 * 8 + lanes.length * partitionCount * 8
}

export async function readPublished(file: OpenFile): Promise<Published | undefined> {
  const buffer = Buffer.alloc(64 * 1024)
  const length = await file.read(buffer, 0)
  if (length < 80 || buffer.readUInt32LE(0) !== publishedMagic) return undefined
  const partitionCount = buffer.readUInt32LE(8)
  const laneCount = buffer.readUInt32LE(12)
  const end = 80 + laneCount * partitionCount * 8
  if (end > length || crc32(buffer.subarray(8, end)) !== buffer.readUInt32LE(4)) return undefined
  const value = (index: number): number => buffer.readDoubleLE(16 + index * 8)
  const state = emptyState(partitionCount)
  state.timeMs = value(3)
  state.counts = { stored: value(4), duplicate: value(5), refused: value(6), canary: value(7) }
  for (const [lane, offsets] of state.next.entries()) {
    if (lane >= laneCount) break
    for (const partition of offsets.keys()) offsets[partition] = value(8 + lane * partitionCount + partition)
  }
  return { incarnation: value(0), sequence: value(1), bytes: value(2), state }
}
