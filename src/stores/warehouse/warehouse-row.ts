/**
 * A row of `sluice.events` as it travels from ingestion to the engine: one JSON object a line, keys in this order.
 *
 * Times are whole numbers, which the engine takes as ticks of the column: cheapest to write, and no format to get wrong.
 * A time outside the stated range is not refused but stored as some other time: whoever makes the row clamps it.
 */
export interface WarehouseRow {
  /** Lower case with hyphens. */
  readonly uuid: string
  readonly event: string
  /** JSON text of an object. */
  readonly properties: string
  /** Microseconds since 1970, from `timestampMinUs` to `timestampMaxUs` (years 1900 to 2254). */
  readonly timestamp: number
  /** The project. 0 is the canaries'. */
  readonly team_id: number
  readonly distinct_id: string
  /** Unix milliseconds: when ingestion made the row. */
  readonly created_at: number
  /** Unix milliseconds: when the door accepted the event; every version of a row carries the same. */
  readonly accepted_at: number
  /** Unix seconds up to `neverExpires` (in 2106), which also says that the project keeps its events; the row goes then. */
  readonly expires_at: number
  /** Of rows with the same id the largest version counts. */
  readonly version: number
  readonly _incarnation: number
  readonly _partition: number
  readonly _offset: number
  readonly _index: number
}

/** A row of `sluice.session_recording_events`: what one request brought of a recording. Columns as in `WarehouseRow`, and: */
export interface RecordingRow extends Omit<WarehouseRow, 'event' | 'properties'> {
  readonly session_id: string
  readonly window_id: string
  readonly snapshot_source: 'web' | 'mobile'
  /** The SDK that recorded. */
  readonly snapshot_library: string
  /** JSON text of an array: the snapshots of all events of the request, in their order, byte for byte as they were sent. */
  readonly snapshot_data: string
  /** How many snapshots that is. */
  readonly event_count: number
  /** Bytes of `snapshot_data`. */
  readonly size: number
}

/** A row of `sluice.heatmaps`: what one event says of clicks, movements and scrolling. Columns as in `WarehouseRow`, and: */
export interface HeatmapRow extends Omit<WarehouseRow, 'event'> {
  readonly session_id: string
  readonly current_url: string
  /** 0 when the event does not say. */
  readonly viewport_width: number
  readonly viewport_height: number
}

/** What rows of all tables have: where they come from, and until when they stay. */
export type PlacedRow = Pick<
  WarehouseRow,
  'uuid' | 'accepted_at' | 'expires_at' | '_incarnation' | '_partition' | '_offset' | '_index'
>

export const neverExpires = 4_294_967_295

/**
 * 1900-01-01 00:00:00.000000 and 2254-12-31 23:59:59.999999 UTC: from what the column can hold (up to 2299) to what a
 * number in JavaScript can say exactly.
 *
 * @internal for tests; `steps/timestamps.ts` keeps to whole milliseconds, which are exact beyond it.
 */
export const timestampMinUs = -2_208_988_800_000_000
/** @internal */
export const timestampMaxUs = 8_993_721_599_999_999
