/** Turns a stretch of a flow's source lanes into one derived batch a source index (two where it crosses the end of a month). */
import { addSetAside, encodeDerivedBatch, monthOf, tracesMax } from '../../event/derived-batch.ts'
import type { DerivedBatchHead, IngestionBooks, SetAsideCount, SourceException } from '../../event/derived-batch.ts'
import { sourceIndex } from '../../event/flows.ts'
import type { Flow } from '../../event/flows.ts'
import type { LogRecord } from '../../stores/log/event-log.ts'
import { IdSet } from '../../stores/warehouse/id-set.ts'

/** Where a partition of a source lane stands. */
export interface PartitionState {
  /** Next source offset to decide. */
  readonly decidedTo: number
  readonly books: IngestionBooks
  /** Log time of the last record that was decided; 0 when there was none. */
  readonly acceptedToMs: number
}

/** What became of one record: the JSON text of its row, or why there is none. `canary` marks the health check's own events. */
export type Derived =
  | { readonly kind: 'row'; readonly json: string; readonly canary: boolean }
  | { readonly kind: 'dropped' | 'dead_letter'; readonly reason: string; readonly step: string }

/**
 * Prepares for a stretch of records (looks projects up), then derives record after record without waiting. `partition` is the
 * source index, as the row's `_partition` wants it.
 */
export type Derive = (records: readonly LogRecord[]) => Promise<DeriveRecord>

export type DeriveRecord = (record: LogRecord, partition: number) => Derived

export interface DerivedPartition {
  /** By source index. */
  readonly partition: number
  readonly head: DerivedBatchHead
  readonly value: Buffer
}

/** By whom and how records are decided. */
export interface Deriving {
  readonly flow: Flow
  readonly partitionCount: number
  /** The owner's, by source index. */
  readonly epochOf: (partition: number) => number
  readonly derive: Derive
}

/** `states`: by source index, of those at least whose records are there. */
export async function deriveBatches(
  records: readonly LogRecord[],
  states: readonly PartitionState[],
  { flow, partitionCount, epochOf, derive }: Deriving,
): Promise<DerivedPartition[]> {
  const deriveRecord = await derive(records)
  const batches: DerivedPartition[] = []
  const indexOf = ({ lane, position }: LogRecord): number => sourceIndex(flow, lane, position.partition, partitionCount)
  for (const [partition, range] of Map.groupBy(records, indexOf)) {
    let state = states[partition]
    if (state === undefined) throw new RangeError(`There is no partition ${String(partition)}.`)
    for (const part of byMonth(range)) {
      const batch = deriveRange(part, partition, state, epochOf(partition), deriveRecord)
      const { to: decidedTo, books, acceptedToMs } = batch.head
      state = { decidedTo, books, acceptedToMs }
      batches.push(batch)
    }
  }
  return batches
}

/** Cuts a range where the month of acceptance changes; log time never decreases, so each month is one stretch. */
function byMonth(range: readonly LogRecord[]): readonly (readonly LogRecord[])[] {
  const first = range[0]
  const last = range.at(-1)
  if (first === undefined || last === undefined) return []
  if (monthOf(first.timeMs) === monthOf(last.timeMs)) return [range]
  return [...Map.groupBy(range, ({ timeMs }) => monthOf(timeMs)).values()]
}

function deriveRange(
  range: readonly LogRecord[],
  partition: number,
  { decidedTo, books }: PartitionState,
  epoch: number,
  deriveRecord: DeriveRecord,
): DerivedPartition {
  const exceptions: SourceException[] = []
  const count = { out: 0, dropped: 0, deadLetter: 0, damaged: 0, canary: 0 }
  const ids = new IdSet()
  let rows = ''
  let rowCount = 0
  let expected = decidedTo
  let traces: Set<string> | undefined
  for (const record of range) {
    const { offset } = record.position
    // The log yields no gap except where it could not read what it once took.
    for (; expected < offset; expected++) {
      exceptions.push({ offset: expected, kind: 'damaged', reason: 'damaged', step: 'read' })
      count.damaged++
    }
    const trace = record.headers['traceparent']
    if (trace !== undefined && (traces?.size ?? 0) < tracesMax) (traces ??= new Set()).add(trace)
    const derived = deriveRecord(record, partition)
    expected = offset + 1
    if (derived.kind === 'row') {
      rows += derived.json
      rowCount++
      ids.add(record.headers['uuid'] ?? '', offset, 0)
      if (derived.canary) count.canary++
      else count.out++
      continue
    }
    const { kind, reason, step } = derived
    if (kind === 'dropped') count.dropped++
    else count.deadLetter++
    exceptions.push({ offset, kind, reason, step, ...(kind === 'dead_letter' ? { raw: record.value.toString() } : {}) })
  }
  const first = range[0]
  const last = range.at(-1)
  const head: DerivedBatchHead = {
    epoch,
    partition,
    from: decidedTo,
    to: expected,
    exceptions,
    rowCount,
    idSetHash: String(ids.hash),
    month: monthOf(first?.timeMs ?? 0),
    acceptedFromMs: first?.timeMs ?? 0,
    acceptedToMs: last?.timeMs ?? 0,
    books: {
      in: books.in + expected - decidedTo - count.canary,
      out: books.out + count.out,
      dropped: books.dropped + count.dropped,
      deadLetter: books.deadLetter + count.deadLetter,
      damaged: books.damaged + count.damaged,
      canary: books.canary + count.canary,
      ...(exceptions.length === 0 && books.setAside === undefined
        ? {}
        : { setAside: addSetAside(books.setAside ?? [], exceptions.map(countOf)) }),
    },
    ...(traces === undefined ? {} : { traces: [...traces] }),
  }
  return { partition, head, value: encodeDerivedBatch(head, Buffer.from(rows)) }
}

/** A batch that decides nothing and says once more where the partition stands. */
export function renewedBatch(partition: number, state: PartitionState, epoch: number, nowMs: number): Buffer {
  const { decidedTo, books, acceptedToMs } = state
  const head: DerivedBatchHead = {
    epoch,
    partition,
    from: decidedTo,
    to: decidedTo,
    exceptions: [],
    rowCount: 0,
    idSetHash: '0',
    month: monthOf(nowMs),
    acceptedFromMs: acceptedToMs,
    acceptedToMs,
    books,
  }
  return encodeDerivedBatch(head, Buffer.alloc(0))
}

function countOf({ kind, step, reason }: SourceException): SetAsideCount {
  return { kind, step, reason, count: 1 }
}
