import type { PropertyColumns } from './property-columns.ts'
import type { TableName } from './warehouse.ts'

/**
 * Questions to the warehouse: bounded, cancellable, read-only. `warehouse-reader.contract.ts` checks every promise.
 *
 * The reader trusts the text of a question: whoever lets users write it checks it first (`stages/query/scope.ts`).
 */
export interface WarehouseReader {
  /**
   * Runs one statement that reads.
   *
   * - Never changes anything: a statement that writes, and a function that reads files or networks, is refused.
   * - Ends within about `timeMs` of computing (`SLUICE_QUERY_TIMEOUT`), uses at most `memoryBytes` of memory
   *   (`SLUICE_QUERY_MEMORY`), and answers at most `rowsMax` rows and `resultBytesMax` bytes (`SLUICE_QUERY_TOO_LARGE`).
   * - When the signal aborts it rejects with `SLUICE_QUERY_CANCELLED` and the engine stops computing soon after.
   * - Waits for a free connection behind at most `questionsWaitingMax` others (`SLUICE_QUERY_BUSY`, retryable).
   * - Parameters are bound as `{name:Type}`, never glued; nothing of a question is left for the next one.
   * - `SLUICE_QUERY_REFUSED` (the text is wrong or not permitted) and `SLUICE_QUERY_FAILED` (anything else) carry the
   *   engine's message.
   */
  ask(question: Question): Promise<Answer>
  /**
   * The properties that have a column, for `propertyText`; at most a second old. A view that is asked for afterwards has
   * them all.
   */
  propertyColumns(): Promise<PropertyColumns>
  /**
   * Name of the database in which the project's views lie, one of each table: its rows alone, versions resolved, expired
   * rows left out. Makes them when it is asked for the first time, and anew when there are more property columns. Rejects
   * for 0, the canaries' project.
   */
  projectDatabase(projectId: number): Promise<string>
  /** The table itself, of all projects and with every column, as a question without a database names it. */
  tableName(table: TableName): string
  /** Stops what runs, then lets go of the connections. Safe to call twice. */
  close(): Promise<void>
}

export interface Question {
  readonly sql: string
  /** Values of `{name:Type}`; numbers and booleans are written as their text. */
  readonly parameters?: QuestionParameters
  /** Database in which names without one are looked up. */
  readonly database?: string
  readonly limits: QuestionLimits
  readonly signal: AbortSignal
  /** May take long and read much: answered by machines that are kept for such, where there are any. */
  readonly isHeavy?: boolean
}

export type QuestionParameters = Readonly<Record<string, string | number | boolean | readonly (string | number)[]>>

export interface QuestionLimits {
  readonly timeMs: number
  readonly memoryBytes: number
  readonly rowsMax: number
  readonly resultBytesMax: number
}

export interface Answer {
  readonly columns: readonly Column[]
  /** One array a row, in the order of the columns; 64-bit and wider integers and decimals come as text. */
  readonly rows: readonly (readonly unknown[])[]
  readonly elapsedMs: number
  readonly rowsRead: number
  readonly bytesRead: number
}

export interface Column {
  readonly name: string
  /** As ClickHouse names it: `LowCardinality(String)`. */
  readonly type: string
}
