/**
 * What this store needs of a ClickHouse, however it is reached: inside of the process (`chdb/`) or over HTTP (`clickhouse/`).
 *
 * A link rejects with the error of its client; `engine-error.ts` reads code and message of either.
 */
export interface EngineLink {
  /** Resolves once the statement is done. */
  command(sql: string): Promise<void>
  /** Integers as numbers: whoever asks for wider ones asks for their text. */
  rows(sql: string): Promise<readonly (readonly unknown[])[]>
  insert(lines: InsertedLines): Promise<void>
  close(): Promise<void>
}

export interface InsertedLines {
  /** With its database. */
  readonly table: string
  readonly format: 'JSONEachRow' | 'JSONCompactEachRow'
  /** Must not be changed before the answer. */
  readonly values: Buffer
  readonly settings: Readonly<Record<string, string | number>>
}
