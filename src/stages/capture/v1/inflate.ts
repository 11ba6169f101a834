/**
 * From a v1 body as it was sent to its JSON text: the encoding is the header's, nothing is guessed (capture spec §15.1).
 *
 * As with v0 (`decode/body.ts`) a small body is inflated at once, and one that is large or turns out to be goes to the thread
 * pool, so many at a time, because each may grow to the bound before it is refused.
 */
import { isUtf8 } from 'node:buffer'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { codeOf } from '../../../kit/failure.ts'
import type { V1Encoding } from './v1-headers.ts'
import { v1Problem } from './v1-problem.ts'
import type { V1Problem } from './v1-problem.ts'
import { inflatedBytesFor } from '../decode/inflation-bound.ts'
import { createTurns } from '../decode/turns.ts'

export interface InflateLimits {
  /** JSON text of one request; exactly this much is accepted. */
  readonly inflatedBytesMax: number
  /** Large bodies inflated at the same time; 2 when not set. */
  readonly largeInflationsMax?: number
  /** Large bodies that wait for their turn; 32 when not set. */
  readonly waitingInflationsMax?: number
}

export type Inflated = { readonly kind: 'text'; readonly body: Buffer } | V1Problem

interface Bound {
  readonly maxOutputLength: number
}
interface Method {
  readonly atOnce: (body: Buffer, bound: Bound) => Buffer
  readonly inPool: (body: Buffer, bound: Bound) => Promise<Buffer>
}

const gzip: Method = { atOnce: zlib.gunzipSync, inPool: promisify<Buffer, Bound, Buffer>(zlib.gunzip) }
const zlibDeflate: Method = { atOnce: zlib.inflateSync, inPool: promisify<Buffer, Bound, Buffer>(zlib.inflate) }
const rawDeflate: Method = { atOnce: zlib.inflateRawSync, inPool: promisify<Buffer, Bound, Buffer>(zlib.inflateRaw) }
const br: Method = {
  atOnce: zlib.brotliDecompressSync,
  inPool: promisify<Buffer, Bound, Buffer>(zlib.brotliDecompress),
}
const zstd: Method = {
  atOnce: zlib.zstdDecompressSync,
  inPool: promisify<Buffer, Bound, Buffer>(zlib.zstdDecompress),
}

const atOnceWireBytesMax = 64 * 1024
const atOnceInflatedBytesMax = 1024 * 1024
/** The first byte of a zlib wrapper; without it, deflate is bare. */
const zlibMark = 0x78

export function createInflater(
  limits: InflateLimits,
): (body: Buffer, encoding: V1Encoding | undefined) => Inflated | Promise<Inflated> {
  const { inflatedBytesMax, largeInflationsMax = 2, waitingInflationsMax = 32 } = limits
  const tooLarge = v1Problem(
    'payload_too_large',
    `payload too large: the request's text is larger than ${String(inflatedBytesMax)} bytes`,
  )
  const inTurn = createTurns(largeInflationsMax, waitingInflationsMax)

  const inPool = (method: Method, body: Buffer): Promise<Inflated> =>
    inTurn<Inflated>(async () => {
      try {
        return textFrom(await method.inPool(body, { maxOutputLength: inflatedBytesFor(body, inflatedBytesMax) }))
      } catch (error) {
        return isBeyondBound(error) ? tooLarge : undecodable
      }
    }, tooBusy)

  return function inflate(body, encoding) {
    if (encoding === undefined) return body.length > inflatedBytesMax ? tooLarge : textFrom(body)
    const method = methodOf(encoding, body)
    if (body.length > atOnceWireBytesMax) return inPool(method, body)
    try {
      return textFrom(method.atOnce(body, { maxOutputLength: Math.min(atOnceInflatedBytesMax, inflatedBytesMax) }))
    } catch (error) {
      if (!isBeyondBound(error)) return undecodable
      return inflatedBytesMax <= atOnceInflatedBytesMax ? tooLarge : inPool(method, body)
    }
  }
}

function methodOf(encoding: V1Encoding, body: Buffer): Method {
  switch (encoding) {
    case 'gzip':
      return gzip
    case 'deflate':
      return body[0] === zlibMark ? zlibDeflate : rawDeflate
    case 'br':
      return br
    case 'zstd':
      return zstd
  }
}

const tooBusy = v1Problem('service_unavailable', 'Too many large requests are being read.')
const undecodable = v1Problem(
  'request_decoding_error',
  'Failed to decode request body: it is not what Content-Encoding says.',
)
const notText = v1Problem('request_decoding_error', 'Failed to decode request body: it is not UTF-8.')

function isBeyondBound(error: unknown): boolean {
  return codeOf(error) === 'ERR_BUFFER_TOO_LARGE'
}

function textFrom(body: Buffer): Inflated {
  return isUtf8(body) ? { kind: 'text', body } : notText
}
