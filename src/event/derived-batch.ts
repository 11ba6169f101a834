/**
 * What ingestion decided about one range of one partition, as one record of the flow's derived lane. The record is the commit:
 * ClickHouse (and every other store) is a projection of these batches.
 *
 * Encoding: u32 little endian length of the head, the head as JSON, then the rows as JSON lines (one object a line), byte
 * for byte as they go to the warehouse.
 */
export interface DerivedBatchHead {
  /** Of the owner that wrote it; readers pass over batches of an older epoch than the newest they saw. */
  readonly epoch: number
  /** Partition of the derived lane: the source index (`flows.ts`) of the partition that was read. */
  readonly partition: number
  /** The source range that was decided: offsets from `from` up to `to` (exclusive). Empty in a batch that renews an older one. */
  readonly from: number
  readonly to: number
  /** Source records that did not become exactly one row, by offset, ascending; all others did. */
  readonly exceptions: readonly SourceException[]
  readonly rowCount: number
  /** `IdSet` of the rows, as decimal text of 64 bits. */
  readonly idSetHash: string
  /** Month of acceptance of all rows, `YYYYMM` in UTC: a batch never spans two. */
  readonly month: number
  /** Log time of the first and last source record, Unix milliseconds. */
  readonly acceptedFromMs: number
  readonly acceptedToMs: number
  /** What this partition has come to since it began, this batch included. */
  readonly books: IngestionBooks
  /** W3C `traceparent` of the requests that are traced, each once; at most `tracesMax`, absent where there is none. */
  readonly traces?: readonly string[]
}

/** Traces that a batch follows; a batch has thousands of events only when nobody looks at single ones. */
export const tracesMax = 100

export interface SourceException {
  readonly offset: number
  /**
   * - dropped: by a rule of the project or of a plugin; nothing is wrong.
   * - dead_letter: could not be processed; `raw` keeps the event so that it can be sent through again.
   * - damaged: the record could not be read back from the log.
   */
  readonly kind: 'dropped' | 'dead_letter' | 'damaged'
  readonly reason: string
  readonly step: string
  readonly raw?: string
}

/** in = out + dropped + deadLetter + damaged; canaries are counted in `canary` and nowhere else. */
export interface IngestionBooks {
  readonly in: number
  readonly out: number
  readonly dropped: number
  readonly deadLetter: number
  readonly damaged: number
  readonly canary: number
  /**
   * How `dropped`, `deadLetter` and `damaged` came together; at most `setAsideMax` kinds. Absent in batches of releases that did not
   * count it, so what they set aside is missing here.
   */
  readonly setAside?: readonly SetAsideCount[]
}

export interface SetAsideCount {
  readonly kind: SourceException['kind']
  readonly step: string
  readonly reason: string
  readonly count: number
}

/** Kinds, steps and reasons that are counted apart; further ones are counted as `other` of their kind. */
const setAsideMax = 64

/** Both added up, by kind, step and reason. */
export function addSetAside(
  counts: readonly SetAsideCount[],
  more: readonly SetAsideCount[],
): readonly SetAsideCount[] {
  if (more.length === 0) return counts
  const sums = new Map(counts.map((one) => [setAsideKey(one), one]))
  for (const one of more) {
    const isKept = sums.has(setAsideKey(one)) || sums.size < setAsideMax
    const kept = isKept ? one : { ...one, step: 'other', reason: 'other' }
    const before = sums.get(setAsideKey(kept))?.count ?? 0
    sums.set(setAsideKey(kept), { ...kept, count: before + one.count })
  }
  return [...sums.values()]
}

function setAsideKey({ kind, step, reason }: SetAsideCount): string {
  return JSON.stringify([kind, step, reason])
}

export const emptyBooks: IngestionBooks = { in: 0, out: 0, dropped: 0, deadLetter: 0, damaged: 0, canary: 0 }

export function sumOfBooks(books: readonly IngestionBooks[]): IngestionBooks {
  const sum = (pick: (one: IngestionBooks) => number): number => books.reduce((total, one) => total + pick(one), 0)
  const setAside = books.reduce<readonly SetAsideCount[]>((all, one) => addSetAside(all, one.setAside ?? []), [])
  return {
    in: sum((one) => one.in),
    out: sum((one) => one.out),
    dropped: sum((one) => one.dropped),
    deadLetter: sum((one) => one.deadLetter),
    damaged: sum((one) => one.damaged),
    canary: sum((one) => one.canary),
    ...(setAside.length === 0 ? {} : { setAside }),
  }
}

export function encodeDerivedBatch(head: DerivedBatchHead, rows: Buffer): Buffer {
  const json = Buffer.from(JSON.stringify(head))
  const value = Buffer.allocUnsafe(4 + json.length + rows.length)
  value.writeUInt32LE(json.length, 0)
  json.copy(value, 4)
  rows.copy(value, 4 + json.length)
  return value
}

export function derivedBatchHead(value: Buffer): DerivedBatchHead {
  return JSON.parse(value.toString('utf8', 4, 4 + value.readUInt32LE(0))) as DerivedBatchHead
}

/** The rows as JSON lines, in place. */
export function derivedBatchRows(value: Buffer): Buffer {
  return value.subarray(4 + value.readUInt32LE(0))
}

/** The rows as text, one JSON object each. */
export function derivedBatchLines(value: Buffer): readonly string[] {
  return derivedBatchRows(value)
    .toString()
    .split('\n')
    .filter((line) => line !== '')
}

/** The month of a time as `YYYYMM` in UTC. */
export function monthOf(timeMs: number): number {
  const date = new Date(timeMs)
  return date.getUTCFullYear() * 100 + date.getUTCMonth() + 1
}
