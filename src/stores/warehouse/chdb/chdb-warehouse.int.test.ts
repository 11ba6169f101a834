import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { codeOf } from '../../../kit/failure.ts'
import { engineWarehouseDefaults } from '../engine-warehouse.ts'
import { idSetHashSql } from '../id-set.ts'
import { describeTable, describeWarehouse } from '../warehouse.contract.ts'
import type { OpenTable, OpenWarehouse } from '../warehouse.contract.ts'
import { migrate, readMigrations } from '../migrations.ts'
import type { WarehouseRow } from '../warehouse-row.ts'
import { aBlock, acceptedMs, aRecordingRow, rowsAt } from '../warehouse.fixtures.ts'
import type { TableName, WarehouseTable } from '../warehouse.ts'
import { chdbEngineDefaults } from './chdb-engine.config.ts'
import { openChdbEngine } from './chdb-engine.ts'
import type { ChdbEngine } from './chdb-engine.ts'
import { openChdbTable } from './chdb-table.ts'
import { openChdbWarehouse } from './chdb-warehouse.ts'

// Small pages, so that the contract crosses their edges.
const smallPages = { ...engineWarehouseDefaults, pageOffsetsMax: 5000 }

describeWarehouse('chDB', async () => openAt(await mkdtemp(join(tmpdir(), 'sluice-warehouse-'))))
for (const table of ['session_recording_events', 'heatmaps'] as const) {
  const openTable = (engine: ChdbEngine) => openChdbTable(engine, table, smallPages)
  describeTable('chDB', table, async () =>
    openedAt(await mkdtemp(join(tmpdir(), 'sluice-warehouse-')), table, openTable),
  )
}

function openAt(folder: string): Promise<OpenWarehouse> {
  return openedAt(folder, 'events', (engine) => openChdbWarehouse(engine, smallPages))
}

async function openedAt<Table extends WarehouseTable>(
  folder: string,
  table: TableName,
  open: (engine: ChdbEngine) => Promise<Table>,
): Promise<OpenTable<Table>> {
  const engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
  const warehouse = await open(engine)
  const link = engine.connect()
  const close = async () => {
    await link.close()
    await warehouse.close()
    await engine.close()
  }
  return {
    warehouse,
    async stored(where) {
      const result = await link.client.query({
        query: `SELECT * REPLACE (toUnixTimestamp64Micro(timestamp) AS timestamp,
          toUnixTimestamp64Milli(created_at) AS created_at, toUnixTimestamp64Milli(accepted_at) AS accepted_at,
          toUnixTimestamp(expires_at) AS expires_at)
          FROM sluice.${table} AS stored WHERE ${where} ORDER BY _offset, _index`,
        format: 'JSONEachRow',
        clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
      })
      return await result.json<Record<string, unknown>>()
    },
    async idSetHash(where) {
      const query = `SELECT ${idSetHashSql} AS hash FROM sluice.${table} WHERE ${where}`
      const result = await link.client.query({ query, format: 'JSONEachRow' })
      const [row] = await result.json<{ hash: string }>()
      return BigInt(row?.hash ?? 0)
    },
    async reopen() {
      await close()
      return await openedAt(folder, table, open)
    },
    async remove() {
      await close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

describe('the chDB warehouse', () => {
  const inFolder = async (check: (folder: string) => Promise<void>) => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-warehouse-'))
    try {
      await check(folder)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  it('makes one part of one block, however large', () =>
    inFolder(async (folder) => {
      const engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
      const warehouse = await openChdbWarehouse(engine)
      const link = engine.connect()
      await link.client.command({ query: 'SYSTEM STOP MERGES sluice.events' })
      const rows = rowsAt(
        Array.from({ length: 50_000 }, (_, at) => at),
        { properties: JSON.stringify({ text: 'x'.repeat(500) }) },
      )
      await warehouse.insert(aBlock('large', rows))
      assert.deepEqual(await warehouse.size().then(({ rows, parts }) => ({ rows, parts })), { rows: 50_000, parts: 1 })
      await link.close()
      await warehouse.close()
      await engine.close()
    }))

  it('refuses to open when the table forgets tokens too early', () =>
    inFolder(async (folder) => {
      const engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
      const warehouse = await openChdbWarehouse(engine)
      await warehouse.close()
      const link = engine.connect()
      await link.client.command({
        query: 'ALTER TABLE sluice.events MODIFY SETTING non_replicated_deduplication_window = 10',
      })
      await link.close()
      await assert.rejects(openChdbWarehouse(engine), (error) => codeOf(error) === 'SLUICE_WAREHOUSE_SETTINGS')
      await engine.close()
    }))

  it('has the rows of before a migration that makes the table anew, at whichever statement a start ended', async () => {
    const migrations = await readMigrations()
    const stored = migrations.findIndex(({ name }) => name.startsWith('0003'))
    const statements = migrations[stored]?.statements ?? []
    const block = aBlock('before', rowsAt([1, 2, 3], { properties: '{"$browser":"Firefox"}' }))
    for (let done = 0; done <= statements.length; done++) {
      await inFolder(async (folder) => {
        const engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
        const link = engine.connect()
        const run = async (sql: string) => {
          await link.client.command({ query: sql })
        }
        const rows = async (sql: string) =>
          await (await link.client.query({ query: sql, format: 'JSONCompactEachRow' })).json<unknown[]>()
        await migrate({ command: run, rows }, migrations.slice(0, stored))
        await link.rawInsert({ table: 'sluice.events', format: 'JSONEachRow', values: Buffer.concat(block.rows) })
        for (const statement of statements.slice(0, done)) await run(statement)
        const warehouse = await openChdbWarehouse(engine)
        // Its token is forgotten with the old table: the writer repeats the block that a crash interrupted.
        await warehouse.insert(block)
        assert.equal((await warehouse.ledger({ partition: 0, fromOffset: 0, toOffset: 9 })).length, 1)
        await warehouse.insert(aBlock('next', rowsAt([4])))
        const found = await rows(
          'SELECT _offset, toString(day), property_browser_5a2351c0f6 FROM sluice.events ORDER BY _offset',
        )
        assert.deepEqual(
          found,
          [1, 2, 3, 4].map((offset) => [offset, '2026-03-10', 'Firefox']),
          `after ${String(done)} statements`,
        )
        assert.deepEqual(await rows("SHOW TABLES FROM sluice LIKE '%copy%'"), [])
        await link.close()
        await warehouse.close()
        await engine.close()
      })
    }
  })

  it('keeps the ledgers of its tables apart, and the lines of before there were several', () =>
    inFolder(async (folder) => {
      const migrations = await readMigrations()
      const before = migrations.slice(0, 3)
      const engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
      const link = engine.connect()
      const run = async (sql: string) => {
        await link.client.command({ query: sql })
      }
      const rows = async (sql: string) =>
        await (await link.client.query({ query: sql, format: 'JSONCompactEachRow' })).json<unknown[]>()
      await migrate({ command: run, rows }, before)
      await run("INSERT INTO sluice.ingest_ledger VALUES (0, 1, 4, 202603, 3, 7, 'same', now64(3))")
      // A start that ended within the migration.
      for (const statement of migrations[3]?.statements ?? []) await run(statement)
      const recordings = await openChdbTable(engine, 'session_recording_events')
      const events = await openChdbWarehouse(engine)
      const range = { partition: 0, fromOffset: 0, toOffset: 9 }
      assert.deepEqual(await recordings.ledger(range), [])
      assert.equal((await events.ledger(range)).length, 1)
      await recordings.insert(
        aBlock(
          'same',
          [1, 2, 3].map((_offset) => aRecordingRow({ _offset })),
        ),
      )
      await events.insert(aBlock('same', rowsAt([1, 3])))
      const counts = async (of: WarehouseTable) => (await of.ledger(range)).map(({ rowCount }) => rowCount)
      assert.deepEqual(
        [await recordings.size(), await events.size()].map((size) => size.rows),
        [3, 2],
      )
      // The same range and token again is the same line, the newest counts; of another table it is another line.
      assert.deepEqual([await counts(recordings), await counts(events)], [[3], [2]])
      await link.close()
      await events.close()
      await recordings.close()
      await engine.close()
    }))

  it('takes a row of 40 MB', () =>
    inFolder(async (folder) => {
      const engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
      const recordings = await openChdbTable(engine, 'session_recording_events')
      const snapshots = JSON.stringify([{ text: 'quoted "text", ä€😀 '.repeat(1_600_000) }])
      await recordings.insert(aBlock('large', [aRecordingRow({ snapshot_data: snapshots })]))
      const link = engine.connect()
      const found = await link.client.query({
        query: 'SELECT length(snapshot_data), size, JSONLength(snapshot_data) FROM sluice.session_recording_events',
        format: 'JSONCompactEachRow',
        clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
      })
      const bytes = Buffer.byteLength(snapshots)
      assert.deepEqual(await found.json(), [[bytes, bytes, 1]])
      await link.close()
      await recordings.close()
      await engine.close()
    }))

  it('merges parts that hold the same days, and leaves alone those that follow each other', () =>
    inFolder(async (folder) => {
      const engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
      const maintenance = { overlapRowsMin: 1000, overlapShareMin: 1 / 3, mergeBytesMax: 1024 ** 3, restFactor: 1e6 }
      const warehouse = await openChdbWarehouse(engine, { ...engineWarehouseDefaults, maintenance })
      const link = engine.connect()
      const offsets = Array.from({ length: 2000 }, (_, at) => at)
      const dayUs = 86_400_000_000
      const insert = async (token: string, own: Partial<WarehouseRow>) => {
        await warehouse.insert(
          aBlock(token, rowsAt(offsets, { ...own, timestamp: acceptedMs * 1000 + (own.timestamp ?? 0) })),
        )
      }
      await insert('monday', { _partition: 1, distinct_id: 'ada' })
      await insert('tuesday', { _partition: 2, distinct_id: 'ada', timestamp: dayUs })
      assert.deepEqual(await warehouse.maintain(), { kind: 'none' })
      await insert('monday-again', { _partition: 3, distinct_id: 'grace' })
      await insert('tuesday-again', { _partition: 4, distinct_id: 'grace', timestamp: dayUs })
      assert.deepEqual(await warehouse.maintain(), { kind: 'merged', month: '202603', rows: 8000 })
      assert.deepEqual(await warehouse.size().then(({ rows, parts }) => ({ rows, parts })), { rows: 8000, parts: 1 })
      // A part of two rows, a day apart, stretches over all of them; but the month rests.
      await warehouse.insert(
        aBlock('late', [
          ...rowsAt([1], { _partition: 5, distinct_id: 'late', timestamp: acceptedMs * 1000 }),
          ...rowsAt([2], { _partition: 5, distinct_id: 'late', timestamp: acceptedMs * 1000 + dayUs }),
        ]),
      )
      assert.deepEqual(await warehouse.maintain(), { kind: 'none' })
      await link.close()
      await warehouse.close()
      await engine.close()
    }))

  it('fills a column that was added later in older rows, also after a restart', () =>
    inFolder(async (folder) => {
      const rows = rowsAt([1, 2, 3], { properties: '{"plan":"team"}' })
      const open = async () => {
        const engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
        const warehouse = await openChdbWarehouse(engine)
        const link = engine.connect()
        const unfilled = async () => {
          const query = `SELECT count() AS n FROM system.parts WHERE active AND database = 'sluice' AND table = 'events'
            AND name NOT IN (SELECT name FROM system.parts_columns WHERE active AND table = 'events' AND column LIKE 'property_plan%')`
          const result = await link.client.query({ query, format: 'JSONEachRow' })
          return Number((await result.json<{ n: string }>())[0]?.n)
        }
        const close = async () => {
          await link.close()
          await warehouse.close()
          await engine.close()
        }
        return { warehouse, unfilled, close }
      }
      const first = await open()
      await first.warehouse.insert(aBlock('old', rows))
      await first.warehouse.addPropertyColumn('plan')
      assert.equal(await first.unfilled(), 1)
      await first.close()
      const second = await open()
      assert.deepEqual(await second.warehouse.maintain(), { kind: 'filling', month: '202603', properties: ['plan'] })
      while ((await second.unfilled()) > 0) await new Promise((resolve) => setTimeout(resolve, 20))
      while ((await second.warehouse.maintain()).kind !== 'none')
        await new Promise((resolve) => setTimeout(resolve, 20))
      await second.close()
    }))

  it('says which process has the folder when it is open already', () =>
    inFolder(async (folder) => {
      const engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
      const script = `
        import { openChdbEngine } from ${JSON.stringify(join(import.meta.dirname, 'chdb-engine.ts'))}
        import { chdbEngineDefaults } from ${JSON.stringify(join(import.meta.dirname, 'chdb-engine.config.ts'))}
        await openChdbEngine({ folder: ${JSON.stringify(folder)}, ...chdbEngineDefaults }).catch((error) => {
          console.log(error.code, error.message)
        })`
      const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
      assert.match(stdout, /SLUICE_WAREHOUSE_LOCKED/)
      assert.match(stdout, new RegExp(`process ${String(process.pid)}\\b`))
      await engine.close()
    }))

  it('keeps every block that was answered when the process is killed', () =>
    inFolder(async (folder) => {
      const script = `
        import { openChdbEngine } from ${JSON.stringify(join(import.meta.dirname, 'chdb-engine.ts'))}
        import { chdbEngineDefaults } from ${JSON.stringify(join(import.meta.dirname, 'chdb-engine.config.ts'))}
        import { openChdbWarehouse } from ${JSON.stringify(join(import.meta.dirname, 'chdb-warehouse.ts'))}
        import { aBlock, rowsAt } from ${JSON.stringify(join(import.meta.dirname, '../warehouse.fixtures.ts'))}
        const warehouse = await openChdbWarehouse(await openChdbEngine({ folder: ${JSON.stringify(folder)}, ...chdbEngineDefaults }))
        for (let at = 0; at < 5; at++) await warehouse.insert(aBlock('block-' + at, rowsAt([at])))
        process.kill(process.pid, 'SIGKILL')`
      const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
        encoding: 'utf8',
      })
      assert.equal(signal, 'SIGKILL', stderr)
      const opened = await openAt(folder)
      const { warehouse } = opened
      await warehouse.insert(aBlock('block-4', rowsAt([4])))
      assert.equal((await warehouse.size()).rows, 5)
      assert.equal((await warehouse.ledger({ partition: 0, fromOffset: 0, toOffset: 9 })).length, 5)
      await opened.remove()
    }))
})
