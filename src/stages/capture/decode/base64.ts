/**
 * Bodies that are base64 (capture spec §3.3, §3.5). More is taken for it than PostHog takes: the alphabet for addresses
 * (`-` and `_`), missing padding, line ends behind it, and a space where a form has made one of a `+`. It can be, because
 * nothing is unwrapped unless what comes out of it fits.
 */

/** 1 for every byte that base64 is written with. */
const isDigit = new Uint8Array(256)
for (const byte of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_ ', 'latin1'))
  isDigit[byte] = 1

const equals = 0x3d
const space = 0x20
const plus = 0x2b
/** Base64 itself needs two; lz-string writes three where a single digit is over. */
const paddingMax = 3

export function isBase64(body: Buffer): boolean {
  return digitsEnd(body) > 0
}

/** The text as one that a decoder takes (`+` for spaces, no line ends), or undefined when it is no base64. */
export function base64Text(body: Buffer): string | undefined {
  const end = digitsEnd(body)
  if (end === 0) return undefined
  if (body.indexOf(space) === -1) return body.toString('latin1', 0, end)
  const repaired = Buffer.from(body.subarray(0, end))
  for (let at = 0; at < end; at++) if (repaired[at] === space) repaired[at] = plus
  return repaired.toString('latin1')
}

/** Where the digits end, padding included; 0 when it is no base64. */
function digitsEnd(body: Buffer): number {
  let end = body.length
  while (end > 0 && (body[end - 1] === 0x0a || body[end - 1] === 0x0d)) end--
  let padding = end
  while (padding > 0 && end - padding < paddingMax && body[padding - 1] === equals) padding--
  if (padding % 4 === 1 && end - padding < paddingMax) return 0
  for (let at = 0; at < padding; at++) if (isDigit[body[at] ?? 0] === 0) return 0
  return padding === 0 ? 0 : end
}
