/**
 * The tables of a cluster, as far as one process can show them: every statement is read by ClickHouse's own parser, and then
 * run on a cluster of one shard without Keeper. What is left out for that (`ON CLUSTER`, the `Replicated` engines and what waits
 * for replicas) has not been run anywhere here.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { drainPending, Session } from 'chdb'
import type { EngineLink } from '../engine-link.ts'
import { EngineTable } from '../engine-table.ts'
import { EngineWarehouse, engineWarehouseDefaults } from '../engine-warehouse.ts'
import { idSetHashSql } from '../id-set.ts'
import { embeddedLayout, statementsFor } from '../layout.ts'
import type { Layout } from '../layout.ts'
import { beforeMigrations, migrate, readMigrations } from '../migrations.ts'
import { projectViewStatements } from '../project-view.ts'
import { describeTable, describeWarehouse } from '../warehouse.contract.ts'
import type { OpenTable } from '../warehouse.contract.ts'
import type { TableName, Warehouse, WarehouseTable } from '../warehouse.ts'
import { chdbEngineDefaults } from './chdb-engine.config.ts'
import { connectChdb, openChdbEngine } from './chdb-engine.ts'
import type { ChdbEngine } from './chdb-engine.ts'

const clustered: Layout = { database: 'sluice', cluster: 'own-cluster' }
const elsewhere: Layout = { database: 'other-place' }

describe('the layouts', () => {
  it('are written in statements that ClickHouse reads', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-layouts-'))
    const engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
    const link = engine.connect()
    const migrations = await readMigrations()
    const written = [...beforeMigrations, ...migrations.flatMap(({ statements }) => statements)]
    for (const layout of [embeddedLayout, elsewhere, clustered]) {
      const statements = [
        ...written.flatMap((statement) => statementsFor(layout, statement)),
        ...projectViewStatements(layout, 7, new Map([['plan', 'property_plan_1']])),
      ]
      for (const statement of statements) {
        const [row] = await link.rows(
          `SELECT formatQuerySingleLine('${statement.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}')`,
        )
        const text = String(row?.[0])
        assert.ok(text.length > 0, statement)
        if (layout === elsewhere) assert.ok(!/\bsluice\b/.test(text.replaceAll(/'[^']*'/g, '')), text)
        if (layout === clustered && !text.startsWith('INSERT')) assert.match(text, / ON CLUSTER `own-cluster`/)
        if (layout === clustered && /^CREATE TABLE/.test(text)) {
          assert.match(text, /ENGINE = Replicated\w*MergeTree\('\/clickhouse\/tables\/\{uuid\}/)
          assert.doesNotMatch(text, /non_replicated/)
        }
      }
    }
    await link.close()
    await engine.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('leave the statements as they are for the engine inside of the process', async () => {
    for (const { statements } of await readMigrations()) {
      for (const statement of statements) assert.deepEqual(statementsFor(embeddedLayout, statement), [statement])
    }
  })
})

describeWarehouse('a cluster of one shard', async () => openedAt(await aFolder(), 'events', openWarehouse))
for (const table of ['session_recording_events', 'heatmaps'] as const) {
  describeTable('a cluster of one shard', table, async () =>
    openedAt(await aFolder(), table, (engine) => Promise.resolve(openTable(engine, table))),
  )
}

function aFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'sluice-cluster-'))
}

/** An engine that knows a cluster of itself. */
async function openEngine(folder: string): Promise<ChdbEngine> {
  const configFile = join(folder, 'cluster.xml')
  const itself = '<shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>'
  await writeFile(
    configFile,
    `<clickhouse><tcp_port>9000</tcp_port><remote_servers><own-cluster>${itself}</own-cluster></remote_servers></clickhouse>`,
  )
  const holder = new Session(folder, { connectionArgs: [`--config-file=${configFile}`] })
  return {
    connect: () => connectChdb(folder),
    async close() {
      holder.close()
      await drainPending()
    },
  }
}

async function openedAt<Table extends WarehouseTable>(
  folder: string,
  table: TableName,
  open: (engine: ChdbEngine) => Promise<Table>,
): Promise<OpenTable<Table>> {
  const engine = await openEngine(folder)
  const link = engine.connect()
  const migrating = withoutReplicas(engine)
  await migrate(migrating, await readMigrations(), clustered)
  await migrating.close()
  const warehouse = await open(engine)
  const close = async () => {
    await warehouse.close()
    await link.close()
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
      const [row] = await link.rows(`SELECT toString(${idSetHashSql}) FROM sluice.${table} WHERE ${where}`)
      return BigInt(String(row?.[0]))
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

function openTable(engine: ChdbEngine, name: TableName): EngineTable {
  return new EngineTable({
    name,
    layout: clustered,
    writing: withoutReplicas(engine),
    reading: withoutReplicas(engine),
    config: { ...engineWarehouseDefaults, pageOffsetsMax: 5000 },
    onClose: () => Promise.resolve(),
  })
}

function openWarehouse(engine: ChdbEngine): Promise<Warehouse> {
  const links = { asking: withoutReplicas(engine), maintaining: withoutReplicas(engine) }
  return Promise.resolve(new EngineWarehouse(openTable(engine, 'events'), clustered, links, engineWarehouseDefaults))
}

function withoutReplicas(engine: ChdbEngine): EngineLink {
  const link = engine.connect()
  return {
    ...link,
    async command(sql) {
      if (sql.startsWith('SYSTEM SYNC REPLICA')) return
      await link.command(
        sql
          .replaceAll(/ ON CLUSTER `own-cluster`/g, '')
          .replace(/Replicated(\w*MergeTree)\('[^']*', '[^']*'(?:, )?/, '$1(')
          .replace(
            /replicated_deduplication_window = (\d+), replicated_deduplication_window_seconds = \d+/,
            'non_replicated_deduplication_window = $1',
          ),
      )
    },
  }
}
