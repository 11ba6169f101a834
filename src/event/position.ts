/**
 * Where a record stands.
 * - lane: a named stream of records; all lanes of an installation have the same partition count.
 * - partition: 0-based; records of one key are in one partition, in the order in which they were accepted.
 * - offset: 0-based, counts the records of one lane's partition without gaps. In derived lanes on Kafka it only grows: what stands
 *   between two records there has offsets, too.
 * - incarnation: which life of the writing process gave the offset; 1-based, larger at each start.
 */
export interface Position {
  readonly incarnation: number
  readonly partition: number
  readonly offset: number
}

/**
 * What lies in the intake's journal, by kind of event (C11; capture spec §11.1):
 * - events_plugin_ingestion: accepted events, on their way to ingestion.
 * - events_plugin_ingestion_dlq: events refused one by one at the door, with the reason.
 * - historical_events: events of migrations, and old ones where the setting says so. May wait while newer ones do not.
 * - events_plugin_ingestion_overflow: events of keys that send too many at once. May wait likewise.
 * - exceptions, client_warnings, events_plugin_ingestion_ai: `$exception`, `$$client_ingestion_warning`, `$ai_…`.
 * - heatmaps_ingestion: `$$heatmap`, also those split off from other events.
 * - session_recording_snapshot_item_events: recordings, one record a request.
 *
 * What lies in the core's, each with derived batches: what ingestion decided and the rows that came of it:
 * - clickhouse_events, clickhouse_heatmap_events, clickhouse_session_recording_events.
 */
export type Lane =
  | 'events_plugin_ingestion'
  | 'events_plugin_ingestion_dlq'
  | 'clickhouse_events'
  | 'historical_events'
  | 'events_plugin_ingestion_overflow'
  | 'exceptions'
  | 'client_warnings'
  | 'heatmaps_ingestion'
  | 'events_plugin_ingestion_ai'
  | 'session_recording_snapshot_item_events'
  | 'clickhouse_session_recording_events'
  | 'clickhouse_heatmap_events'

/** Lane numbers as they stand in files: never renumber, only append. At most 64. */
export const lanes: readonly Lane[] = [
  'events_plugin_ingestion',
  'events_plugin_ingestion_dlq',
  'clickhouse_events',
  'historical_events',
  'events_plugin_ingestion_overflow',
  'exceptions',
  'client_warnings',
  'heatmaps_ingestion',
  'events_plugin_ingestion_ai',
  'session_recording_snapshot_item_events',
  'clickhouse_session_recording_events',
  'clickhouse_heatmap_events',
]

export function laneNumber(lane: Lane): number {
  return lanes.indexOf(lane)
}

/** The next offset of each partition; index = partition. */
export type Offsets = readonly number[]
