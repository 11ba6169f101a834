/**
 * Where an event goes (C10, C11; capture spec §11.1, §11.4). Its lane by kind and name; among ordinary events by whether a migration
 * sends them and how old they are. Its partition by a key that never changes between retries.
 */
import { instantFrom } from '../../../event/instant.ts'
import type { Lane } from '../../../event/position.ts'
import type { Pipeline } from './restrictions.ts'

const dollar = 0x24

/** By what the client says alone. Special names win over `historical_migration`. */
export function laneOf(kind: 'events' | 'recording', name: string, historicalMigration: boolean): Lane {
  if (kind === 'recording') return 'session_recording_snapshot_item_events'
  if (name.charCodeAt(0) === dollar) {
    if (name === '$exception') return 'exceptions'
    if (name === '$$heatmap') return 'heatmaps_ingestion'
    if (name === '$$client_ingestion_warning') return 'client_warnings'
    if (name.startsWith('$ai_')) return 'events_plugin_ingestion_ai'
  }
  return historicalMigration ? 'historical_events' : 'events_plugin_ingestion'
}

/** What restrictions call the kind of event that a lane has. */
export function pipelineOf(lane: Lane): Pipeline {
  switch (lane) {
    case 'session_recording_snapshot_item_events':
      return 'session_recordings'
    case 'exceptions':
      return 'errortracking'
    case 'events_plugin_ingestion_ai':
      return 'ai'
    default:
      return 'analytics'
  }
}

/**
 * How long ago the event happened, by the client's own clock where the request says what that shows: a wrong clock makes no event
 * old. 0 when it cannot be told.
 */
export function ageMs(timestampText: string | undefined, sentAtMs: number | undefined, nowMs: number): number {
  if (timestampText === undefined) return 0
  const happenedMs = instantFrom(timestampText)
  return happenedMs === undefined ? 0 : (sentAtMs ?? nowMs) - happenedMs
}

/**
 * Of an event whose user is nobody in particular, so that the order of his events matters to nobody: spread, because such ids
 * (`anonymous`, one id of a whole backend) are where partitions grow hot. Made of what a retry says again; `uuid` is one made here only
 * when there is nothing of that kind, and then copies are not known as such anyway.
 */
export function spreadKey(
  token: string,
  event: {
    readonly uuid: string | undefined
    readonly distinctId: string
    readonly name: string
    readonly timestampText: string | undefined
  },
  madeUuid: () => string,
): string {
  if (event.uuid !== undefined) return `${token}:${event.uuid}`
  if (event.timestampText === undefined) return `${token}:${madeUuid()}`
  return `${token}:${event.distinctId}:${event.name}:${event.timestampText}`
}
