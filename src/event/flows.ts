/**
 * Which lanes go together. A flow is what becomes of one kind of records: its source lanes, which the door writes, one
 * ingestion, one lane of derived batches, one warehouse writer, one table.
 *
 * Words:
 * - source index: which partition of which source lane, as one number: (place of the lane in its flow) × (partitions of a
 *   lane) + partition. The main lane comes first, so its partitions keep their own numbers. A derived batch lies in the
 *   derived lane's partition of that number, its rows have it in `_partition`, and whoever keeps offsets of a whole flow
 *   keeps them in this order.
 * - urgent, patient: urgent lanes are read before patient ones; see `stages/ingestion/take-turns.ts`.
 */
import type { Lane } from './position.ts'

export type FlowName = 'events' | 'heatmaps' | 'recordings'

export interface Flow {
  readonly name: FlowName
  /** In the order that source indexes have in files and in the table: never reorder, only append. */
  readonly sources: readonly Lane[]
  /** Those of them that may wait while others do not. */
  readonly patient: readonly Lane[]
  readonly derived: Lane
  /** Of the database `sluice`. */
  readonly table: 'events' | 'heatmaps' | 'session_recording_events'
}

export const flows: Readonly<Record<FlowName, Flow>> = {
  events: {
    name: 'events',
    sources: [
      'events_plugin_ingestion',
      'historical_events',
      'events_plugin_ingestion_overflow',
      'exceptions',
      'client_warnings',
      'events_plugin_ingestion_ai',
    ],
    patient: ['historical_events', 'events_plugin_ingestion_overflow'],
    derived: 'clickhouse_events',
    table: 'events',
  },
  heatmaps: {
    name: 'heatmaps',
    sources: ['heatmaps_ingestion'],
    patient: [],
    derived: 'clickhouse_heatmap_events',
    table: 'heatmaps',
  },
  recordings: {
    name: 'recordings',
    sources: ['session_recording_snapshot_item_events'],
    patient: [],
    derived: 'clickhouse_session_recording_events',
    table: 'session_recording_events',
  },
}

export const allFlows: readonly Flow[] = Object.values(flows)

/** The flow that takes the records of a source lane; undefined for lanes that nobody takes further. */
export function flowFrom(source: Lane): Flow | undefined {
  return allFlows.find(({ sources }) => sources.includes(source))
}

/** Derived lanes have a partition for each source index of their flow, all others the installation's count. */
export function partitionsOf(lane: Lane, partitionCount: number): number {
  const flow = allFlows.find(({ derived }) => derived === lane)
  return (flow?.sources.length ?? 1) * partitionCount
}

export function isDerived(lane: Lane): boolean {
  return allFlows.some(({ derived }) => derived === lane)
}

export function sourceIndex({ sources }: Flow, lane: Lane, partition: number, partitionCount: number): number {
  const place = sources.indexOf(lane)
  if (place < 0) throw new RangeError(`The lane ${lane} is no source of this flow.`)
  return place * partitionCount + partition
}

/** The way back from a source index. */
export function sourceAt(
  { sources }: Flow,
  index: number,
  partitionCount: number,
): { readonly lane: Lane; readonly partition: number } {
  const lane = sources[Math.floor(index / partitionCount)]
  if (lane === undefined) throw new RangeError(`There is no source index ${String(index)}.`)
  return { lane, partition: index % partitionCount }
}

/** What numbers by source index say about one source lane. */
export function ofLane<T>(flow: Flow, lane: Lane, bySource: readonly T[], partitionCount: number): readonly T[] {
  const from = sourceIndex(flow, lane, 0, partitionCount)
  return bySource.slice(from, from + partitionCount)
}

/** The source indexes that belong to these partitions of the source lanes, ascending: whoever works on a partition does so in all lanes. */
export function sourceIndexesOf(
  { sources }: Flow,
  partitions: readonly number[],
  partitionCount: number,
): readonly number[] {
  return sources.flatMap((_, place) =>
    partitions.toSorted((a, b) => a - b).map((partition) => place * partitionCount + partition),
  )
}
