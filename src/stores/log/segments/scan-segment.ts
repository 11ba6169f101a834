/** Walks the frames of one segment from the file, telling whole frames, damage and the end apart. Format: see `frame.ts`. */
import type { OpenFile } from '../../../kit/files.ts'
import { frameHeadBytes, lookAtFrame } from './frame.ts'
import type { Frame } from './frame.ts'
import { bytesToPassOver } from './pass-over.ts'
import type { WantedLanes } from './pass-over.ts'

export interface ScanStep {
  /** Whole frames in file order, with where each begins. Their bytes stay valid: buffers are never used again. */
  readonly frames: readonly { readonly at: number; readonly frame: Frame }[]
  /** Regions before `nextAt` that are no frames although a whole frame follows. */
  readonly damage: readonly { readonly at: number; readonly bytes: number }[]
  /** Where the scan goes on. */
  readonly nextAt: number
  /** True when nothing whole was found between `nextAt` and the end that was given. */
  readonly ended: boolean
}

/** How a reader of few frames reads. */
export interface Skim {
  readonly wanted: WantedLanes
  /** Memory that was read into and in which nothing was found: new memory costs more than what is read into it. */
  spare: Buffer | undefined
}

/**
 * Reads on from `at`, at most about `chunkBytes` of frames, never beyond `endBytes`. A frame longer than the chunk is
 * read in one piece. With `skim`, frames that hold nothing of its lanes are left out, unchecked and as far as possible
 * unread.
 */
export async function scanSegment(
  file: OpenFile,
  salt: number,
  at: number,
  endBytes: number,
  chunkBytes: number,
  skim?: Skim,
): Promise<ScanStep> {
  let wantedBytes = Math.min(chunkBytes, endBytes - at)
  for (;;) {
    if (wantedBytes <= 0) return { frames: [], damage: [], nextAt: at, ended: true }
    const memory = memoryFor(wantedBytes, skim)
    const chunk = memory.subarray(0, await file.read(memory.subarray(0, wantedBytes), at))
    // A file shorter than it should be ends where its bytes end.
    const end = chunk.length < wantedBytes ? at + chunk.length : endBytes
    const frames: { at: number; frame: Frame }[] = []
    const passOver = (from: number): number => {
      let to = from
      while (skim !== undefined) {
        const bytes = bytesToPassOver(chunk, to, salt, skim.wanted)
        // One that reaches out of what may be read is torn, or damaged.
        if (bytes === 0 || at + to + bytes > end) break
        to += bytes
      }
      return to
    }
    let within = passOver(0)
    let look = lookAtFrame(chunk, within, salt)
    while (look.kind === 'whole') {
      frames.push({ at: at + within, frame: look.frame })
      within = passOver(within + look.bytes)
      look = lookAtFrame(chunk, within, salt)
    }
    if (skim !== undefined && frames.length === 0) skim.spare = memory
    const nextAt = at + within
    if (nextAt >= end) return { frames, damage: [], nextAt, ended: true }
    if (look.kind === 'cut' && nextAt + look.bytes <= end) {
      if (within > 0) return { frames, damage: [], nextAt, ended: false }
      wantedBytes = look.bytes
      continue
    }
    const whole = await nextWholeFrame(file, salt, nextAt + 8, end, chunkBytes)
    if (whole === undefined) return { frames, damage: [], nextAt, ended: true }
    return { frames, damage: [{ at: nextAt, bytes: whole - nextAt }], nextAt: whole, ended: false }
  }
}

/** Where the next whole frame begins at or after `from`, looking at every multiple of 8; undefined when there is none. */
async function nextWholeFrame(
  file: OpenFile,
  salt: number,
  from: number,
  end: number,
  chunkBytes: number,
): Promise<number | undefined> {
  let at = from
  while (at + frameHeadBytes <= end) {
    const chunk = await readChunk(file, at, Math.min(chunkBytes, end - at))
    let within = 0
    for (; within + frameHeadBytes <= chunk.length; within += 8) {
      const look = lookAtFrame(chunk, within, salt)
      if (look.kind === 'whole') return at + within
      // A good head whose frame reaches out of the chunk: only its bytes can tell.
      if (look.kind === 'cut' && at + within + look.bytes <= end) {
        const candidate = await readChunk(file, at + within, look.bytes)
        if (lookAtFrame(candidate, 0, salt).kind === 'whole') return at + within
      }
    }
    if (within === 0) return undefined
    at += within
  }
  return undefined
}

async function readChunk(file: OpenFile, at: number, bytes: number): Promise<Buffer> {
  const buffer = memoryFor(bytes)
  return buffer.subarray(0, await file.read(buffer, at))
}

/** Frames point into what was read for as long as somebody holds one, so each chunk has memory of its own. */
function memoryFor(bytes: number, skim?: Skim): Buffer {
  const spare = skim?.spare
  if (skim !== undefined) skim.spare = undefined
  return spare !== undefined && spare.length >= bytes ? spare : Buffer.allocUnsafeSlow(bytes)
}
