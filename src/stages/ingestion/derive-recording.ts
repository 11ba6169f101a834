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
import { snapshotItemsOf } from '../../event/snapshot-items.ts'
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
  const recorded = snapshotItemsOf(value)
  if (recorded === undefined) return { kind: 'dead_letter', reason: 'not_a_recording', step: 'parse' }
  const { items, count, first } = recorded
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
    snapshot_data: items.toString(),
    event_count: count,
    size: items.length,
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
