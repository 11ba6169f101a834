/**
 * Where rows are kept for good. `warehouse.contract.ts` checks every promise, for each table.
 *
 * Words:
 * - table: one of the database `sluice`, by name; each flow has its own. `events` can do more than the others.
 * - row: one event as `sluice.events` stores it, one request's part of a recording, one event's heatmap; see `warehouse-row.ts`
 *   for their columns and ranges.
 * - block: rows that are inserted as one; they share a month of acceptance, so one block becomes one part on disk.
 * - token: names a block's content. The same token again means the same rows again: nothing is stored.
 * - range: the offsets [fromOffset, toOffset) of one intake partition; a block holds the rows of one or more ranges.
 * - ledger: one line a range and block, saying how many rows went in and which ids they had (`id-set.ts`).
 * - property column: see `property-columns.ts`.
 */
export interface WarehouseTable {
  /**
   * Stores a block and its ledger lines.
   *
   * - Resolves only once the rows and then the ledger lines would survive a crash of the machine.
   * - All of a block's rows or none; a ledger line is there only if its rows are.
   * - The same token again changes nothing, whether the first try succeeded, failed half-way or was killed, as long as
   *   fewer than `tokensKeptMin` blocks came between (a token also outlives the rows it named: rows that
   *   were removed do not come back under it).
   * - A row comes back as it went in: Unicode, numbers in properties, properties of a megabyte.
   * - Rejects with `SLUICE_WAREHOUSE_ROW` (not retryable) when the engine cannot read a row or the rows do not share
   *   the month, with `SLUICE_WAREHOUSE_INSERT` (retryable) otherwise.
   */
  insert(block: InsertBlock): Promise<void>
  /**
   * What the table holds of a range, without resolving versions or copies: in ascending order of (offset, index), a row
   * that is there twice comes twice. Reads in pages of bounded size, each consistent in itself.
   */
  present(range: RowRange): AsyncIterable<readonly PresentRow[]>
  /** Ledger lines that overlap the range, ascending by offset; one line a range and month. */
  ledger(range: OffsetRange): Promise<readonly LedgerLine[]>
  /** How many rows and bytes the table holds, copies and old versions included. */
  size(): Promise<WarehouseSize>
  /** Finishes what runs, then lets go of the folder or connections. Safe to call twice. */
  close(): Promise<void>
}

/** The table of events. */
export interface Warehouse extends WarehouseTable {
  /**
   * Gives a property a column of its own. Rows inserted from then on have it; `maintain` fills it in older ones, and until
   * then questions compute it there: what they answer is the same before, meanwhile and after.
   */
  addPropertyColumn(property: string): Promise<ColumnAdded>
  /**
   * One bounded piece of the work that keeps questions fast, or nothing; whoever calls it does so again and again, when
   * there is little else to do. Never changes what questions answer; inserts go on meanwhile. What a crash interrupts is found
   * again by the next call.
   */
  maintain(): Promise<Maintenance>
  /** Breaks maintenance off. */
  close(): Promise<void>
}

export type TableName = 'events' | 'session_recording_events' | 'heatmaps'

/** `there`: it had one already; `full`: the table has as many as it may have. */
export type ColumnAdded = 'added' | 'there' | 'full'

export type Maintenance =
  | { readonly kind: 'none' }
  /** Older rows of a month get what is in their properties as columns; it goes on in the background. */
  | { readonly kind: 'filling'; readonly month: string; readonly properties: readonly string[] }
  /** The parts of a month that held the same days are one now. */
  | { readonly kind: 'merged'; readonly month: string; readonly rows: number }

export interface InsertBlock {
  /** At most 100 characters out of `A-Z a-z 0-9 . _ : @ -`. */
  readonly token: string
  /** Month in which all rows were accepted (UTC): year * 100 + month. */
  readonly month: number
  /** The rows as NDJSON (one JSON object and one newline a row), cut anywhere. Must not be changed before the answer. */
  readonly rows: readonly Buffer[]
  readonly rowCount: number
  /** What the block holds of each range. A range without rows of this month may be left out. */
  readonly ranges: readonly BlockRange[]
}

export interface OffsetRange {
  readonly partition: number
  readonly fromOffset: number
  /** Exclusive. */
  readonly toOffset: number
}

export interface BlockRange extends OffsetRange {
  readonly rowCount: number
  /** Of all rows of this range in this block, by `IdSet`. */
  readonly idSetHash: bigint
}

export interface RowRange extends OffsetRange {
  /** Bounds of the rows' acceptance, both inclusive, Unix milliseconds: they keep the search to the parts concerned. */
  readonly acceptedFromMs: number
  readonly acceptedToMs: number
}

export interface PresentRow {
  readonly incarnation: number
  readonly offset: number
  readonly index: number
  readonly uuid: string
}

export interface LedgerLine extends BlockRange {
  readonly month: number
  readonly token: string
  readonly insertedAtMs: number
}

export interface WarehouseSize {
  readonly rows: number
  readonly bytesOnDisk: number
  readonly parts: number
}

/** Newest blocks whose tokens are remembered. */
export const tokensKeptMin = 1000
