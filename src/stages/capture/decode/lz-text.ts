/**
 * Bodies written by lz-string's `compressToBase64`, as SDKs did until 2021 (capture spec §3.5).
 *
 * The package decodes in one go and has no bound, and a text of n codes may become n² / 2 characters. So the codes are
 * walked first, with the lengths of what they stand for and nothing else: a text that would become larger than allowed,
 * or is none, is known before any of it is made. The walk and the package read bit by bit, therefore the text as sent is
 * bounded too.
 */
import lzString from 'lz-string'

export type LzOutcome =
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'invalid' } | { readonly kind: 'too_large' }

/** A hundred times what those SDKs sent at once; takes about 100 ms. */
const sentCharactersMax = 1024 * 1024
const textCharactersMax = 16 * 1024 * 1024

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const digitOf = new Uint8Array(256)
for (let value = 0; value < digits.length; value++) digitOf[digits.charCodeAt(value)] = value

const eightBits = 0
const sixteenBits = 1
const theEnd = 2

const invalid: LzOutcome = { kind: 'invalid' }
const tooLarge: LzOutcome = { kind: 'too_large' }

export function lzText(sent: string, bytesMax: number): LzOutcome {
  if (sent.length > sentCharactersMax) return tooLarge
  const length = lengthOf(sent, Math.min(bytesMax, textCharactersMax))
  if (length <= 0) return length < 0 ? invalid : tooLarge
  // Declared as a string, but null for what is none.
  const text = lzString.decompressFromBase64(sent) as string | null
  return text === null || text.length !== length ? invalid : { kind: 'text', text }
}

/** Characters of the text; 0 when they are more than allowed, -1 when it is none. */
function lengthOf(sent: string, charactersMax: number): number {
  const bitsEnd = sent.length * 6
  let bitAt = 0
  const read = (count: number): number => {
    let value = 0
    for (let bit = 0; bit < count; bit++, bitAt++) {
      const digit = digitOf[sent.charCodeAt(Math.floor(bitAt / 6))] ?? 0
      value |= ((digit >> (5 - (bitAt % 6))) & 1) << bit
    }
    return value
  }
  const first = read(2)
  if (first !== eightBits && first !== sixteenBits) return -1
  read(first === eightBits ? 8 : 16)
  // How long the text of each code is; the first three are signs and stand for none.
  const lengths = [0, 0, 0, 1]
  let total = 1
  let before = 1
  let codeBits = 3
  let widerIn = 4
  while (bitAt < bitsEnd) {
    let code = read(codeBits)
    if (code === theEnd) return total
    if (code === eightBits || code === sixteenBits) {
      read(code === eightBits ? 8 : 16)
      code = lengths.push(1) - 1
      if (--widerIn === 0) widerIn = 2 ** codeBits++
    }
    const length = code === lengths.length ? before + 1 : lengths[code]
    if (length === undefined) return -1
    total += length
    if (total > charactersMax) return 0
    lengths.push(before + 1)
    before = length
    if (--widerIn === 0) widerIn = 2 ** codeBits++
  }
  return -1
}
