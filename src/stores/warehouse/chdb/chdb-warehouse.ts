import { Failure } from '../../../kit/failure.ts'
import { migrate, readMigrations } from '../migrations.ts'
import {
  tokensKeptMin,
  type InsertBlock,
  type LedgerLine,
  type OffsetRange,
  type PresentRow,
  type RowRange,
  type Warehouse,
  type WarehouseSize,
} from '../warehouse.ts'
import type { ChdbEngine, ChdbLink } from './chdb-engine.ts'
import { engineCodeOf, engineMessageOf } from './chdb-error.ts'

export interface ChdbWarehouseConfig {
  /** How many offsets `present` reads at a time. */
  readonly pageOffsetsMax: number
  /** Rows of one block; a block larger than the engine's own limit would become several parts. */
  readonly blockRowsMax: number
  readonly blockBytesMax: number
}

export const chdbWarehouseDefaults: ChdbWarehouseConfig = {
  pageOffsetsMax: 65_536,
  blockRowsMax: 1_000_000,
  blockBytesMax: 1024 ** 3,
}

/**
 * One block becomes one part: a single reader (parallel reading also costs more CPU than it saves time), no split by
 * size, and a second month in it is an error. Unknown keys and nulls are errors too: a row is stored whole or not.
 */
const blockSettings = {
  input_format_parallel_parsing: 0,
  max_threads: 1,
  max_insert_threads: 1,
  max_insert_block_size: 2_000_000,
  min_insert_block_size_rows: 2_000_000,
  min_insert_block_size_bytes: 4 * 1024 ** 3,
  max_partitions_per_insert_block: 1,
  throw_on_max_partitions_per_insert_block: 1,
  insert_deduplicate: 1,
  // Versions are resolved by merges and questions; the part itself holds what the ledger says.
  optimize_on_insert: 0,
  async_insert: 0,
  input_format_skip_unknown_fields: 0,
  input_format_null_as_default: 0,
} as const

/** Engine errors that say "these rows are wrong": trying again cannot help. */
const rowErrorCodes = new Set([6, 26, 27, 33, 38, 41, 53, 69, 72, 117, 130, 131, 158, 252, 349, 376])

export async function openChdbWarehouse(
  engine: ChdbEngine,
  config: ChdbWarehouseConfig = chdbWarehouseDefaults,
): Promise<Warehouse> {
  const writing = engine.connect()
  const reading = engine.connect()
  const warehouse = new ChdbWarehouse(writing, reading, config)
  try {
    await migrate({ run: (sql) => command(writing, sql), rows: (sql) => rowsOf(writing, sql) }, await readMigrations())
    await checkTables(reading)
  } catch (cause) {
    await warehouse.close()
    throw cause
  }
  return warehouse
}

class ChdbWarehouse implements Warehouse {
  readonly #writing: ChdbLink
  readonly #reading: ChdbLink
  readonly #config: ChdbWarehouseConfig
  #inserting: Promise<void> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor(writing: ChdbLink, reading: ChdbLink, config: ChdbWarehouseConfig) {
    this.#writing = writing
    this.#reading = reading
    this.#config = config
  }

  insert(block: InsertBlock): Promise<void> {
    // A link takes one statement at a time: later blocks wait here, not on a thread of libuv's pool.
    const turn = this.#inserting.then(() => this.#insert(block))
    this.#inserting = turn.catch(() => undefined)
    return turn
  }

  async #insert(block: InsertBlock): Promise<void> {
    this.#checkOpen()
    const values = this.#checkedRows(block)
    try {
      await this.#writing.rawInsert({
        table: 'sluice.events',
        format: 'JSONEachRow',
        values,
        settings: { insert_deduplication_token: block.token, ...blockSettings },
      })
      if (block.ranges.length > 0) await this.#insertLedger(block)
    } catch (cause) {
      throw insertFailure(cause)
    }
  }

  #checkedRows({ token, rows, rowCount }: InsertBlock): Buffer {
    const { blockRowsMax, blockBytesMax } = this.#config
    const bytes = rows.reduce((sum, chunk) => sum + chunk.length, 0)
    if (!/^[\w.:@-]{1,100}$/.test(token)) throw rowFailure(`The token ${JSON.stringify(token)} is not permitted.`)
    if (rowCount > blockRowsMax || bytes > blockBytesMax) {
      throw rowFailure(`A block of ${String(rowCount)} rows and ${String(bytes)} bytes is too large.`)
    }
    const lines = rows.reduce((sum, chunk) => sum + newlinesIn(chunk), 0)
    if (lines !== rowCount || rowCount === 0) {
      throw rowFailure(`The block says ${String(rowCount)} rows and has ${String(lines)}.`)
    }
    const [only] = rows
    return rows.length === 1 && only !== undefined ? only : Buffer.concat(rows, bytes)
  }

  async #insertLedger({ token, month, ranges }: InsertBlock): Promise<void> {
    const lines = ranges.map(({ partition, fromOffset, toOffset, rowCount, idSetHash }) =>
      JSON.stringify([partition, fromOffset, toOffset, month, rowCount, String(idSetHash), token, Date.now()]),
    )
    await this.#writing.rawInsert({
      table: 'sluice.ingest_ledger',
      format: 'JSONCompactEachRow',
      values: Buffer.from(`${lines.join('\n')}\n`),
      settings: { max_threads: 1, max_insert_threads: 1, input_format_parallel_parsing: 0 },
    })
  }

  async *present(range: RowRange): AsyncGenerator<readonly PresentRow[]> {
    const { pageOffsetsMax } = this.#config
    for (let from = range.fromOffset; from < range.toOffset; from += pageOffsetsMax) {
      const to = Math.min(from + pageOffsetsMax, range.toOffset)
      const rows = await this.#rows(
        `SELECT _incarnation, _offset, _index, toString(uuid) FROM sluice.events
        WHERE _partition = ${String(range.partition)} AND _offset >= ${String(from)} AND _offset < ${String(to)}
          AND accepted_at >= fromUnixTimestamp64Milli(${String(range.acceptedFromMs)}, 'UTC')
          AND accepted_at <= fromUnixTimestamp64Milli(${String(range.acceptedToMs)}, 'UTC')
        ORDER BY _offset, _index, uuid`,
      )
      if (rows.length > 0) yield rows.map(presentRowFrom)
    }
  }

  async ledger({ partition, fromOffset, toOffset }: OffsetRange): Promise<readonly LedgerLine[]> {
    const rows = await this.#rows(
      `SELECT partition, from_offset, to_offset, month, row_count, toString(id_set_hash), token,
        toUnixTimestamp64Milli(inserted_at)
      FROM sluice.ingest_ledger FINAL
      WHERE partition = ${String(partition)} AND from_offset < ${String(toOffset)} AND to_offset > ${String(fromOffset)}
      ORDER BY from_offset, to_offset, month, token`,
    )
    return rows.map(ledgerLineFrom)
  }

  async size(): Promise<WarehouseSize> {
    const [row] = await this.#rows(
      `SELECT sum(rows), sum(bytes_on_disk), count() FROM system.parts
      WHERE database = 'sluice' AND table = 'events' AND active`,
    )
    return { rows: Number(row?.[0] ?? 0), bytesOnDisk: Number(row?.[1] ?? 0), parts: Number(row?.[2] ?? 0) }
  }

  close(): Promise<void> {
    this.#closed ??= this.#inserting.then(async () => {
      await this.#writing.close()
      await this.#reading.close()
    })
    return this.#closed
  }

  async #rows(sql: string): Promise<readonly (readonly unknown[])[]> {
    this.#checkOpen()
    try {
      return await rowsOf(this.#reading, sql)
    } catch (cause) {
      throw new Failure('SLUICE_WAREHOUSE_READ', `The warehouse did not answer: ${engineMessageOf(cause)}`, {
        retryable: true,
        cause,
      })
    }
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new Failure('SLUICE_WAREHOUSE_CLOSED', 'The warehouse is closed.')
  }
}

/** The promise about tokens and durability rests on the table's settings, which an operator may have changed. */
async function checkTables(link: ChdbLink): Promise<void> {
  const [row] = await rowsOf(
    link,
    "SELECT create_table_query FROM system.tables WHERE database = 'sluice' AND name = 'events'",
  )
  const definition = String(row?.[0])
  const setting = (name: string) => Number(new RegExp(`\\b${name} = (\\d+)`).exec(definition)?.[1] ?? 0)
  const wanted = { non_replicated_deduplication_window: tokensKeptMin, fsync_after_insert: 1, fsync_part_directory: 1 }
  for (const [name, min] of Object.entries(wanted)) {
    if (setting(name) >= min) continue
    throw new Failure(
      'SLUICE_WAREHOUSE_SETTINGS',
      `The table sluice.events has ${name} = ${String(setting(name))}, and at least ${String(min)} is needed for rows to be stored once and durably. Set it: ALTER TABLE sluice.events MODIFY SETTING ${name} = ${String(min)}.`,
    )
  }
}

async function command(link: ChdbLink, sql: string): Promise<void> {
  await link.client.command({ query: sql })
}

async function rowsOf(link: ChdbLink, sql: string): Promise<readonly (readonly unknown[])[]> {
  const result = await link.client.query({
    query: sql,
    format: 'JSONCompactEachRow',
    clickhouse_settings: { max_threads: 1, output_format_json_quote_64bit_integers: 0 },
  })
  return await result.json<unknown[]>()
}

function presentRowFrom([incarnation, offset, index, uuid]: readonly unknown[]): PresentRow {
  return { incarnation: Number(incarnation), offset: Number(offset), index: Number(index), uuid: String(uuid) }
}

function ledgerLineFrom(row: readonly unknown[]): LedgerLine {
  const [partition, fromOffset, toOffset, month, rowCount, idSetHash, token, insertedAtMs] = row
  return {
    partition: Number(partition),
    fromOffset: Number(fromOffset),
    toOffset: Number(toOffset),
    month: Number(month),
    rowCount: Number(rowCount),
    idSetHash: BigInt(String(idSetHash)),
    token: String(token),
    insertedAtMs: Number(insertedAtMs),
  }
}

const newline = 10

function newlinesIn(chunk: Buffer): number {
  let count = 0
  for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, at + 1)) count += 1
  return count
}

function rowFailure(message: string, cause?: unknown): Failure {
  return new Failure('SLUICE_WAREHOUSE_ROW', message, { cause })
}

function insertFailure(cause: unknown): Failure {
  if (cause instanceof Failure) return cause
  const message = engineMessageOf(cause)
  const code = engineCodeOf(cause)
  if (code === 252 && message.includes('partitions for single INSERT block')) {
    return rowFailure(`The rows of the block do not share a month of acceptance: ${message}`, cause)
  }
  if (code !== undefined && rowErrorCodes.has(code) && code !== 252) {
    return rowFailure(`The engine cannot read a row: ${message}`, cause)
  }
  return new Failure('SLUICE_WAREHOUSE_INSERT', `The engine did not take the block: ${message}`, {
    retryable: true,
    cause,
  })
}
