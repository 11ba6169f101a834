/** UUIDs as text (lower case, 8-4-4-4-12) and as four unsigned 32-bit words, without regular expressions. */
import { hash, randomFillSync } from 'node:crypto'

/** 128 bits, most significant word first. */
export type UuidWords = readonly [number, number, number, number]

/** Value of a hexadecimal digit by its character code, 255 for any other character. */
const hexValues = new Uint8Array(256).fill(255)
for (let n = 0; n < 16; n++) {
  const digit = n.toString(16)
  hexValues[digit.charCodeAt(0)] = n
  hexValues[digit.toUpperCase().charCodeAt(0)] = n
}

/** Two lower-case digits by byte. */
const hexPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

const hyphen = 0x2d

/** The UUID that stands at `at` in lower case with hyphens, what nearly every client sends; undefined for any other. Looks at 36 bytes. */
export function canonicalWordsAt(bytes: Uint8Array, at: number): UuidWords | undefined {
  if (at + 36 > bytes.length) return undefined
  if (bytes[at + 8] !== hyphen || bytes[at + 13] !== hyphen || bytes[at + 18] !== hyphen || bytes[at + 23] !== hyphen)
    return undefined
  const a = lowerDigitsAt(bytes, at, 8)
  const b = lowerDigitsAt(bytes, at + 9, 4)
  const c = lowerDigitsAt(bytes, at + 14, 4)
  const d = lowerDigitsAt(bytes, at + 19, 4)
  const e = lowerDigitsAt(bytes, at + 24, 4)
  const f = lowerDigitsAt(bytes, at + 28, 8)
  if (a < 0 || b < 0 || c < 0 || d < 0 || e < 0 || f < 0) return undefined
  return [a, b * 0x10000 + c, d * 0x10000 + e, f]
}

/** The value of up to eight lower-case digits, or -1. */
function lowerDigitsAt(bytes: Uint8Array, from: number, count: number): number {
  let value = 0
  for (let k = from; k < from + count; k++) {
    const c = bytes[k] ?? 0
    if (c >= 0x30 && c <= 0x39) value = ((value << 4) | (c - 0x30)) >>> 0
    else if (c >= 0x61 && c <= 0x66) value = ((value << 4) | (c - 0x57)) >>> 0
    else return -1
  }
  return value
}

/** True when a UUID stands at `at` in lower case with hyphens. */
export function isCanonicalUuidAt(bytes: Uint8Array, at: number): boolean {
  return canonicalWordsAt(bytes, at) !== undefined
}

/**
 * Reads a UUID of any version: hyphenated in any case, and the other forms that PostHog's capture reads (32 digits,
 * in braces, with `urn:uuid:`). Undefined when it is none.
 */
export function parseUuid(text: string): UuidWords | undefined {
  if (text.length === 36) return hyphenated(text, 0)
  if (text.length === 32) return words(text, 0, 8, 16, 24)
  if (text.length === 38 && text.startsWith('{') && text.endsWith('}')) return hyphenated(text, 1)
  if (text.length === 45 && text.startsWith('urn:uuid:')) return hyphenated(text, 9)
  return undefined
}

function hyphenated(text: string, at: number): UuidWords | undefined {
  const fits =
    text.charCodeAt(at + 8) === hyphen &&
    text.charCodeAt(at + 13) === hyphen &&
    text.charCodeAt(at + 18) === hyphen &&
    text.charCodeAt(at + 23) === hyphen
  if (!fits) return undefined
  const a = digits(text, at, 8)
  const b = digits(text, at + 9, 4)
  const c = digits(text, at + 14, 4)
  const d = digits(text, at + 19, 4)
  const e = digits(text, at + 24, 4)
  const f = digits(text, at + 28, 8)
  if (a < 0 || b < 0 || c < 0 || d < 0 || e < 0 || f < 0) return undefined
  return [a, b * 0x10000 + c, d * 0x10000 + e, f]
}

function words(text: string, a: number, b: number, c: number, d: number): UuidWords | undefined {
  const result: UuidWords = [digits(text, a, 8), digits(text, b, 8), digits(text, c, 8), digits(text, d, 8)]
  return result.some((word) => word < 0) ? undefined : result
}

/** The value of up to eight digits, or -1. */
function digits(text: string, from: number, count: number): number {
  let value = 0
  for (let k = from; k < from + count; k++) {
    const code = text.charCodeAt(k)
    const digit = code < 256 ? (hexValues[code] ?? 255) : 255
    if (digit === 255) return -1
    value = ((value << 4) | digit) >>> 0
  }
  return value
}

/** Lower case with hyphens. */
export function formatUuid([a, b, c, d]: UuidWords): string {
  return `${pairs(a >>> 24, (a >>> 16) & 255)}${pairs((a >>> 8) & 255, a & 255)}-${pairs(b >>> 24, (b >>> 16) & 255)}-${pairs((b >>> 8) & 255, b & 255)}-${pairs(c >>> 24, (c >>> 16) & 255)}-${pairs((c >>> 8) & 255, c & 255)}${pairs(d >>> 24, (d >>> 16) & 255)}${pairs((d >>> 8) & 255, d & 255)}`
}

function pairs(high: number, low: number): string {
  return (hexPairs[high] ?? '') + (hexPairs[low] ?? '')
}

/** The lower-case hyphenated form of any form that `parseUuid` reads; undefined when it is none. */
export function canonicalUuid(text: string): string | undefined {
  const parsed = parseUuid(text)
  return parsed === undefined ? undefined : formatUuid(parsed)
}

/** Random bytes are fetched this many at a time: a system call for each id would cost more than the id. */
const pool = new Uint32Array(1024)
let poolAt = pool.length

function randomWord(): number {
  if (poolAt === pool.length) {
    randomFillSync(pool)
    poolAt = 0
  }
  return pool[poolAt++] ?? 0
}

/** A version 7 UUID: Unix milliseconds (what lies before 1970 counts as 0), then 74 random bits. */
export function uuidV7(nowMs: number): string {
  const ms = Math.max(0, Math.floor(nowMs))
  const high = Math.floor(ms / 0x10000) >>> 0
  const random = randomWord()
  const middle = (((ms % 0x10000) << 16) | 0x7000 | (random & 0xfff)) >>> 0
  const variant = ((randomWord() & 0x3fffffff) | 0x80000000) >>> 0
  return formatUuid([high, middle, variant, randomWord()])
}

/**
 * A version 5 UUID (RFC 9562): the same name in the same namespace gives the same id, so that replays agree on the ids of
 * events that are made here (design §4.4).
 * @public
 */
export function uuidV5(namespace: UuidWords, name: string): string {
  const bytes = Buffer.allocUnsafe(16 + Buffer.byteLength(name))
  for (const [k, word] of namespace.entries()) bytes.writeUInt32BE(word, k * 4)
  bytes.write(name, 16)
  const digest = hash('sha1', bytes, 'hex')
  const version = `5${digest.slice(13, 16)}`
  const variant = ((Number.parseInt(digest.slice(16, 18), 16) & 0x3f) | 0x80).toString(16)
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-${version}-${variant}${digest.slice(18, 20)}-${digest.slice(20, 32)}`
}
