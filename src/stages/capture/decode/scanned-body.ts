/** A body that was scanned, and how fields are read out of it (see `json-scan.ts`). */
import { recordWords } from './json-scan.ts'

const backslash = 0x5c
const letterT = 0x74

/** A body with its layout, and as one string where that pays: made once a request. */
export interface ScannedBody {
  readonly body: Buffer
  readonly words: Int32Array
  readonly text: string | undefined
}

/** Bodies up to this size are made one string that fields are cut out of; cutting each from the bytes costs 5 times as much. */
const wholeTextBytesMax = 256 * 1024

export function scannedBody(body: Buffer, words: Int32Array): ScannedBody {
  return { body, words, text: body.length <= wholeTextBytesMax ? body.toString('latin1') : undefined }
}

/** Where a field's value begins in the body, or -1 when the field is not there. */
export function startOf({ words }: ScannedBody, record: number, slot: number): number {
  const at = record * recordWords + slot
  return words[at + 1] === 0 ? -1 : (words[at] ?? -1)
}

/** The first byte of a field's value, which tells its type; -1 when the field is not there. */
export function firstByte(source: ScannedBody, record: number, slot: number): number {
  const start = startOf(source, record, slot)
  return start < 0 ? -1 : (source.body[start] ?? -1)
}

/** True when a field of the outermost object is `true`. */
export function isTrue(source: ScannedBody, slot: number): boolean {
  return firstByte(source, 0, slot) === letterT
}

/** The bytes from `start` to `end` as text when they are ASCII. */
export function asciiText({ body, text }: ScannedBody, start: number, end: number): string {
  return text === undefined ? body.toString('latin1', start, end) : text.substring(start, end)
}

/** True when a string's bytes are its characters: ASCII without escapes. */
export function isPlain(body: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const c = body[i] ?? 0
    if (c >= 0x80 || c === backslash) return false
  }
  return true
}

/** A field that is a string, decoded. */
export function stringOf(source: ScannedBody, record: number, slot: number): string {
  const start = startOf(source, record, slot)
  const end = source.words[record * recordWords + slot + 1] ?? 0
  if (isPlain(source.body, start, end)) return asciiText(source, start + 1, end - 1)
  return JSON.parse(source.body.toString('utf8', start, end)) as string
}
