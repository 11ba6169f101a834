/**
 * Where the parts of a JSON text stand, without making objects of it: what is passed on is passed on byte for byte, and a text of
 * megabytes costs a look at each byte (about 1 ms for a megabyte) instead of several times its size in memory.
 *
 * The text must be JSON, which somebody has checked before; of another text the slices mean nothing, but every walk ends.
 */
export interface JsonSlice {
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const braceOpen = 0x7b
const braceClose = 0x7d
const bracketOpen = 0x5b
const bracketClose = 0x5d
const noFields: ReadonlyMap<string, JsonSlice> = new Map()
/** A key with escapes has six bytes for a character; a longer one is none that anybody looks for. */
const keyBytesMax = 512

export type JsonKind = 'object' | 'array' | 'string' | 'other'

export function jsonKindAt(text: Buffer, at: number): JsonKind {
  const c = text[at]
  if (c === braceOpen) return 'object'
  if (c === bracketOpen) return 'array'
  return c === quote ? 'string' : 'other'
}

/** The first byte at or after `at` that is no white space. */
export function afterSpace(text: Buffer, at: number): number {
  let i = at
  while (i < text.length && (text[i] ?? 0) <= 0x20) i++
  return i
}

/** Values of the wanted keys (ASCII) of the object that begins at `at`; of a key given twice the last one. None when it is no object. */
export function objectFields(text: Buffer, at: number, wanted: ReadonlySet<string>): ReadonlyMap<string, JsonSlice> {
  if (text[at] !== braceOpen) return noFields
  const fields = new Map<string, JsonSlice>()
  let i = afterSpace(text, at + 1)
  while (i < text.length && text[i] === quote) {
    const keyEnd = stringEnd(text, i)
    const key = keyFrom(text, i, keyEnd)
    // Behind the colon.
    const start = afterSpace(text, afterSpace(text, keyEnd) + 1)
    const end = valueEnd(text, start)
    if (wanted.has(key)) fields.set(key, { start, end })
    i = afterSpace(text, end)
    if (text[i] !== comma) break
    i = afterSpace(text, i + 1)
  }
  return fields
}

/** The elements of the array that begins at `at`. None when it is no array. */
export function arrayElements(text: Buffer, at: number): readonly JsonSlice[] {
  if (text[at] !== bracketOpen) return []
  const elements: JsonSlice[] = []
  let start = afterSpace(text, at + 1)
  while (start < text.length && text[start] !== bracketClose) {
    const end = valueEnd(text, start)
    elements.push({ start, end })
    start = afterSpace(text, end)
    if (text[start] !== comma) break
    start = afterSpace(text, start + 1)
  }
  return elements
}

function keyFrom(text: Buffer, start: number, end: number): string {
  if (end - start > keyBytesMax) return ''
  const key = text.toString('latin1', start + 1, end - 1)
  if (!key.includes('\\')) return key
  try {
    return JSON.parse(text.toString('utf8', start, end)) as string
  } catch {
    return ''
  }
}

function stringEnd(text: Buffer, at: number): number {
  let i = at + 1
  while (i < text.length) {
    const c = text[i]
    if (c === quote) return i + 1
    i += c === backslash ? 2 : 1
  }
  return text.length
}

function valueEnd(text: Buffer, at: number): number {
  const first = text[at]
  if (first === quote) return stringEnd(text, at)
  let i = at
  if (first !== braceOpen && first !== bracketOpen) {
    while (i < text.length) {
      const c = text[i] ?? 0
      if (c <= 0x20 || c === comma || c === braceClose || c === bracketClose) break
      i++
    }
    // A value has at least one byte, or a broken text would hold up whoever walks it.
    return Math.max(i, at + 1)
  }
  let depth = 0
  while (i < text.length) {
    const c = text[i]
    if (c === quote) {
      i = stringEnd(text, i)
      continue
    }
    if (c === braceOpen || c === bracketOpen) depth++
    else if ((c === braceClose || c === bracketClose) && --depth === 0) return i + 1
    i++
  }
  return text.length
}
