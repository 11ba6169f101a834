import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { codeOf } from '../../../kit/failure.ts'
import { idSetHashSql } from '../id-set.ts'
import { describeWarehouse, type OpenWarehouse } from '../warehouse.contract.ts'
import { aBlock, rowsAt } from '../warehouse.fixtures.ts'
import { chdbEngineDefaults } from './chdb-engine.config.ts'
import { openChdbEngine } from './chdb-engine.ts'
import { chdbWarehouseDefaults, openChdbWarehouse } from './chdb-warehouse.ts'

describeWarehouse('chDB', async () => openAt(await mkdtemp(join(tmpdir(), 'sluice-warehouse-'))))

async function openAt(folder: string): Promise<OpenWarehouse> {
  const engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
  // Small pages, so that the contract crosses their edges.
  const warehouse = await openChdbWarehouse(engine, { ...chdbWarehouseDefaults, pageOffsetsMax: 5000 })
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
        query: `SELECT uuid, event, properties, toUnixTimestamp64Micro(timestamp) AS timestamp, team_id, distinct_id,
          toUnixTimestamp64Milli(created_at) AS created_at, toUnixTimestamp64Milli(accepted_at) AS accepted_at,
          toUnixTimestamp(expires_at) AS expires_at, version, _incarnation, _partition, _offset, _index
          FROM sluice.events AS e WHERE ${where} ORDER BY _offset, _index`,
        format: 'JSONEachRow',
        clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
      })
      return await result.json<Record<string, unknown>>()
    },
    async idSetHash(where) {
      const query = `SELECT ${idSetHashSql} AS hash FROM sluice.events WHERE ${where}`
      const result = await link.client.query({ query, format: 'JSONEachRow' })
      const [row] = await result.json<{ hash: string }>()
      return BigInt(row?.hash ?? 0)
    },
    async reopen() {
      await close()
      return await openAt(folder)
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
