/**
 * Where a record stands.
 * - lane: a named stream of records; all lanes of an installation have the same partition count.
 * - partition: 0-based; records of one key are in one partition, in the order in which they were accepted.
 * - offset: 0-based, counts the records of one lane's partition without gaps.
 * - incarnation: which life of the writing process gave the offset; 1-based, larger at each start.
 */
export interface Position {
  readonly incarnation: number
  readonly partition: number
  readonly offset: number
}

/**
 * - events_plugin_ingestion: accepted events, on their way to ingestion.
 * - events_plugin_ingestion_dlq: events refused one by one at the door, with the reason.
 * - clickhouse_events: derived batches: what ingestion decided and the rows that came of it.
 */
export type Lane = 'events_plugin_ingestion' | 'events_plugin_ingestion_dlq' | 'clickhouse_events'

/** Lane numbers as they stand in files: never renumber, only append. At most 64. */
export const lanes: readonly Lane[] = ['events_plugin_ingestion', 'events_plugin_ingestion_dlq', 'clickhouse_events']

export function laneNumber(lane: Lane): number {
  return lanes.indexOf(lane)
}

/** The next offset of each partition; index = partition. */
export type Offsets = readonly number[]
