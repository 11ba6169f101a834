/**
 * The rows of the old tables into the new ones: part after part as they lie on disk, in bounded blocks, each under a token of its own.
 *
 * A part never changes, and nothing is merged while this works, so part and row number say which rows are there. A merge that ran between
 * a crash and the next start makes one part out of several, of which some may have been copied: then what was copied of that month is
 * removed on the target and the month is copied anew.
 */
import { allFlows } from '../../event/flows.ts'
import type { Flow } from '../../event/flows.ts'
import type { Offsets } from '../../event/position.ts'
import { failpoint } from '../../kit/failpoint.ts'
import type { ChdbLink } from '../../stores/warehouse/chdb/chdb-engine.ts'
import { blockSettings, insertLedger } from '../../stores/warehouse/engine-inserts.ts'
import type { EngineLink } from '../../stores/warehouse/engine-link.ts'
import { embeddedLayout, onCluster, storedTableName, tableName } from '../../stores/warehouse/layout.ts'
import type { Layout } from '../../stores/warehouse/layout.ts'
import { sqlName, sqlString } from '../../stores/warehouse/sql-text.ts'
import type { MovedRecord } from './copy-lanes.ts'
import type { TableMove } from './move-file.ts'
import { earlierIncarnation, earlierOffsets, movedIncarnation } from './moved-batch.ts'

const blockRowsMax = 20_000
const blockBytesMax = 32 * 1024 * 1024

export interface TablesCopy {
  readonly id: string
  readonly from: ChdbLink
  readonly to: EngineLink
  readonly layout: Layout
  /** Begins of the source indexes of each flow. */
  readonly beginsOf: (flow: Flow) => Offsets
  readonly known: Readonly<Record<string, TableMove>>
  /** Resolves once it would survive a crash. */
  readonly save: (tables: Readonly<Record<string, TableMove>>) => Promise<void>
}

interface Part {
  readonly name: string
  readonly month: string
  readonly rows: number
  readonly bytes: number
}

export async function copyTables(copy: TablesCopy): Promise<void> {
  let known = copy.known
  for (const flow of allFlows) {
    await copyTable(copy, flow, known[flow.table] ?? { attempt: 1, parts: [] }, async (table) => {
      known = { ...known, [flow.table]: table }
      await copy.save(known)
    })
  }
}

async function copyTable(
  copy: TablesCopy,
  flow: Flow,
  known: TableMove,
  save: (table: TableMove) => Promise<void>,
): Promise<void> {
  const { from, to, layout } = copy
  const parts = await partsOf(from, flow)
  let state = known
  const names = new Set(parts.map(({ name }) => name))
  const begun = [...state.parts, ...(state.at === undefined ? [] : [state.at])]
  const changed = new Set(begun.filter(({ name }) => !names.has(name)).map(({ month }) => month))
  if (changed.size > 0) {
    for (const month of changed) {
      await to.command(`ALTER TABLE ${storedTableName(layout, flow.table)}${onCluster(layout)} DROP PARTITION ${month}`)
    }
    state = {
      attempt: state.attempt + 1,
      parts: state.parts.filter(({ month }) => !changed.has(month)),
      ...(state.at === undefined || changed.has(state.at.month) ? {} : { at: state.at }),
    }
    await save(state)
  }
  const columns = await columnsOf(from, flow)
  const selected = columns.map((name) => `${movedExpression(name, copy.beginsOf(flow))} AS ${sqlName(name)}`).join(', ')
  const done = new Set(state.parts.map(({ name }) => name))
  for (const { name, month, rows, bytes } of parts) {
    if (done.has(name)) continue
    const atOnce = Math.max(1, Math.min(blockRowsMax, Math.floor((blockBytesMax * rows) / Math.max(1, bytes))))
    for (let at = state.at?.name === name ? state.at.rows : 0; at < rows; at += atOnce) {
      const end = Math.min(at + atOnce, rows)
      const answer = await from.client.query({
        query: `SELECT ${selected} FROM ${tableName(embeddedLayout, flow.table)} AS old
          WHERE _part = ${sqlString(name)} AND _part_offset >= ${String(at)} AND _part_offset < ${String(end)}
          SETTINGS max_threads = 1, apply_deleted_mask = 1`,
        format: 'JSONEachRow',
      })
      const values = Buffer.from(await answer.text())
      const token = `${copy.id}.${flow.name}.${String(state.attempt)}.${name}.${String(at)}`
      if (values.length > 0) {
        await to.insert({
          table: tableName(layout, flow.table),
          format: 'JSONEachRow',
          values,
          settings: blockSettings(layout, token),
        })
      }
      failpoint('scale-out:block-inserted')
      state = { ...state, at: { name, month, rows: end } }
      await save(state)
    }
    state = { attempt: state.attempt, parts: [...state.parts, { name, month }] }
    await save(state)
  }
}

async function partsOf(from: EngineLink, flow: Flow): Promise<readonly Part[]> {
  const rows = await from.rows(
    `SELECT name, partition_id, toString(rows), toString(data_uncompressed_bytes) FROM system.parts
    WHERE database = 'sluice' AND table = ${sqlString(flow.table)} AND active ORDER BY partition_id, min_block_number`,
  )
  return rows.map(([name, month, count, bytes]) => ({
    name: String(name),
    month: String(month),
    rows: Number(count),
    bytes: Number(bytes),
  }))
}

/** Those that are inserted; all others follow from them. */
export async function columnsOf(from: EngineLink, flow: Flow): Promise<readonly string[]> {
  const rows = await from.rows(
    `SELECT name FROM system.columns
    WHERE database = 'sluice' AND table = ${sqlString(flow.table)} AND default_kind = '' ORDER BY position`,
  )
  return rows.map(([name]) => String(name))
}

/** In terms of the old table, which is called `old`: an alias of the same name is not meant. */
export function movedExpression(name: string, begins: Offsets): string {
  if (name !== '_offset' && name !== '_incarnation') return `old.${sqlName(name)}`
  const begin = `arrayElement([${begins.map(String).join(',')}]::Array(UInt64), old._partition + 1)`
  return name === '_offset'
    ? `if(old._offset >= ${begin}, toUInt64(old._offset - ${begin}), toUInt64(old._offset + ${String(earlierOffsets)}))`
    : `if(old._offset >= ${begin}, ${String(movedIncarnation)}, ${String(earlierIncarnation)})`
}

/** Lines of the ledger for derived batches as the new log has them, a line a batch. */
export async function writeLedger(
  { to, layout, id }: Pick<TablesCopy, 'to' | 'layout' | 'id'>,
  flow: Flow,
  batches: readonly MovedRecord[],
): Promise<void> {
  const lines = batches
    .filter(({ head }) => head.rowCount > 0)
    .map(({ head: { partition, from, to: end, month, rowCount, idSetHash } }) => ({
      ...{ partition, fromOffset: from, toOffset: end, month, rowCount, idSetHash: BigInt(idSetHash) },
      ...{ token: `${id}.${String(partition)}.${String(from)}`, insertedAtMs: Date.now() },
    }))
  if (lines.length > 0) await insertLedger(to, layout, flow.table, lines)
}
