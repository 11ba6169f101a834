/**
 * One request to `/s` ─► one row of a recording (capture spec §14):
 *
 * ```
 *  project ─► snapshots of all its events, in order ─► time of the first event ─► row
 * ```
 *
 * What the first event says of session, window and SDK was read at the door and stands in the record's headers. The snapshots
 * themselves are never parsed: the row has them byte for byte.
 */
import { eventTime } from '../../event/event-time.ts'
import { afterSpace, arrayElements, jsonKindAt, objectFields } from '../../kit/json-slices.ts'
import type { JsonSlice } from '../../kit/json-slices.ts'
import type { LogRecord } from '../../stores/log/event-log.ts'
import type { ProjectCache } from '../../stores/state/project-cache.ts'
import { canaryProjectId } from '../../stores/state/projects.ts'
import type { Project } from '../../stores/state/projects.ts'
import type { RecordingRow } from '../../stores/warehouse/warehouse-row.ts'
import type { Derive, Derived } from './derive-batches.ts'
import { expiry } from './steps/expiry.ts'
import { withProjects } from './with-projects.ts'

export function createDeriveRecording({ projects }: { readonly projects: ProjectCache }): Derive {
  return withProjects(projects, deriveRecording)
}

function deriveRecording(record: LogRecord, partition: number, project: Project): Derived {
  const { headers, position, timeMs, value } = record
  const recorded = recordedIn(value)
  if (recorded === undefined) return { kind: 'dead_letter', reason: 'not_a_recording', step: 'parse' }
  const { snapshots, count, first } = recorded
  const time = eventTime({
    timestamp: first.timestamp,
    offset: first.offset,
    ignoreSentAt: first.ignoreSentAt,
    sentAtMs: headers['sent_at'] === undefined ? undefined : Number(headers['sent_at']),
    nowMs: Number(headers['now']),
  })
  const sessionId = headers['session_id'] ?? ''
  const row: RecordingRow = {
    uuid: headers['uuid'] ?? '',
    timestamp: time.ms * 1000,
    team_id: project.id,
    distinct_id: headers['distinct_id'] ?? '',
    session_id: sessionId,
    window_id: headers['window_id'] ?? sessionId,
    snapshot_source: headers['snapshot_source'] === 'mobile' ? 'mobile' : 'web',
    snapshot_library: headers['lib'] ?? '',
    snapshot_data: snapshots.toString(),
    event_count: count,
    size: snapshots.length,
    created_at: Date.now(),
    accepted_at: timeMs,
    expires_at: expiry(time.ms, project.eventRetentionDays),
    version: timeMs,
    _incarnation: position.incarnation,
    _partition: partition,
    _offset: position.offset,
    _index: 0,
  }
  return { kind: 'row', json: `${JSON.stringify(row)}\n`, canary: project.id === canaryProjectId }
}

interface Recorded {
  /** JSON text of an array. */
  readonly snapshots: Buffer
  readonly count: number
  readonly first: FirstEvent
}

/** What is said of the time of a request's first event, as it was sent. */
interface FirstEvent {
  readonly timestamp: unknown
  readonly offset: unknown
  readonly ignoreSentAt: boolean
}

const eventWanted: ReadonlySet<string> = new Set(['timestamp', 'offset', 'properties'])
const propertiesWanted: ReadonlySet<string> = new Set(['$snapshot_data', '$ignore_sent_at'])
const open = Buffer.from('[')
const comma = Buffer.from(',')
const close = Buffer.from(']')

/** Undefined when there is an event without snapshots, which the door lets nobody send. */
function recordedIn(body: Buffer): Recorded | undefined {
  const start = afterSpace(body, 0)
  const events = jsonKindAt(body, start) === 'array' ? arrayElements(body, start) : [{ start, end: body.length }]
  let first: FirstEvent | undefined
  let count = 0
  const parts: Buffer[] = []
  for (const event of events) {
    const fields = objectFields(body, event.start, eventWanted)
    const properties = objectFields(body, fields.get('properties')?.start ?? body.length, propertiesWanted)
    const data = properties.get('$snapshot_data')
    if (data === undefined) return undefined
    first ??= {
      timestamp: smallValue(body, fields.get('timestamp')),
      offset: smallValue(body, fields.get('offset')),
      ignoreSentAt: smallValue(body, properties.get('$ignore_sent_at')) === true,
    }
    const kind = jsonKindAt(body, data.start)
    if (kind !== 'array' && kind !== 'object') return undefined
    for (const { start, end } of kind === 'array' ? arrayElements(body, data.start) : [data]) {
      parts.push(count === 0 ? open : comma, body.subarray(start, end))
      count++
    }
  }
  if (first === undefined) return undefined
  parts.push(...(count === 0 ? [open, close] : [close]))
  return { snapshots: Buffer.concat(parts), count, first }
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
