/**
 * What a reader gets, as bytes of `text/event-stream`. Each frame says in its `id` how far the reader is once it has it,
 * so that one which comes back with its last id is told what it missed and nothing twice.
 */
import type { WarehouseRow } from '../../stores/warehouse/warehouse-row.ts'

/**
 * Why events that the reader wanted did not come:
 * - slow_reader: it took them too slowly, and what waited for it was full.
 * - rate: there were more than a reader, or all readers together, may get in a second.
 * - too_old: it came back after more events than are kept.
 * - restarted: it came back to another life of the feed.
 */
export type GapReason = 'slow_reader' | 'rate' | 'too_old' | 'restarted'

/** Longer properties are left out: a live view is for looking on, and the event can be asked for by its uuid. */
const propertiesCharsMax = 8 * 1024

export function eventFrame(id: string, rowText: string): Buffer {
  // Written by `derive.ts`, which owns the shape.
  const row = JSON.parse(rowText) as WarehouseRow
  const event = JSON.stringify({
    uuid: row.uuid,
    event: row.event,
    distinct_id: row.distinct_id,
    timestamp: new Date(row.timestamp / 1000).toISOString(),
    accepted_at: new Date(row.accepted_at).toISOString(),
  })
  // Already JSON: it goes in as it is.
  const isCut = row.properties.length > propertiesCharsMax
  const properties = isCut ? '{},"properties_cut":true' : row.properties
  return Buffer.from(`id: ${id}\nevent: event\ndata: ${event.slice(0, -1)},"properties":${properties}}\n\n`)
}

/** `missed` is null where nobody can tell. */
export function gapFrame(id: string, missed: number | null, reason: GapReason): Buffer {
  return Buffer.from(`id: ${id}\nevent: gap\ndata: ${JSON.stringify({ missed, reason })}\n\n`)
}

export function openFrame(id: string, atMs: number, retryMs: number): Buffer {
  const at = JSON.stringify({ at: new Date(atMs).toISOString() })
  return Buffer.from(`retry: ${String(retryMs)}\nid: ${id}\nevent: open\ndata: ${at}\n\n`)
}

/** An id without data moves a reader's last id and shows it no event: who waits for rare events is not taken for late. */
export function pingFrame(id: string | undefined): Buffer {
  return Buffer.from(id === undefined ? ': ping\n\n' : `: ping\nid: ${id}\n\n`)
}
