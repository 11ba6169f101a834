/**
 * What a store needs of PostgreSQL without knowing who connects to it: the session of `stores/state/sql-client.ts`, where the
 * meaning of its Failures stands.
 */
export interface SqlSession {
  /**
   * Runs one statement and resolves with its rows. `$1`, `$2`… stand for `values`, which are never read as SQL. Without
   * values the text may hold several statements, and there are no rows then.
   *
   * Columns: bigint is a number (beyond 2^53 the query rejects), timestamptz a Date, bytea a Buffer, jsonb what it
   * says, an array an array, null null.
   */
  query<Row extends object>(text: string, values?: readonly SqlValue[]): Promise<readonly Row[]>
}

export type SqlValue = string | number | bigint | boolean | Date | Buffer | null | readonly string[] | readonly number[]
