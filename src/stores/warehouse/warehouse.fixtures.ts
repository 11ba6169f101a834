import { IdSet } from './id-set.ts'
import { neverExpires } from './warehouse-row.ts'
import type { HeatmapRow, PlacedRow, RecordingRow, WarehouseRow } from './warehouse-row.ts'
import type { InsertBlock } from './warehouse.ts'

/** 2026-03-10 12:00:00 UTC. */
export const acceptedMs = Date.UTC(2026, 2, 10, 12)

export function aRow(own: Partial<WarehouseRow> = {}): WarehouseRow {
  const offset = own._offset ?? 0
  return {
    uuid: `0190c4a2-0000-7000-8000-${offset.toString(16).padStart(12, '0')}`,
    event: '$pageview',
    properties: '{"$browser":"Firefox"}',
    timestamp: acceptedMs * 1000,
    team_id: 1,
    distinct_id: 'ada',
    created_at: acceptedMs,
    accepted_at: acceptedMs,
    expires_at: neverExpires,
    version: 1,
    _incarnation: 1,
    _partition: 0,
    _offset: offset,
    _index: 0,
    ...own,
  }
}

export function aRecordingRow(own: Partial<RecordingRow> = {}): RecordingRow {
  const { event: _event, properties: _properties, ...common } = aRow({ _offset: own._offset ?? 0 })
  const snapshots = '[{"type":2,"timestamp":1773144000000}]'
  return {
    ...common,
    session_id: '0190c4a2-1111-7000-8000-000000000001',
    window_id: '0190c4a2-2222-7000-8000-000000000001',
    snapshot_source: 'web',
    snapshot_library: 'web',
    snapshot_data: snapshots,
    event_count: 1,
    size: Buffer.byteLength(own.snapshot_data ?? snapshots),
    ...own,
  }
}

export function aHeatmapRow(own: Partial<HeatmapRow> = {}): HeatmapRow {
  const { event: _event, ...common } = aRow({ _offset: own._offset ?? 0, properties: '{"$heatmap_data":{}}' })
  return {
    ...common,
    session_id: '0190c4a2-1111-7000-8000-000000000001',
    current_url: 'https://example.com/',
    viewport_width: 1280,
    viewport_height: 720,
    ...own,
  }
}

export function ndjson(rows: readonly PlacedRow[]): Buffer {
  return Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
}

/** A block of rows of one partition, with its ledger range from the first to the last offset. */
export function aBlock(token: string, rows: readonly PlacedRow[], own: Partial<InsertBlock> = {}): InsertBlock {
  const offsets = rows.map((row) => row._offset)
  const ids = new IdSet()
  for (const row of rows) ids.add(row.uuid, row._offset, row._index)
  return {
    token,
    month: 202603,
    rows: [ndjson(rows)],
    rowCount: rows.length,
    ranges: [
      {
        partition: rows[0]?._partition ?? 0,
        fromOffset: Math.min(...offsets),
        toOffset: Math.max(...offsets) + 1,
        rowCount: rows.length,
        idSetHash: ids.hash,
      },
    ],
    ...own,
  }
}

export function rowsAt(offsets: readonly number[], own: Partial<WarehouseRow> = {}): WarehouseRow[] {
  return offsets.map((offset) => aRow({ _offset: offset, ...own }))
}
