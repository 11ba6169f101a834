/**
 * How far the warehouse writer has come, kept outside of the warehouse. `insert-progress.contract.ts` checks the promises.
 *
 * The writer works block by block: it writes down what it is about to insert (the intent), inserts it under a token made
 * from the intent, then writes down that it is done. After a crash the intent tells what may or may not be in the table.
 *
 * Where several processes can reach the storage, whoever opens it takes it over: from then on `load` and `save` of everybody who
 * opened it before reject with SLUICE_PROGRESS_FENCED, and nothing of theirs is kept.
 */
import type { Offsets } from '../../event/position.ts'

export interface InsertProgress {
  /** What was saved last, whole; undefined at the very first start. */
  load(): Promise<Progress | undefined>
  /** Resolves once the whole of it would survive a crash; a crash in between leaves the old or the new, never a mix. */
  save(progress: Progress): Promise<void>
}

export interface Progress {
  /** Next record wanted of each partition of the derived lane. */
  readonly offsets: Offsets
  /** Next source offset wanted, by source index: where the next batch must begin. */
  readonly sourceOffsets: Offsets
  /** Newest epoch seen of each partition. */
  readonly epochs: readonly number[]
  /** Log time up to which each partition's rows are in the table, Unix milliseconds. */
  readonly throughMs: readonly number[]
  /**
   * How many of the source records before `sourceOffsets` are the health check's own, as the books of each partition's
   * newest batch say. Null until a batch says it, absent too: earlier releases did not keep it.
   */
  readonly canaries?: readonly (number | null)[]
  /** Rows inserted since the beginning. */
  readonly rowsInserted: number
  /** Rows that the table refused for good since the beginning. */
  readonly rowsRefused: number
  /** The block that is being inserted; absent between two blocks. */
  readonly intent?: BlockIntent
  /** The newest blocks that were inserted, oldest first: looked for in the table at the next start. */
  readonly recent: readonly BlockIntent[]
}

/** Canaries of all partitions; undefined while one of them is not known. */
export function canariesInserted({ canaries }: Progress): number | undefined {
  let sum = 0
  for (const own of canaries ?? [null]) {
    if (own === null) return undefined
    sum += own
  }
  return sum
}

/** One block: whole derived batches, of one month of acceptance. */
export interface BlockIntent {
  /** Deduplication token: made from the ranges, so that a repeat of the intent is a repeat of the token. */
  readonly token: string
  readonly month: number
  readonly rowCount: number
  readonly ranges: readonly BlockRange[]
}

export interface BlockRange {
  readonly partition: number
  /** Records of the derived lane, `to` exclusive. */
  readonly from: number
  readonly to: number
  /** The source offsets that they decide, `sourceTo` exclusive. */
  readonly sourceFrom: number
  readonly sourceTo: number
  /** Newest epoch that had been seen of the partition when the range began. */
  readonly epoch: number
  readonly acceptedFromMs: number
  readonly acceptedToMs: number
}
