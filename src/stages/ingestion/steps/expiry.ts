import { neverExpires } from '../../../stores/warehouse/warehouse-row.ts'

const daySeconds = 86_400

/** When the project no longer wants the row, Unix seconds; by event time, so that old events imported late go at once. */
export function expiry(eventMs: number, retentionDays: number | undefined): number {
  if (retentionDays === undefined) return neverExpires
  return Math.min(neverExpires, Math.max(0, Math.floor(eventMs / 1000) + retentionDays * daySeconds))
}
