/** One form for what clients send in several. Source: plugin server spec §2.4, items 1 to 4 and 6; capture spec §4.4, §9. */
import { firstCharacters } from '../../../event/first-characters.ts'
import type { ClientEvent } from './parse-event.ts'

/** What the door knows of an event beside its text. */
export interface DoorFacts {
  /** As resolved by the door (capture spec §6). */
  readonly distinctId: string
  /** The client's address, empty when not known. */
  readonly ip: string
  readonly sentAtMs: number | undefined
  /** The door made an event of its own of the heatmap data, on its way to another table. */
  readonly hasHeatmapApart: boolean
}

export interface NormalisedEvent {
  /** At most 200 characters. */
  readonly name: string
  readonly distinctId: string
  /** With `$set` and `$set_once` of the event itself merged in, `$ip` and `$sent_at`. */
  readonly properties: Readonly<Record<string, unknown>>
}

const nameCharactersMax = 200
const unstorable = /\0/g

/** Takes the event over: its `properties` object is changed, not copied. */
export function normaliseEvent(event: ClientEvent, door: DoorFacts): NormalisedEvent {
  const { distinctId, ip, sentAtMs } = door
  const sent = event['properties']
  const properties = isRecord(sent) ? sent : {}
  if (door.hasHeatmapApart) delete properties['$heatmap_data']
  const name = nameFrom(event['event'])
  if (name.startsWith('$ai_')) dropGatewayProperties(properties)
  mergeInto(properties, '$set', event['$set'])
  mergeInto(properties, '$set_once', event['$set_once'])
  if (ip !== '' && !Object.hasOwn(properties, '$ip'))
    properties['$ip'] = Object.hasOwn(properties, 'capture_internal') ? '127.0.0.1' : ip
  if (sentAtMs !== undefined) {
    const text = isoTime(sentAtMs)
    if (text !== undefined) properties['$sent_at'] = text
  }
  return { name, distinctId: distinctId.replace(unstorable, '\ufffd'), properties }
}

/** Only a gateway may say what came through it (capture spec §11.1), and there is none: clients cannot claim to be one. */
function dropGatewayProperties(properties: Record<string, unknown>): void {
  for (const key of Object.keys(properties)) if (key.startsWith('$ai_gateway')) Reflect.deleteProperty(properties, key)
}

/** The event's own `$set` goes over the one in its properties; what is no object counts as empty. */
function mergeInto(properties: Record<string, unknown>, key: '$set' | '$set_once', own: unknown): void {
  const hasOwn = isRecord(own)
  if (!hasOwn && !Object.hasOwn(properties, key)) return
  const inner = properties[key]
  // Spread keeps a key `__proto__` as data; Object.assign would set the prototype.
  properties[key] = { ...(isRecord(inner) ? inner : {}), ...(hasOwn ? own : {}) }
}

/** An event without a name comes from `/engage`, the one door that lets it in. Old records may hold names that are no text. */
function nameFrom(name: unknown): string {
  if (name === undefined || name === null) return '$identify'
  return firstCharacters(typeof name === 'string' ? name : JSON.stringify(name), nameCharactersMax)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The events of a request share their `sent_at`: its text is kept for the next one. */
let keptMs = Number.NaN
let keptText: string | undefined

/** Undefined for what no calendar holds. */
function isoTime(ms: number): string | undefined {
  if (ms !== keptMs) {
    const date = new Date(ms)
    keptText = Number.isNaN(date.getTime()) ? undefined : date.toISOString()
    keptMs = ms
  }
  return keptText
}
