/**
 * A record of the log as readers of PostHog's topics know it: key, headers and value (C10; capture spec §11.2 to §11.4). Our own
 * stages never see it; it is made where a record leaves for others.
 */
import { eventTime } from './event-time.ts'
import { heatmapPropertiesOf } from './heatmap.ts'
import { afterSpace, jsonKindAt, jsonParts } from './json-slices.ts'
import type { JsonSlice, WantedParts } from './json-slices.ts'
import type { Lane } from './position.ts'
import { snapshotItemsOf } from './snapshot-items.ts'
import { mayNeedRepair, repairEscapes } from './repair-escapes.ts'

/** What the log keeps of an accepted or refused event. */
export interface LoggedEvent {
  readonly lane: Lane
  /** The event's JSON as it was accepted; of a recording, all of its request. */
  readonly value: Buffer
  /** As in `LogHeaders` of `stores/log/event-log.ts`. */
  readonly headers: Readonly<Record<string, string>>
  /** When the log took it, Unix milliseconds. */
  readonly timeMs: number
}

export interface ForeignMessage {
  /** `{token}:{distinct_id}`; by address for events without cookies; none for events that need no order. */
  readonly key: string | null
  /** The nine that are always there, null where nothing is known, and some that are there only when set. */
  readonly headers: Readonly<Record<string, string | null>>
  /** JSON text. */
  readonly value: string
}

/**
 * A message for others from which the bytes as they were accepted can be had back. Where they are:
 * - data: `data` is their text.
 * - items: a part of them, `items`, stands in the UTF-8 of `data` at `itemsAt`.
 * - none: nowhere; `data` was made of what they say.
 */
export type EnclosingMessage = ForeignMessage &
  ({ readonly sent: 'data' | 'none' } | { readonly sent: 'items'; readonly items: Buffer })

/** The keys of `data`, in the order in which PostHog writes them. */
const dataKeys = [
  'token',
  'distinct_id',
  'uuid',
  'event',
  'properties',
  'timestamp',
  'offset',
  '$set',
  '$set_once',
] as const

/** What of a record goes into `data`, and what its time is worked out from. */
interface Sent {
  readonly name: string
  /** JSON text. */
  readonly data: string
  /** Of a recording: its snapshots without the brackets around them. */
  readonly items?: Buffer
  readonly isAsSent: boolean
  readonly timestamp: unknown
  readonly offset: unknown
  readonly ignoreSentAt: boolean
}

/** Undefined when the event is no JSON object: what lies in the log was checked at the door, so it was damaged or erased since. */
export function foreignMessage(logged: LoggedEvent): ForeignMessage | undefined {
  const sent = sentOf(logged)
  return sent === undefined ? undefined : messageOf(logged, sent)
}

/** As `foreignMessage`, for who wants the bytes back. */
export function enclosingMessage(logged: LoggedEvent): EnclosingMessage | undefined {
  const sent = sentOf(logged)
  if (sent === undefined) return undefined
  const message = messageOf(logged, sent)
  if (sent.items !== undefined) return { ...message, sent: 'items', items: sent.items }
  return { ...message, sent: sent.isAsSent ? 'data' : 'none' }
}

function messageOf({ headers, timeMs }: LoggedEvent, { name, data, ...times }: Sent): ForeignMessage {
  const nowMs = Number(headers['now'])
  const sentAtMs = headers['sent_at'] === undefined ? undefined : Number(headers['sent_at'])
  const { timestamp, offset, ignoreSentAt } = times
  const { ms } = eventTime({ timestamp, offset, ignoreSentAt, sentAtMs, nowMs })
  const token = headers['token'] ?? ''
  const distinctId = headers['distinct_id'] ?? ''
  const ip = headers['ip'] ?? ''
  const uuid = headers['uuid'] ?? ''
  const now = rfc3339(nowMs)
  const isCookieless = headers['is_cookieless_mode'] === 'true'
  const isHistorical = headers['historical_migration'] === 'true'
  const envelope = {
    uuid,
    distinct_id: distinctId,
    ip,
    data,
    now,
    ...(sentAtMs === undefined ? {} : { sent_at: rfc3339(sentAtMs) }),
    token,
    event: name,
    timestamp: rfc3339(ms),
    ...(isCookieless ? { is_cookieless_mode: true } : {}),
    ...(isHistorical ? { historical_migration: true } : {}),
  }
  const reason = headers['reason']
  return {
    key: keyOf(headers, token, distinctId, ip),
    headers: {
      token,
      distinct_id: distinctId,
      session_id: headers['session_id'] ?? null,
      timestamp: String(ms),
      event: name,
      uuid,
      now,
      force_disable_person_processing: headers['force_disable_person_processing'] ?? null,
      historical_migration: isHistorical ? 'true' : null,
      ...(headers['skip_heatmap_processing'] === undefined ? {} : { skip_heatmap_processing: 'true' }),
      ...(reason === undefined
        ? {}
        : { dlq_reason: reason, dlq_step: 'capture', dlq_timestamp: new Date(timeMs).toISOString() }),
    },
    value: JSON.stringify(envelope),
  }
}

function keyOf(headers: LoggedEvent['headers'], token: string, distinctId: string, ip: string): ForeignMessage['key'] {
  if (headers['session_id'] !== undefined) return headers['session_id']
  if (headers['force_disable_person_processing'] === 'true') return null
  return headers['is_cookieless_mode'] === 'true' ? `${token}:${ip}` : `${token}:${distinctId}`
}

function sentOf(logged: LoggedEvent): Sent | undefined {
  if (logged.lane === 'session_recording_snapshot_item_events') return recordingOf(logged)
  const sent = asSent(logged)
  if (sent !== undefined) return sent
  const event = eventFrom(logged.value)
  if (event === undefined) return undefined
  const sentName = typeof event['event'] === 'string' ? event['event'] : '$identify'
  const sentProperties = isObject(event['properties']) ? event['properties'] : {}
  const isHeatmap = logged.lane === 'heatmaps_ingestion'
  const name = isHeatmap ? '$$heatmap' : sentName
  const properties = isHeatmap ? heatmapPropertiesOf(sentProperties) : leftFor(logged, sentProperties)
  return {
    name,
    // One that was split off has a uuid of the door's.
    data: JSON.stringify(dataOf(name === sentName ? event : { ...event, uuid: null }, name, properties)),
    isAsSent: false,
    timestamp: event['timestamp'],
    offset: event['offset'],
    ignoreSentAt: sentProperties['$ignore_sent_at'] === true,
  }
}

/** What SDKs send beside the keys of `data`, and no reader of the topics looks at. */
const harmlessKeys = ['api_key', 'library', 'library_version', 'library_consumer', 'type', 'messageId']
const braceClose = 0x7d
const eventWanted: WantedParts = {
  fields: {
    ...Object.fromEntries([...dataKeys, ...harmlessKeys].map((key) => [key, {}])),
    properties: { fields: { $ignore_sent_at: {}, $heatmap_data: {} } },
  },
}

/**
 * Most events can be passed on as they were sent, which costs a third of writing them again (ADR 0021). Undefined for one that
 * PostHog would pass on otherwise, as far as a reader can tell: without name or properties, with keys that readers might take for
 * what the door says, with escapes that stores refuse.
 */
function asSent({ lane, value, headers }: LoggedEvent): Sent | undefined {
  if (lane === 'heatmaps_ingestion') return undefined
  const start = afterSpace(value, 0)
  const { fields, otherFields, end } = jsonParts(value, start, eventWanted)
  if (value[end - 1] !== braceClose || afterSpace(value, end) !== value.length) return undefined
  const name = fields?.get('event')
  const properties = fields?.get('properties')
  if (name === undefined || otherFields !== 0 || jsonKindAt(value, name.start) !== 'string') return undefined
  if (properties?.fields === undefined) return undefined
  if (headers['skip_heatmap_processing'] === 'true' && properties.fields.has('$heatmap_data')) return undefined
  const data = value.toString()
  if (mayNeedRepair(data)) return undefined
  const parsed = (slice: JsonSlice | undefined): unknown =>
    slice === undefined ? undefined : JSON.parse(value.toString('utf8', slice.start, slice.end))
  try {
    return {
      name: parsed(name) as string,
      data,
      isAsSent: true,
      timestamp: parsed(fields?.get('timestamp')),
      offset: parsed(fields?.get('offset')),
      ignoreSentAt: parsed(properties.fields.get('$ignore_sent_at')) === true,
    }
  } catch {
    return undefined
  }
}

/** An event whose heatmap was split off has lost what went with it. */
function leftFor({ headers }: LoggedEvent, properties: Readonly<Record<string, unknown>>): unknown {
  if (headers['skip_heatmap_processing'] !== 'true') return properties
  const { $heatmap_data: _, ...left } = properties
  return left
}

/** What stands in `data` of a recording before its snapshots, so that they can be found there. */
const itemsOpen = '{"event":"$snapshot_items","properties":{"$snapshot_items":['
export const itemsAt = itemsOpen.length

/** All snapshots of a request as one event (capture spec §14), byte for byte. */
function recordingOf({ value, headers }: LoggedEvent): Sent | undefined {
  const recorded = snapshotItemsOf(value)
  if (recorded === undefined) return undefined
  const sessionId = headers['session_id'] ?? ''
  const items = recorded.items.subarray(1, -1)
  const others = JSON.stringify({
    distinct_id: headers['distinct_id'] ?? '',
    $session_id: sessionId,
    $window_id: headers['window_id'] ?? sessionId,
    $snapshot_source: headers['snapshot_source'] ?? 'web',
    $lib: headers['lib'] ?? 'unknown',
  })
  return {
    name: '$snapshot_items',
    data: `${itemsOpen}${items.toString()}],${others.slice(1)}}`,
    items,
    isAsSent: false,
    ...recorded.first,
  }
}

/** The event as it is serialised again: known keys only, `uuid` null when the client gave none. */
function dataOf(event: Readonly<Record<string, unknown>>, name: string, properties: unknown): Record<string, unknown> {
  const aliases: Readonly<Record<string, unknown>> = {
    token: event['token'] ?? event['$token'] ?? event['api_key'],
    distinct_id: event['distinct_id'] ?? event['$distinct_id'],
    uuid: event['uuid'] === '' ? null : (event['uuid'] ?? null),
    event: name,
    properties,
  }
  const data: Record<string, unknown> = {}
  for (const key of dataKeys) {
    const found = key in aliases ? aliases[key] : event[key]
    if (found !== undefined && (found !== null || key === 'uuid')) data[key] = found
  }
  return data
}

function eventFrom(value: Buffer): Readonly<Record<string, unknown>> | undefined {
  const json = value.toString()
  try {
    const event: unknown = JSON.parse(mayNeedRepair(json) ? repairEscapes(json) : json)
    return isObject(event) ? event : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** UTC with `Z`; fractions of a second only where there are any. */
function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}
