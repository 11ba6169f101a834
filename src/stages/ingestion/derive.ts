/**
 * One accepted event ─► one row, through the steps:
 *
 * ```
 *  project ─► parse ─► time ─► normalise ─► row
 * ```
 */
import type { LogRecord } from '../../stores/log/event-log.ts'
import type { ProjectCache } from '../../stores/state/project-cache.ts'
import { canaryProjectId } from '../../stores/state/projects.ts'
import type { Project } from '../../stores/state/projects.ts'
import type { WarehouseRow } from '../../stores/warehouse/warehouse-row.ts'
import type { Derive, Derived } from './derive-batches.ts'
import { expiry } from './steps/expiry.ts'
import { normaliseEvent } from './steps/normalise.ts'
import { parseEvent } from './steps/parse-event.ts'
import { withProjects } from './with-projects.ts'
import { eventTime } from '../../event/event-time.ts'

export function createDerive({ projects }: { readonly projects: ProjectCache }): Derive {
  return withProjects(projects, deriveRecord)
}

function deriveRecord(record: LogRecord, partition: number, project: Project): Derived {
  const { headers, position, timeMs, value } = record
  const parsed = parseEvent(value)
  if (parsed.kind !== 'keep') {
    const kind = parsed.kind === 'drop' ? 'dropped' : 'dead_letter'
    return { kind, reason: parsed.reason, step: 'parse' }
  }
  const event = parsed.value
  const nowMs = Number(headers['now'])
  const sentAtMs = headers['sent_at'] === undefined ? undefined : Number(headers['sent_at'])
  const { timestamp, offset } = event
  const time = eventTime({ timestamp, offset, ignoreSentAt: ignoresSentAt(event['properties']), sentAtMs, nowMs })
  const { name, distinctId, properties } = normaliseEvent(event, {
    distinctId: headers['distinct_id'] ?? '',
    ip: headers['ip'] ?? '',
    sentAtMs,
    hasHeatmapApart: headers['skip_heatmap_processing'] !== undefined,
  })
  const row: WarehouseRow = {
    uuid: headers['uuid'] ?? '',
    event: name,
    properties: JSON.stringify(properties),
    timestamp: time.ms * 1000,
    team_id: project.id,
    distinct_id: distinctId,
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

function ignoresSentAt(properties: unknown): boolean {
  return (
    typeof properties === 'object' &&
    properties !== null &&
    '$ignore_sent_at' in properties &&
    properties.$ignore_sent_at === true
  )
}
