/**
 * Bodies that are forms (capture spec §3.4). Only the fields that count are decoded, so a form of a million others costs
 * no memory.
 */

/** What of a form counts; undefined when it has no such field. */
export interface Form {
  readonly kind: 'form'
  /** Decoded from the form's own escapes, nothing else. */
  readonly data: Buffer | undefined
  readonly compression: string | undefined
}

export type FormRead = Form | { readonly kind: 'invalid' }

const ampersand = 0x26
const equals = 0x3d
const plus = 0x2b
const percent = 0x25
const sniffedBytes = 128

/** §3.3: whether the beginning has one of the fields that PostHog's SDKs send. */
export function looksLikeForm(body: Buffer): boolean {
  return /(?:^|&)(?:data|_|ip|compression)=/.test(body.toString('latin1', 0, sniffedBytes))
}

/** `data` given twice is what cannot be a form of an SDK. */
export function readForm(body: Buffer): FormRead {
  let data: Buffer | undefined
  let compression: string | undefined
  for (let start = 0; start < body.length;) {
    const found = body.indexOf(ampersand, start)
    const end = found === -1 ? body.length : found
    const nameEnd = nameEndIn(body, start, end)
    const name = nameEnd - start <= sniffedBytes ? unescaped(body, start, nameEnd).toString('latin1') : ''
    if (name === 'data') {
      if (data !== undefined) return { kind: 'invalid' }
      data = unescaped(body, Math.min(nameEnd + 1, end), end)
    } else if (name === 'compression') {
      compression = unescaped(body, Math.min(nameEnd + 1, end), Math.min(end, nameEnd + sniffedBytes)).toString(
        'latin1',
      )
    }
    start = end + 1
  }
  return { kind: 'form', data, compression }
}

function nameEndIn(body: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at++) if (body[at] === equals) return at
  return end
}

/** `+` is a space and `%41` an A; a `%` that begins no escape is itself, as browsers read it. */
function unescaped(body: Buffer, start: number, end: number): Buffer {
  const result = Buffer.allocUnsafe(end - start)
  let length = 0
  for (let at = start; at < end; at++) {
    const byte = body[at] ?? 0
    if (byte === percent && at + 2 < end) {
      const value = hexDigit(body[at + 1]) * 16 + hexDigit(body[at + 2])
      if (value >= 0) {
        result[length++] = value
        at += 2
        continue
      }
    }
    result[length++] = byte === plus ? 0x20 : byte
  }
  return result.subarray(0, length)
}

/** Its value, or a number so far below zero that the sum of two is below zero as well. */
function hexDigit(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1000
}
