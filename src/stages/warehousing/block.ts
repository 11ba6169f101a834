/** Derived batches that will be inserted together: of one month, in order, whole. */
import { createHash } from 'node:crypto'
import { derivedBatchRows } from '../../event/derived-batch.ts'
import type { DerivedBatchHead } from '../../event/derived-batch.ts'
import type { BlockIntent, BlockRange } from '../../stores/warehouse/insert-progress.ts'
import { unionOf } from '../../stores/warehouse/id-set.ts'
import type { InsertBlock } from '../../stores/warehouse/warehouse.ts'

/** One record of a derived lane, read. */
export interface ReadBatch {
  /** Its offset in the lane. */
  readonly offset: number
  readonly head: DerivedBatchHead
  readonly value: Buffer
  /** Newest epoch that had been seen of its partition before it. */
  readonly epochBefore: number
}

export function intentOf(batches: readonly ReadBatch[]): BlockIntent {
  const ranges: BlockRange[] = []
  for (const [partition, own] of Map.groupBy(batches, ({ head }) => head.partition)) {
    const first = own[0]
    const last = own.at(-1)
    if (first === undefined || last === undefined) continue
    ranges.push({
      partition,
      from: first.offset,
      to: last.offset + 1,
      sourceFrom: first.head.from,
      sourceTo: last.head.to,
      epoch: first.epochBefore,
      acceptedFromMs: first.head.acceptedFromMs,
      acceptedToMs: last.head.acceptedToMs,
    })
  }
  const month = batches[0]?.head.month ?? 0
  return { token: tokenOf(month, ranges), month, rowCount: rowCountOf(batches), ranges }
}

export function rowCountOf(batches: readonly ReadBatch[]): number {
  return batches.reduce((sum, { head }) => sum + head.rowCount, 0)
}

/** The same ranges always give the same token, whoever makes it. */
function tokenOf(month: number, ranges: readonly BlockRange[]): string {
  const text = ranges
    .map(({ partition, from, to, sourceFrom }) => [partition, from, to, sourceFrom].join(':'))
    .join(' ')
  return `${String(month)}-${createHash('sha256').update(text).digest('hex').slice(0, 40)}`
}

export function insertBlockOf(intent: BlockIntent, batches: readonly ReadBatch[]): InsertBlock {
  return {
    token: intent.token,
    month: intent.month,
    rows: batches.map(({ value }) => derivedBatchRows(value)),
    rowCount: intent.rowCount,
    ranges: intent.ranges.map(({ partition, sourceFrom, sourceTo }) => {
      const own = batches.filter(({ head }) => head.partition === partition)
      return {
        partition,
        fromOffset: sourceFrom,
        toOffset: sourceTo,
        rowCount: rowCountOf(own),
        idSetHash: unionOf(own.map(({ head }) => BigInt(head.idSetHash))),
      }
    }),
  }
}
