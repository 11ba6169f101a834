/**
 * How far the warehouse writers of a flow have come, kept outside of the warehouse. `insert-progress.contract.ts` checks the promises.
 * Partitions are those of the derived lane: source indexes.
 *
 * A writer works block by block: it writes down what it is about to insert (the intent), inserts it under a token made from the
 * intent, then writes down that it is done. After a crash the intent tells what may or may not be in the table.
 *
 * Several writers have partitions of their own. Whoever takes partitions over is from then on the only one who can say anything about
 * them: `begin`, `check` and `done` of whoever had one of them before reject with SLUICE_PROGRESS_FENCED and keep nothing. A block that was
 * begun and not done is open in each of its partitions; whoever takes one of these over inserts the whole block once more under its
 * token, and says so of its own partitions, whoever has the others.
 */
export interface InsertProgress {
  /** Takes the partitions over; resolves with how far they are. */
  take(partitions: readonly number[]): Promise<TakenProgress>
  /** Where the partitions stand, whoever has them, by partition; nothing of those of which nothing was ever done. */
  all(): Promise<ReadonlyMap<number, PartitionProgress>>
}

export interface TakenProgress {
  /** As of the take-over; nothing of partitions of which nothing was ever done. */
  readonly partitions: ReadonlyMap<number, PartitionProgress>
  /**
   * Blocks that are open in one of the partitions, in the order in which they were begun: they may or may not be in the table. Of
   * those in which a block is done, `partitions` says that they are past it.
   */
  readonly open: readonly BlockIntent[]
  /**
   * The newest of the other blocks with rows of one of the partitions, oldest first: looked for in the table at a start. As many are
   * kept of what a writer holds as was said where the progress was opened; no other writer's blocks push them out.
   */
  readonly recent: readonly BlockIntent[]
  /**
   * Resolves once the intent would survive a crash. All partitions of the block are among those that were taken over. The same block
   * once more before it is done changes nothing.
   */
  begin(block: BlockIntent): Promise<void>
  /**
   * Resolves when, a moment ago, nobody else had taken any of the partitions over: for whoever may have been stopped for long since
   * `begin`, or repeats a block that somebody else began.
   */
  check(): Promise<void>
  /**
   * Says that the block is in the table and where the given partitions, those among the ones that were taken over in which it is
   * open, stand now. Resolves once it would survive a crash; one in between leaves all of it or nothing.
   */
  done(block: BlockIntent, partitions: ReadonlyMap<number, PartitionProgress>): Promise<void>
}

export interface PartitionProgress {
  /** Next record wanted of the derived lane. */
  readonly offset: number
  /** Next source offset wanted: where the next batch must begin. */
  readonly sourceOffset: number
  /** Newest epoch seen. */
  readonly epoch: number
  /** Log time up to which the rows are in the table, Unix milliseconds. */
  readonly throughMs: number
  /**
   * How many of the source records before `sourceOffset` are the health check's own, as the books of the newest batch say. Null until
   * a batch says it: earlier releases did not keep it.
   */
  readonly canaries: number | null
  /** Rows inserted since the beginning. */
  readonly rowsInserted: number
  /** Rows that the table refused for good since the beginning. */
  readonly rowsRefused: number
}

/** Of a partition of which nothing was ever done. */
export const nothingInserted: PartitionProgress = {
  offset: 0,
  sourceOffset: 0,
  epoch: 0,
  throughMs: 0,
  canaries: 0,
  rowsInserted: 0,
  rowsRefused: 0,
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
