/**
 * Reads one request to `/s`: what was recorded of a session since the request before (capture spec §14). It becomes one record,
 * whose bytes are the whole body; what its first event says of session, window and SDK goes beside it as headers.
 *
 * Bodies are large and full of small values, so nothing is parsed: one scan checks the text (`json-scan.ts`), one walk looks at
 * the fields of each event's properties (`json-slices.ts`). Both together take 3 to 4 ms of CPU for a megabyte.
 */
import { firstCharacters } from '../../event/first-characters.ts'
import { instantFrom } from '../../event/instant.ts'
import { jsonKindAt, jsonParts } from '../../event/json-slices.ts'
import type { JsonPart, JsonSlice, WantedParts } from '../../event/json-slices.ts'
import { createJsonScanner, flagLargeValue, recordWords, slotOf, wordOf } from './decode/json-scan.ts'
import { scannedBody, startOf, stringOf } from './decode/scanned-body.ts'
import type { ScannedBody } from './decode/scanned-body.ts'
import { distinctIdOf, eventTokenSlot, noEvent, noToken, refusedFor, shapedToken, uuidOf } from './posthog-events.ts'
import type { ReadEvent, RefusedRequest } from './posthog-events.ts'

export interface RecordingReaderLimits {
  readonly depthMax: number
  readonly requestKeysMax: number
  readonly requestEventsMax: number
}

/** What the reader must know of a request beside its body. */
export interface RecordingFacts {
  /** A project token from the request's header (C5): counts when the first event has none. */
  readonly headerToken: string | undefined
  readonly userAgent: string | undefined
}

export interface ReadRecording {
  readonly kind: 'recording'
  /** The first event's. */
  readonly token: string
  /** The first event's own `sent_at`, Unix milliseconds; undefined when it has none that can be read. */
  readonly sentAtMs: number | undefined
  /** Some string is longer than 1,024 bytes (C13). */
  readonly hasLargeValues: boolean
  /** Kept with the record. */
  readonly headers: Readonly<Record<'session_id' | 'window_id' | 'snapshot_source' | 'lib', string>>
  /** The whole request. */
  readonly event: ReadEvent
}

/** The name that PostHog's own readers know a recording's records by. */
const recordName = '$snapshot_items'
const sessionIdBytesMax = 70
const textCharactersMax = 200

const firstWanted: WantedParts = {
  fields: {
    $session_id: {},
    $window_id: {},
    $snapshot_source: {},
    $lib: {},
    $cookieless_mode: {},
    capture_internal: {},
    $snapshot_data: {},
  },
}
const otherWanted: WantedParts = { fields: { $snapshot_data: {} } }
const sentAtWanted: WantedParts = { fields: { sent_at: {} } }
const noFields: ReadonlyMap<string, JsonPart> = new Map()

/** Makes a reader for requests to `/s`. It keeps nothing of one request for the next. */
export function createRecordingReader(
  limits: RecordingReaderLimits,
): (body: Buffer, facts: RecordingFacts) => ReadRecording | RefusedRequest {
  const scan = createJsonScanner({
    depthMax: limits.depthMax,
    keysMax: limits.requestKeysMax,
    eventsMax: limits.requestEventsMax,
  })

  /** `body`: JSON text, checked to be UTF-8. Its bytes are not changed. */
  return function readRecording(body, facts) {
    const layout = scan(body)
    if (layout.kind === 'problem') return refusedFor(layout)
    if (layout.root === 'scalar')
      return refused('failed to parse request: a recording is an object or an array of objects')
    const { words, eventCount } = layout
    const isList = layout.root === 'array'
    if (isList && eventCount === 0) return noEvent
    const source = scannedBody(body, words)
    const first = isList ? 1 : 0
    const last = isList ? eventCount : 0

    for (let record = first; record <= last; record++) {
      if (jsonKindAt(body, startOfRecord(source, record)) !== 'object')
        return refused(`failed to parse request: event is not an object (event ${String(record - first)})`)
    }
    const uuid = uuidOf(source, first)
    if (uuid === null) return refused('failed to parse request: uuid is not a UUID')

    const tokenSlot = eventTokenSlot(source, first)
    if (tokenSlot === 0 && facts.headerToken === undefined) return noToken
    const token = shapedToken(tokenSlot === 0 ? (facts.headerToken ?? '') : stringOf(source, first, tokenSlot))
    if (typeof token !== 'string') return token

    const distinctId = distinctIdOf(source, first, true)
    if (distinctId === '') return refused('event submitted without a distinct_id')
    const own = propertiesOf(source, first, firstWanted)
    const textOf = (name: string): string | undefined => stringFrom(body, own.get(name))
    const session = own.get('$session_id')
    if (session === undefined || isNull(body, session)) return refused('replay event submitted without session id')
    const sessionId = textOf('$session_id')
    if (sessionId === undefined || !isSessionId(sessionId)) return refused('replay event has invalid session id')
    const cookieless = own.get('$cookieless_mode')
    const isCookieless = cookieless !== undefined && literal(body, cookieless) === 'true'
    if (cookieless !== undefined && !isCookieless && literal(body, cookieless) !== 'false')
      return refused('event submitted with invalid cookieless mode')
    for (let record = first; record <= last; record++) {
      const snapshots = (record === first ? own : propertiesOf(source, record, otherWanted)).get('$snapshot_data')
      const kind = snapshots === undefined ? 'other' : jsonKindAt(body, snapshots.start)
      if (kind !== 'array' && kind !== 'object') return refused('replay event submitted without snapshot data')
    }

    return {
      kind: 'recording',
      token,
      sentAtMs: sentAtFrom(body, startOfRecord(source, first)),
      hasLargeValues: ((words[wordOf.flags] ?? 0) & flagLargeValue) !== 0,
      headers: {
        session_id: sessionId,
        window_id: shortened(textOf('$window_id')) ?? sessionId,
        snapshot_source: textOf('$snapshot_source')?.toLowerCase() === 'mobile' ? 'mobile' : 'web',
        lib: shortened(textOf('$lib')) ?? libraryFrom(facts.userAgent),
      },
      event: {
        index: 0,
        start: 0,
        end: body.length,
        name: recordName,
        uuid,
        distinctId,
        // A window of the same user may record at the same moment: only a uuid tells copies from that.
        timestampText: undefined,
        sessionId,
        isCookieless,
        isInternal: own.has('capture_internal'),
        hasHeatmap: false,
        isUnstorable: false,
        refusal: undefined,
      },
    }
  }
}

function refused(message: string): RefusedRequest {
  return { kind: 'refused', status: 400, message }
}

function startOfRecord({ words }: ScannedBody, record: number): number {
  return words[record * recordWords + wordOf.start] ?? 0
}

function propertiesOf(source: ScannedBody, record: number, wanted: WantedParts): ReadonlyMap<string, JsonPart> {
  const start = startOf(source, record, slotOf.properties)
  return start < 0 ? noFields : (jsonParts(source.body, start, wanted).fields ?? noFields)
}

/** Undefined when it is not there, or no string. */
function stringFrom(body: Buffer, slice: JsonSlice | undefined): string | undefined {
  if (slice === undefined || jsonKindAt(body, slice.start) !== 'string') return undefined
  return JSON.parse(body.toString('utf8', slice.start, slice.end)) as string
}

/** A value that is no text, no object and no array, as it stands there. */
function literal(body: Buffer, { start, end }: JsonSlice): string {
  return jsonKindAt(body, start) === 'other' ? body.toString('latin1', start, Math.min(end, start + 8)) : ''
}

function isNull(body: Buffer, slice: JsonSlice): boolean {
  return literal(body, slice) === 'null'
}

function isSessionId(text: string): boolean {
  return text.length <= sessionIdBytesMax && /^[A-Za-z0-9-]+$/.test(text)
}

/** What stores refuse is replaced; undefined for what is empty. */
function shortened(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  return firstCharacters(text.toWellFormed().replaceAll('\0', '\ufffd'), textCharactersMax)
}

/** The SDK, of a request that does not say: `posthog-ios/3.1` says it, browsers do not. */
function libraryFrom(userAgent: string | undefined): string {
  if (userAgent === undefined) return 'unknown'
  return userAgent.includes('posthog') ? (shortened(userAgent.split('/', 1)[0]) ?? 'web') : 'web'
}

/** Nearly no SDK says it here, and looking for the bytes costs far less than a walk. */
function sentAtFrom(body: Buffer, at: number): number | undefined {
  if (!body.includes('"sent_at"')) return undefined
  const text = stringFrom(body, jsonParts(body, at, sentAtWanted).fields?.get('sent_at'))
  return text === undefined ? undefined : instantFrom(text)
}
