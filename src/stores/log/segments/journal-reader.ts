/**
 * Reads a journal that this or another process writes: in file order, up to the synced end, then waits for more.
 * Format and words: `frame.ts`.
 */
import { Failure } from '../../../kit/failure.ts'
import type { Files, OpenFile } from '../../../kit/files.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import { frameKinds } from './frame.ts'
import type { Frame } from './frame.ts'
import * as happened from './segments.events.ts'
import { listSegments, publishedFile, readPublished, readSegmentHead } from './segment-files.ts'
import type { Published, SegmentHead, SegmentName } from './segment-files.ts'
import { scanSegment } from './scan-segment.ts'

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

/**
 * Yields the records frames from the given segment on, in chunks of about `chunkBytes`. With a signal it waits at the
 * synced end for more until the signal aborts; without one it ends there.
 */
export async function* readFrames(
  options: JournalReaderOptions,
  fromSequence: number,
  chunkBytes: number,
  signal?: AbortSignal,
): AsyncGenerator<FrameChunk> {
  const { files, folder, telemetry } = options
  const wake = signal === undefined ? undefined : watchJournal(options, signal)
  let segment: OpenedSegment | undefined
  let at = 0
  /** The end of a segment that is not written any more: looked up once. */
  let sealed: ReadableEnd | undefined
  let wantedSequence = fromSequence
  try {
    while (signal?.aborted !== true) {
      const published = await publishedOf(files, folder)
      if (published !== undefined && segment === undefined) {
        segment = await nextSegment(files, folder, wantedSequence)
        at = segment?.headBytes ?? 0
        sealed = undefined
      }
      const end = sealed ?? (await readableEnd(options, segment, published))
      if (end?.last === false) sealed = end
      if (segment === undefined || end === undefined || (end.last && at >= end.bytes)) {
        if (wake === undefined) return
        await wake.next()
        continue
      }
      if (at < end.bytes) {
        const step = await scanSegment(segment.file, segment.name.salt, at, end.bytes, chunkBytes)
        for (const damage of step.damage) happened.damageFound(folder, segment.name.file, damage).emit(telemetry)
        at = step.ended ? end.bytes : step.nextAt
        const frames = step.frames.map(({ frame }) => frame).filter((frame) => frame.kind === frameKinds.records)
        const incarnation = segment.head?.incarnation ?? published?.incarnation ?? 0
        if (frames.length > 0) yield { frames, incarnation, sequence: segment.name.sequence }
      } else {
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

interface ReadableEnd {
  readonly bytes: number
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
  if (published.sequence === sequence) return { bytes: published.bytes, last: true }
  if (published.sequence < sequence) return { bytes: segment.headBytes, last: true }
  const { files, folder } = options
  for (const name of await listSegments(files, folder)) {
    if (name.sequence <= sequence) continue
    const next = await openSegment(files, folder, name)
    await next.file.close()
    // A head that was never finished, or is damaged, cannot say how far this one is good; the one behind it may.
    if (next.head === undefined) continue
    if (next.head.previous?.sequence === sequence) return { bytes: next.head.previous.bytes, last: false }
    break
  }
  // Nobody says: whole frames speak for themselves.
  return { bytes: await segment.file.sizeBytes(), last: false }
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
