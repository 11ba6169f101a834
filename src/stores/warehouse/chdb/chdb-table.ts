import { Failure } from '../../../kit/failure.ts'
import { migrate, readMigrations } from '../migrations.ts'
import { sqlString } from '../sql-text.ts'
import { tokensKeptMin } from '../warehouse.ts'
import type {
  InsertBlock,
  LedgerLine,
  OffsetRange,
  PresentRow,
  RowRange,
  TableName,
  WarehouseSize,
  WarehouseTable,
} from '../warehouse.ts'
import type { PlacedRow } from '../warehouse-row.ts'
import type { ChdbEngine, ChdbLink } from './chdb-engine.ts'
import { engineCodeOf, engineMessageOf } from './chdb-error.ts'

export interface ChdbTableConfig {
  /** How many offsets `present` reads at a time. */
  readonly pageOffsetsMax: number
  /** Rows of one block; a block larger than the engine's own limit would become several parts. */
  readonly blockRowsMax: number
  readonly blockBytesMax: number
}

export const chdbTableDefaults: ChdbTableConfig = {
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

/** Opens one table; the first of an engine's makes them all. Two at a time may not be opened. */
export async function openChdbTable(
  engine: ChdbEngine,
  table: TableName,
  config: ChdbTableConfig = chdbTableDefaults,
): Promise<ChdbTable> {
  const writing = engine.connect()
  const reading = engine.connect()
  const opened = new ChdbTable(table, { writing, reading }, config)
  try {
    await migrate({ run: (sql) => command(writing, sql), rows: (sql) => rowsOf(writing, sql) }, await readMigrations())
    await checkTable(reading, table)
    // Whoever closed it on this engine before has stopped them.
    await command(writing, `SYSTEM START MERGES sluice.${table}`)
  } catch (cause) {
    await opened.close()
    throw cause
  }
  return opened
}

export class ChdbTable implements WarehouseTable {
  readonly #name: TableName
  readonly #writing: ChdbLink
  readonly #reading: ChdbLink
  readonly #config: ChdbTableConfig
  #inserting: Promise<void> = Promise.resolve()
  /** Until a block was new: a migration may have made the table anew, which then knows no tokens of before. */
  #looksBeforeInsert = true
  #closed: Promise<void> | undefined

  constructor(name: TableName, links: Record<'writing' | 'reading', ChdbLink>, config: ChdbTableConfig) {
    this.#name = name
    this.#writing = links.writing
    this.#reading = links.reading
    this.#config = config
  }

  get isClosed(): boolean {
    return this.#closed !== undefined
  }

  insert(block: InsertBlock): Promise<void> {
    // A link takes one statement at a time: later blocks wait here, not on a thread of libuv's pool.
    const turn = this.#inserting.then(() => this.#insert(block))
    this.#inserting = turn.catch(() => undefined)
    return turn
  }

  async #insert(block: InsertBlock): Promise<void> {
    this.checkOpen()
    const values = this.#checkedRows(block)
    try {
      if (!(this.#looksBeforeInsert && (await this.#hasRows(block, values)))) {
        await this.#writing.rawInsert({
          table: `sluice.${this.#name}`,
          format: 'JSONEachRow',
          values,
          settings: { insert_deduplication_token: block.token, ...blockSettings },
        })
        this.#looksBeforeInsert = false
      }
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

  /** Whether every row of a block is in the table. Rows that cannot be read are for the engine to refuse. */
  async #hasRows({ ranges, month }: InsertBlock, values: Buffer): Promise<boolean> {
    const wanted = placesIn(values)
    if (wanted === undefined) return false
    for (const { partition, fromOffset, toOffset } of ranges) {
      const present = await this.#rows(
        `SELECT _partition, _incarnation, _offset, _index, toString(uuid) FROM sluice.${this.#name}
        WHERE _partition = ${String(partition)} AND _offset >= ${String(fromOffset)} AND _offset < ${String(toOffset)}
          AND toYYYYMM(accepted_at) = ${String(month)}`,
      )
      for (const place of present) wanted.delete(place.join(' '))
    }
    return wanted.size === 0
  }

  async #insertLedger({ token, month, ranges }: InsertBlock): Promise<void> {
    const ofTable = ledgerName(this.#name)
    const lines = ranges.map(({ partition, fromOffset, toOffset, rowCount, idSetHash }) =>
      JSON.stringify([partition, fromOffset, toOffset, month, rowCount, String(idSetHash), token, Date.now(), ofTable]),
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
        `SELECT _incarnation, _offset, _index, toString(uuid) FROM sluice.${this.#name}
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
      WHERE of_table = ${sqlString(ledgerName(this.#name))}
        AND partition = ${String(partition)} AND from_offset < ${String(toOffset)} AND to_offset > ${String(fromOffset)}
      ORDER BY from_offset, to_offset, month, token`,
    )
    return rows.map(ledgerLineFrom)
  }

  async size(): Promise<WarehouseSize> {
    const [row] = await this.#rows(
      `SELECT sum(rows), sum(bytes_on_disk), count() FROM system.parts
      WHERE database = 'sluice' AND table = ${sqlString(this.#name)} AND active`,
    )
    return { rows: Number(row?.[0] ?? 0), bytesOnDisk: Number(row?.[1] ?? 0), parts: Number(row?.[2] ?? 0) }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#inserting
    // A merge that is broken off leaves the parts as they were. Until the table is opened again it merges nothing.
    await command(this.#reading, `SYSTEM STOP MERGES sluice.${this.#name}`).catch(() => undefined)
    await this.#writing.close()
    await this.#reading.close()
  }

  async #rows(sql: string): Promise<readonly (readonly unknown[])[]> {
    this.checkOpen()
    return await answering(() => rowsOf(this.#reading, sql))
  }

  checkOpen(): void {
    if (this.#closed !== undefined) throw new Failure('SLUICE_WAREHOUSE_CLOSED', 'The warehouse is closed.')
  }
}

/** What the engine fails with while it is asked may be over when it is asked again. */
export async function answering<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new Failure('SLUICE_WAREHOUSE_READ', `The warehouse did not answer: ${engineMessageOf(cause)}`, {
      retryable: true,
      cause,
    })
  }
}

/** As `of_table` has it: lines of before there were other tables have none. */
function ledgerName(table: TableName): string {
  return table === 'events' ? '' : table
}

/** The promise about tokens and durability rests on the table's settings, which an operator may have changed. */
async function checkTable(link: ChdbLink, table: TableName): Promise<void> {
  const [row] = await rowsOf(
    link,
    `SELECT create_table_query FROM system.tables WHERE database = 'sluice' AND name = ${sqlString(table)}`,
  )
  const definition = String(row?.[0])
  const setting = (name: string) => Number(new RegExp(`\\b${name} = (\\d+)`).exec(definition)?.[1] ?? 0)
  const wanted = { non_replicated_deduplication_window: tokensKeptMin, fsync_after_insert: 1, fsync_part_directory: 1 }
  for (const [name, min] of Object.entries(wanted)) {
    if (setting(name) >= min) continue
    throw new Failure(
      'SLUICE_WAREHOUSE_SETTINGS',
      `The table sluice.${table} has ${name} = ${String(setting(name))}, and at least ${String(min)} is needed for rows to be stored once and durably. Set it: ALTER TABLE sluice.${table} MODIFY SETTING ${name} = ${String(min)}.`,
    )
  }
}

export async function command(link: ChdbLink, sql: string): Promise<void> {
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

/** Place and uuid of each row, as the table is asked for them; undefined when a row is no JSON. */
function placesIn(rows: Buffer): Set<string> | undefined {
  const places = new Set<string>()
  try {
    for (const line of rows.toString().trimEnd().split('\n')) {
      const { _partition, _incarnation, _offset, _index, uuid } = JSON.parse(line) as PlacedRow
      places.add([_partition, _incarnation, _offset, _index, uuid].join(' '))
    }
  } catch {
    return undefined
  }
  return places
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
