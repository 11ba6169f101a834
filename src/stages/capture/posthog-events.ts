/**
 * Reads the events of one PostHog request: which shape it has, whose it is, and what the door must know about each event.
 * Sources: capture spec §4 (shapes), §5 (token), §6 (distinct id), §7 (name, uuid), §10 (texts); design §4.2.
 *
 * A request that cannot be read is refused whole. In a batch, an event that is invalid is refused by itself and the
 * good ones go on; only when none is good the request is refused, with the text for the first one.
 *
 * What is taken though PostHog's own service refuses it: `properties: null` (as if there were none), a number as
 * `timestamp`, several of `token`, `$token` and `api_key` in one object (the first of these counts), a batch without a
 * token of its own (then the rules for arrays hold), events of a batch without a name under `/engage`.
 */
import { firstCharacters } from '../../event/first-characters.ts'
import { instantFrom } from '../../event/instant.ts'
import { canonicalUuid, canonicalWordsAt } from '../../event/uuid.ts'
import type { UuidWords } from '../../event/uuid.ts'
import { createJsonScanner, flagLargeValue, flagUnstorable, recordWords, slotOf, wordOf } from './decode/json-scan.ts'
import type { ScanProblem } from './decode/json-scan.ts'
import { asciiText, firstByte, isPlain, isTrue, scannedBody, startOf, stringOf } from './decode/scanned-body.ts'
import type { ScannedBody } from './decode/scanned-body.ts'
import { tokenProblem } from './token-shape.ts'

export interface EventReaderLimits {
  /** Containers inside containers in one request; the outermost one counts as 1. */
  readonly depthMax: number
  /** JSON text of one event. */
  readonly eventBytesMax: number
  readonly eventKeysMax: number
  readonly eventNameCharactersMax: number
  /** Keys in one request; 5,000,000 when not set, six times what 20 MiB of ordinary events hold. */
  readonly requestKeysMax?: number
  /** Events in one request; 100,000 when not set. Each takes about 300 bytes of memory while the request is read. */
  readonly requestEventsMax?: number
}

/** What the reader must know of a request beside its body. */
export interface RequestFacts {
  /** The path is `/engage`: an event without a name is `$identify` (§4.4). */
  readonly isEngage: boolean
  /** A project token from the request's header (C5): counts when the body has none. */
  readonly headerToken: string | undefined
}

export interface ReadEvent {
  /** Place in the request's array of events, 0-based; 0 for a single event. */
  readonly index: number
  /** Byte range of the event's JSON object in the body. */
  readonly start: number
  readonly end: number
  /** Empty when the event is refused for want of one. */
  readonly name: string
  /** The client's, in lower case with hyphens; undefined when it gave none. */
  readonly uuid: string | undefined
  /** The same as numbers, where it was sent in this form. */
  readonly uuidWords?: UuidWords | undefined
  /** As text, without NUL and lone surrogates, at most 200 characters; empty when the event is refused. */
  readonly distinctId: string
  /** The client's `timestamp` as sent (a number as its digits); undefined when it gave none. */
  readonly timestampText: string | undefined
  /** `$session_id`, where it is a string of at most 200 characters. */
  readonly sessionId: string | undefined
  /** `$cookieless_mode` is true (§9). */
  readonly isCookieless: boolean
  /** It has a property `capture_internal` (§9). */
  readonly isInternal: boolean
  /** It has what a heatmap is made of though it is none itself (§11.1). */
  readonly hasHeatmap: boolean
  /** The event holds escapes of NUL or of lone surrogates, which ingestion replaces. */
  readonly isUnstorable: boolean
  /** Why this event may not enter though the request may; undefined for a good event. */
  readonly refusal: string | undefined
}

export interface ReadEvents {
  readonly kind: 'events'
  /** Trimmed, and of a valid shape; whether it is known is not asked here. */
  readonly token: string
  /** Client clock when it sent the request, Unix milliseconds; undefined when the body does not say or is not readable. */
  readonly sentAtMs: number | undefined
  readonly historicalMigration: boolean
  /** Some string is longer than 1,024 bytes (C13). */
  readonly hasLargeValues: boolean
  /** In the order of the request; at least one of them is good. */
  readonly events: readonly ReadEvent[]
}

/** The whole request is refused with this status and plain text (§10). */
export interface RefusedRequest {
  readonly kind: 'refused'
  readonly status: 400 | 401 | 413
  readonly message: string
}

/** Nothing is left to store (§4.3: only `$performance_event`); the answer is that of success. */
export interface NothingToStore {
  readonly kind: 'nothing'
}

export type EventsRead = ReadEvents | RefusedRequest | NothingToStore

interface EventRefusal {
  readonly status: 400 | 413
  /** §10's text where PostHog has one. */
  readonly text: string
  /** The event's shape is wrong: when the whole request is refused for it, this goes before the token rules (§22). */
  readonly isShape: boolean
}

/** What the events of a request came to. */
interface Findings {
  goodCount: number
  /** Of the first refused event. */
  refusal: EventRefusal | undefined
  refusedIndex: number
}

const unparsable = (detail: string): EventRefusal => ({
  status: 400,
  text: `failed to parse request: ${detail}`,
  isShape: true,
})
const unfit = (text: string): EventRefusal => ({ status: 400, text, isShape: false })
const tooLarge = (bytes: number, bytesMax: number): EventRefusal => ({
  status: 413,
  text: `maximum event size exceeded: event of ${String(bytes)} bytes, at most ${String(bytesMax)} are accepted`,
  isShape: false,
})
const tooManyKeys = (keysMax: number): EventRefusal => unparsable(`event has more than ${String(keysMax)} keys`)

const refusals = {
  notAnObject: unparsable('event is not an object'),
  noName: {
    status: 400,
    text: 'failed to hydrate events from request: non-engage request missing event name attribute',
    isShape: true,
  },
  badUuid: unparsable('uuid is not a UUID'),
  badProperties: unparsable('properties is not an object'),
  badTimestamp: unparsable('timestamp is not a string'),
  emptyName: unfit('event submitted with an empty event name'),
  noDistinctId: unfit('event submitted without a distinct_id'),
  badCookielessMode: unfit('event submitted with invalid cookieless mode'),
} satisfies Record<string, EventRefusal>

export const noToken: RefusedRequest = { kind: 'refused', status: 401, message: 'event submitted without an api_key' }
const severalTokens: RefusedRequest = {
  kind: 'refused',
  status: 401,
  message: 'batch submitted with inconsistent api_key values',
}
export const noEvent: RefusedRequest = { kind: 'refused', status: 400, message: 'request holds no event' }
const unknownShape: RefusedRequest = {
  kind: 'refused',
  status: 400,
  message: 'failed to parse request: data did not match any variant of untagged enum RawRequest',
}
const nothingToStore: NothingToStore = { kind: 'nothing' }

const distinctIdCharactersMax = 200
const droppedName = '$performance_event'
const engageName = '$identify'
const heatmapName = '$$heatmap'
const sessionIdCharactersMax = 200

const quote = 0x22
const braceOpen = 0x7b
const bracketOpen = 0x5b
const letterF = 0x66
const letterN = 0x6e
const letterT = 0x74

/** Makes a reader for requests of any shape on any path (C2). It keeps nothing of one request for the next. */
export function createEventReader(limits: EventReaderLimits): (body: Buffer, facts: RequestFacts) => EventsRead {
  const scan = createJsonScanner({
    depthMax: limits.depthMax,
    keysMax: limits.requestKeysMax ?? 5_000_000,
    eventsMax: limits.requestEventsMax ?? 100_000,
  })

  /** `body`: JSON text, checked to be UTF-8. Its bytes are not changed. */
  return function readEvents(body: Buffer, facts: RequestFacts): EventsRead {
    const layout = scan(body)
    if (layout.kind === 'problem') return refusedFor(layout)
    if (layout.root === 'scalar') return unknownShape
    const { words, eventCount } = layout
    const source = scannedBody(body, words)
    const isBatch = layout.root === 'array' || isBatchObject(source)
    if (isBatch && eventCount === 0) return noEvent

    const events: ReadEvent[] = []
    const found: Findings = { goodCount: 0, refusal: undefined, refusedIndex: 0 }
    const first = isBatch ? 1 : 0
    const last = isBatch ? eventCount : 0
    for (let record = first; record <= last; record++) {
      const event = readEvent(source, record, record - first, facts.isEngage, limits, found)
      if (event !== undefined) events.push(event)
    }
    if (events.length === 0) return nothingToStore
    const refused = refusedWhole(found, isBatch)
    if (refused !== undefined && found.refusal?.isShape === true) return refused
    const token = tokenOf(source, first, last, facts.headerToken)
    if (typeof token !== 'string') return token
    if (refused !== undefined) return refused
    const isBatchWithFields = isBatch && layout.root === 'object'
    return {
      kind: 'events',
      token,
      sentAtMs: isBatchWithFields ? sentAtOf(source) : undefined,
      historicalMigration: isBatchWithFields && isTrue(source, slotOf.historicalMigration),
      hasLargeValues: ((words[wordOf.flags] ?? 0) & flagLargeValue) !== 0,
      events,
    }
  }
}

export function refusedFor({ cause, message }: ScanProblem): RefusedRequest {
  if (cause === 'events') return { kind: 'refused', status: 413, message: `maximum event size exceeded: ${message}` }
  return { kind: 'refused', status: 400, message: `failed to parse request: ${message}` }
}

/** Every event is refused: so is the request, with the text for the first of them (in a batch with its index). */
function refusedWhole({ goodCount, refusal, refusedIndex }: Findings, isBatch: boolean): RefusedRequest | undefined {
  if (goodCount > 0 || refusal === undefined) return undefined
  const { status, text } = refusal
  return { kind: 'refused', status, message: isBatch ? `${text} (event ${String(refusedIndex)})` : text }
}

/** §4: a batch object has a token and an array of events; without the token it is one only when it is no single event. */
function isBatchObject(source: ScannedBody): boolean {
  const batchAt = startOf(source, 0, slotOf.batch)
  if (batchAt < 0 || source.body[batchAt] !== bracketOpen) return false
  return rootTokenSlot(source, 0) !== 0 || firstByte(source, 0, slotOf.event) !== quote
}

/**
 * Reads one record; undefined when the event is of those that are passed over (§4.3). Of a refused event as much as can
 * be read is given, for whoever looks at the dead letter.
 */
function readEvent(
  source: ScannedBody,
  record: number,
  index: number,
  isEngage: boolean,
  limits: EventReaderLimits,
  found: Findings,
): ReadEvent | undefined {
  const { body, words } = source
  const at = record * recordWords
  const start = words[at + wordOf.start] ?? 0
  const end = words[at + wordOf.end] ?? 0
  const name = nameOf(source, record, isEngage)
  if (name === droppedName) return undefined
  const uuidWords = canonicalWordsOf(source, record)
  const uuid = uuidWords === undefined ? uuidOf(source, record) : canonicalTextOf(source, record)
  const distinctId = distinctIdOf(source, record)

  let refusal: EventRefusal | undefined
  if (body[start] !== braceOpen) refusal = refusals.notAnObject
  else if (name === undefined) refusal = refusals.noName
  else if ((words[at + wordOf.keys] ?? 0) > limits.eventKeysMax) refusal = tooManyKeys(limits.eventKeysMax)
  else if (uuid === null) refusal = refusals.badUuid
  else if (!isObjectOrNothing(firstByte(source, record, slotOf.properties))) refusal = refusals.badProperties
  else if (!isTimeOrNothing(firstByte(source, record, slotOf.timestamp))) refusal = refusals.badTimestamp
  else if (name === '') refusal = refusals.emptyName
  else if (firstCharacters(name, limits.eventNameCharactersMax) !== name)
    refusal = unfit(
      `event submitted with an event name of more than ${String(limits.eventNameCharactersMax)} characters`,
    )
  else if (distinctId === '') refusal = refusals.noDistinctId
  else if (!isBooleanOrMissing(firstByte(source, record, slotOf.cookielessMode))) refusal = refusals.badCookielessMode
  else if (end - start > limits.eventBytesMax) refusal = tooLarge(end - start, limits.eventBytesMax)

  if (refusal === undefined) found.goodCount++
  else if (found.refusal === undefined) {
    found.refusal = refusal
    found.refusedIndex = index
  }
  return {
    index,
    start,
    end,
    name: name ?? '',
    uuid: uuid ?? undefined,
    uuidWords,
    distinctId,
    timestampText: timestampTextOf(source, record),
    sessionId: sessionIdOf(source, record),
    isCookieless: firstByte(source, record, slotOf.cookielessMode) === letterT,
    isInternal: startOf(source, record, slotOf.propertiesCaptureInternal) >= 0,
    hasHeatmap: name !== heatmapName && hasHeatmap(source, record),
    isUnstorable: ((words[at + wordOf.flags] ?? 0) & flagUnstorable) !== 0,
    refusal: refusal?.text,
  }
}

/** The event's name, `$identify` for one without under `/engage` (§4.4), undefined when it is missing or no string. */
function nameOf(source: ScannedBody, record: number, isEngage: boolean): string | undefined {
  const byte = firstByte(source, record, slotOf.event)
  if (byte === quote) return stringOf(source, record, slotOf.event)
  return isEngage && (byte < 0 || byte === letterN) ? engageName : undefined
}

function isObjectOrNothing(byte: number): boolean {
  return byte === braceOpen || byte < 0 || byte === letterN
}

/** A string, a number, null or nothing (§4.1 and this file's head). */
function isTimeOrNothing(byte: number): boolean {
  return byte === quote || byte < 0 || byte === letterN || byte === 0x2d || (byte >= 0x30 && byte <= 0x39)
}

function isBooleanOrMissing(byte: number): boolean {
  return byte < 0 || byte === letterT || byte === letterF
}

export function sessionIdOf(source: ScannedBody, record: number): string | undefined {
  if (firstByte(source, record, slotOf.propertiesSessionId) !== quote) return undefined
  const text = stringOf(source, record, slotOf.propertiesSessionId)
  return text.length <= sessionIdCharactersMax ? text : undefined
}

/** §11.1: heatmap data, or where a page view came from together with where it is. */
export function hasHeatmap(source: ScannedBody, record: number): boolean {
  if (startOf(source, record, slotOf.heatmapData) >= 0) return true
  return startOf(source, record, slotOf.previousPathname) >= 0 && startOf(source, record, slotOf.currentUrl) >= 0
}

/** The client's UUID, undefined when it gave none (§4.1), null when what it gave is no UUID. */
export function uuidOf(source: ScannedBody, record: number): string | undefined | null {
  const start = startOf(source, record, slotOf.uuid)
  if (start < 0) return undefined
  const { body } = source
  if (body[start] === letterN) return undefined
  if (body[start] !== quote) return null
  const text = stringOf(source, record, slotOf.uuid)
  return text === '' ? undefined : (canonicalUuid(text) ?? null)
}

/** Of a UUID that was sent as nearly all are: in lower case with hyphens. */
function canonicalWordsOf({ body, words }: ScannedBody, record: number): UuidWords | undefined {
  const at = record * recordWords + slotOf.uuid
  const start = words[at] ?? 0
  return (words[at + 1] ?? 0) - start === 38 ? canonicalWordsAt(body, start + 1) : undefined
}

function canonicalTextOf(source: ScannedBody, record: number): string {
  const at = record * recordWords + slotOf.uuid
  return asciiText(source, (source.words[at] ?? 0) + 1, (source.words[at + 1] ?? 0) - 1)
}

function timestampTextOf(source: ScannedBody, record: number): string | undefined {
  const byte = firstByte(source, record, slotOf.timestamp)
  if (byte < 0 || byte === letterN || !isTimeOrNothing(byte)) return undefined
  if (byte === quote) return stringOf(source, record, slotOf.timestamp)
  const at = record * recordWords + slotOf.timestamp
  return asciiText(source, source.words[at] ?? 0, source.words[at + 1] ?? 0)
}

/**
 * §6: the event's own, else the one in its properties; as text; empty when there is none that counts. One that is nothing but
 * white space counts in recordings alone.
 */
export function distinctIdOf(source: ScannedBody, record: number, isRecording = false): string {
  const slot =
    presentSlot(source, record, slotOf.distinctId) ||
    presentSlot(source, record, slotOf.dollarDistinctId) ||
    presentSlot(source, record, slotOf.propertiesDistinctId)
  if (slot === 0) return ''
  const { body, words } = source
  const at = record * recordWords + slot
  const start = words[at] ?? 0
  const end = words[at + 1] ?? 0
  if (body[start] !== quote) return cut(distinctIdFrom(body.toString('utf8', start, end)))
  if (end - start - 2 <= distinctIdCharactersMax && isPlain(body, start, end)) {
    const plain = asciiText(source, start + 1, end - 1)
    return isRecording || plain.charCodeAt(0) > 0x20 || plain.trim() !== '' ? plain : ''
  }
  const text = JSON.parse(body.toString('utf8', start, end)) as string
  return cut(!isRecording && text.trim() === '' ? '' : text)
}

/** The slot when its field is there and not null, else 0. */
function presentSlot(source: ScannedBody, record: number, slot: number): number {
  const byte = firstByte(source, record, slot)
  return byte < 0 || byte === letterN ? 0 : slot
}

/** Any JSON value but a string as text: keys sorted, whole numbers digit by digit as they were sent. */
function distinctIdFrom(json: string): string {
  if (/^-?\d+$/.test(json)) return json
  return JSON.stringify(sorted(JSON.parse(json)))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** §6: what stores refuse is replaced, then the first 200 characters count. */
function cut(text: string): string {
  return firstCharacters(text.toWellFormed().replaceAll('\0', '\ufffd'), distinctIdCharactersMax)
}

/** The slot of an object's own token: the first of its names that holds a string; 0 when none does. */
function rootTokenSlot(source: ScannedBody, record: number): number {
  if (firstByte(source, record, slotOf.token) === quote) return slotOf.token
  if (firstByte(source, record, slotOf.dollarToken) === quote) return slotOf.dollarToken
  return firstByte(source, record, slotOf.apiKey) === quote ? slotOf.apiKey : 0
}

export function eventTokenSlot(source: ScannedBody, record: number): number {
  const slot = rootTokenSlot(source, record)
  if (slot !== 0) return slot
  return firstByte(source, record, slotOf.propertiesToken) === quote ? slotOf.propertiesToken : 0
}

/**
 * The request's token (§5.1): the outermost object's, else the one that its events agree on, else the header's (C5);
 * or why there is none that counts.
 */
function tokenOf(
  source: ScannedBody,
  first: number,
  last: number,
  headerToken: string | undefined,
): string | RefusedRequest {
  const rootSlot = first === 0 ? eventTokenSlot(source, 0) : rootTokenSlot(source, 0)
  if (rootSlot !== 0) return shapedToken(stringOf(source, 0, rootSlot))
  let record = first
  while (record <= last && eventTokenSlot(source, record) === 0) record++
  if (record > last) return headerToken === undefined ? noToken : shapedToken(headerToken)
  const token = stringOf(source, record, eventTokenSlot(source, record))
  for (record++; record <= last; record++) {
    const slot = eventTokenSlot(source, record)
    if (slot !== 0 && stringOf(source, record, slot) !== token) return severalTokens
  }
  return shapedToken(token)
}

/** §5.2: the token trimmed, or what is wrong with its shape. */
export function shapedToken(text: string): string | RefusedRequest {
  const token = text.trim()
  const reason = tokenProblem(token)
  return reason === undefined ? token : { kind: 'refused', status: 401, message: `API key is not valid: ${reason}` }
}

/** §4.2: of a batch object only; what cannot be read is ignored. */
function sentAtOf(source: ScannedBody): number | undefined {
  return firstByte(source, 0, slotOf.sentAt) === quote ? instantFrom(stringOf(source, 0, slotOf.sentAt)) : undefined
}
