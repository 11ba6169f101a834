import { Failure } from '../../kit/failure.ts'
import { engineCodeOf, engineMessageOf } from './engine-error.ts'
import { blockSettings, insertLedger, ledgerName } from './engine-inserts.ts'
import type { EngineLink } from './engine-link.ts'
import { onCluster, storedTable, storedTableName, systemTable, tableName, tokensKeptSeconds } from './layout.ts'
import type { Layout } from './layout.ts'
import { sqlString } from './sql-text.ts'
import { tokensKeptMin } from './warehouse.ts'
import type {
  InsertBlock,
  LedgerLine,
  OffsetRange,
  PresentRow,
  RowRange,
  TableName,
  WarehouseSize,
  WarehouseTable,
} from './warehouse.ts'
import type { PlacedRow } from './warehouse-row.ts'

export interface EngineTableConfig {
  /** How many offsets `present` reads at a time. */
  readonly pageOffsetsMax: number
  /** Rows of one block; a block larger than the engine's own limit would become several parts. */
  readonly blockRowsMax: number
  readonly blockBytesMax: number
}

export const engineTableDefaults: EngineTableConfig = {
  pageOffsetsMax: 65_536,
  blockRowsMax: 1_000_000,
  blockBytesMax: 1024 ** 3,
}

/** Engine errors that say "these rows are wrong": trying again cannot help. */
const rowErrorCodes = new Set([6, 26, 27, 33, 38, 41, 53, 69, 72, 117, 130, 131, 158, 252, 349, 376])

export interface EngineTableParts {
  readonly name: TableName
  readonly layout: Layout
  readonly writing: EngineLink
  readonly reading: EngineLink
  readonly config: EngineTableConfig
  /** Before the links are closed: what of the engine's own work has to end first. */
  readonly onClose: () => Promise<void>
}

/** A table of the MergeTree family as the port promises it. Whoever makes one has migrated and checked it before. */
export class EngineTable implements WarehouseTable {
  readonly #name: TableName
  readonly #layout: Layout
  readonly #writing: EngineLink
  readonly #reading: EngineLink
  readonly #config: EngineTableConfig
  readonly #onClose: () => Promise<void>
  #inserting: Promise<void> = Promise.resolve()
  /** Until a block was new: a migration may have made the table anew, which then knows no tokens of before. */
  #looksBeforeInsert = true
  #closed: Promise<void> | undefined

  constructor({ name, layout, writing, reading, config, onClose }: EngineTableParts) {
    this.#name = name
    this.#layout = layout
    this.#writing = writing
    this.#reading = reading
    this.#config = config
    this.#onClose = onClose
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
        await this.#writing.insert({
          table: tableName(this.#layout, this.#name),
          format: 'JSONEachRow',
          values,
          settings: blockSettings(this.#layout, block.token),
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
    await this.#settle()
    for (const { partition, fromOffset, toOffset } of ranges) {
      const present = await this.#rows(
        `SELECT _partition, _incarnation, _offset, _index, toString(uuid) FROM ${tableName(this.#layout, this.#name)}
        WHERE _partition = ${String(partition)} AND _offset >= ${String(fromOffset)} AND _offset < ${String(toOffset)}
          AND toYYYYMM(accepted_at) = ${String(month)}`,
      )
      for (const place of present) wanted.delete(place.join(' '))
    }
    return wanted.size === 0
  }

  async #insertLedger({ token, month, ranges }: InsertBlock): Promise<void> {
    const nowMs = Date.now()
    const lines = ranges.map((range) => ({ ...range, month, token, insertedAtMs: nowMs }))
    await insertLedger(this.#writing, this.#layout, this.#name, lines)
  }

  async *present(range: RowRange): AsyncGenerator<readonly PresentRow[]> {
    const { pageOffsetsMax } = this.#config
    this.checkOpen()
    await this.#settle()
    for (let from = range.fromOffset; from < range.toOffset; from += pageOffsetsMax) {
      const to = Math.min(from + pageOffsetsMax, range.toOffset)
      const rows = await this.#rows(
        `SELECT _incarnation, _offset, _index, toString(uuid) FROM ${tableName(this.#layout, this.#name)}
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
      FROM ${tableName(this.#layout, 'ingest_ledger')} FINAL
      WHERE of_table = ${sqlString(ledgerName(this.#name))}
        AND partition = ${String(partition)} AND from_offset < ${String(toOffset)} AND to_offset > ${String(fromOffset)}
      ORDER BY from_offset, to_offset, month, token`,
    )
    return rows.map(ledgerLineFrom)
  }

  async size(): Promise<WarehouseSize> {
    const [row] = await this.#rows(
      `SELECT sum(rows), sum(bytes_on_disk), count() FROM ${systemTable(this.#layout, 'parts')}
      WHERE database = ${sqlString(this.#layout.database)} AND table = ${sqlString(storedTable(this.#layout, this.#name))} AND active`,
    )
    return { rows: Number(row?.[0] ?? 0), bytesOnDisk: Number(row?.[1] ?? 0), parts: Number(row?.[2] ?? 0) }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#inserting
    await this.#onClose()
    await this.#writing.close()
    await this.#reading.close()
  }

  /** An insert is answered when most replicas have it: the one that is asked next may be another. */
  async #settle(): Promise<void> {
    const { cluster } = this.#layout
    if (cluster === undefined) return
    await answering(() =>
      this.#reading.command(
        `SYSTEM SYNC REPLICA${onCluster(this.#layout)} ${storedTableName(this.#layout, this.#name)} LIGHTWEIGHT`,
      ),
    )
  }

  async #rows(sql: string): Promise<readonly (readonly unknown[])[]> {
    this.checkOpen()
    return await answering(() => this.#reading.rows(sql))
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

/** The promise about tokens and durability rests on the table's settings, which an operator may have changed. */
export async function checkTable(link: EngineLink, layout: Layout, table: TableName): Promise<void> {
  const stored = storedTable(layout, table)
  const [row] = await answering(() =>
    link.rows(
      `SELECT create_table_query FROM system.tables
      WHERE database = ${sqlString(layout.database)} AND name = ${sqlString(stored)}`,
    ),
  )
  const definition = String(row?.[0])
  const setting = (name: string) => Number(new RegExp(`\\b${name} = (\\d+)`).exec(definition)?.[1] ?? 0)
  const wanted = {
    ...(layout.cluster === undefined
      ? { non_replicated_deduplication_window: tokensKeptMin }
      : {
          replicated_deduplication_window: tokensKeptMin,
          replicated_deduplication_window_seconds: tokensKeptSeconds,
        }),
    fsync_after_insert: 1,
    fsync_part_directory: 1,
  }
  for (const [name, min] of Object.entries(wanted)) {
    if (setting(name) >= min) continue
    const named = storedTableName(layout, table)
    throw new Failure(
      'SLUICE_WAREHOUSE_SETTINGS',
      `The table ${named} has ${name} = ${String(setting(name))}, and at least ${String(min)} is needed for rows to be stored once and durably. Set it: ALTER TABLE ${named}${onCluster(layout)} MODIFY SETTING ${name} = ${String(min)}.`,
    )
  }
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
