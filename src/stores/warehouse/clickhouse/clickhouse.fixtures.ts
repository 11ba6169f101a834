import { randomBytes } from 'node:crypto'
import { connectClickhouse } from './clickhouse-link.ts'
import { clickhouseDefaults } from './clickhouse-options.ts'
import type { ClickhouseOptions } from './clickhouse-options.ts'
import { openClickhouseServer } from './clickhouse-server.ts'
import type { ClickhouseServer } from './clickhouse-server.ts'

/** A database of one's own on the server at an address; small pages and few sockets, so that tests meet their bounds. */
export function ownOptions(address: string, own: Partial<ClickhouseOptions> = {}): ClickhouseOptions {
  const database = `test_${randomBytes(6).toString('hex')}`
  return { ...clickhouseDefaults, url: address, layout: { database }, requestTimeoutMs: 60_000, socketsMax: 2, ...own }
}

export function openServer(options: ClickhouseOptions): Promise<ClickhouseServer> {
  return openClickhouseServer(options, (work) => work())
}

/** A look behind the ports. */
export function lookAt(options: ClickhouseOptions) {
  const link = connectClickhouse(options, options.url, options.requestTimeoutMs, 2)
  const { database } = options.layout
  return {
    ...link,
    async objects(sql: string): Promise<Readonly<Record<string, unknown>>[]> {
      const json = await link.answer({
        sql,
        settings: { default_format: 'JSONEachRow', output_format_json_quote_64bit_integers: 0 },
        signal: new AbortController().signal,
      })
      const lines = json.split('\n').filter((line) => line !== '')
      return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
    },
    async removeDatabases(): Promise<void> {
      const found = await link.rows(`SELECT name FROM system.databases WHERE startsWith(name, '${database}')`)
      for (const [name] of found) await link.command(`DROP DATABASE IF EXISTS \`${String(name)}\` SYNC`)
      await link.close()
    },
  }
}
