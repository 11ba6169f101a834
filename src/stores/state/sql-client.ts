/**
 * The state store: PostgreSQL, reached through this port. What is kept is written as SQL in the files beside this one, once
 * for every adapter; an adapter only knows how to get a connection. `sql-client.contract.ts` checks every promise.
 *
 * Every error is a Failure:
 * - SLUICE_STATE_UNAVAILABLE (retryable): the server is away, goes away, or does not answer in time. A write may have
 *   been done all the same, so what is tried again must bear being done twice.
 * - SLUICE_STATE_BUSY (retryable): too many calls wait for a connection already. Nothing was done.
 * - SLUICE_STATE_TIMEOUT (retryable): the statement took too long and was undone.
 * - SLUICE_STATE_CONFLICT (retryable): a deadlock or another transaction was in the way; everything was undone.
 * - SLUICE_STATE_NOT_READY (retryable): a table is missing. Whoever starts first migrates; the others wait for it.
 * - SLUICE_STATE_REFUSED: the server refuses the statement or the connection. `cause` has its reason.
 * - SLUICE_STATE_CLOSED: the client was closed.
 */
import type { SqlSession, SqlValue } from '../../kit/sql-session.ts'

export type { SqlSession, SqlValue }

export interface SqlClient extends SqlSession {
  /**
   * Runs `work` in a transaction of one connection: all of its statements take effect together when it resolves, none of
   * them when it throws, and what it throws comes out unchanged. Rejects with SLUICE_STATE_REFUSED when a statement failed
   * and `work` resolved nevertheless. The session ends with the transaction.
   */
  transaction<T>(work: (session: SqlSession) => Promise<T>, options?: TransactionOptions): Promise<T>
  /**
   * Calls `heard` after each commit that notified `channel` (once for several at once), and whenever it begins to listen, again
   * too, because what was said before that nobody heard. Has a connection of its own, and gets another one, with a growing pause
   * between tries, when that breaks. Never rejects; resolves when it has ended, because `signal` was aborted or the client closed.
   */
  listen(channel: string, heard: () => void, signal: AbortSignal): Promise<void>
  /** Waits, within bounds, for what runs, then lets go of the connections. Safe to call twice. */
  close(): Promise<void>
}

export interface TransactionOptions {
  /** In place of the client's own bound for each statement, e.g. for a migration. */
  readonly statementTimeoutMs?: number
}
