/**
 * From a request's bytes to its JSON text. Source: capture spec §3.5, §2 (sizes).
 *
 * What a body is, its first bytes say; hints (`Content-Encoding`, `?compression=`) may be wrong or missing and only
 * choose the words of a refusal. Decoders are asked in the order of `decoders`; the first that knows the body reads it.
 *
 * Small bodies are inflated at once: the thread pool costs 2 µs of CPU an event more (batch of 50, 5 KB on the wire) than
 * the inflation's 0.7. What is large, or turns out to be, goes to the pool, a bounded number at a time, because each
 * of these may grow to `inflatedBytesMax` before it is refused.
 */
import { isUtf8 } from 'node:buffer'
import { promisify } from 'node:util'
import { gunzip, gunzipSync } from 'node:zlib'
import { codeOf } from '../../../kit/failure.ts'

export interface BodyLimits {
  /** JSON text of one request; exactly this much is accepted. */
  readonly inflatedBytesMax: number
  /** Large bodies inflated at the same time; 2 when not set. */
  readonly largeInflationsMax?: number
  /** Large bodies that wait for their turn; 32 when not set. One more is answered 503. */
  readonly waitingInflationsMax?: number
}

export interface BodyHints {
  /** Request header `Content-Encoding`. */
  readonly contentEncoding: string | undefined
  /** Query parameter `compression`. */
  readonly compression: string | undefined
}

/** JSON text, valid UTF-8. */
export interface DecodedBody {
  readonly kind: 'text'
  readonly body: Buffer
}

/** The request is refused with this status and plain text (§10). */
export interface RefusedBody {
  readonly kind: 'refused'
  readonly status: 400 | 413 | 503
  readonly message: string
}

export type BodyOutcome = DecodedBody | RefusedBody

/** One way in which a body can be written. */
interface Decoder {
  knows(body: Buffer): boolean
  /** Answers at once when it can. */
  decode(body: Buffer, hints: BodyHints): BodyOutcome | Promise<BodyOutcome>
}

const invalidGzip = refused(400, 'failed to decode request: invalid GZIP data')
const invalidInflated = refused(400, 'failed to decode request: invalid gzip data')
const invalidUtf8 = refused(400, 'failed to decode request: invalid UTF8 in request payload')
const tooBusy = refused(503, 'transient error, please retry')

/** Larger than this on the wire or inflated, a body is inflated by the thread pool. */
const atOnceWireBytesMax = 64 * 1024
const atOnceInflatedBytesMax = 1024 * 1024

export function createBodyDecoder(
  limits: BodyLimits,
): (body: Buffer, hints: BodyHints) => BodyOutcome | Promise<BodyOutcome> {
  const decoders: readonly Decoder[] = [gzipDecoder(limits), plainDecoder(limits)]

  return function decodeBody(body, hints) {
    for (const decoder of decoders) if (decoder.knows(body)) return decoder.decode(body, hints)
    return invalidUtf8
  }
}

function plainDecoder({ inflatedBytesMax }: BodyLimits): Decoder {
  return {
    knows: () => true,
    decode(body, hints) {
      if (body.length > inflatedBytesMax) return tooLarge(inflatedBytesMax)
      if (isUtf8(body)) return { kind: 'text', body }
      // A browser's broken gzip may have lost its first bytes: then its hint says what is wrong.
      return isGzipHint(hints.compression) || isGzipHint(hints.contentEncoding) ? invalidGzip : invalidUtf8
    },
  }
}

function isGzipHint(hint: string | undefined): boolean {
  return hint !== undefined && /^gzip(?:-js)?$/i.test(hint)
}

function gzipDecoder(limits: BodyLimits): Decoder {
  const { inflatedBytesMax, largeInflationsMax = 2, waitingInflationsMax = 32 } = limits
  const inflateLarge = largeInflater(inflatedBytesMax, largeInflationsMax, waitingInflationsMax)

  return {
    knows: (body) => body[0] === 0x1f && body[1] === 0x8b,
    decode(body) {
      const hintBytes = inflatedSizeHint(body)
      if (body.length > atOnceWireBytesMax || hintBytes > atOnceInflatedBytesMax) return inflateLarge(body)
      try {
        const maxOutputLength = Math.min(atOnceInflatedBytesMax, inflatedBytesMax)
        return inflated(gunzipSync(body, { maxOutputLength, chunkSize: chunkSizeFor(hintBytes) }))
      } catch (error) {
        const isLarger = codeOf(error) === 'ERR_BUFFER_TOO_LARGE'
        if (!isLarger) return invalidGzip
        return inflatedBytesMax <= atOnceInflatedBytesMax ? tooLarge(inflatedBytesMax) : inflateLarge(body)
      }
    },
  }
}

const gunzipInPool = promisify<Buffer, { readonly maxOutputLength: number; readonly chunkSize: number }, Buffer>(gunzip)

/** Inflates large bodies in the thread pool: so many at a time, so many waiting, and the next one is turned away. */
function largeInflater(
  bytesMax: number,
  runningMax: number,
  waitingMax: number,
): (body: Buffer) => Promise<BodyOutcome> {
  let running = 0
  const waiting: (() => void)[] = []

  return async function inflateLarge(body) {
    if (running >= runningMax) {
      if (waiting.length >= waitingMax) return tooBusy
      // Whoever ends hands its place on, so `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running++
    try {
      return inflated(await gunzipInPool(body, { maxOutputLength: bytesMax, chunkSize: 256 * 1024 }))
    } catch (error) {
      return codeOf(error) === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(bytesMax) : invalidGzip
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}

/** What the last four bytes say the size is (modulo 4 GiB): a hint, which may lie. */
function inflatedSizeHint(body: Buffer): number {
  return body.length < 18 ? 0 : body.readUInt32LE(body.length - 4)
}

/** One chunk that the whole text fits into saves putting chunks together; a hint that lies costs at most 1 MiB for a moment. */
function chunkSizeFor(hintBytes: number): number {
  return Math.max(1024, Math.min(hintBytes + 1, atOnceInflatedBytesMax))
}

function inflated(body: Buffer): BodyOutcome {
  return isUtf8(body) ? { kind: 'text', body } : invalidInflated
}

function tooLarge(bytesMax: number): RefusedBody {
  return refused(413, `maximum event size exceeded: the request's text is larger than ${String(bytesMax)} bytes`)
}

function refused(status: RefusedBody['status'], message: string): RefusedBody {
  return { kind: 'refused', status, message }
}
