import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { EngineLink } from '../engine-link.ts'
import type { ClickhouseOptions } from './clickhouse-options.ts'

/** Connections to one address for one use. Statements run side by side, as many as there are sockets. */
export interface ClickhouseLink extends EngineLink {
  /** Runs a statement that reads and gives its answer as it is, once it is whole. */
  answer(asked: AskedStatement): Promise<string>
}

export interface AskedStatement {
  readonly sql: string
  /** And parameters of the HTTP interface: what stands in the URL. */
  readonly settings: Readonly<Record<string, string | number>>
  readonly signal: AbortSignal
}

/**
 * Answers come when they are whole: what fails half-way then has a status and a code instead of half an answer. Who goes away
 * leaves nothing behind that computes.
 */
const whole = { wait_end_of_query: 1 } as const

export function connectClickhouse(
  options: ClickhouseOptions,
  url: string,
  timeoutMs: number,
  socketsMax: number,
): ClickhouseLink {
  const client = createClient({
    url,
    username: options.user,
    password: options.password,
    application: 'sluice',
    request_timeout: timeoutMs,
    max_open_connections: socketsMax,
    keep_alive: { enabled: true, idle_socket_ttl: options.idleSocketMs, eagerly_destroy_stale_sockets: true },
    // It would write to the terminal; what it says comes back as an error as well.
    log: { level: ClickHouseLogLevel.OFF },
    ...(options.ca === undefined ? {} : { tls: { ca_cert: Buffer.from(options.ca) } }),
  })
  return {
    async command(sql) {
      await client.command({ query: sql, clickhouse_settings: whole })
    },
    async rows(sql) {
      const result = await client.query({
        query: sql,
        format: 'JSONCompactEachRow',
        clickhouse_settings: { ...whole, output_format_json_quote_64bit_integers: 0 },
      })
      return await result.json<unknown[]>()
    },
    async insert({ table, format, values, settings }) {
      const result = await client.exec({
        query: `INSERT INTO ${table} FORMAT ${format}`,
        values: Readable.from([values]),
        clickhouse_settings: { ...settings, ...whole },
      })
      await text(result.stream)
    },
    async answer({ sql, settings, signal }) {
      const result = await client.exec({
        query: sql,
        clickhouse_settings: { ...settings, ...whole },
        abort_signal: signal,
      })
      const onAbort = () => result.stream.destroy()
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        return await text(result.stream)
      } finally {
        signal.removeEventListener('abort', onAbort)
      }
    },
    close: () => client.close(),
  }
}
