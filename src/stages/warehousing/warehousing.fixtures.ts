import { emptyBooks, encodeDerivedBatch, monthOf } from '../../event/derived-batch.ts'
import type { DerivedBatchHead } from '../../event/derived-batch.ts'
import type { MemoryLog } from '../../stores/log/memory/memory-log.ts'
import { IdSet } from '../../stores/warehouse/id-set.ts'
import { acceptedMs, aRow, ndjson } from '../../stores/warehouse/warehouse.fixtures.ts'
import type { WarehouseRow } from '../../stores/warehouse/warehouse-row.ts'
import type { ReadBatch } from './block.ts'

export interface BatchFacts {
  readonly partition?: number
  /** First source offset; as many rows follow, one an offset. */
  readonly from: number
  readonly rows: number
  /** Source offsets behind the rows that became none. */
  readonly exceptions?: number
  /** Canaries of the partition, through this batch. */
  readonly canaries?: number
  readonly epoch?: number
  readonly timeMs?: number
  /** Of all rows. */
  readonly row?: Partial<WarehouseRow>
}

export interface MadeBatch {
  readonly head: DerivedBatchHead
  readonly value: Buffer
}

/** A derived batch as ingestion writes it. The uuid of a row tells partition and offset. */
export function aBatch({
  partition = 0,
  from,
  rows,
  exceptions = 0,
  canaries = 0,
  epoch = 1,
  timeMs = acceptedMs,
  row = {},
}: BatchFacts): MadeBatch {
  const made = Array.from({ length: rows }, (_, n) => rowAt(partition, from + n, { accepted_at: timeMs, ...row }))
  const ids = new IdSet()
  for (const { uuid, _offset, _index } of made) ids.add(uuid, _offset, _index)
  const to = from + rows + exceptions
  const head: DerivedBatchHead = {
    epoch,
    partition,
    from,
    to,
    exceptions: Array.from({ length: exceptions }, (_, n) => ({
      offset: from + rows + n,
      kind: 'dropped' as const,
      reason: 'rule',
      step: 'rule',
    })),
    rowCount: rows,
    idSetHash: String(ids.hash),
    month: monthOf(timeMs),
    acceptedFromMs: timeMs,
    acceptedToMs: timeMs,
    books: { ...emptyBooks, in: to - canaries, canary: canaries },
  }
  return { head, value: encodeDerivedBatch(head, ndjson(made)) }
}

export function rowAt(partition: number, offset: number, own: Partial<WarehouseRow> = {}): WarehouseRow {
  const hex = offset.toString(16).padStart(12, '0')
  const uuid = `0190c4a2-0000-7000-8${partition.toString(16).padStart(3, '0')}-${hex}`
  return aRow({ uuid, _partition: partition, _offset: offset, ...own })
}

/** As the warehouse writer reads it. */
export function aReadBatch(offset: number, facts: BatchFacts): ReadBatch {
  return { offset, ...aBatch(facts), epochBefore: (facts.epoch ?? 1) - 1 }
}

export function putBatch(log: MemoryLog, facts: BatchFacts): void {
  log.put('clickhouse_events', facts.partition ?? 0, { headers: {}, value: aBatch(facts).value })
}
