/** Which rows of one range of a block the table lacks, as a block of their own. */
import { createHash } from 'node:crypto'
import type { BlockIntent, BlockRange } from '../../stores/warehouse/insert-progress.ts'
import type { Warehouse } from '../../stores/warehouse/warehouse.ts'
import { placeOf, withRows } from './batch-rows.ts'
import { rowCountOf } from './block.ts'
import type { ReadBatch } from './block.ts'

export interface MissingRows {
  /** Of this range alone, under another token than the block's: the same rows missing give the same one. */
  readonly block: BlockIntent
  /** The range's batches with only the rows that are missing. */
  readonly batches: readonly ReadBatch[]
}

/**
 * Rows that are past their time count as present: the table let them go on purpose. Where nothing else is missing, so do those that it
 * refused, whose places `refused` has; beside others they are missing, so that the token does not depend on who met the refusal.
 */
export async function missingRows(
  { month, token }: Pick<BlockIntent, 'month' | 'token'>,
  range: BlockRange,
  batches: readonly ReadBatch[],
  warehouse: Pick<Warehouse, 'present'>,
  nowMs: number,
  refused: ReadonlySet<string> = new Set(),
): Promise<MissingRows> {
  const { partition, sourceFrom, sourceTo, acceptedFromMs, acceptedToMs } = range
  const own = batches.filter(({ head }) => head.partition === partition)
  const here = new Set<string>()
  const wanted = { partition, fromOffset: sourceFrom, toOffset: sourceTo, acceptedFromMs, acceptedToMs }
  for await (const page of warehouse.present(wanted)) {
    for (const { offset, index } of page) here.add(`${String(partition)}:${String(offset)}:${String(index)}`)
  }
  const lacking: ReadBatch[] = []
  const unrefused = new Set<string>()
  const hash = createHash('sha256').update(token)
  for (const batch of here.size === rowCountOf(own) ? [] : own) {
    const left = withRows(batch, (row) => {
      const place = placeOf(row)
      const isMissing = !here.has(place) && row.expires_at * 1000 > nowMs
      if (isMissing && !refused.has(place)) unrefused.add(place)
      return isMissing
    })
    if (left === undefined) continue
    lacking.push(left)
    hash.update(`${String(partition)}:${left.head.idSetHash};`)
  }
  const missing = unrefused.size === 0 ? [] : lacking
  return {
    block: {
      token: `${String(month)}-r${hash.digest('hex').slice(0, 40)}`,
      month,
      rowCount: rowCountOf(missing),
      ranges: [range],
    },
    batches: missing,
  }
}
