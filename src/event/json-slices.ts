/**
 * Where the parts of a JSON text stand, without making objects of it: what is passed on is passed on byte for byte, and a text of
 * megabytes costs a look at each byte (about 2 ms for a megabyte) instead of several times its size in memory.
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
/** A key with escapes has six bytes for a character; a longer one is none that anybody looks for. */
const keyBytesMax = 512

const nothingWithin: WantedParts = {}

type JsonKind = 'object' | 'array' | 'string' | 'other'

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

/** What is looked for in a value. What it is not, or holds besides, is passed over. */
export interface WantedParts {
  /** Of an object: the values of these keys (ASCII). */
  readonly fields?: Readonly<Record<string, WantedParts>>
  /** Of an array: each element. */
  readonly elements?: WantedParts
}

export interface JsonPart extends JsonSlice {
  /** What was wanted and is there; of a key given twice the last one. Undefined when the value is no object, or nothing was wanted. */
  readonly fields?: ReadonlyMap<string, JsonPart>
  /** How many members an object has whose keys were not wanted, where `fields` were. */
  readonly otherFields?: number
  readonly elements?: readonly JsonPart[]
}

/** The value that begins at `at`, with the parts that are wanted, all in one walk. */
export function jsonParts(text: Buffer, at: number, wanted: WantedParts): JsonPart {
  const { buffer, byteOffset, length } = text
  return partsAt(text, new DataView(buffer, byteOffset, length), at, wanted)
}

/** As deep as what is wanted, and no deeper. */
function partsAt(text: Buffer, view: DataView, at: number, wanted: WantedParts): JsonPart {
  const first = text[at]
  if (first === braceOpen && wanted.fields !== undefined) return fieldsAt(text, view, at, wanted.fields)
  if (first === bracketOpen && wanted.elements !== undefined) return elementsAt(text, view, at, wanted.elements)
  return { start: at, end: valueEnd(text, view, at) }
}

function fieldsAt(text: Buffer, view: DataView, at: number, wanted: Readonly<Record<string, WantedParts>>): JsonPart {
  const fields = new Map<string, JsonPart>()
  let otherFields = 0
  let i = afterSpace(text, at + 1)
  while (i < text.length && text[i] === quote) {
    const keyEnd = stringEnd(text, view, i)
    const key = keyFrom(text, i, keyEnd)
    // Behind the colon.
    const start = afterSpace(text, afterSpace(text, keyEnd) + 1)
    const ofKey = Object.hasOwn(wanted, key) ? wanted[key] : undefined
    const value = partsAt(text, view, start, ofKey ?? nothingWithin)
    if (ofKey === undefined) otherFields++
    else fields.set(key, value)
    i = afterSpace(text, value.end)
    if (text[i] !== comma) break
    i = afterSpace(text, i + 1)
  }
  return { start: at, end: Math.min(i + 1, text.length), fields, otherFields }
}

function elementsAt(text: Buffer, view: DataView, at: number, wanted: WantedParts): JsonPart {
  const elements: JsonPart[] = []
  let i = afterSpace(text, at + 1)
  while (i < text.length && text[i] !== bracketClose) {
    const element = partsAt(text, view, i, wanted)
    elements.push(element)
    i = afterSpace(text, element.end)
    if (text[i] !== comma) break
    i = afterSpace(text, i + 1)
  }
  return { start: at, end: Math.min(i + 1, text.length), elements }
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

/**
 * Four bytes are looked at in one step: `(x - 0x01…) & ~x & 0x80…` is non-zero when a byte of x is zero, and its lowest bit is
 * exact. Byte by byte it takes twice the time.
 */
function stringEnd(text: Buffer, view: DataView, at: number): number {
  const lastWord = text.length - 4
  let i = at + 1
  for (;;) {
    while (i <= lastWord) {
      const x = view.getInt32(i, true)
      const q = x ^ 0x22222222
      const b = x ^ 0x5c5c5c5c
      const stops = (((q - 0x01010101) & ~q) | ((b - 0x01010101) & ~b)) & 0x80808080
      if (stops !== 0) {
        i += (31 - Math.clz32(stops & -stops)) >>> 3
        break
      }
      i += 4
    }
    if (i >= text.length) return text.length
    const c = text[i]
    if (c === quote) return i + 1
    i += c === backslash ? 2 : 1
  }
}

function valueEnd(text: Buffer, view: DataView, at: number): number {
  const first = text[at]
  if (first === quote) return stringEnd(text, view, at)
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
    const c = text[i] ?? 0
    if (c === quote) {
      i = stringEnd(text, view, i)
      continue
    }
    // Brackets and braces differ in the bit of 0x20 alone.
    const folded = c | 0x20
    if (folded === braceOpen) depth++
    else if (folded === braceClose && --depth === 0) return i + 1
    i++
  }
  return text.length
}
