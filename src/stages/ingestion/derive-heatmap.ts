/**
 * One record of heatmaps ─► one row, through the steps:
 *
 * ```
 *  project ─► parse ─► time ─► the listed properties ─► row
 * ```
 *
 * The record is a `$$heatmap` event, or any other one that has something to say about a heatmap: its bytes are those of the event
 * that it was split off from, so that only what is listed here may be taken (capture spec §11.1).
 */
import { eventTime } from '../../event/event-time.ts'
import { heatmapPropertiesOf } from '../../event/heatmap.ts'
import type { LogRecord } from '../../stores/log/event-log.ts'
import type { ProjectCache } from '../../stores/state/project-cache.ts'
import { canaryProjectId } from '../../stores/state/projects.ts'
import type { Project } from '../../stores/state/projects.ts'
import type { HeatmapRow } from '../../stores/warehouse/warehouse-row.ts'
import type { Derive, Derived } from './derive-batches.ts'
import { expiry } from './steps/expiry.ts'
import { parseEvent } from './steps/parse-event.ts'
import { withProjects } from './with-projects.ts'

export function createDeriveHeatmap({ projects }: { readonly projects: ProjectCache }): Derive {
  return withProjects(projects, deriveHeatmap)
}

const int32Max = 2 ** 31 - 1

function deriveHeatmap(record: LogRecord, partition: number, project: Project): Derived {
  const { headers, position, timeMs, value } = record
  const parsed = parseEvent(value)
  if (parsed.kind !== 'keep') {
    const kind = parsed.kind === 'drop' ? 'dropped' : 'dead_letter'
    return { kind, reason: parsed.reason, step: 'parse' }
  }
  const { timestamp, offset, properties: sent } = parsed.value
  const all: Readonly<Record<string, unknown>> = typeof sent === 'object' && sent !== null ? { ...sent } : {}
  const time = eventTime({
    timestamp,
    offset,
    ignoreSentAt: all['$ignore_sent_at'] === true,
    sentAtMs: headers['sent_at'] === undefined ? undefined : Number(headers['sent_at']),
    nowMs: Number(headers['now']),
  })
  const row: HeatmapRow = {
    uuid: headers['uuid'] ?? '',
    timestamp: time.ms * 1000,
    team_id: project.id,
    distinct_id: headers['distinct_id'] ?? '',
    session_id: textOr(headers['session_id'] ?? '', all['$session_id']),
    current_url: textOr('', all['$current_url']),
    viewport_width: wholeNumber(all['$viewport_width']),
    viewport_height: wholeNumber(all['$viewport_height']),
    properties: JSON.stringify(heatmapPropertiesOf(all)),
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

function textOr(missing: string, value: unknown): string {
  return typeof value === 'string' ? value : missing
}

/** What the column holds; 0 for what is no size. */
function wholeNumber(value: unknown): number {
  return typeof value === 'number' && value > 0 && value <= int32Max ? Math.floor(value) : 0
}
