import { afterSpace, jsonKindAt, jsonParts } from './json-slices.ts'
import type { JsonSlice, WantedParts } from './json-slices.ts'

export interface SnapshotItems {
  /** JSON text of an array, byte for byte as it was sent. */
  readonly items: Buffer
  readonly count: number
  readonly first: FirstOfRecording
}

/** What is said of the time of a request's first event, as it was sent. */
export interface FirstOfRecording {
  readonly timestamp: unknown
  readonly offset: unknown
  readonly ignoreSentAt: boolean
}

const propertiesWanted: WantedParts = { fields: { $snapshot_data: { elements: {} }, $ignore_sent_at: {} } }
const eventWanted: WantedParts = { fields: { timestamp: {}, offset: {}, properties: propertiesWanted } }
/** One event, or a list of them. */
const requestWanted: WantedParts = { ...eventWanted, elements: eventWanted }
const open = Buffer.from('[')
const comma = Buffer.from(',')
const close = Buffer.from(']')

/**
 * The snapshots of all events of one request to `/s`, in their order: PostHog's `$snapshot_items` (capture spec §14). Undefined when
 * there is an event without snapshots, which the door lets nobody send.
 */
export function snapshotItemsOf(body: Buffer): SnapshotItems | undefined {
  const request = jsonParts(body, afterSpace(body, 0), requestWanted)
  let first: FirstOfRecording | undefined
  let count = 0
  const parts: Buffer[] = []
  for (const { fields } of request.elements ?? [request]) {
    const properties = fields?.get('properties')?.fields
    const data = properties?.get('$snapshot_data')
    if (data === undefined) return undefined
    first ??= {
      timestamp: smallValue(body, fields?.get('timestamp')),
      offset: smallValue(body, fields?.get('offset')),
      ignoreSentAt: smallValue(body, properties?.get('$ignore_sent_at')) === true,
    }
    if (data.elements === undefined && jsonKindAt(body, data.start) !== 'object') return undefined
    for (const { start, end } of data.elements ?? [data]) {
      parts.push(count === 0 ? open : comma, body.subarray(start, end))
      count++
    }
  }
  if (first === undefined) return undefined
  parts.push(...(count === 0 ? [open, close] : [close]))
  return { items: Buffer.concat(parts), count, first }
}

const smallBytesMax = 1000

/** A value that is a time, a number or a truth; undefined for one that is too long to be any of these, or no JSON. */
function smallValue(body: Buffer, slice: JsonSlice | undefined): unknown {
  if (slice === undefined || slice.end - slice.start > smallBytesMax) return undefined
  try {
    return JSON.parse(body.toString('utf8', slice.start, slice.end))
  } catch {
    return undefined
  }
}
