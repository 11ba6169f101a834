import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, request as sendRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { aCertificateFolder, openSslMissing, writeCertificate } from '../../../kit/certificate.fixtures.ts'
import { codeOf, Failure } from '../../../kit/failure.ts'
import { service } from '../../../kit/service.fixtures.ts'
import { engineTableDefaults } from '../engine-table.ts'
import { engineWarehouseDefaults } from '../engine-warehouse.ts'
import { idSetHashSql } from '../id-set.ts'
import { describeTable, describeWarehouse } from '../warehouse.contract.ts'
import type { OpenTable } from '../warehouse.contract.ts'
import { aBlock, rowsAt } from '../warehouse.fixtures.ts'
import type { TableName, WarehouseTable } from '../warehouse.ts'
import { clickhouseUrl } from './clickhouse-options.ts'
import type { ClickhouseOptions } from './clickhouse-options.ts'
import type { ClickhouseServer } from './clickhouse-server.ts'
import { openClickhouseTable, openClickhouseWarehouse } from './clickhouse-warehouse.ts'
import { lookAt, openServer, ownOptions } from './clickhouse.fixtures.ts'

const { address, skip } = service('CLICKHOUSE_HOST')
// Small pages, so that the contract crosses their edges.
const smallPages = { ...engineWarehouseDefaults, pageOffsetsMax: 5000 }

describe('a ClickHouse server', { skip }, () => {
  describeWarehouse('ClickHouse over HTTP', () =>
    openedAt(ownOptions(address), 'events', (server) => openClickhouseWarehouse(server, smallPages)),
  )
  for (const table of ['session_recording_events', 'heatmaps'] as const) {
    describeTable('ClickHouse over HTTP', table, () =>
      openedAt(ownOptions(address), table, (server) => openClickhouseTable(server, table, smallPages)),
    )
  }

  it('takes a block whose answer was lost once, when it comes again under its token', async () => {
    const proxy = await swallowingProxy(address)
    const options = ownOptions(proxy.url)
    const look = lookAt({ ...options, url: address })
    const table = await openClickhouseTable(await openServer(options), 'events', engineTableDefaults)
    const range = { partition: 0, fromOffset: 0, toOffset: 100 }
    const counts = async () => {
      const { database } = options.layout
      const [row] = await look.rows(`SELECT count(), uniqExact(_offset) FROM ${database}.events`)
      return [...(row ?? []), (await table.ledger(range)).length]
    }
    // The first block of an opened table is looked for before it is inserted; the token is what the others rely on.
    await table.insert(aBlock('first', rowsAt([0])))

    const swallowed = [
      { at: 'events', rows: rowsAt([1, 2, 3]), token: 'rows', found: [4, 4, 1] },
      { at: 'ingest_ledger', rows: rowsAt([4, 5]), token: 'ledger', found: [6, 6, 3] },
    ]
    for (const { at, rows, token, found } of swallowed) {
      const block = aBlock(token, rows)
      proxy.swallowNext(at)
      await assert.rejects(table.insert(block), (error) => {
        assert.equal(codeOf(error), 'SLUICE_WAREHOUSE_INSERT')
        return error instanceof Failure && error.retryable
      })
      assert.deepEqual(await counts(), found, `when the answer was lost after ${at}`)
      await table.insert(block)
      await table.insert(block)
      assert.equal((await counts())[0], found[0])
    }
    assert.equal(proxy.swallowed, 2)
    assert.deepEqual(await counts(), [6, 6, 3])
    await table.close()
    await look.removeDatabases()
    await proxy.close()
  })

  it('refuses to open when a table forgets tokens too early', async () => {
    const options = ownOptions(address)
    const look = lookAt(options)
    const server = await openServer(options)
    await look.command(
      `ALTER TABLE ${options.layout.database}.heatmaps MODIFY SETTING non_replicated_deduplication_window = 10`,
    )
    await assert.rejects(openClickhouseTable(server, 'heatmaps'), hasCode('SLUICE_WAREHOUSE_SETTINGS', false))
    await look.removeDatabases()
  })

  it('keeps what a release made when it is opened again, and refuses what a newer one made', async () => {
    const options = ownOptions(address)
    const { database } = options.layout
    const look = lookAt(options)
    await openServer(options)
    await openServer(options)
    const applied = async () =>
      (await look.rows(`SELECT number FROM ${database}.schema_migrations ORDER BY number`)).length
    const migrations = await applied()
    await openServer(options)
    assert.equal(await applied(), migrations)
    await look.command(`INSERT INTO ${database}.schema_migrations VALUES (9000, 'later', 'x', now())`)
    await assert.rejects(openServer(options), hasCode('SLUICE_WAREHOUSE_NEWER', false))
    await look.removeDatabases()
  })

  it('is asked over TLS when its certificate is trusted, and not otherwise', { skip: openSslMissing }, async (t) => {
    const { certificateFile, keyFile } = writeCertificate(aCertificateFolder(t), 'clickhouse')
    const ca = readFileSync(certificateFile, 'utf8')
    const proxy = createTlsServer({ cert: ca, key: readFileSync(keyFile) }, ({ method, headers, url }, outgoing) => {
      const passedOn = sendRequest(new URL(url ?? '/', address), { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(outgoing)
      })
      outgoing.req.pipe(passedOn)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      proxy.closeAllConnections()
      proxy.close()
    })
    const url = clickhouseUrl(`127.0.0.1:${String((proxy.address() as AddressInfo).port)}`, true)
    const options = ownOptions(url, { ca })
    const table = await openClickhouseTable(await openServer(options), 'heatmaps')
    assert.equal((await table.size()).rows, 0)
    await table.close()
    await lookAt(options).removeDatabases()
    await assert.rejects(openServer(ownOptions(url)), hasCode('SLUICE_WAREHOUSE_TLS', false))
  })

  it('says what is wrong with an address, a login or a cluster', async (t) => {
    const free = createServer()
    const closed = await new Promise<string>((resolve) => {
      free.listen(0, '127.0.0.1', () => {
        const { port } = free.address() as AddressInfo
        free.close(() => resolve(`http://127.0.0.1:${String(port)}`))
      })
    })
    await assert.rejects(openServer(ownOptions(closed)), hasCode('SLUICE_WAREHOUSE_UNREACHABLE', true))
    const another = createServer((_, response) => response.writeHead(404).end('nothing here'))
    await new Promise<void>((resolve) => another.listen(0, '127.0.0.1', resolve))
    t.after(() => another.close())
    const { port } = another.address() as AddressInfo
    await assert.rejects(openServer(ownOptions(`http://127.0.0.1:${String(port)}`)), (error) => {
      assert.match(String(error), /HTTP 404 Not Found: nothing here/)
      return hasCode('SLUICE_WAREHOUSE_ADDRESS', false)(error)
    })
    const wrong = ownOptions(address, { user: 'nobody', password: 'a secret' })
    await assert.rejects(openServer(wrong), (error) => {
      assert.ok(!String(error).includes('a secret'))
      return hasCode('SLUICE_WAREHOUSE_LOGIN', false)(error)
    })
    const cluster = ownOptions(address, { layout: { database: 'test_never', cluster: 'no_such_cluster' } })
    await assert.rejects(openServer(cluster), hasCode('SLUICE_WAREHOUSE_CLUSTER', false))
  })
})

async function openedAt<Table extends WarehouseTable>(
  options: ClickhouseOptions,
  table: TableName,
  open: (server: ClickhouseServer) => Promise<Table>,
): Promise<OpenTable<Table>> {
  const look = lookAt(options)
  const named = `${options.layout.database}.${table}`
  const warehouse = await open(await openServer(options))
  return {
    warehouse,
    stored: (where) =>
      look.objects(`SELECT * REPLACE (toUnixTimestamp64Micro(timestamp) AS timestamp,
        toUnixTimestamp64Milli(created_at) AS created_at, toUnixTimestamp64Milli(accepted_at) AS accepted_at,
        toUnixTimestamp(expires_at) AS expires_at)
        FROM ${named} AS stored WHERE ${where} ORDER BY _offset, _index`),
    async idSetHash(where) {
      const [row] = await look.rows(`SELECT toString(${idSetHashSql}) FROM ${named} WHERE ${where}`)
      return BigInt(String(row?.[0]))
    },
    async reopen() {
      await warehouse.close()
      await look.close()
      return await openedAt(options, table, open)
    },
    async remove() {
      await warehouse.close()
      await look.removeDatabases()
    },
  }
}

/** Passes requests on; the insert that it is told to swallow is done by the server, and its answer never sent. */
async function swallowingProxy(target: string) {
  let wanted: string | undefined
  let swallowed = 0
  const proxy = createServer((incoming, outgoing) => {
    const { method, headers, url } = incoming
    const passedOn = sendRequest(new URL(url ?? '/', target), { method, headers }, (answer: IncomingMessage) => {
      const query = new URL(url ?? '/', target).searchParams.get('query') ?? ''
      if (wanted === undefined || !query.startsWith('INSERT INTO') || !query.includes(`.${wanted} `)) {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(outgoing)
        return
      }
      assert.equal(answer.statusCode, 200)
      wanted = undefined
      answer.resume().once('end', () => {
        swallowed += 1
        outgoing.destroy()
      })
    })
    passedOn.once('error', () => outgoing.destroy())
    incoming.pipe(passedOn)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`,
    get swallowed() {
      return swallowed
    },
    swallowNext(table: string) {
      wanted = table
    },
    async close() {
      proxy.closeAllConnections()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}

function hasCode(code: string, isRetryable: boolean): (error: unknown) => boolean {
  return (error) => {
    assert.equal(codeOf(error), code, String(error))
    assert.equal(error instanceof Failure && error.retryable, isRetryable)
    return true
  }
}
