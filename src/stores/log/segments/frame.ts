/**
 * # How a journal lies on disk
 *
 * A journal is a folder of segment files that one process writes. A segment is a row of frames; a frame is what was
 * written as one step: it counts whole or not at all.
 *
 * ## Words
 * - segment: `<sequence>-<salt>.seg`: ten decimal digits, then eight hexadecimal ones. Sequences rise by one. The salt is
 *   a random number that seeds every checksum of the segment, so that bytes inside a body can never pass for a frame; it
 *   stands in the name so that a damaged first frame does not take the rest of the segment with it.
 * - head frame: the first of each segment: who wrote it (incarnation), how long the segment before it is good, and the
 *   state of the counters at this point, so that older segments may be dropped.
 * - records frame: one request, or one derived batch: a body stored once, and an entry for each of its events.
 * - entry: where an event lies in the body, what was decided about it, and its position.
 * - synced end: up to where the newest segment is known to be on disk. The writer publishes it in the file `synced`;
 *   other processes read no further.
 * - torn tail: bytes after the last whole frame of the newest segment, with no whole frame behind them: a write that did
 *   not finish. It is cut at the next start; nothing in it was ever acknowledged.
 * - damage: bytes that are no frame although a whole frame follows. They are skipped, set apart and reported, never cut.
 *
 * ## Frame (little endian; frames start at multiples of 8)
 * ```
 *  0  u32 magic 0x31464c53 "SLF1"
 *  4  u32 payload bytes
 *  8  u32 CRC-32 of the payload, seeded with the salt
 * 12  u32 CRC-32 of the bytes 0..11, seeded with the salt
 * 16  payload:
 *      0 u8  kind (1 head, 2 records)   1 u8 encoding of the body (0 as it is, 1 gzip, 2 zstd)   2..3 zero
 *      4 u32 number of entries
 *      8 f64 log time, Unix ms; never decreases
 *     16 u32 bytes of headers   20 u32 bytes of texts   24 u32 bytes of body   28 u32 bytes of limits, at the end of the texts
 *     32 entries, 64 bytes each:
 *          0 u8 lane number (see event/position.ts)   1 u8 verdict (0 stored, 1 duplicate, 2 refused, 3 split off from a stored one)
 *          2 u8 flags (1 has a duplicate key, 2 canary, 4 erased, and `markHeaders`)   3 u8 zero
 *          4 u16 partition   6 u16 bytes of distinct id   8 f64 offset (of the first copy for a duplicate)
 *         16 u32 start in the body   20 u32 end in the body
 *         24 u32 start of its texts: the distinct id, then the reason   28 u16 bytes of reason   30 u16 zero
 *         32 uuid, 16 bytes   48 duplicate key, 4 x u32
 *      .. headers (JSON object of strings, common to the entries), texts (UTF-8; limits: `kept-limits.ts`), body
 *     then zeros up to the next multiple of 8
 * ```
 * Start and end of an entry count in the decoded body. Checksums are of what stands in the file.
 *
 * Checksums stand alone in each frame, so that an event can be blanked in a sealed segment without moving a position.
 */
import { crc32, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { eventMarks } from '../../../event/event-marks.ts'
import type { KeptLimit } from '../../../kit/limit-meters.ts'
import { keptLimitsBytes, writeKeptLimits } from './kept-limits.ts'

export const frameHeadBytes = 16
export const payloadHeadBytes = 32
export const entryBytes = 64
export const magic = 0x31464c53
/** A larger length can only be damage; `admit` of the writer refuses more. */
export const frameBytesMax = 512 * 1024 * 1024

export const frameKinds = { head: 1, records: 2 } as const
export const verdicts = { stored: 0, duplicate: 1, refused: 2, split: 3 } as const
/** How the body of a frame is written (ADR 0018). */
export const bodyEncodings = { plain: 0, gzip: 1, zstd: 2 } as const
export type BodyEncoding = keyof typeof bodyEncodings
export const flags = { keyed: 1, canary: 2, erased: 4 } as const
/** The other flags: what the door says of an event; each is a header of its record, `'true'`. */
export const markHeaders: readonly (readonly [bit: number, header: string])[] = Object.entries(eventMarks).map(
  ([header, bit]) => [bit, header],
)
/** All of them. */
export const markBits = 0xf8

/** Names of the marks that are set. */
export function marksOf(bits: number): string[] {
  return markHeaders.filter(([bit]) => (bits & bit) !== 0).map(([, header]) => header)
}

/** Bytes that a frame takes in the file, padding included. */
function frameBytes(payloadBytes: number): number {
  return (frameHeadBytes + payloadBytes + 7) & ~7
}

const padding = Buffer.alloc(8)

/** A frame under construction: head, entries, headers and texts in one buffer, the body beside it, never copied. */
export interface FrameDraft {
  readonly head: Buffer
  /** Where the entries begin in `head`. */
  readonly entriesAt: number
  /** Where the texts begin in `head`. */
  readonly textsAt: number
  readonly body: Buffer
  /** What the frame carries of limits. */
  readonly limits: readonly KeptLimit[]
}

const noLimits: readonly KeptLimit[] = []

export function draftFrame(options: {
  readonly kind: number
  readonly entryCount: number
  /** JSON text, or empty. */
  readonly headers: string
  readonly textsBytes: number
  readonly body: Buffer
  /** What `body` is written in; plain when not said. */
  readonly bodyEncoding?: BodyEncoding
  readonly limits?: readonly KeptLimit[]
}): FrameDraft {
  const { entryCount, headers, textsBytes, body, limits = noLimits } = options
  const limitsBytes = limits.length === 0 ? 0 : keptLimitsBytes(limits)
  const entriesAt = frameHeadBytes + payloadHeadBytes
  const headersAt = entriesAt + entryCount * entryBytes
  const headersBytes = Buffer.byteLength(headers)
  const textsAt = headersAt + headersBytes
  // Most drafts are small, and those come out of a block that many share; entries leave some bytes untouched.
  const head = Buffer.allocUnsafe(textsAt + textsBytes + limitsBytes).fill(0, 0, headersAt)
  head[frameHeadBytes] = options.kind
  head[frameHeadBytes + 1] = bodyEncodings[options.bodyEncoding ?? 'plain']
  head.writeUInt32LE(entryCount, frameHeadBytes + 4)
  head.writeUInt32LE(headersBytes, frameHeadBytes + 16)
  head.writeUInt32LE(textsBytes + limitsBytes, frameHeadBytes + 20)
  head.writeUInt32LE(body.length, frameHeadBytes + 24)
  if (limitsBytes > 0) {
    head.writeUInt32LE(limitsBytes, frameHeadBytes + 28)
    writeKeptLimits(limits, head, textsAt + textsBytes)
  }
  head.write(headers, headersAt)
  return { head, entriesAt, textsAt, body, limits }
}

/** Sets time and checksums: the frame is then final. Appends its buffers to `into` and returns their bytes. */
export function finishFrame(draft: FrameDraft, timeMs: number, salt: number, into: Uint8Array[]): number {
  const { head, body } = draft
  const payloadBytes = head.length - frameHeadBytes + body.length
  head.writeDoubleLE(timeMs, frameHeadBytes + 8)
  head.writeUInt32LE(magic, 0)
  head.writeUInt32LE(payloadBytes, 4)
  head.writeUInt32LE(crc32(body, crc32(head.subarray(frameHeadBytes), salt)), 8)
  head.writeUInt32LE(crc32(head.subarray(0, 12), salt), 12)
  const bytes = frameBytes(payloadBytes)
  const pad = bytes - frameHeadBytes - payloadBytes
  into.push(head)
  if (body.length > 0) into.push(body)
  if (pad > 0) into.push(padding.subarray(0, pad))
  return bytes
}

/** Bytes that the finished draft takes in the file. */
export function draftBytes({ head, body }: FrameDraft): number {
  return frameBytes(head.length - frameHeadBytes + body.length)
}

/**
 * As `finishFrame`, but copies the frame to `at` in one piece. For small frames: each buffer of a write costs more than
 * copying a kilobyte (`npm run bench -- capture`, single events).
 */
export function finishFrameInto(draft: FrameDraft, timeMs: number, salt: number, into: Buffer, at: number): number {
  const { head, body } = draft
  const payloadBytes = head.length - frameHeadBytes + body.length
  const bytes = frameBytes(payloadBytes)
  const payloadAt = at + frameHeadBytes
  head.copy(into, at)
  body.copy(into, at + head.length)
  into.fill(0, payloadAt + payloadBytes, at + bytes)
  into.writeDoubleLE(timeMs, payloadAt + 8)
  into.writeUInt32LE(magic, at)
  into.writeUInt32LE(payloadBytes, at + 4)
  into.writeUInt32LE(crc32(into.subarray(payloadAt, payloadAt + payloadBytes), salt), at + 8)
  into.writeUInt32LE(crc32(into.subarray(at, at + 12), salt), at + 12)
  // The draft is looked at again once it is synced.
  head.writeDoubleLE(timeMs, frameHeadBytes + 8)
  return bytes
}

export type FrameLook =
  | { readonly kind: 'whole'; readonly bytes: number; readonly frame: Frame }
  /** The head is good and says that the frame is this long, but not all of it is in the buffer. */
  | { readonly kind: 'cut'; readonly bytes: number }
  | { readonly kind: 'bad' }

/** What stands at `at` in the buffer. */
export function lookAtFrame(buffer: Buffer, at: number, salt: number): FrameLook {
  if (at + frameHeadBytes > buffer.length) return { kind: 'cut', bytes: frameHeadBytes }
  if (buffer.readUInt32LE(at) !== magic) return { kind: 'bad' }
  if (crc32(buffer.subarray(at, at + 12), salt) !== buffer.readUInt32LE(at + 12)) return { kind: 'bad' }
  const payloadBytes = buffer.readUInt32LE(at + 4)
  if (payloadBytes < payloadHeadBytes || payloadBytes > frameBytesMax) return { kind: 'bad' }
  const bytes = frameBytes(payloadBytes)
  if (at + bytes > buffer.length) return { kind: 'cut', bytes }
  const payload = buffer.subarray(at + frameHeadBytes, at + frameHeadBytes + payloadBytes)
  if (crc32(payload, salt) !== buffer.readUInt32LE(at + 8)) return { kind: 'bad' }
  return { kind: 'whole', bytes, frame: new Frame(payload) }
}

const decodedChunkBytesMax = 1024 * 1024

/** The checksum was right, so what cannot be decoded was written so: that is broken, not damaged. */
function decoded(body: Buffer, encoding: number): Buffer {
  if (encoding === bodyEncodings.plain || body.length === 0) return body
  if (encoding === bodyEncodings.zstd) return zstdDecompressSync(body, { maxOutputLength: frameBytesMax })
  // Its last four bytes say how long it is: one chunk that all of it fits into saves putting chunks together.
  const chunkSize = Math.max(1024, Math.min(body.readUInt32LE(body.length - 4) + 1, decodedChunkBytesMax))
  return gunzipSync(body, { maxOutputLength: frameBytesMax, chunkSize })
}

/** A whole frame, read in place: nothing is copied out of the buffer but a compressed body. */
export class Frame {
  readonly #payload: Buffer
  readonly #headersAt: number
  readonly #textsAt: number
  readonly #bodyAt: number
  #body: Buffer | undefined
  readonly entryCount: number
  readonly kind: number

  constructor(payload: Buffer) {
    this.#payload = payload
    this.kind = payload.readUInt8(0)
    this.entryCount = payload.readUInt32LE(4)
    this.#headersAt = payloadHeadBytes + this.entryCount * entryBytes
    this.#textsAt = this.#headersAt + payload.readUInt32LE(16)
    this.#bodyAt = this.#textsAt + payload.readUInt32LE(20)
  }

  get timeMs(): number {
    return this.#payload.readDoubleLE(8)
  }

  get headers(): Record<string, string> {
    if (this.#textsAt === this.#headersAt) return {}
    return JSON.parse(this.#payload.toString('utf8', this.#headersAt, this.#textsAt)) as Record<string, string>
  }

  /** What it carries of limits, as `kept-limits.ts` reads it; usually nothing. */
  get limits(): Buffer {
    return this.#payload.subarray(this.#bodyAt - this.#payload.readUInt32LE(28), this.#bodyAt)
  }

  /** The body, decoded; the first look at one that is compressed costs its decompression. */
  get body(): Buffer {
    this.#body ??= decoded(this.#payload.subarray(this.#bodyAt), this.#payload.readUInt8(1))
    return this.#body
  }

  lane(entry: number): number {
    return this.#payload.readUInt8(this.#at(entry))
  }
  verdict(entry: number): number {
    return this.#payload.readUInt8(this.#at(entry) + 1)
  }
  flags(entry: number): number {
    return this.#payload.readUInt8(this.#at(entry) + 2)
  }
  partition(entry: number): number {
    return this.#payload.readUInt16LE(this.#at(entry) + 4)
  }
  offset(entry: number): number {
    return this.#payload.readDoubleLE(this.#at(entry) + 8)
  }
  value(entry: number): Buffer {
    const at = this.#at(entry)
    return this.body.subarray(this.#payload.readUInt32LE(at + 16), this.#payload.readUInt32LE(at + 20))
  }
  distinctId(entry: number): string {
    const at = this.#at(entry)
    const start = this.#textsAt + this.#payload.readUInt32LE(at + 24)
    return this.#payload.toString('utf8', start, start + this.#payload.readUInt16LE(at + 6))
  }
  reason(entry: number): string {
    const at = this.#at(entry)
    const start = this.#textsAt + this.#payload.readUInt32LE(at + 24) + this.#payload.readUInt16LE(at + 6)
    return this.#payload.toString('utf8', start, start + this.#payload.readUInt16LE(at + 28))
  }
  uuid(entry: number): string {
    const at = this.#at(entry) + 32
    const hex = this.#payload.toString('hex', at, at + 16)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }
  /** One of the four words of the duplicate key. */
  keyWord(entry: number, word: number): number {
    return this.#payload.readUInt32LE(this.#at(entry) + 48 + word * 4)
  }

  #at(entry: number): number {
    return payloadHeadBytes + entry * entryBytes
  }
}

/** What is known of an entry when a frame is drafted. */
export interface EntryDraft {
  readonly lane: number
  readonly verdict: number
  readonly flags: number
  readonly partition: number
  readonly offset: number
  readonly start: number
  readonly end: number
}

/** Writes the fixed part of an entry; uuid, key and texts have functions of their own because not all entries have them. */
export function writeEntry(head: Buffer, at: number, entry: EntryDraft): void {
  head[at] = entry.lane
  head[at + 1] = entry.verdict
  head[at + 2] = entry.flags
  head.writeUInt16LE(entry.partition, at + 4)
  head.writeDoubleLE(entry.offset, at + 8)
  head.writeUInt32LE(entry.start, at + 16)
  head.writeUInt32LE(entry.end, at + 20)
}

export function writeEntryUuid(head: Buffer, at: number, uuid: readonly [number, number, number, number]): void {
  head.writeUInt32BE(uuid[0] >>> 0, at + 32)
  head.writeUInt32BE(uuid[1] >>> 0, at + 36)
  head.writeUInt32BE(uuid[2] >>> 0, at + 40)
  head.writeUInt32BE(uuid[3] >>> 0, at + 44)
}

export function writeEntryKey(head: Buffer, at: number, key: readonly [number, number, number, number]): void {
  head.writeUInt32LE(key[0] >>> 0, at + 48)
  head.writeUInt32LE(key[1] >>> 0, at + 52)
  head.writeUInt32LE(key[2] >>> 0, at + 56)
  head.writeUInt32LE(key[3] >>> 0, at + 60)
}

/** Writes distinct id and reason at `textAt` (relative to the texts) and returns where the next text begins. */
export function writeEntryTexts(
  draft: FrameDraft,
  at: number,
  textAt: number,
  distinctId: string,
  reason: string,
): number {
  const { head, textsAt } = draft
  const distinctIdBytes = head.write(distinctId, textsAt + textAt, 'utf8')
  const reasonBytes = reason === '' ? 0 : head.write(reason, textsAt + textAt + distinctIdBytes, 'utf8')
  head.writeUInt16LE(distinctIdBytes, at + 6)
  head.writeUInt32LE(textAt, at + 24)
  head.writeUInt16LE(reasonBytes, at + 28)
  return textAt + distinctIdBytes + reasonBytes
}
