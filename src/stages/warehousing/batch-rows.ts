/** Choosing among the rows of batches that were read. */
import { derivedBatchLines, encodeDerivedBatch } from '../../event/derived-batch.ts'
import { IdSet } from '../../stores/warehouse/id-set.ts'
import type { PlacedRow } from '../../stores/warehouse/warehouse-row.ts'
import { rowCountOf } from './block.ts'
import type { ReadBatch } from './block.ts'

/** The batch with only the rows that `isKept` says; undefined when none is left. */
export function withRows(batch: ReadBatch, isKept: (row: PlacedRow) => boolean): ReadBatch | undefined {
  const ids = new IdSet()
  let rowCount = 0
  let rows = ''
  for (const line of derivedBatchLines(batch.value)) {
    // Written by ingestion.
    const row = JSON.parse(line) as PlacedRow
    if (!isKept(row)) continue
    ids.add(row.uuid, row._offset, row._index)
    rows += `${line}\n`
    rowCount++
  }
  if (rowCount === 0) return undefined
  const head = { ...batch.head, rowCount, idSetHash: String(ids.hash) }
  return { ...batch, head, value: encodeDerivedBatch(head, Buffer.from(rows)) }
}

/**
 * Two parts of about the same number of rows; of one row the second is empty. The same for the same batches in any order: a block that
 * is read again may come in another one, and its parts have tokens.
 */
export function halvesOf(unordered: readonly ReadBatch[]): readonly [readonly ReadBatch[], readonly ReadBatch[]] {
  const batches = unordered.toSorted((a, b) => a.head.partition - b.head.partition || a.offset - b.offset)
  const half = Math.ceil(rowCountOf(batches) / 2)
  const first: ReadBatch[] = []
  const second: ReadBatch[] = []
  let seen = 0
  for (const batch of batches) {
    const from = seen
    const before = withRows(batch, () => seen++ < half)
    seen = from
    const after = withRows(batch, () => seen++ >= half)
    if (before !== undefined) first.push(before)
    if (after !== undefined) second.push(after)
  }
  return [first, second]
}

/** Where a row stands, as text. */
export function placeOf({ _partition, _offset, _index }: PlacedRow): string {
  return `${String(_partition)}:${String(_offset)}:${String(_index)}`
}

/** A partition for each row that stands in one of these places. */
export function placedIn(batches: readonly ReadBatch[], places: ReadonlySet<string>): readonly number[] {
  if (places.size === 0) return []
  return batches.flatMap(({ head, value }) =>
    [...derivedBatchLines(value)]
      // Written by ingestion.
      .filter((line) => places.has(placeOf(JSON.parse(line) as PlacedRow)))
      .map(() => head.partition),
  )
}
