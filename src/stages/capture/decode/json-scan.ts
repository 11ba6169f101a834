/**
 * Reads a request's JSON text without making objects of it: checks the syntax, enforces the caps and notes where the
 * few values stand that the door needs. It accepts exactly the texts that JSON.parse accepts (within the caps), which
 * a property test holds it to; UTF-8 validity is the caller's check (`buffer.isUtf8`).
 *
 * This is the hottest loop of the program: it looks at each byte that arrives. Hence one long function with numbers
 * in local variables, no recursion and no allocation per value. `bench/trials/json-scan.ts` shows what that pays.
 *
 * Words used here:
 * - record: what was found about one object that may be an event: `recordWords` 32-bit words in `Layout.words`.
 *   Record 0 is the outermost object; records 1 to `eventCount` are the elements of the outermost array or of the
 *   outermost object's `batch`.
 * - slot: where in its record a field's start stands; its end follows. A start and end of 0 mean "not there".
 * - frame: what kind of container the loop is in; only keys in frames that matter are looked at.
 *
 * Of keys given twice the last one counts, as in JSON.parse. `__proto__` is a key like any other.
 */

export interface ScanLimits {
  /** Containers inside containers; the outermost one counts as 1. */
  readonly depthMax: number
  /** Keys in the whole text. */
  readonly keysMax: number
  /** Elements of the array of events. */
  readonly eventsMax: number
}

/** Where things stand in a text. Valid until the same scanner reads the next one. */
export interface Layout {
  readonly kind: 'layout'
  /** What the outermost value is. */
  readonly root: 'array' | 'object' | 'scalar'
  /** Elements of the outermost array, or of the outermost object's `batch` when that is an array. */
  readonly eventCount: number
  readonly words: Int32Array
}

/** Why a text was not read to its end. `position` is the byte at which it was given up. */
export interface ScanProblem {
  readonly kind: 'problem'
  readonly cause: 'syntax' | 'depth' | 'keys' | 'events'
  readonly position: number
  readonly message: string
}

/** Words of one record. The first four are `wordOf`, the rest are slots. */
export const recordWords = 54

/** A record's own words: its byte range, how many keys it holds at any depth, and its flags. */
export const wordOf = { start: 0, end: 1, keys: 2, flags: 3 } as const

/** A flag: the value holds the escape of a NUL or of a lone surrogate, which stores refuse (see `repairEscapes`). */
export const flagUnstorable = 1

/** A flag: a string in the value is longer than 1,024 bytes (C13). */
export const flagLargeValue = 2
const largeStringBytes = 1025

export const slotOf = {
  event: 4,
  uuid: 6,
  distinctId: 8,
  dollarDistinctId: 10,
  timestamp: 12,
  token: 14,
  dollarToken: 16,
  apiKey: 18,
  properties: 20,
  // In `properties`, from here to before `sentAt`.
  propertiesDistinctId: 22,
  propertiesToken: 24,
  propertiesSessionId: 26,
  cookielessMode: 28,
  propertiesCaptureInternal: 30,
  heatmapData: 32,
  previousPathname: 34,
  currentUrl: 36,
  // Of the outermost object alone.
  sentAt: 38,
  historicalMigration: 40,
  batch: 42,
  // Of the v1 wire alone.
  sessionId: 44,
  windowId: 46,
  options: 48,
  createdAt: 50,
  captureInternal: 52,
} as const

/** Frames: arrays are odd. `plain` ones hold nothing that the door asks about. */
const plainObject = 0
const plainArray = 1
const rootObject = 2
const eventsArray = 3
const eventObject = 4
const propertiesObject = 6

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const braceOpen = 0x7b
const braceClose = 0x7d
const bracketOpen = 0x5b
const bracketClose = 0x5d

/** Fields of an event, by the name that stands in the text. */
const eventSlots: ReadonlyMap<string, number> = new Map([
  ['event', slotOf.event],
  ['uuid', slotOf.uuid],
  ['distinct_id', slotOf.distinctId],
  ['$distinct_id', slotOf.dollarDistinctId],
  ['timestamp', slotOf.timestamp],
  ['token', slotOf.token],
  ['$token', slotOf.dollarToken],
  ['api_key', slotOf.apiKey],
  ['properties', slotOf.properties],
  ['session_id', slotOf.sessionId],
  ['window_id', slotOf.windowId],
  ['options', slotOf.options],
])
const rootSlots: ReadonlyMap<string, number> = new Map([
  ...eventSlots,
  ['sent_at', slotOf.sentAt],
  ['historical_migration', slotOf.historicalMigration],
  ['batch', slotOf.batch],
  ['created_at', slotOf.createdAt],
  ['capture_internal', slotOf.captureInternal],
])
const propertiesSlots: ReadonlyMap<string, number> = new Map([
  ['distinct_id', slotOf.propertiesDistinctId],
  ['token', slotOf.propertiesToken],
  ['$session_id', slotOf.propertiesSessionId],
  ['$cookieless_mode', slotOf.cookielessMode],
  ['capture_internal', slotOf.propertiesCaptureInternal],
  ['$heatmap_data', slotOf.heatmapData],
  ['$prev_pageview_pathname', slotOf.previousPathname],
  ['$current_url', slotOf.currentUrl],
])

/** One candidate by length, so that most keys are told apart without looking at their bytes. */
interface KeyCandidate {
  readonly bytes: Uint8Array
  readonly slot: number
}
type KeyTable = readonly (readonly KeyCandidate[])[]
const keyLengthMax = 23

function keyTableFrom(slots: ReadonlyMap<string, number>): KeyTable {
  const table: KeyCandidate[][] = Array.from({ length: keyLengthMax + 1 }, () => [])
  for (const [name, slot] of slots) table[name.length]?.push({ bytes: Buffer.from(name, 'latin1'), slot })
  return table
}

const noCandidates: readonly KeyCandidate[] = []
const nothing: KeyCandidate = { bytes: new Uint8Array(0), slot: 0 }
const eventKeys = keyTableFrom(eventSlots)
const rootKeys = keyTableFrom(rootSlots)
const propertiesKeys = keyTableFrom(propertiesSlots)
/** Bit n: some property of n characters counts. Most events have twenty others. */
let propertyLengths = 0
for (const name of propertiesSlots.keys()) propertyLengths |= 1 << name.length
const propertyLengthBits = propertyLengths

/** The slot of a key without escapes, or 0. */
function slotOfKey(keys: KeyTable, body: Uint8Array, start: number, length: number): number {
  const candidates = keys[length] ?? noCandidates
  for (let n = 0; n < candidates.length; n++) {
    const candidate = candidates[n] ?? nothing
    let k = 0
    while (k < length && candidate.bytes[k] === body[start + k]) k++
    if (k === length) return candidate.slot
  }
  return 0
}

/** The slot of a key that was written with escapes (`"\u0065vent"`), or 0; such keys are rare. */
function slotOfEscapedKey(frame: number, body: Buffer, start: number, end: number): number {
  const name: unknown = JSON.parse(body.toString('utf8', start - 1, end + 1))
  const slots = frame === propertiesObject ? propertiesSlots : frame === eventObject ? eventSlots : rootSlots
  return (typeof name === 'string' ? slots.get(name) : undefined) ?? 0
}

function isHexDigit(c: number): boolean {
  return (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66)
}

function hexValue(body: Uint8Array, at: number): number {
  let value = 0
  for (let k = 0; k < 4; k++) {
    const c = body[at + k] ?? 0
    if (!isHexDigit(c)) return -1
    value = value * 16 + (c <= 0x39 ? c - 0x30 : (c | 0x20) - 0x57)
  }
  return value
}

/**
 * The byte at which a string's plain run ends: its closing quote, a backslash, a control character or `end`.
 * Four bytes are looked at in one step: `(x - 0x01…) & ~x & 0x80…` is non-zero when a byte of x is zero, and its lowest
 * bit is exact. A byte above 0x7f is never a stop. (A byte at a time costs 10 to 15 % more of the whole scan.)
 */
function plainRunEnd(body: Uint8Array, view: DataView, from: number, end: number): number {
  let i = from
  const lastWord = end - 4
  while (i <= lastWord) {
    const x = view.getInt32(i, true)
    const q = x ^ 0x22222222
    const b = x ^ 0x5c5c5c5c
    const stops = (((q - 0x01010101) & ~q) | ((b - 0x01010101) & ~b) | ((x - 0x20202020) & ~x)) & 0x80808080
    if (stops !== 0) return i + ((31 - Math.clz32(stops & -stops)) >>> 3)
    i += 4
  }
  while (i < end) {
    const c = body[i] ?? 0
    if (c === quote || c === backslash || c < 0x20) return i
    i++
  }
  return i
}

/** Set by `escapedStringEnd` for its caller, `flagUnstorable` or 0: a second result without an object. */
let escapesSeen = 0

/**
 * From a string's first stop that is not its closing quote: the position of the closing quote, or -1 - position of
 * what is wrong.
 */
function escapedStringEnd(body: Uint8Array, view: DataView, from: number, end: number): number {
  escapesSeen = 0
  let highAt = -1
  for (let i = from; ;) {
    const c = i < end ? (body[i] ?? 0) : 0
    if (c === quote) return i
    if (c !== backslash) return -1 - i
    const e = body[i + 1] ?? 0
    if (e === 0x75) {
      const unit = i + 6 <= end ? hexValue(body, i + 2) : -1
      if (unit < 0) return -1 - i
      if (unit === 0) escapesSeen = flagUnstorable
      if (unit >= 0xd800 && unit <= 0xdbff) {
        const paired = body[i + 6] === backslash && body[i + 7] === 0x75 && (hexValue(body, i + 8) & 0xfc00) === 0xdc00
        if (paired) highAt = i
        else escapesSeen = flagUnstorable
      } else if (unit >= 0xdc00 && unit <= 0xdfff && highAt !== i - 6) escapesSeen = flagUnstorable
      i += 6
    } else {
      const simple =
        e === quote ||
        e === backslash ||
        e === 0x2f ||
        e === 0x62 ||
        e === 0x66 ||
        e === 0x6e ||
        e === 0x72 ||
        e === 0x74
      if (!simple) return -1 - i
      i += 2
    }
    i = plainRunEnd(body, view, i, end)
  }
}

/** The position after a number, or -1 - position of what is wrong with it. */
function numberEnd(body: Uint8Array, from: number, end: number): number {
  let i = from
  let c = body[i] ?? 0
  if (c === 0x2d) c = ++i < end ? (body[i] ?? 0) : 0
  if (c === 0x30) i++
  else if (c >= 0x31 && c <= 0x39) {
    do i++
    while (i < end && (c = body[i] ?? 0) >= 0x30 && c <= 0x39)
  } else return -1 - i
  if (i < end && body[i] === 0x2e) {
    const first = ++i
    while (i < end && (c = body[i] ?? 0) >= 0x30 && c <= 0x39) i++
    if (i === first) return -1 - i
  }
  if (i < end && ((body[i] ?? 0) | 0x20) === 0x65) {
    i++
    if (i < end && (body[i] === 0x2b || body[i] === 0x2d)) i++
    const first = i
    while (i < end && (c = body[i] ?? 0) >= 0x30 && c <= 0x39) i++
    if (i === first) return -1 - i
  }
  return i
}

/** The position after `true`, `false` or `null`, or -1 - `from`. */
function literalEnd(body: Uint8Array, from: number): number {
  switch (body[from]) {
    case 0x74:
      return body[from + 1] === 0x72 && body[from + 2] === 0x75 && body[from + 3] === 0x65 ? from + 4 : -1 - from
    case 0x66:
      return body[from + 1] === 0x61 && body[from + 2] === 0x6c && body[from + 3] === 0x73 && body[from + 4] === 0x65
        ? from + 5
        : -1 - from
    case 0x6e:
      return body[from + 1] === 0x75 && body[from + 2] === 0x6c && body[from + 3] === 0x6c ? from + 4 : -1 - from
    default:
      return -1 - from
  }
}

function spaceEnd(body: Uint8Array, from: number, end: number): number {
  let i = from
  while (i < end) {
    const c = body[i] ?? 0
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) break
    i++
  }
  return i
}

function unexpected(position: number, end: number, wanted: string): ScanProblem {
  return problem('syntax', position, `expected ${wanted}${position >= end ? ' but the text ends' : ''}`)
}

function problem(cause: ScanProblem['cause'], position: number, what: string): ScanProblem {
  return { kind: 'problem', cause, position, message: `${what} at byte ${String(position)}` }
}

/** Records kept between two texts; a text with more events than this gives its words back afterwards. */
const recordsKept = 4096

/**
 * Makes a scanner. It owns the words that its layouts point into: use one layout up before reading the next text
 * (it never waits, so one scanner a process is enough).
 */
export function createJsonScanner(limits: ScanLimits): (body: Buffer) => Layout | ScanProblem {
  const { depthMax, keysMax, eventsMax } = limits
  let kept = new Int32Array(64 * recordWords)
  // Frame and open slot of each container that is open, by depth.
  const frames = new Uint8Array(depthMax + 2)
  const slots = new Uint8Array(depthMax + 2)

  return function scan(body: Buffer): Layout | ScanProblem {
    const end = body.length
    const view = new DataView(body.buffer, body.byteOffset, end)
    let words = kept
    words.fill(0, 0, recordWords)
    let depth = 0
    let frame = plainArray
    let record = 0
    let slot = 0
    let count = 0
    let keys = 0
    let keysBefore = 0
    let flags = 0
    let flagsBefore = 0

    let i = spaceEnd(body, 0, end)
    const first = i < end ? (body[i] ?? 0) : 0
    words[wordOf.start] = i

    value: for (;;) {
      // A value begins at i.
      if (frame === eventsArray) {
        if (++count > eventsMax) return problem('events', i, `more than ${String(eventsMax)} events`)
        record = count * recordWords
        if (record === words.length) {
          const larger = new Int32Array(words.length * 2)
          larger.set(words)
          words = larger
          if (count < recordsKept) kept = larger
        }
        words.fill(0, record, record + recordWords)
        words[record] = i
        keysBefore = keys
        flagsBefore |= flags
        flags = 0
      }
      if (slot !== 0) words[record + slot] = i
      let c = i < end ? (body[i] ?? 0) : 0
      let keyFollows = false
      if (c === quote) {
        const from = i
        i = plainRunEnd(body, view, i + 1, end)
        if (i === end || body[i] !== quote) {
          i = escapedStringEnd(body, view, i, end)
          if (i < 0) return problem('syntax', -1 - i, 'broken string')
          flags |= escapesSeen
        }
        if (i - from > largeStringBytes) flags |= flagLargeValue
        i++
      } else if (c === braceOpen || c === bracketOpen) {
        if (depth === depthMax) return problem('depth', i, `nesting deeper than ${String(depthMax)}`)
        frames[depth] = frame
        slots[depth] = slot
        depth++
        if (c === bracketOpen) frame = depth === 1 || slot === slotOf.batch ? eventsArray : plainArray
        else if (slot === slotOf.properties) frame = propertiesObject
        else if (frame === eventsArray) frame = eventObject
        else frame = depth === 1 ? rootObject : plainObject
        slot = 0
        i++
        if (i < end && (body[i] ?? 0) <= 0x20) i = spaceEnd(body, i, end)
        const close = c + 2
        c = i < end ? (body[i] ?? 0) : 0
        if (c === close) {
          i++
          depth--
          frame = frames[depth] ?? 0
          slot = slots[depth] ?? 0
        } else if (close === bracketClose) continue
        else keyFollows = true
      } else {
        const from = i
        i = c === 0x2d || (c >= 0x30 && c <= 0x39) ? numberEnd(body, i, end) : literalEnd(body, i)
        if (i < 0) return unexpected(-1 - i, end, from === -1 - i ? 'a value' : 'a digit')
      }

      for (;;) {
        if (!keyFollows) {
          // A value ended before i.
          if (slot !== 0) {
            words[record + slot + 1] = i
            slot = 0
          }
          if (depth === 0) break value
          if (frame === eventsArray) {
            words[record + 1] = i
            words[record + 2] = keys - keysBefore
            words[record + 3] = flags
            record = 0
          }
          c = i < end ? (body[i] ?? 0) : 0
          if (c <= 0x20) {
            i = spaceEnd(body, i, end)
            c = i < end ? (body[i] ?? 0) : 0
          }
          if (c !== comma) {
            const isArray = (frame & 1) === 1
            if (c !== (isArray ? bracketClose : braceClose))
              return unexpected(i, end, isArray ? "',' or ']'" : "',' or '}'")
            i++
            depth--
            frame = frames[depth] ?? 0
            slot = slots[depth] ?? 0
            continue
          }
          i++
          if (i < end && (body[i] ?? 0) <= 0x20) i = spaceEnd(body, i, end)
          if ((frame & 1) === 1) continue value
        }

        // A key begins at i.
        if (i === end || body[i] !== quote) return unexpected(i, end, 'a key in double quotes')
        if (++keys > keysMax) return problem('keys', i, `more than ${String(keysMax)} keys`)
        const start = i + 1
        i = plainRunEnd(body, view, start, end)
        if (i < end && body[i] === quote) {
          if (frame === propertiesObject) {
            const length = i - start
            if (length <= keyLengthMax && ((propertyLengthBits >>> length) & 1) === 1)
              slot = slotOfKey(propertiesKeys, body, start, length)
          } else if (frame === eventObject) slot = slotOfKey(eventKeys, body, start, i - start)
          else if (frame === rootObject) slot = slotOfKey(rootKeys, body, start, i - start)
        } else {
          i = escapedStringEnd(body, view, i, end)
          if (i < 0) return problem('syntax', -1 - i, 'broken string')
          flags |= escapesSeen
          if (frame !== plainObject) slot = slotOfEscapedKey(frame, body, start, i)
        }
        if (slot === slotOf.properties) words.fill(0, record + slotOf.propertiesDistinctId, record + slotOf.sentAt)
        else if (slot === slotOf.batch) count = 0
        i++
        if (i < end && (body[i] ?? 0) <= 0x20) i = spaceEnd(body, i, end)
        if (i === end || body[i] !== colon) return unexpected(i, end, "':'")
        i++
        if (i < end && (body[i] ?? 0) <= 0x20) i = spaceEnd(body, i, end)
        continue value
      }
    }

    words[wordOf.end] = i
    words[wordOf.keys] = keys
    words[wordOf.flags] = flags | flagsBefore
    i = spaceEnd(body, i, end)
    if (i < end) return unexpected(i, end, 'the end')
    const root = first === braceOpen ? 'object' : first === bracketOpen ? 'array' : 'scalar'
    return { kind: 'layout', root, eventCount: count, words }
  }
}
