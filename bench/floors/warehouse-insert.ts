/**
 * Floor: what chDB alone costs. `node warehouse-insert.ts OPTIONS` (JSON) inserts rows made beforehand through the warehouse
 * adapter, ledger and fsync included, into a fresh folder, and prints an InsertResult. Merges that run meanwhile count.
 */
import { join } from 'node:path'
import { monthOf } from '../../src/event/derived-batch.ts'
import { partitionOf } from '../../src/event/murmur2.ts'
import { chdbEngineDefaults } from '../../src/stores/warehouse/chdb/chdb-engine.config.ts'
import { openChdbEngine } from '../../src/stores/warehouse/chdb/chdb-engine.ts'
import { openChdbWarehouse } from '../../src/stores/warehouse/chdb/chdb-warehouse.ts'
import { neverExpires } from '../../src/stores/warehouse/warehouse-row.ts'
import type { WarehouseRow } from '../../src/stores/warehouse/warehouse-row.ts'
import type { InsertBlock, Warehouse } from '../../src/stores/warehouse/warehouse.ts'
import { createEvents } from '../load/event-bodies.ts'
import type { InsertOptions, InsertResult } from './insert-plan.ts'

const partitionCount = 16
const sentAt = { $ip: '127.0.0.1', $sent_at: '2026-11-21T12:00:00.000Z' }
const makeEvent = createEvents(1)

/** Rows that ingestion would make of the load's events; a partition's rows lie together, as its derived batches do. */
function blockFrom(number: number, rowCount: number): InsertBlock {
  const nowMs = Date.now()
  const lines: string[][] = Array.from({ length: partitionCount }, () => [])
  for (let n = 0; n < rowCount; n++) {
    const { uuid, event, distinct_id, timestamp, properties } = makeEvent(nowMs)
    const partition = partitionOf(distinct_id, partitionCount)
    const row: WarehouseRow = {
      uuid,
      event,
      properties: JSON.stringify({ ...properties, ...sentAt }),
      timestamp: Date.parse(timestamp) * 1000,
      team_id: 1,
      distinct_id,
      created_at: nowMs,
      accepted_at: nowMs,
      expires_at: neverExpires,
      version: nowMs,
      _incarnation: 1,
      _partition: partition,
      _offset: number * rowCount + n,
      _index: 0,
    }
    lines[partition]?.push(`${JSON.stringify(row)}\n`)
  }
  const fromOffset = number * rowCount
  return {
    token: `floor-${String(number)}`,
    month: monthOf(nowMs),
    rows: lines.map((own) => Buffer.from(own.join(''))),
    rowCount,
    ranges: lines.map((own, partition) => ({
      partition,
      fromOffset,
      toOffset: fromOffset + rowCount,
      rowCount: own.length,
      idSetHash: 0n,
    })),
  }
}

async function insertAll(warehouse: Warehouse, { rows, rowsPerBlock }: InsertOptions): Promise<InsertResult> {
  const count = Math.max(1, Math.round(rows / rowsPerBlock))
  const blocks = Array.from({ length: count }, (_, n) => blockFrom(n + 1, rowsPerBlock))
  // For everything that is loaded and compiled on the way.
  await warehouse.insert(blockFrom(0, rowsPerBlock))
  const cpu = process.cpuUsage()
  const beganMs = performance.now()
  for (const block of blocks) await warehouse.insert(block)
  const seconds = (performance.now() - beganMs) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const inserted = count * rowsPerBlock
  const size = await warehouse.size()
  if (size.rows !== inserted + rowsPerBlock) throw new Error(`The table has ${String(size.rows)} rows.`)
  return { cpuUsPerRow: (user + system) / inserted, rowsPerSecond: inserted / seconds }
}

async function run(options: InsertOptions): Promise<InsertResult> {
  const engine = await openChdbEngine({ ...chdbEngineDefaults, folder: join(options.folder, 'floor-warehouse') })
  const warehouse = await openChdbWarehouse(engine)
  try {
    return await insertAll(warehouse, options)
  } finally {
    await warehouse.close()
    await engine.close()
  }
}

const [optionsText] = process.argv.slice(2)
if (optionsText === undefined) throw new Error('Give InsertOptions as JSON; bench/run.ts does.')
// Made by parts/floors.ts.
process.stdout.write(`${JSON.stringify(await run(JSON.parse(optionsText) as InsertOptions))}\n`)
