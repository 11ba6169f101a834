/**
 * Which events the owner of some partitions has read already, by the duplicate keys that the door put into their records. Where the
 * door's own memory is not durable with the log (Redis was away, or lost what it had) copies come into the log again; here they are
 * found before they become rows. In memory alone: a process that takes a partition over reads back what it has not seen
 * (`rebuild-copies.ts`).
 *
 * Words used here:
 * - source: one partition of one source lane. Its records come in the order of their offsets.
 * - copy: a record whose key stands at a smaller offset of the same source, accepted within the window before it.
 * - slice: a stretch of log time, an eighth of the window. Keys are kept by the slice in which their records were accepted.
 * - table: the keys of one slice, or of a part of it when more come than an eighth of `keysMax`. It is forgotten whole.
 * - whole: a source up to the offset where nothing is missing that this process could have read.
 *
 * Why only smaller offsets, and of the same source. A verdict must hold whatever happens next: the batch in which it stands may become
 * durable while others of the same moment do not, the process may die, another may decide again. "There is an earlier record of this
 * source with this key" stays true in all of these, because the log says so and not this index. Then the first record of a key is never a
 * copy, whoever decides it and however often, so each key gets its row; and a record that is decided anew (its append failed) meets
 * itself, which counts for nothing, so nothing has to be taken back. Between two sources there is no such order that every process
 * sees: each of two copies could be left out because of the other.
 *
 * Why not a moment longer than the window. The door lets a key in again when its window is over, and says `stored`: what is accepted so
 * must become a row. Only slices that lie in the window as a whole count, so keys answer for at least seven eighths of it and never longer.
 *
 * Bounds. At most `keysMax` keys, about 50 bytes each (35 to 70, as tables fill). Beyond it the table that was used least recently is
 * forgotten, and its copies become rows; that is counted and said.
 */
import { laneNumber } from '../../event/position.ts'
import type { Lane } from '../../event/position.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { LogRecord } from '../../stores/log/event-log.ts'
import { duplicateKeyFrom } from '../../stores/intake/duplicate-key-header.ts'
import { highWordOf, lowWordOf } from '../../stores/intake/indexed-position.ts'
import { mixKey, randomSeed, seedWords } from '../../stores/intake/key-mixing.ts'
import { BucketPool, KeyTable } from '../../stores/intake/key-table.ts'
import * as happened from './ingestion.events.ts'

export interface CopyIndexOptions {
  readonly keysMax: number
  readonly windowMs: number
  readonly telemetry: Telemetry
}

interface Slice {
  readonly fromMs: number
  readonly table: KeyTable
  /** When a key came into it last, by this machine's clock. */
  usedMs: number
}

const slicesInWindow = 8
const toldEveryMs = 3_600_000

/** One for all flows of a process: a source lane belongs to one flow alone. */
export class CopyIndex {
  readonly windowMs: number
  readonly #keysMax: number
  readonly #sliceMs: number
  readonly #sliceKeysMax: number
  readonly #telemetry: Telemetry
  readonly #seed = randomSeed()
  readonly #mixed = new Int32Array(seedWords)
  readonly #pool = new BucketPool()
  readonly #whole = new Map<number, number>()
  #slices: readonly Slice[] = []
  /** Where the last key went; the next one goes there too, mostly. */
  #filling: Slice | undefined
  #keyCount = 0
  #toldMs = -Infinity

  constructor({ keysMax, windowMs, telemetry }: CopyIndexOptions) {
    this.#keysMax = keysMax
    this.windowMs = windowMs
    this.#sliceMs = windowMs / slicesInWindow
    this.#sliceKeysMax = Math.ceil(keysMax / slicesInWindow)
    this.#telemetry = telemetry
  }

  get keyCount(): number {
    return this.#keyCount
  }

  get memoryBytes(): number {
    return this.#slices.reduce((sum, { table }) => sum + table.memoryBytes, 0)
  }

  /**
   * Whether the record is a copy of one that was shown before; if it is not, later ones may be copies of it. What has no key is never
   * one. Each source's records come in order, possibly some of them again.
   */
  isCopy({ lane, position, timeMs, headers }: LogRecord): boolean {
    const { partition, offset } = position
    const source = sourceOf(lane, partition)
    if (offset >= (this.#whole.get(source) ?? 0)) this.#whole.set(source, offset + 1)
    const key = duplicateKeyFrom(headers['duplicate_key'] ?? '')
    if (key === undefined) return false
    const mixed = this.#mixed
    mixKey(key, this.#seed, mixed)
    const a = mixed[0] as number
    const b = mixed[1] as number
    const c = mixed[2] as number
    // One key in two sources is two entries.
    const d = (mixed[3] as number) ^ source
    const fromMs = timeMs - this.windowMs
    let isKnown = false
    for (const slice of this.#slices) {
      if (slice.fromMs < fromMs) continue
      const first = slice.table.find(a, b, c, d)
      if (first === undefined || first.partition !== partition || first.lane !== laneNumber(lane)) continue
      if (first.offset < offset) return true
      // Itself, when it is decided once more.
      isKnown = true
    }
    if (isKnown) return false
    const slice = this.#sliceFor(timeMs)
    const before = slice.table.keyCount
    const at = { lane: laneNumber(lane), partition, offset }
    slice.table.add(a, b, c, d, highWordOf(at), lowWordOf(at))
    slice.usedMs = Date.now()
    this.#keyCount += slice.table.keyCount - before
    return false
  }

  /** The offset up to which nothing of the source is missing here; 0 when nothing of it was ever shown. */
  wholeTo(lane: Lane, partition: number): number {
    return this.#whole.get(sourceOf(lane, partition)) ?? 0
  }

  /** What was not shown of the source before this offset is gone or too old. */
  isWholeTo(lane: Lane, partition: number, offset: number): void {
    const source = sourceOf(lane, partition)
    this.#whole.set(source, Math.max(offset, this.#whole.get(source) ?? 0))
  }

  /** Says how large it is. */
  tell(): void {
    happened.copyIndexSized(this.#keyCount, this.memoryBytes).emit(this.#telemetry)
  }

  #sliceFor(timeMs: number): Slice {
    const fromMs = Math.floor(timeMs / this.#sliceMs) * this.#sliceMs
    const fits = (slice: Slice): boolean => slice.fromMs === fromMs && slice.table.keyCount < this.#sliceKeysMax
    if (this.#keyCount >= this.#keysMax) this.#forgetForRoom()
    if (this.#filling !== undefined && fits(this.#filling)) return this.#filling
    const found = this.#slices.find(fits)
    if (found !== undefined) return (this.#filling = found)
    const nowMs = Date.now()
    // By this machine's clock: of a lane that lags, records come later than they were accepted.
    this.#forget(this.#slices.filter(({ usedMs }) => usedMs + this.windowMs < nowMs))
    const made = { fromMs, table: new KeyTable(this.#pool), usedMs: nowMs }
    this.#slices = [made, ...this.#slices]
    return (this.#filling = made)
  }

  #forgetForRoom(): void {
    const [first, ...others] = this.#slices
    if (first === undefined) return
    const oldest = others.reduce((least, slice) => (slice.usedMs <= least.usedMs ? slice : least), first)
    this.#forget([oldest])
    const nowMs = Date.now()
    const isToBeSaid = nowMs - this.#toldMs >= toldEveryMs
    if (isToBeSaid) this.#toldMs = nowMs
    happened.copyKeysForgotten(oldest.table.keyCount, this.#keysMax, isToBeSaid).emit(this.#telemetry)
  }

  #forget(slices: readonly Slice[]): void {
    if (slices.length === 0) return
    this.#slices = this.#slices.filter((slice) => !slices.includes(slice))
    for (const slice of slices) {
      this.#keyCount -= slice.table.keyCount
      slice.table.release()
      if (this.#filling === slice) this.#filling = undefined
    }
  }
}

/** As one number. */
function sourceOf(lane: Lane, partition: number): number {
  return laneNumber(lane) * 65_536 + partition
}
