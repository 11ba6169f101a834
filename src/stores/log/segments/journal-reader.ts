/**
 * Reads a journal that this or another process writes: in file order, up to the synced end, then waits for more.
 * Format and words: `frame.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../../kit/failure.ts'
import type { Files, OpenFile } from '../../../kit/files.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import { frameKinds } from './frame.ts'
import type { Frame } from './frame.ts'
import type { WantedLanes } from './pass-over.ts'
import * as happened from './segments.events.ts'
import { listSegments, publishedFile, readPublished, readSegmentHead } from './segment-files.ts'
import type { Published, SegmentHead, SegmentName } from './segment-files.ts'
import { scanSegment } from './scan-segment.ts'
import type { Skim } from './scan-segment.ts'

export interface JournalReaderOptions {
  readonly files: Files
  readonly folder: string
  readonly telemetry: Telemetry
  /** How long to wait for the file system's sign that more was written before looking anyway. */
  readonly pollMs: number
}

export interface FrameChunk {
  readonly frames: readonly Frame[]
  readonly incarnation: number
  readonly sequence: number
}

export interface OpenedSegment {
  readonly name: SegmentName
  readonly file: OpenFile
  readonly head: SegmentHead | undefined
  readonly headBytes: number
}

/** The last thing the writer published; undefined while there is nothing or it is just being written. */
export async function publishedOf(files: Files, folder: string): Promise<Published | undefined> {
  let file
  try {
    file = await files.open(`${folder}/${publishedFile}`, 'read')
  } catch {
    return undefined
  }
  try {
    return (await readPublished(file)) ?? (await readPublished(file))
  } finally {
    await file.close()
  }
}

async function openSegment(files: Files, folder: string, name: SegmentName): Promise<OpenedSegment> {
  const file = await files.open(`${folder}/${name.file}`, 'read')
  const found = await readSegmentHead(file, name.salt)
  return { name, file, head: found?.head, headBytes: found?.bytes ?? 0 }
}

/** Heads of all segments, oldest first; a damaged head leaves its segment out. */
export async function segmentHeads(files: Files, folder: string): Promise<{ name: SegmentName; head: SegmentHead }[]> {
  return Array.fromAsync(readHeads(files, folder))
}

/** Head of the oldest segment that has a readable one. */
export async function firstSegmentHead(files: Files, folder: string): Promise<SegmentHead | undefined> {
  for await (const { head } of readHeads(files, folder)) return head
  return undefined
}

/** Opens one segment after the other, as far as somebody asks. */
async function* readHeads(
  files: Files,
  folder: string,
): AsyncGenerator<{ readonly name: SegmentName; readonly head: SegmentHead }> {
  for (const name of await listSegments(files, folder)) {
    // Retention may take a segment away between the listing and the opening.
    const segment = await openSegment(files, folder, name).catch(() => undefined)
    if (segment === undefined) continue
    await segment.file.close()
    if (segment.head !== undefined) yield { name, head: segment.head }
  }
}

export interface FollowOptions {
  /** With it the reader waits at the synced end for more until it aborts; without, it ends there. */
  readonly signal?: AbortSignal | undefined
  /**
   * Frames without a record of these lanes may be left out, unchecked and unreported, and what no head says to have advanced is
   * not read at all. Looks for more less often.
   */
  readonly wanted?: WantedLanes | undefined
  /** The reading ends where the journal's offsets are such that this says yes; asked wherever they are known. */
  readonly until?: ((reached: NextOffsets) => boolean) | undefined
}

/** Read at once by who looks for few frames … */
const skimBytes = 1024 * 1024
/** … and where bodies are so large that jumping over them costs less than reading on. */
const jumpBytes = 16 * 1024
const largeBytes = 256 * 1024
/** A skimming reader at the end leaves the file that every sync writes alone for so long. */
const skimEveryMs = 100

/** Yields the records frames from the given segment on, in chunks of about `chunkBytes`. */
export async function* readFrames(
  options: JournalReaderOptions,
  fromSequence: number,
  chunkBytes: number,
  { signal, wanted, until }: FollowOptions = {},
): AsyncGenerator<FrameChunk> {
  const { files, folder, telemetry } = options
  const wake = signal === undefined ? undefined : watchJournal(options, signal)
  let segment: OpenedSegment | undefined
  let at = 0
  /** The end of a segment that is not written any more: looked up once. */
  let sealed: ReadableEnd | undefined
  let wantedSequence = fromSequence
  /** The journal's offsets at `at`, where they are known. */
  let nextHere: NextOffsets | undefined
  const skim: Skim | undefined = wanted === undefined ? undefined : { wanted, spare: undefined }
  let windowBytes = Math.min(chunkBytes, skimBytes)
  try {
    while (signal?.aborted !== true) {
      if (nextHere !== undefined && until?.(nextHere) === true) return
      const published = await publishedOf(files, folder)
      if (published !== undefined && segment === undefined) {
        segment = await nextSegment(files, folder, wantedSequence)
        at = segment?.headBytes ?? 0
        sealed = undefined
        nextHere = segment?.head?.state.next
      }
      const end = sealed ?? (await readableEnd(options, segment, published))
      if (end?.last === false) sealed = end
      if (segment === undefined || end === undefined || (end.last && at >= end.bytes)) {
        if (wake === undefined) return
        await wake.next()
        if (wanted !== undefined) {
          await sleep(Math.min(skimEveryMs, options.pollMs), undefined, { signal }).catch(() => undefined)
        }
        continue
      }
      if (wanted !== undefined && isStill(wanted, nextHere, end.next)) {
        at = end.bytes
      } else if (at < end.bytes) {
        const bytes = skim === undefined ? chunkBytes : windowBytes
        const step = await scanSegment(segment.file, segment.name.salt, at, end.bytes, bytes, skim)
        if (wanted === undefined) {
          for (const damage of step.damage) happened.damageFound(folder, segment.name.file, damage).emit(telemetry)
        }
        const hasJumped = step.nextAt > at + bytes + largeBytes
        windowBytes = step.frames.length > 0 ? chunkBytes : Math.min(chunkBytes, hasJumped ? jumpBytes : skimBytes)
        at = step.ended ? end.bytes : step.nextAt
        nextHere = at >= end.bytes ? end.next : undefined
        const frames = step.frames.map(({ frame }) => frame).filter((frame) => frame.kind === frameKinds.records)
        const incarnation = segment.head?.incarnation ?? published?.incarnation ?? 0
        if (frames.length > 0) yield { frames, incarnation, sequence: segment.name.sequence }
      }
      // What is written on is looked at again; of the others nothing more comes.
      if (at >= end.bytes && !end.last) {
        wantedSequence = segment.name.sequence + 1
        await segment.file.close()
        segment = undefined
      }
    }
  } finally {
    wake?.stop()
    await segment?.file.close()
  }
}

async function nextSegment(files: Files, folder: string, sequence: number): Promise<OpenedSegment | undefined> {
  const name = (await listSegments(files, folder)).find((candidate) => candidate.sequence >= sequence)
  if (name === undefined) return undefined
  try {
    return await openSegment(files, folder, name)
  } catch (cause) {
    throw new Failure('SLUICE_LOG_TRIMMED', `The segment ${name.file} went away while it was wanted.`, { cause })
  }
}

export type NextOffsets = SegmentHead['state']['next']

/** Whether none of the lanes advanced between the two; false where that is not known. */
function isStill(wanted: WantedLanes, from: NextOffsets | undefined, to: NextOffsets | undefined): boolean {
  if (from === undefined || to === undefined) return false
  return to.every(
    (offsets, lane) => wanted[lane] !== 1 || offsets.every((offset, partition) => offset === from[lane]?.[partition]),
  )
}

interface ReadableEnd {
  readonly bytes: number
  /** The journal's offsets there; undefined when nobody says. */
  readonly next: NextOffsets | undefined
  /** True for the segment that is being written. */
  readonly last: boolean
}

/** How far the segment may be read; undefined when nothing is known yet. */
async function readableEnd(
  options: JournalReaderOptions,
  segment: OpenedSegment | undefined,
  published: Published | undefined,
): Promise<ReadableEnd | undefined> {
  if (segment === undefined || published === undefined) return undefined
  const { sequence } = segment.name
  if (published.sequence === sequence) return { bytes: published.bytes, next: published.state.next, last: true }
  if (published.sequence < sequence) return { bytes: segment.headBytes, next: undefined, last: true }
  const { files, folder } = options
  for (const name of await listSegments(files, folder)) {
    if (name.sequence <= sequence) continue
    const next = await openSegment(files, folder, name)
    await next.file.close()
    // A head that was never finished, or is damaged, cannot say how far this one is good; the one behind it may.
    if (next.head === undefined) continue
    if (next.head.previous?.sequence === sequence) {
      return { bytes: next.head.previous.bytes, next: next.head.state.next, last: false }
    }
    break
  }
  // Nobody says: whole frames speak for themselves.
  return { bytes: await segment.file.sizeBytes(), next: undefined, last: false }
}

/** Wakes up when the writer published something, at the latest after `pollMs`, and at once when the signal aborts. */
function watchJournal(options: JournalReaderOptions, signal: AbortSignal): { next(): Promise<void>; stop(): void } {
  let changed = false
  let wake: (() => void) | undefined
  let stopWatching: (() => void) | undefined
  const notice = (): void => {
    changed = true
    wake?.()
  }
  signal.addEventListener('abort', notice)
  return {
    async next() {
      if (stopWatching === undefined) {
        try {
          stopWatching = options.files.watch(`${options.folder}/${publishedFile}`, notice)
        } catch {
          // The writer has not made its file yet: the poll finds it.
        }
      }
      if (!changed) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, options.pollMs)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
        wake = undefined
      }
      changed = false
    },
    stop() {
      signal.removeEventListener('abort', notice)
      stopWatching?.()
    },
  }
}
