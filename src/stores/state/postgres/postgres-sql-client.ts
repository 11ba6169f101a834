/**
 * `SqlClient` over the `pg` driver: for the bundled Postgres and for any other.
 *
 * A connection is given up, not reused, as soon as it is not known to be idle and in order. Nothing waits without a bound:
 * for a free or new connection `connectTimeoutMs`, for a statement `statementTimeoutMs` by the server and a little
 * more by ourselves, in case the server is what hangs.
 *
 * Words:
 * - way: one way to reach a server: where it is, with or without TLS. There may be several; new connections take the one that
 *   worked last, and the next one when it fails. All of them are tried once before a call is told that the server is away.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { ClientConfig, PoolClient, QueryConfig, QueryResult } from 'pg'
import { codeOf, Failure, messageOf } from '../../../kit/failure.ts'
import type { SqlClient, SqlSession, SqlValue, TransactionOptions } from '../sql-client.ts'
import { listenForNotifications } from './listen-for-notifications.ts'

export interface PostgresSqlClientOptions {
  /** Host (or folder of the socket), port, user, password, database. `database-url.ts` makes these of an address. */
  readonly connection: Way
  /** Tried in their order when `connection` fails. */
  readonly otherWays?: readonly Way[]
  /** With `read-write` a server that takes no writes counts as away: a standby, or what was the primary. */
  readonly session?: TargetSession
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

/** read-write: a server that takes writes, so the primary. any: a standby as well. */
export type TargetSession = 'any' | 'read-write'

export type Way = Pick<
  ClientConfig,
  'host' | 'port' | 'user' | 'password' | 'database' | 'connectionString' | 'ssl' | 'options' | 'enableChannelBinding'
> & { readonly sslnegotiation?: 'direct' }

export interface PostgresSqlClient extends SqlClient {
  health(): PostgresHealth
}

export interface PostgresHealth {
  /** `unknown` until the first call. */
  readonly state: 'unknown' | 'reached' | 'away'
  /** What was wrong when it was last away; it says no secret. */
  readonly reason?: string
  /** Host and port, or the folder of the socket, that connections are made to now. */
  readonly place: string
  readonly encrypted: boolean
  /** Connections of the pool, and those of them that nobody uses. */
  readonly connections: number
  readonly idleConnections: number
  readonly connectionsMax: number
  /** Calls that wait for a connection. */
  readonly waiting: number
}

/** How much longer than the server we wait for a statement, so that its own, clearer answer comes first. */
const graceMs = 500

/** Connects when it is used first, so it opens while the server is away. */
export function openPostgresSqlClient(options: PostgresSqlClientOptions): PostgresSqlClient {
  const statementTimeoutMs = options.statementTimeoutMs ?? 5000
  const waitingMax = options.waitingMax ?? 500
  const connectTimeoutMs = options.connectTimeoutMs ?? 5000
  const connectionsMax = options.connectionsMax ?? 4
  const ways = new Ways([options.connection, ...(options.otherWays ?? [])])
  const pool = new pg.Pool({
    Client: clientsOf(ways),
    application_name: options.applicationName,
    max: connectionsMax,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: options.connectionIdleTimeoutMs ?? 60_000,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: options.transactionIdleTimeoutMs ?? 30_000,
    keepAlive: true,
    types: { getTypeParser: typeParser },
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- the pool waits for it; the typings lag behind
    ...(options.session === 'read-write' ? { onConnect: refuseWithoutWrites } : {}),
  })
  // A connection that breaks while nobody uses it is dropped by the pool; the next call opens another.
  pool.on('error', () => undefined)
  // One that breaks between two statements of a transaction says so here; the next statement of it then fails.
  pool.on('connect', (client) => client.on('error', () => undefined))
  const closed = new AbortController()
  const listening = new Set<Promise<void>>()
  let closing: Promise<void> | undefined
  let state: PostgresHealth['state'] = 'unknown'
  let reason: string | undefined

  async function connect(): Promise<PoolClient> {
    const failures: Failure[] = []
    for (let left = ways.count; left > 0; left--) {
      const way = ways.current
      try {
        return await pool.connect()
      } catch (error) {
        const { failure } = failureFrom(error, 'connecting')
        failures.push(failure)
        if (!mayHelpElsewhere(error)) break
        ways.leave(way)
      }
    }
    throw mostTelling(failures)
  }

  async function withConnection<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    if (closing !== undefined) throw new Failure('SLUICE_STATE_CLOSED', 'The state store is closed.')
    if (pool.waitingCount >= waitingMax) {
      throw new Failure('SLUICE_STATE_BUSY', 'Too many calls wait for the state store.', { retryable: true })
    }
    const connection = new Connection(await connect().catch(isAwayBy))
    try {
      const result = await work(connection)
      state = 'reached'
      return result
    } catch (error) {
      return isAwayBy(error)
    } finally {
      connection.release()
    }
  }

  /** Remembers how it went for the health, and throws it on. */
  function isAwayBy(error: unknown): never {
    const away = error instanceof Failure && error.code === 'SLUICE_STATE_UNAVAILABLE'
    state = away ? 'away' : state
    reason = away ? error.message : reason
    throw error
  }

  return {
    query: <Row extends object>(text: string, values?: readonly SqlValue[]) =>
      withConnection(async (connection) => rowsOf<Row>(await connection.run(text, values, statementTimeoutMs))),
    transaction: (work, transactionOptions) =>
      withConnection((connection) => runTransaction(connection, work, statementTimeoutMs, transactionOptions)),
    async listen(channel, heard, signal) {
      const ended = listenForNotifications({
        open: (bounds) =>
          new pg.Client({ ...ways.current, application_name: options.applicationName, keepAlive: true, ...bounds }),
        failed: () => ways.leave(ways.current),
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
    health: () => ({
      state,
      ...(reason === undefined ? {} : { reason }),
      place: `${ways.current.host ?? 'localhost'}${ways.current.port === undefined ? '' : `:${String(ways.current.port)}`}`,
      encrypted: ways.current.ssl !== undefined && ways.current.ssl !== false,
      connections: pool.totalCount,
      idleConnections: pool.idleCount,
      connectionsMax,
      waiting: pool.waitingCount,
    }),
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

/** The ways to the server, and which one is taken now. */
class Ways {
  readonly #ways: readonly [Way, ...Way[]]
  #at = 0

  constructor(ways: readonly [Way, ...Way[]]) {
    this.#ways = ways
  }

  get count(): number {
    return this.#ways.length
  }

  get current(): Way {
    return this.#ways[this.#at] ?? this.#ways[0]
  }

  /** To the next one, unless somebody else has left it already. */
  leave(way: Way): void {
    if (way === this.current) this.#at = (this.#at + 1) % this.#ways.length
  }
}

/** Of what the ways said: a refusal before what may pass, and last that a server has no TLS, where that was only preferred. */
function mostTelling(failures: readonly Failure[]): Failure {
  const others = failures.filter(({ cause }) => messageOf(cause) !== noTls)
  const told = others.findLast(({ retryable }) => !retryable) ?? others.at(-1) ?? failures.at(-1)
  if (told === undefined) throw new RangeError('Nothing failed.')
  return told
}

/** The pool makes a client for each connection: over the way that is taken at that moment. */
function clientsOf(ways: Ways): new () => pg.ClientBase {
  return class extends pg.Client {
    constructor(config?: ClientConfig) {
      super({ ...config, ...ways.current })
    }
  }
}

async function refuseWithoutWrites(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ readonly transaction_read_only: string }>('show transaction_read_only')
  if (rows[0]?.transaction_read_only !== 'on') return
  throw new Failure('SLUICE_STATE_UNAVAILABLE', 'The state store takes no writes: it is a standby.', {
    retryable: true,
  })
}

/** One connection in use. */
class Connection {
  readonly #client: PoolClient
  /** True once its state is not known any more. */
  broken = false

  constructor(client: PoolClient) {
    this.#client = client
  }

  release(): void {
    this.#client.release(this.broken)
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
    // Whatever the server's default is: who waits for a lock must see what its last holder has done.
    await connection.run(
      `begin isolation level read committed; set local statement_timeout = ${String(Math.floor(timeoutMs))}`,
      undefined,
      timeoutMs,
    )
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
  if (during === 'connecting' && isTlsRefusal(error)) {
    const message = `The connection to the state store is not safe: ${messageOf(error)}`
    return { failure: new Failure('SLUICE_STATE_REFUSED', message, { cause: error }), broken: true }
  }
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

/**
 * Connection trouble (08), no connections or disk or memory left (53), shutting down or starting (57P), idle too long (25P03), or
 * no primary any more (25006): another connection leads to the one that took over.
 */
function isAway(state: string): boolean {
  return /^(08|53|57P|25P03$|25006$)/.test(state)
}

/** Somebody must act: no waiting makes a certificate right, or a server speak TLS that does not. */
function isTlsRefusal(error: unknown): boolean {
  return (
    messageOf(error) === noTls || /^(ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|CERT_)/.test(codeOf(error) ?? '')
  )
}

/** What the driver says where the server answers that it has no TLS. */
const noTls = 'The server does not support SSL connections'
/** What the pool says when all of its connections are in use: then another way would not do better. */
const noneFree = 'timeout exceeded when trying to connect'

/** No other host knows another password; but one may be a primary, and without TLS another rule of the server may hold (28000). */
function mayHelpElsewhere(error: unknown): boolean {
  if (messageOf(error) === noneFree) return false
  const state = sqlStateOf(error)
  return state === undefined || isAway(state) || state === '28000'
}
