/**
 * Walks the frames of one segment for somebody who looks for few of them: reads heads and entries, and of bodies only what
 * shares a window with them. For worker threads: it reads synchronously, so that a search neither waits for nor fills
 * libuv's pool, in which ClickHouse computes.
 *
 * A frame's head is checked here, its payload only by `whole`: whoever found something reads it whole, and is told when it
 * is damaged. Where no frame stands, the walk goes on at the next whole one and counts the bytes between as damage.
 */
import { readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { entryBytes, frameHeadBytes, lookAtFrame, payloadHeadBytes, frameBytesMax, frameKinds, magic } from './frame.ts'
import type { Frame } from './frame.ts'

/** Read at once where frames are small … */
const windowBytesMax = 256 * 1024
/** … and where they are large, and their bodies are jumped over. */
const jumpBytes = 16 * 1024
const largeFrameBytes = 64 * 1024

/** Where the entries of the frame that was reached lie: in `words` of the walk, from `entriesWord` on, 16 words each. */
export interface ReachedFrame {
  readonly at: number
  readonly bytes: number
  readonly entryCount: number
}

export interface WalkBudget {
  /** False when the search has used what it may: the walk then ends. */
  spend(bytes: number): boolean
}

export class FrameWalk {
  readonly #fd: number
  readonly #salt: number
  readonly #end: number
  readonly #budget: WalkBudget
  #buffer = Buffer.allocUnsafeSlow(windowBytesMax)
  #words = new Int32Array(this.#buffer.buffer)
  #bufferAt = 0
  #bufferBytes = 0
  #at: number
  #frameBytes = 0
  /** Bytes that were no frame although they should be. */
  damagedBytes = 0
  #isCut = false

  constructor(fd: number, salt: number, from: number, end: number, budget: WalkBudget) {
    this.#fd = fd
    this.#salt = salt
    this.#at = from
    this.#end = end
    this.#budget = budget
  }

  /** True when the budget ended the walk. */
  isCut(): boolean {
    return this.#isCut
  }

  /** The next records frame; undefined at the end. What the one before gave is void then. */
  next(): ReachedFrame | undefined {
    while (this.#at < this.#end && !this.isCut()) {
      const at = this.#at
      const bytes = this.#lookAtHead(at)
      if (this.isCut()) return undefined
      if (bytes === undefined) {
        this.#at = this.#nextWhole(at + 8)
        this.damagedBytes += this.#at - at
        continue
      }
      this.#at = at + bytes
      this.#frameBytes = bytes
      const payloadAt = at + frameHeadBytes - this.#bufferAt
      if (this.#buffer[payloadAt] !== frameKinds.records) continue
      const entryCount = this.#buffer.readUInt32LE(payloadAt + 4)
      const entriesEnd = frameHeadBytes + payloadHeadBytes + entryCount * entryBytes
      if (entriesEnd > bytes || !this.#ensure(at, entriesEnd)) {
        this.damagedBytes += bytes
        continue
      }
      return { at, bytes, entryCount }
    }
    return undefined
  }

  /** 32-bit words of the window; an entry's uuid is words 8 to 11 behind `entryWord`. */
  get words(): Int32Array {
    return this.#words
  }

  get bytes(): Buffer {
    return this.#buffer
  }

  /** Index in `bytes` of an entry of the frame that was reached last; always a multiple of 8. */
  entryAt(frame: ReachedFrame, entry: number): number {
    return frame.at - this.#bufferAt + frameHeadBytes + payloadHeadBytes + entry * entryBytes
  }

  timeMs(frame: ReachedFrame): number {
    return this.#buffer.readDoubleLE(frame.at - this.#bufferAt + frameHeadBytes + 8)
  }

  /** Up to so many bytes of the body's beginning, unchecked, until the next call; undefined when they cannot be read. */
  bodyStart(frame: ReachedFrame, bytesMax: number): Buffer | undefined {
    const payloadAt = frame.at - this.#bufferAt + frameHeadBytes
    const headersBytes = this.#buffer.readUInt32LE(payloadAt + 16)
    const textsBytes = this.#buffer.readUInt32LE(payloadAt + 20)
    const before = frameHeadBytes + payloadHeadBytes + frame.entryCount * entryBytes + headersBytes + textsBytes
    const bytes = Math.min(bytesMax, frame.bytes - before)
    // From the frame's beginning, so that its entries stay in the window.
    if (bytes <= 0 || !this.#ensure(frame.at, before + bytes)) return undefined
    const from = frame.at - this.#bufferAt + before
    return this.#buffer.subarray(from, from + bytes)
  }

  /** The frame with its body, checked; undefined (and counted) when it is damaged. */
  whole(frame: ReachedFrame): Frame | undefined {
    const buffer = Buffer.allocUnsafeSlow(frame.bytes)
    const read = this.#read(buffer, frame.at)
    const look = lookAtFrame(buffer.subarray(0, read), 0, this.#salt)
    if (look.kind === 'whole') return look.frame
    this.damagedBytes += frame.bytes
    return undefined
  }

  /** Bytes of the frame that begins at `at`, by a head that is good; undefined when there is none. */
  #lookAtHead(at: number): number | undefined {
    if (!this.#ensure(at, frameHeadBytes + payloadHeadBytes)) return undefined
    const within = at - this.#bufferAt
    const buffer = this.#buffer
    if (buffer.readUInt32LE(within) !== magic) return undefined
    const payloadBytes = buffer.readUInt32LE(within + 4)
    if (payloadBytes < payloadHeadBytes || payloadBytes > frameBytesMax) return undefined
    if (crc32(buffer.subarray(within, within + 12), this.#salt) !== buffer.readUInt32LE(within + 12)) return undefined
    const bytes = (frameHeadBytes + payloadBytes + 7) & ~7
    return at + bytes > this.#end ? undefined : bytes
  }

  /** Looks at every multiple of 8; the end when no frame is there. */
  #nextWhole(from: number): number {
    for (let at = from; at < this.#end && !this.isCut(); at += 8) {
      const bytes = this.#lookAtHead(at)
      if (bytes === undefined) continue
      const buffer = Buffer.allocUnsafeSlow(bytes)
      const read = this.#read(buffer, at)
      if (lookAtFrame(buffer.subarray(0, read), 0, this.#salt).kind === 'whole') return at
    }
    return this.#end
  }

  /** Makes sure that the bytes are in the window; false when the file or the budget ends before. */
  #ensure(at: number, bytes: number): boolean {
    const has = at >= this.#bufferAt && at + bytes <= this.#bufferAt + this.#bufferBytes
    if (has) return true
    // Nothing is known of the first one; who only looks at that one need not read more.
    const isJump = this.#frameBytes === 0 || this.#frameBytes > largeFrameBytes
    const wanted = Math.max(bytes, Math.min(isJump ? jumpBytes : windowBytesMax, this.#end - at))
    if (wanted > this.#buffer.length) {
      // Words need whole words, also at the end.
      this.#buffer = Buffer.allocUnsafeSlow((wanted + 7) & ~7)
      this.#words = new Int32Array(this.#buffer.buffer)
    }
    this.#bufferAt = at
    this.#bufferBytes = this.#read(this.#buffer.subarray(0, wanted), at)
    return this.#bufferBytes >= bytes
  }

  #read(into: Buffer, at: number): number {
    if (!this.#budget.spend(into.length)) {
      this.#isCut = true
      return 0
    }
    let done = 0
    while (done < into.length) {
      const read = readSync(this.#fd, into, done, into.length - done, at + done)
      if (read === 0) break
      done += read
    }
    return done
  }
}
