/** Which rows of a block the table lacks, as a block of their own. */
import { createHash } from 'node:crypto'
import { derivedBatchRows, encodeDerivedBatch } from '../../event/derived-batch.ts'
import type { BlockIntent } from '../../stores/warehouse/insert-progress.ts'
import { IdSet } from '../../stores/warehouse/id-set.ts'
import type { WarehouseRow } from '../../stores/warehouse/warehouse-row.ts'
import type { Warehouse } from '../../stores/warehouse/warehouse.ts'
import { rowCountOf } from './block.ts'
import type { ReadBatch } from './block.ts'

export interface MissingRows {
  /** The block's batches with only the rows that are missing. */
  readonly batches: readonly ReadBatch[]
  readonly rowCount: number
  /** Another token than the block's: the same rows missing give the same one. */
  readonly token: string
}

/** Rows that are past their time count as present: the table let them go on purpose. */
export async function missingRows(
  block: BlockIntent,
  batches: readonly ReadBatch[],
  warehouse: Pick<Warehouse, 'present'>,
  nowMs: number,
): Promise<MissingRows> {
  const missing: ReadBatch[] = []
  const hash = createHash('sha256').update(block.token)
  for (const range of block.ranges) {
    const { partition, sourceFrom, sourceTo, acceptedFromMs, acceptedToMs } = range
    const own = batches.filter(({ head }) => head.partition === partition)
    const here = new Set<string>()
    const wanted = { partition, fromOffset: sourceFrom, toOffset: sourceTo, acceptedFromMs, acceptedToMs }
    for await (const page of warehouse.present(wanted)) {
      for (const { offset, index } of page) here.add(`${String(offset)}:${String(index)}`)
    }
    if (here.size === rowCountOf(own)) continue
    for (const batch of own) {
      const left = withoutPresent(batch, here, nowMs)
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

function withoutPresent(batch: ReadBatch, here: ReadonlySet<string>, nowMs: number): ReadBatch | undefined {
  const ids = new IdSet()
  let rowCount = 0
  let rows = ''
  for (const line of derivedBatchRows(batch.value).toString().split('\n')) {
    if (line === '') continue
    // Written by ingestion.
    const row = JSON.parse(line) as WarehouseRow
    if (here.has(`${String(row._offset)}:${String(row._index)}`) || row.expires_at * 1000 <= nowMs) continue
    ids.add(row.uuid, row._offset, row._index)
    rows += `${line}\n`
    rowCount++
  }
  if (rowCount === 0) return undefined
  const head = { ...batch.head, rowCount, idSetHash: String(ids.hash) }
  return { ...batch, head, value: encodeDerivedBatch(head, Buffer.from(rows)) }
}
