/**
 * A derived batch of one log as the other log has it, where offsets begin at what was retained.
 *
 * Words:
 * - begin: first offset of a source index that the old log retains; it is offset 0 of the new one.
 * - earlier: of a row: its record is no longer retained, so it has no place in the new log. Its offset is moved behind everything that a
 *   log can have, and its incarnation is 0, which no log gives.
 */
import { addSetAside, derivedBatchHead, derivedBatchRows, encodeDerivedBatch } from '../../event/derived-batch.ts'
import type { DerivedBatchHead } from '../../event/derived-batch.ts'
import { Failure } from '../../kit/failure.ts'
import type { PartitionState } from '../../stages/ingestion/partition-state.ts'
import { IdSet } from '../../stores/warehouse/id-set.ts'

/** The one of the new log. */
export const movedIncarnation = 1
export const earlierIncarnation = 0
/** Added to the offsets of earlier rows: half of what a number can say exactly. */
export const earlierOffsets = 2 ** 52

export interface MovedBatch {
  readonly head: DerivedBatchHead
  readonly value: Buffer
}

/** `before`: where the source index of the new log stands. Undefined for one that says nothing about what is retained, or nothing that is not there yet. */
export function movedBatch(
  value: Buffer,
  begin: number,
  before: PartitionState,
  epoch: number,
): MovedBatch | undefined {
  const old = derivedBatchHead(value)
  const to = old.to - begin
  if (old.to <= begin || old.to === old.from || to <= before.decidedTo) return undefined
  const from = Math.max(old.from, begin) - begin
  // Decisions on the oldest records may be gone while the records are there.
  if (from !== before.decidedTo && before.decidedTo > 0) {
    throw new Failure(
      'SLUICE_SCALE_OUT_GAP',
      `Source index ${String(old.partition)} was decided up to ${String(before.decidedTo + begin)}, and the next batch begins at ${String(old.from)}. The journal is damaged: restore the data folder from a backup.`,
    )
  }
  const { rows, rowCount, canaries, ids } = movedRows(derivedBatchRows(value), begin)
  const exceptions = old.exceptions
    .filter(({ offset }) => offset >= begin)
    .map((one) => ({ ...one, offset: one.offset - begin }))
  if (rowCount + exceptions.length !== to - from) {
    throw new Failure(
      'SLUICE_SCALE_OUT_GAP',
      `A batch of source index ${String(old.partition)} decides ${String(to - from)} records and has ${String(rowCount)} rows and ${String(exceptions.length)} exceptions.`,
    )
  }
  const count = (kind: string): number => exceptions.filter((one) => one.kind === kind).length
  const { books } = before
  const undecided = from - before.decidedTo
  const setAside = addSetAside(
    books.setAside ?? [],
    exceptions.map(({ kind, step, reason }) => ({ kind, step, reason, count: 1 })),
  )
  const head: DerivedBatchHead = {
    ...old,
    epoch,
    from,
    to,
    exceptions,
    rowCount,
    idSetHash: String(ids.hash),
    books: {
      in: books.in + undecided + to - from - canaries,
      out: books.out + undecided + rowCount - canaries,
      dropped: books.dropped + count('dropped'),
      deadLetter: books.deadLetter + count('dead_letter'),
      damaged: books.damaged + count('damaged'),
      canary: books.canary + canaries,
      ...(setAside.length === 0 ? {} : { setAside }),
    },
  }
  return { head, value: encodeDerivedBatch(head, rows) }
}

interface MovedRows {
  readonly rows: Buffer
  readonly rowCount: number
  readonly canaries: number
  readonly ids: IdSet
}

const newline = 10
const uuidAt = '{"uuid":"'.length
const uuidEnd = uuidAt + 36
const placeKey = Buffer.from(',"_incarnation":')
const canaryKey = Buffer.from(',"team_id":0,')
const placeText = /^,"_incarnation":\d+,"_partition":(\d+),"_offset":(\d+),"_index":(\d+)\}$/

/** Rows of records that are no longer retained are left out. A row ends with its place, as ingestion writes it. */
function movedRows(rows: Buffer, begin: number): MovedRows {
  const parts: Buffer[] = []
  const ids = new IdSet()
  let rowCount = 0
  let canaries = 0
  for (let start = 0; start < rows.length;) {
    const found = rows.indexOf(newline, start)
    const end = found < 0 ? rows.length : found
    const placeAt = rows.lastIndexOf(placeKey, end)
    const [, partition, oldOffset, index] = placeText.exec(rows.toString('latin1', placeAt, end)) ?? []
    if (placeAt < start || partition === undefined || index === undefined) {
      throw new TypeError('This line is no row as ingestion writes them.')
    }
    const offset = Number(oldOffset) - begin
    if (offset >= 0) {
      rowCount++
      const line = rows.subarray(start, placeAt)
      if (line.includes(canaryKey)) canaries++
      ids.add(rows.toString('latin1', start + uuidAt, start + uuidEnd), offset, Number(index))
      const place = `,"_incarnation":${String(movedIncarnation)},"_partition":${partition},"_offset":${String(offset)},"_index":${index}}\n`
      parts.push(line, Buffer.from(place, 'latin1'))
    }
    start = end + 1
  }
  return { rows: Buffer.concat(parts), rowCount, canaries, ids }
}
