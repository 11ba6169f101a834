import type { Decision, DoorEntry } from '../../stores/log/log-search.ts'
import type { TableRow } from './table-rows.ts'

export const uuid = '6b7f3c1e-0000-4000-8000-000000000001'
export const otherUuid = '6b7f3c1e-0000-4000-8000-000000000002'
/** 2026-03-10 12:00:00 UTC. */
export const acceptedMs = Date.UTC(2026, 2, 10, 12)

export function anEntry(offset: number, own: Partial<DoorEntry> = {}): DoorEntry {
  return {
    uuid,
    verdict: 'stored',
    position: {
      incarnation: 1,
      lane: own.verdict === 'refused' ? 'events_plugin_ingestion_dlq' : 'events_plugin_ingestion',
      partition: 3,
      offset,
    },
    timeMs: acceptedMs,
    token: 'phc_one_of_the_project',
    distinctId: 'ada',
    reason: own.verdict === 'refused' ? 'event is not an object' : '',
    isCanary: false,
    isErased: false,
    marks: [],
    raw: '{"event":"e","token":"phc_one_of_the_project"}',
    ...own,
  }
}

export function aDecision(offset: number, own: Partial<Decision> = {}): Decision {
  return {
    place: { lane: 'events_plugin_ingestion', partition: 3, offset },
    batch: { incarnation: 1, partition: 3, offset: 40 },
    epoch: 1_000_001,
    from: 0,
    to: 100,
    timeMs: acceptedMs + 100,
    exception: undefined,
    row:
      own.exception === undefined ? { uuid, event: 'e', projectId: 1, version: 1, expiresAt: 2 ** 32 - 1 } : undefined,
    ...own,
  }
}

export function aTableRow(offset: number, own: Partial<TableRow> = {}): TableRow {
  return {
    projectId: 1,
    version: acceptedMs,
    position: { incarnation: 1, lane: 'events_plugin_ingestion', partition: 3, offset },
    acceptedAtMs: acceptedMs,
    expiresAt: 2 ** 32 - 1,
    key: 'one',
    isCurrent: true,
    ...own,
  }
}
