/**
 * Holds what was accepted against what the table has, position by position, over one stretch of a partition.
 *
 * Words:
 * - lost: accepted, decided to become a row, and not in the table.
 * - doubled: in the table more than once under one position.
 * - invented: in the table, but nothing that was accepted explains it.
 * - replaced: not in the table under its position, but the same event came again after the duplicate window and its
 *   later copy stands in its place, as the table's key wants it.
 * - expired: past the time for which its project keeps events. Erased: blanked on purpose.
 */
import type { PresentRow } from '../../stores/warehouse/warehouse.ts'

/** One accepted event of the intake's lane. */
export interface AcceptedEvent {
  readonly offset: number
  readonly incarnation: number
  readonly uuid: string
}

/** What ingestion said about the records that did not become a row, by offset. */
export type Exceptions = ReadonlyMap<number, 'dropped' | 'dead_letter' | 'damaged'>

export interface Comparison {
  readonly accepted: number
  readonly rows: number
  /** By kind of exception. */
  readonly excepted: Readonly<Record<string, number>>
  readonly doubled: readonly PresentRow[]
  readonly invented: readonly PresentRow[]
  /** Without a row: lost, unless it is replaced or expired, which only the table and the row itself can tell. */
  readonly missing: readonly AcceptedEvent[]
}

/** `accepted` and `rows` of the same range of offsets, both ascending. */
export function compare(
  accepted: readonly AcceptedEvent[],
  exceptions: Exceptions,
  rows: readonly PresentRow[],
): Comparison {
  const excepted: Record<string, number> = {}
  const doubled: PresentRow[] = []
  const invented: PresentRow[] = []
  const missing: AcceptedEvent[] = []
  let at = 0
  for (const event of accepted) {
    for (let row = rows[at]; row !== undefined && row.offset < event.offset; row = rows[++at]) invented.push(row)
    const exception = exceptions.get(event.offset)
    let seen = 0
    for (let row = rows[at]; row?.offset === event.offset; row = rows[++at]) {
      const isExplained = exception === undefined && row.uuid === event.uuid && row.incarnation === event.incarnation
      // One row an event: index 0. A later index is one that ingestion split off, which it does not do yet.
      if (!isExplained || row.index !== 0) invented.push(row)
      else if (++seen > 1) doubled.push(row)
    }
    if (exception !== undefined) excepted[exception] = (excepted[exception] ?? 0) + 1
    else if (seen === 0) missing.push(event)
  }
  for (const row of rows.slice(at)) invented.push(row)
  return { accepted: accepted.length, rows: rows.length, excepted, doubled, invented, missing }
}
