/**
 * From a v1 body as it was sent to its JSON text: the encoding is the header's, nothing is guessed (capture spec §15.1).
 *
 * As with v0 (`decode/body.ts`) a small body is inflated at once, and one that is large or turns out to be goes to the
 * inflation thread.
 */
import { isUtf8 } from 'node:buffer'
import { codeOf } from '../../../kit/failure.ts'
import { atOnceInflatedBytesMax, atOnceWireBytesMax, inflateBy } from '../decode/inflation.ts'
import type { Compression } from '../decode/inflation.ts'
import type { InflateLarge } from '../decode/inflation-thread.ts'
import type { V1Encoding } from './v1-headers.ts'
import { v1Problem } from './v1-problem.ts'
import type { V1Problem } from './v1-problem.ts'

export type Inflated = { readonly kind: 'text'; readonly body: Buffer } | V1Problem

/** The first byte of a zlib wrapper; without it, deflate is bare. */
const zlibMark = 0x78

/** `inflatedBytesMax`: JSON text of one request; exactly this much is accepted. `client`: the address that the body came from. */
export function createInflater(
  { inflatedBytesMax }: { readonly inflatedBytesMax: number },
  inflateLarge: InflateLarge,
): (body: Buffer, encoding: V1Encoding | undefined, client: string) => Inflated | Promise<Inflated> {
  const tooLarge = v1Problem(
    'payload_too_large',
    `payload too large: the request's text is larger than ${String(inflatedBytesMax)} bytes`,
  )

  const large = async (body: Buffer, compression: Compression, client: string): Promise<Inflated> => {
    const outcome = await inflateLarge(body, compression, inflatedBytesMax, client)
    switch (outcome.kind) {
      case 'inflated':
        return textFrom(outcome.body)
      case 'too_large':
        return tooLarge
      case 'broken':
        return undecodable
      case 'busy':
        return tooBusy
    }
  }

  return function inflate(body, encoding, client) {
    if (encoding === undefined) return body.length > inflatedBytesMax ? tooLarge : textFrom(body)
    const compression = compressionOf(encoding, body)
    if (body.length > atOnceWireBytesMax) return large(body, compression, client)
    try {
      const maxOutputLength = Math.min(atOnceInflatedBytesMax, inflatedBytesMax)
      return textFrom(inflateBy[compression](body, { maxOutputLength }))
    } catch (error) {
      if (codeOf(error) !== 'ERR_BUFFER_TOO_LARGE') return undecodable
      return inflatedBytesMax <= atOnceInflatedBytesMax ? tooLarge : large(body, compression, client)
    }
  }
}

function compressionOf(encoding: V1Encoding, body: Buffer): Compression {
  return encoding === 'deflate' && body[0] === zlibMark ? 'zlib' : encoding
}

const tooBusy = v1Problem('service_unavailable', 'Too many large requests are being read.')
const undecodable = v1Problem(
  'request_decoding_error',
  'Failed to decode request body: it is not what Content-Encoding says.',
)
const notText = v1Problem('request_decoding_error', 'Failed to decode request body: it is not UTF-8.')

function textFrom(body: Buffer): Inflated {
  return isUtf8(body) ? { kind: 'text', body } : notText
}
