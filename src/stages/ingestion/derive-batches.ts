/**
 * Turns a stretch of a flow's source lanes into one derived batch a source index; into several where it crosses the end of a month,
 * or where one would be larger than the derived lane takes. What a row is larger than its event is known only once it is made, so the
 * rows are what is measured. A row that is too large for a batch by itself is a dead letter: nothing may stop its partition.
 */
import { addSetAside, encodeDerivedBatch, monthOf, tracesMax } from '../../event/derived-batch.ts'
import type { DerivedBatchHead, SetAsideCount, SourceException } from '../../event/derived-batch.ts'
import { sourceIndex } from '../../event/flows.ts'
import type { Flow } from '../../event/flows.ts'
import type { LogRecord } from '../../stores/log/event-log.ts'
import { IdSet } from '../../stores/warehouse/id-set.ts'
import { stateAfter } from './partition-state.ts'
import type { PartitionState } from './partition-state.ts'

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
  /** Whether the event is in the log already; absent where the door lets no copies in. */
  readonly isCopy?: (record: LogRecord) => boolean
  /** Most bytes of rows and exceptions in a batch; books and traces come to some KiB. Absent where any size is taken. */
  readonly derivedBytesMax?: number
}

/** About an exception, without its raw payload; about what a log needs to tell a row from the next. */
const exceptionBytes = 160
const rowBytes = 32
/** Of a character of text: in UTF-8 at most; as JSON text at most. */
const characterBytesMax = 3
const escapedBytesMax = 6

/** `states`: by source index, of those at least whose records are there. */
export async function deriveBatches(
  records: readonly LogRecord[],
  states: readonly PartitionState[],
  { flow, partitionCount, epochOf, derive, isCopy, derivedBytesMax = Infinity }: Deriving,
): Promise<DerivedPartition[]> {
  const deriveAny = await derive(records)
  const deriveRecord = isCopy === undefined ? deriveAny : withoutCopies(deriveAny, isCopy)
  const batches: DerivedPartition[] = []
  const indexOf = ({ lane, position }: LogRecord): number => sourceIndex(flow, lane, position.partition, partitionCount)
  for (const [partition, range] of Map.groupBy(records, indexOf)) {
    let state = states[partition]
    if (state === undefined) throw new RangeError(`There is no partition ${String(partition)}.`)
    for (const part of byMonth(range)) {
      for (let rest = part; rest.length > 0;) {
        const own = { partition, state, epoch: epochOf(partition), bytesMax: derivedBytesMax }
        const { batch, taken } = deriveRange(rest, own, deriveRecord)
        state = stateAfter(batch.head)
        batches.push(batch)
        rest = taken === rest.length ? [] : rest.slice(taken)
      }
    }
  }
  return batches
}

/** The health check's own events are counted by themselves, copies or not. */
function withoutCopies(deriveRecord: DeriveRecord, isCopy: (record: LogRecord) => boolean): DeriveRecord {
  return (record, partition) => {
    if (!isCopy(record)) return deriveRecord(record, partition)
    const derived = deriveRecord(record, partition)
    return derived.kind === 'row' && derived.canary ? derived : copy
  }
}

const copy: Derived = { kind: 'dropped', reason: 'duplicate', step: 'duplicate' }

/** Cuts a range where the month of acceptance changes; log time never decreases, so each month is one stretch. */
function byMonth(range: readonly LogRecord[]): readonly (readonly LogRecord[])[] {
  const first = range[0]
  const last = range.at(-1)
  if (first === undefined || last === undefined) return []
  if (monthOf(first.timeMs) === monthOf(last.timeMs)) return [range]
  return [...Map.groupBy(range, ({ timeMs }) => monthOf(timeMs)).values()]
}

interface OfRange {
  readonly partition: number
  readonly state: PartitionState
  readonly epoch: number
  readonly bytesMax: number
}

/** One batch of the first records of a range, as many as fit; of none when what is damaged before the first fills it. */
function deriveRange(
  range: readonly LogRecord[],
  { partition, state: { decidedTo, books }, epoch, bytesMax }: OfRange,
  deriveRecord: DeriveRecord,
): { readonly batch: DerivedPartition; readonly taken: number } {
  const exceptions: SourceException[] = []
  const count = { out: 0, dropped: 0, deadLetter: 0, damaged: 0, canary: 0 }
  const ids = new IdSet()
  let rows = ''
  let rowCount = 0
  let expected = decidedTo
  let traces: Set<string> | undefined
  let taken = 0
  let bytes = 0
  for (const record of range) {
    const { offset } = record.position
    // The log yields no gap except where it could not read what it once took.
    for (; expected < offset && (bytes === 0 || bytes + exceptionBytes <= bytesMax); expected++) {
      exceptions.push({ offset: expected, kind: 'damaged', reason: 'damaged', step: 'read' })
      count.damaged++
      bytes += exceptionBytes
    }
    if (expected < offset) break
    const derived = fitting(deriveRecord(record, partition), bytesMax)
    const raw = derived.kind === 'dead_letter' ? rawOf(record, bytesMax) : undefined
    const more = bytesOf(derived, raw)
    if (bytes > 0 && bytes + more > bytesMax) break
    bytes += more
    taken++
    const trace = record.headers['traceparent']
    if (trace !== undefined && (traces?.size ?? 0) < tracesMax) (traces ??= new Set()).add(trace)
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
    exceptions.push({ offset, kind, reason, step, ...(raw === undefined ? {} : { raw }) })
  }
  const first = range[0]
  const last = range[Math.max(0, taken - 1)]
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
  return { batch: { partition, head, value: encodeDerivedBatch(head, Buffer.from(rows)) }, taken }
}

function fitting(derived: Derived, bytesMax: number): Derived {
  if (derived.kind !== 'row' || derived.json.length * characterBytesMax + rowBytes <= bytesMax) return derived
  return Buffer.byteLength(derived.json) + rowBytes <= bytesMax ? derived : tooLarge
}

const tooLarge: Derived = { kind: 'dead_letter', reason: 'row_too_large', step: 'row' }

/** The event as it came; undefined when it is too large to be told twice: it stands in its source lane. */
function rawOf({ value }: LogRecord, bytesMax: number): string | undefined {
  const left = bytesMax - exceptionBytes
  const raw = value.toString()
  return value.length * escapedBytesMax <= left || Buffer.byteLength(JSON.stringify(raw)) <= left ? raw : undefined
}

/** At most, as a part of its batch; rather too much than measured. */
function bytesOf(derived: Derived, raw: string | undefined): number {
  if (derived.kind === 'row') return derived.json.length * characterBytesMax + rowBytes
  return exceptionBytes + (raw === undefined ? 0 : raw.length * escapedBytesMax)
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
