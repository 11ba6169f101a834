/** Which rows of a block the table lacks, as a block of their own. */
import { createHash } from 'node:crypto'
import type { BlockIntent } from '../../stores/warehouse/insert-progress.ts'
import type { Warehouse } from '../../stores/warehouse/warehouse.ts'
import { placeOf, withRows } from './batch-rows.ts'
import { rowCountOf } from './block.ts'
import type { ReadBatch } from './block.ts'

export interface MissingRows {
  /** The block's batches with only the rows that are missing. */
  readonly batches: readonly ReadBatch[]
  readonly rowCount: number
  /** Another token than the block's: the same rows missing give the same one. */
  readonly token: string
}

/**
 * Rows that are past their time count as present: the table let them go on purpose. So do those that it refused, whose
 * places `refused` has.
 */
export async function missingRows(
  block: BlockIntent,
  batches: readonly ReadBatch[],
  warehouse: Pick<Warehouse, 'present'>,
  nowMs: number,
  refused: ReadonlySet<string> = new Set(),
): Promise<MissingRows> {
  const missing: ReadBatch[] = []
  const hash = createHash('sha256').update(block.token)
  for (const range of block.ranges) {
    const { partition, sourceFrom, sourceTo, acceptedFromMs, acceptedToMs } = range
    const own = batches.filter(({ head }) => head.partition === partition)
    const here = new Set<string>()
    const wanted = { partition, fromOffset: sourceFrom, toOffset: sourceTo, acceptedFromMs, acceptedToMs }
    for await (const page of warehouse.present(wanted)) {
      for (const { offset, index } of page) here.add(`${String(partition)}:${String(offset)}:${String(index)}`)
    }
    if (here.size === rowCountOf(own)) continue
    for (const batch of own) {
      const left = withRows(batch, (row) => {
        const place = placeOf(row)
        return !here.has(place) && !refused.has(place) && row.expires_at * 1000 > nowMs
      })
      if (left === undefined) continue
      missing.push(left)
      hash.update(`${String(partition)}:${left.head.idSetHash};`)
    }
  }
  return {
    batches: missing,
    rowCount: rowCountOf(missing),
    token: `${String(block.month)}-r${hash.digest('hex').slice(0, 40)}`,
  }
}
