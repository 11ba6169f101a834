/**
 * A warehouse in memory, for tests of stages: keeps every promise but the one about crashes of the machine. What it holds
 * lies in a `MemoryTable`, so that a warehouse can be closed and another one opened on the same rows.
 */
import { Failure, messageOf } from '../../../kit/failure.ts'
import { tokensKeptMin } from '../warehouse.ts'
import type { InsertBlock, LedgerLine, OffsetRange, PresentRow, RowRange, Warehouse } from '../warehouse.ts'
import type { WarehouseRow } from '../warehouse-row.ts'

export interface MemoryTable {
  /** In the order in which they were inserted, copies included. Tests may take rows away. */
  rows: WarehouseRow[]
  /** Newest last. */
  readonly tokens: Set<string>
  readonly ledger: Map<string, LedgerLine>
  blocksInserted: number
  /** With a column; a table in memory needs none to be quick. */
  readonly properties: Set<string>
}

export function createMemoryTable(): MemoryTable {
  return { rows: [], tokens: new Set(), ledger: new Map(), blocksInserted: 0, properties: new Set() }
}

const pageRowsMax = 1000
const propertyColumnsMax = 32

export function openMemoryWarehouse(table: MemoryTable): Warehouse {
  let closed = false
  const checkOpen = (): void => {
    if (closed) throw new Failure('SLUICE_WAREHOUSE_CLOSED', 'The warehouse is closed.')
  }

  return {
    async insert(block) {
      checkOpen()
      const rows = rowsOf(block)
      // A moment passes, as over a wire; then all of it happens at once.
      await Promise.resolve()
      if (!table.tokens.has(block.token)) {
        table.rows.push(...rows)
        table.blocksInserted++
        table.tokens.add(block.token)
        for (const oldest of table.tokens) {
          if (table.tokens.size <= tokensKeptMin) break
          table.tokens.delete(oldest)
        }
      }
      for (const range of block.ranges) {
        const { token, month } = block
        const key = JSON.stringify([range.partition, range.fromOffset, range.toOffset, month, token])
        table.ledger.set(key, { ...range, month, token, insertedAtMs: Date.now() })
      }
    },

    async *present(range) {
      checkOpen()
      const found = table.rows.filter((row) => isWithin(row, range)).map(presentRowFrom)
      found.sort((a, b) => a.offset - b.offset || a.index - b.index)
      for (let at = 0; at < found.length; at += pageRowsMax) {
        yield await Promise.resolve(found.slice(at, at + pageRowsMax))
      }
    },

    async ledger({ partition, fromOffset, toOffset }: OffsetRange) {
      checkOpen()
      return [...table.ledger.values()]
        .filter((line) => line.partition === partition && line.fromOffset < toOffset && line.toOffset > fromOffset)
        .sort((a, b) => a.fromOffset - b.fromOffset || a.toOffset - b.toOffset || a.month - b.month)
    },

    async size() {
      checkOpen()
      const bytesOnDisk = table.rows.reduce((sum, row) => sum + JSON.stringify(row).length, 0)
      return { rows: table.rows.length, bytesOnDisk, parts: table.blocksInserted }
    },

    async addPropertyColumn(property) {
      checkOpen()
      if (table.properties.has(property)) return 'there'
      if (table.properties.size >= propertyColumnsMax) return 'full'
      table.properties.add(property)
      return 'added'
    },

    async maintain() {
      checkOpen()
      return { kind: 'none' }
    },

    async close() {
      closed = true
    },
  }
}

function isWithin(
  row: WarehouseRow,
  { partition, fromOffset, toOffset, acceptedFromMs, acceptedToMs }: RowRange,
): boolean {
  if (row._partition !== partition || row._offset < fromOffset || row._offset >= toOffset) return false
  return row.accepted_at >= acceptedFromMs && row.accepted_at <= acceptedToMs
}

function presentRowFrom({ _incarnation, _offset, _index, uuid }: WarehouseRow): PresentRow {
  return { incarnation: _incarnation, offset: _offset, index: _index, uuid }
}

/** The rows of a block, or the Failure with which an engine that reads strictly refuses it. */
function rowsOf({ token, month, rows, rowCount }: InsertBlock): readonly WarehouseRow[] {
  if (!/^[\w.:@-]{1,100}$/.test(token)) throw refused(`The token ${JSON.stringify(token)} is not permitted.`)
  const lines = Buffer.concat(rows).toString().split('\n')
  if (lines.pop() !== '' || lines.length !== rowCount || rowCount === 0) {
    throw refused(`The block says ${String(rowCount)} rows and has ${String(lines.length)}.`)
  }
  const read = lines.map(rowFrom)
  for (const { accepted_at } of read) {
    const date = new Date(accepted_at)
    if (date.getUTCFullYear() * 100 + date.getUTCMonth() + 1 !== month) {
      throw refused('The rows of the block do not share a month of acceptance.')
    }
  }
  return read
}

const wholeNumber = (min: number, max: number) => (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
const isText = (value: unknown) => typeof value === 'string'
const isUuid = (value: unknown) => typeof value === 'string' && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(value)
const anyTime = wholeNumber(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
const counter = wholeNumber(0, Number.MAX_SAFE_INTEGER)

/** What each column takes. */
const columns: Readonly<Record<keyof WarehouseRow, (value: unknown) => boolean>> = {
  uuid: isUuid,
  event: isText,
  properties: isText,
  timestamp: anyTime,
  team_id: anyTime,
  distinct_id: isText,
  created_at: anyTime,
  accepted_at: anyTime,
  expires_at: wholeNumber(0, 2 ** 32 - 1),
  version: counter,
  _incarnation: wholeNumber(0, 2 ** 32 - 1),
  _partition: wholeNumber(0, 65_535),
  _offset: counter,
  _index: wholeNumber(0, 65_535),
}

function rowFrom(line: string): WarehouseRow {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw refused(`A row is not JSON: ${messageOf(cause)}`)
  }
  const row = value as Readonly<Record<string, unknown>>
  for (const [name, takes] of Object.entries(columns)) {
    if (!takes(row[name])) throw refused(`The column ${name} cannot hold ${JSON.stringify(row[name])}.`)
  }
  const unknown = Object.keys(row).find((name) => !Object.hasOwn(columns, name))
  if (unknown !== undefined) throw refused(`There is no column ${unknown}.`)
  return value as WarehouseRow
}

function refused(message: string): Failure {
  return new Failure('SLUICE_WAREHOUSE_ROW', message)
}
