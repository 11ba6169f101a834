import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from '@clickhouse/client'
import { drainPending, Session } from 'chdb'
import { createChdbConnection } from 'chdb/connection'
import { Failure } from '../../../kit/failure.ts'
import type { EngineLink } from '../engine-link.ts'
import type { ChdbEngineConfig } from './chdb-engine.config.ts'
import { engineMessageOf } from '../engine-error.ts'

type Client = ReturnType<typeof createClient>
type ClientOptions = NonNullable<Parameters<typeof createClient>[0]>
type NativeConnection = ReturnType<typeof createChdbConnection>

/**
 * ClickHouse inside this process, on one folder.
 *
 * Words:
 * - engine: the one ClickHouse of the process. It locks its folder; a second process is turned away.
 * - link: a connection of its own. A link runs one statement at a time and keeps what was `SET` on it; links run side
 *   by side, each statement on a thread of libuv's pool, so that pool must be larger than the number of links.
 * - holder: the first session. It hands the engine its settings and keeps it open until the last link is closed.
 */
export interface ChdbEngine {
  /** Costs less than a millisecond. */
  connect(): ChdbLink
  /** Waits for running statements, then gives the folder free. Links must be closed before. Safe to call twice. */
  close(): Promise<void>
}

export interface ChdbLink extends EngineLink {
  readonly client: Client
  /** Hands a buffer to the engine as it is; the client's own insert would make a string of it first. */
  rawInsert: NativeConnection['chdb']['rawInsert']
}

/** Older engines lack what the promises rest on: deduplication of plain MergeTree inserts and fsync of parts. */
const engineMajorMin = 26

export async function openChdbEngine(config: ChdbEngineConfig): Promise<ChdbEngine> {
  await mkdir(config.folder, { recursive: true })
  const configFile = join(config.folder, 'sluice-engine.xml')
  await writeFile(configFile, serverConfiguration(config))
  const holder = await openHolder(config.folder, configFile)
  try {
    checkVersion(holder.query('SELECT version()', 'TSV').trim())
  } catch (cause) {
    holder.close()
    throw cause
  }
  return {
    connect: () => connectChdb(config.folder),
    async close() {
      holder.close()
      await drainPending()
    },
  }
}

async function openHolder(folder: string, configFile: string): Promise<Session> {
  try {
    return new Session(folder, { connectionArgs: [`--config-file=${configFile}`] })
  } catch (cause) {
    const status = await readFile(join(folder, 'status'), 'utf8').catch(() => '')
    const pid = /PID: (\d+)/.exec(status)?.[1]
    const owner = pid === undefined ? 'another process' : `process ${pid}`
    throw new Failure(
      'SLUICE_WAREHOUSE_LOCKED',
      `The warehouse folder ${folder} could not be opened. Most likely ${owner} has it open: only one can. Engine: ${engineMessageOf(cause)}`,
      { cause },
    )
  }
}

function checkVersion(version: string): void {
  if (Number(version.split('.')[0]) >= engineMajorMin) return
  throw new Failure(
    'SLUICE_WAREHOUSE_ENGINE',
    `This needs ClickHouse ${String(engineMajorMin)} or newer in the package chdb; it says ${version}.`,
  )
}

/** @internal for tests that open the engine with a configuration of their own. */
export function connectChdb(folder: string): ChdbLink {
  const connection = createChdbConnection({ path: folder })
  const client = createClient({ connection: forClient(connection) })
  return {
    client,
    rawInsert: (params) => connection.chdb.rawInsert(params),
    async insert(lines) {
      await connection.chdb.rawInsert(lines)
    },
    async command(sql) {
      await client.command({ query: sql })
    },
    async rows(sql) {
      const result = await client.query({
        query: sql,
        format: 'JSONCompactEachRow',
        clickhouse_settings: { max_threads: 1, output_format_json_quote_64bit_integers: 0 },
      })
      return await result.json<unknown[]>()
    },
    close: () => client.close(),
  }
}

/** The two packages carry their own copies of one interface; a private field in it makes TypeScript tell them apart. */
function forClient(connection: NativeConnection): NonNullable<ClientOptions['connection']> {
  return connection as unknown as NonNullable<ClientOptions['connection']>
}

/** Server settings cannot be `SET`: the engine reads them from this file when it starts. */
function serverConfiguration(config: ChdbEngineConfig): string {
  const settings: Readonly<Record<string, number>> = {
    max_server_memory_usage: config.memoryBytesMax,
    mark_cache_size: config.cacheBytesMax,
    primary_index_cache_size: config.cacheBytesMax,
    index_mark_cache_size: Math.ceil(config.cacheBytesMax / 4),
    uncompressed_cache_size: 0,
    index_uncompressed_cache_size: 0,
    query_condition_cache_size: Math.ceil(config.cacheBytesMax / 4),
    compiled_expression_cache_size: Math.ceil(config.cacheBytesMax / 4),
    merges_mutations_memory_usage_soft_limit: Math.ceil(config.memoryBytesMax / 2),
    background_pool_size: config.backgroundThreads,
  }
  const lines = Object.entries(settings).map(([name, value]) => `  <${name}>${String(value)}</${name}>`)
  return `<clickhouse>\n${lines.join('\n')}\n</clickhouse>\n`
}
