/**
 * `SqlClient` over the `pg` driver: for the bundled Postgres and for any other.
 *
 * A connection is given up, not reused, as soon as it is not known to be idle and in order. Nothing waits without a bound:
 * for a free or new connection `connectTimeoutMs`, for a statement `statementTimeoutMs` by the server and a little
 * more by ourselves, in case the server is what hangs.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { PoolClient, PoolConfig, QueryConfig, QueryResult } from 'pg'
import { codeOf, Failure, messageOf } from '../../../kit/failure.ts'
import type { SqlClient, SqlSession, SqlValue, TransactionOptions } from '../sql-client.ts'
import { listenForNotifications } from './listen-for-notifications.ts'

export interface PostgresSqlClientOptions {
  /** Host (or folder of the socket), port, user, password, database; anything `pg` takes. */
  readonly connection: Pick<PoolConfig, 'host' | 'port' | 'user' | 'password' | 'database' | 'connectionString' | 'ssl'>
  /** Shown by the server beside our sessions. */
  readonly applicationName: string
  readonly connectionsMax?: number
  /** Calls that may wait for a connection at once. */
  readonly waitingMax?: number
  /** Until a call has a connection, whether it waits for a free one or for a new one. */
  readonly connectTimeoutMs?: number
  readonly statementTimeoutMs?: number
  /** A transaction in which nothing happens for so long is ended, with its locks. */
  readonly transactionIdleTimeoutMs?: number
  /** A connection nobody uses is closed after this. */
  readonly connectionIdleTimeoutMs?: number
  /** How often a connection that listens is asked whether it is there still. */
  readonly listenCheckMs?: number
  /** Longest pause between two tries to listen again. */
  readonly listenRetryMsMax?: number
}

/** How much longer than the server we wait for a statement, so that its own, clearer answer comes first. */
const graceMs = 500

/** Connects when it is used first, so it opens while the server is away. */
export function openPostgresSqlClient(options: PostgresSqlClientOptions): SqlClient {
  const statementTimeoutMs = options.statementTimeoutMs ?? 5000
  const waitingMax = options.waitingMax ?? 500
  const connectTimeoutMs = options.connectTimeoutMs ?? 5000
  const pool = new pg.Pool({
    ...options.connection,
    application_name: options.applicationName,
    max: options.connectionsMax ?? 4,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: options.connectionIdleTimeoutMs ?? 60_000,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: options.transactionIdleTimeoutMs ?? 30_000,
    keepAlive: true,
    types: { getTypeParser: typeParser },
  })
  // A connection that breaks while nobody uses it is dropped by the pool; the next call opens another.
  pool.on('error', () => undefined)
  // One that breaks between two statements of a transaction says so here; the next statement of it then fails.
  pool.on('connect', (client) => client.on('error', () => undefined))
  const closed = new AbortController()
  const listening = new Set<Promise<void>>()
  let closing: Promise<void> | undefined

  async function withConnection<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    if (closing !== undefined) throw new Failure('SLUICE_STATE_CLOSED', 'The state store is closed.')
    if (pool.waitingCount >= waitingMax) {
      throw new Failure('SLUICE_STATE_BUSY', 'Too many calls wait for the state store.', { retryable: true })
    }
    const client = await pool.connect().catch((error: unknown) => {
      throw failureFrom(error, 'connecting').failure
    })
    const connection = new Connection(client)
    try {
      return await work(connection)
    } finally {
      client.release(connection.broken)
    }
  }

  return {
    query: <Row extends object>(text: string, values?: readonly SqlValue[]) =>
      withConnection(async (connection) => rowsOf<Row>(await connection.run(text, values, statementTimeoutMs))),
    transaction: (work, transactionOptions) =>
      withConnection((connection) => runTransaction(connection, work, statementTimeoutMs, transactionOptions)),
    async listen(channel, heard, signal) {
      const ended = listenForNotifications({
        client: { ...options.connection, application_name: options.applicationName },
        channel,
        heard,
        connectTimeoutMs,
        checkMs: options.listenCheckMs ?? 30_000,
        retryMsMax: options.listenRetryMsMax ?? 5000,
        signal: AbortSignal.any([signal, closed.signal]),
      })
      listening.add(ended)
      await ended
      listening.delete(ended)
    },
    close() {
      closed.abort()
      // A statement ends by its own timeout; this is for a server that does not even take a goodbye.
      closing ??= Promise.race([
        Promise.all([pool.end(), ...listening]).then(() => undefined),
        sleep(statementTimeoutMs + connectTimeoutMs, undefined, { ref: false }),
      ])
      return closing
    },
  }
}

/** One connection in use. */
class Connection {
  readonly #client: PoolClient
  /** True once its state is not known any more. */
  broken = false

  constructor(client: PoolClient) {
    this.#client = client
  }

  async run(text: string, values: readonly SqlValue[] | undefined, timeoutMs: number): Promise<QueryResult> {
    try {
      // Typings lack the per-query timeout that the driver has.
      const query: QueryConfig & { query_timeout: number } = { text, query_timeout: timeoutMs + graceMs }
      return await this.#client.query(values === undefined ? query : { ...query, values: [...values] })
    } catch (error) {
      const { failure, broken } = failureFrom(error, 'querying')
      this.broken ||= broken
      throw failure
    }
  }
}

async function runTransaction<T>(
  connection: Connection,
  work: (session: SqlSession) => Promise<T>,
  clientTimeoutMs: number,
  options: TransactionOptions = {},
): Promise<T> {
  const timeoutMs = options.statementTimeoutMs ?? clientTimeoutMs
  let open = true
  const session: SqlSession = {
    query: async <Row extends object>(text: string, values?: readonly SqlValue[]) => {
      if (!open) throw new Failure('SLUICE_STATE_CLOSED', 'The transaction of this session has ended.')
      return rowsOf<Row>(await connection.run(text, values, timeoutMs))
    },
  }
  try {
    await connection.run(`begin; set local statement_timeout = ${String(Math.floor(timeoutMs))}`, undefined, timeoutMs)
    const result = await work(session)
    open = false
    const { command } = await connection.run('commit', undefined, timeoutMs)
    // Postgres answers a commit of a transaction in which a statement failed with ROLLBACK and no error.
    if (command !== 'COMMIT') {
      throw new Failure('SLUICE_STATE_REFUSED', 'A statement failed, so nothing of its transaction was kept.')
    }
    return result
  } catch (error) {
    open = false
    if (!connection.broken)
      await connection.run('rollback', undefined, timeoutMs).catch(() => (connection.broken = true))
    throw error
  }
}

/** Several statements yield several results, of which nobody wants the rows. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows what its SQL yields
function rowsOf<Row extends object>(result: QueryResult | QueryResult[]): readonly Row[] {
  return Array.isArray(result) ? [] : (result.rows as readonly Row[])
}

const typeParser: typeof pg.types.getTypeParser = (type, format): unknown =>
  type === pg.types.builtins.INT8 ? exactNumber : pg.types.getTypeParser(type, format)

function exactNumber(text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number)) return number
  throw new Failure('SLUICE_STATE_REFUSED', `${text} is too large for an exact number; select it as text.`)
}

interface Classified {
  readonly failure: Failure
  /** True when the connection must not be used again. */
  readonly broken: boolean
}

function failureFrom(error: unknown, during: 'connecting' | 'querying'): Classified {
  if (error instanceof Failure) return { failure: error, broken: false }
  const state = sqlStateOf(error)
  if (state === undefined || isAway(state)) {
    const message = `The state store does not answer: ${messageOf(error)}`
    return {
      failure: new Failure('SLUICE_STATE_UNAVAILABLE', message, { retryable: true, cause: error }),
      broken: true,
    }
  }
  if (state === '57014') {
    const message = 'The state store took too long for a statement.'
    return { failure: new Failure('SLUICE_STATE_TIMEOUT', message, { retryable: true, cause: error }), broken: false }
  }
  if (state === '40001' || state === '40P01' || state === '55P03') {
    const message = 'Another transaction was in the way.'
    return { failure: new Failure('SLUICE_STATE_CONFLICT', message, { retryable: true, cause: error }), broken: false }
  }
  if (state === '42P01') {
    const message = `The state store is not set up: ${messageOf(error)}`
    return { failure: new Failure('SLUICE_STATE_NOT_READY', message, { retryable: true, cause: error }), broken: false }
  }
  const message = `The state store refuses: ${messageOf(error)} (${state})`
  return { failure: new Failure('SLUICE_STATE_REFUSED', message, { cause: error }), broken: during === 'connecting' }
}

/** SQLSTATE of an error that the server sent; the driver's and the system's own errors have none. */
function sqlStateOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? codeOf(error) : undefined
}

/** Connection trouble (08), no connections or disk or memory left (53), shutting down or starting (57P), idle too long (25P03). */
function isAway(state: string): boolean {
  return state.startsWith('08') || state.startsWith('53') || state.startsWith('57P') || state === '25P03'
}
