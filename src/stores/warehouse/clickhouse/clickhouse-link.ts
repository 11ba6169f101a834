import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { ClickHouseError, ClickHouseLogLevel, createClient, parseError } from '@clickhouse/client'
import { HttpAnswerError } from '../engine-error.ts'
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
  const asked = async ({ sql, settings, signal, values }: Asked): Promise<string> => {
    const answer = await client.exec({
      query: sql,
      clickhouse_settings: { ...settings, ...whole },
      // The client would throw away the status, which is all that is said when nobody who speaks ClickHouse answers.
      ignore_error_response: true,
      ...(values === undefined ? {} : { values: Readable.from([values]) }),
      ...(signal === undefined ? {} : { abort_signal: signal }),
    })
    const onAbort = () => answer.stream.destroy()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      const said = await text(answer.stream)
      const { http_status_code: status = 0, response_headers: headers } = answer
      if (status >= 200 && status < 300 && headers['x-clickhouse-exception-code'] === undefined) return said
      const error = parseError(said)
      throw error instanceof ClickHouseError ? error : new HttpAnswerError(status, said)
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }
  return {
    async command(sql) {
      await asked({ sql })
    },
    async rows(sql) {
      const lines = await asked({
        sql,
        settings: { default_format: 'JSONCompactEachRow', output_format_json_quote_64bit_integers: 0 },
      })
      return lines
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as unknown[])
    },
    async insert({ table, format, values, settings }) {
      await asked({ sql: `INSERT INTO ${table} FORMAT ${format}`, settings, values })
    },
    answer: asked,
    close: () => client.close(),
  }
}

interface Asked {
  readonly sql: string
  readonly settings?: Readonly<Record<string, string | number>>
  readonly signal?: AbortSignal
  readonly values?: Buffer
}
