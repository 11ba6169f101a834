import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { ClickHouseClient } from '@clickhouse/client'
import { insertTargetOf } from '../../scripts/services/insert-statement.ts'
import type { ServiceSet } from '../../scripts/services/service-set.ts'
import { aServiceSet } from './service-set.fixtures.ts'

describe('the ClickHouse front', { timeout: 180_000 }, () => {
  let services: ServiceSet
  let remove: () => Promise<void>
  let url: string
  let client: ClickHouseClient

  before(async () => {
    ;({ services, remove } = await aServiceSet())
    await services.up(['clickhouse'])
    url = services.environment()['CLICKHOUSE_HOST'] ?? ''
    client = createClient({ url, log: { level: ClickHouseLogLevel.OFF } })
  })
  after(async () => {
    await client.close()
    await remove()
  })

  const ask = async (parameters: Readonly<Record<string, string>>, init: RequestInit = { method: 'POST' }) => {
    const response = await fetch(`${url}/?${new URLSearchParams(parameters).toString()}`, init)
    return { status: response.status, headers: response.headers, text: (await response.text()).trim() }
  }
  const count = async (table: string) => Number((await ask({ query: `SELECT count() FROM ${table}` })).text)

  it('says what it is', async () => {
    const { headers } = await ask({ query: 'SELECT 1' })
    assert.equal(headers.get('x-sluice-front'), 'chdb')
    assert.equal((await client.ping()).success, true)
    const [status] = await services.status(['clickhouse'])
    assert.match(status?.detail ?? '', /a front over chdb$/)
  })

  it('takes rows with quotes and newlines from the official client and gives them back', async () => {
    await client.command({ query: 'CREATE TABLE texts (id UInt32, text String) ENGINE = MergeTree ORDER BY id' })
    const rows = [
      { id: 1, text: 'it\'s "quoted" \\ and\nbroken\t' },
      { id: 2, text: '🦆; DROP TABLE texts' },
    ]
    await client.insert({ table: 'texts', values: rows, format: 'JSONEachRow', columns: ['id', 'text'] })
    const result = await client.query({ query: 'SELECT * FROM texts ORDER BY id', format: 'JSONEachRow' })
    assert.deepEqual(await result.json(), rows)
  })

  it('binds parameters, hostile ones too', async () => {
    const hostile = "'; DROP TABLE texts; --\n\\"
    const result = await client.query({
      query: 'SELECT {text: String} AS text, {list: Array(UInt8)} AS list',
      query_params: { text: hostile, list: [1, 2] },
      format: 'JSONEachRow',
    })
    assert.deepEqual(await result.json(), [{ text: hostile, list: [1, 2] }])
  })

  it('applies the settings of a request to that request alone', async () => {
    const query = "SELECT value FROM system.settings WHERE name = 'max_result_rows'"
    assert.equal((await ask({ query, max_result_rows: '17' })).text, '17')
    assert.equal((await ask({ query })).text, '0')
  })

  it('refuses a setting that there is none of', async () => {
    const { status, headers } = await ask({ query: 'SELECT 1', no_such_setting: '1' })
    assert.equal(status, 404)
    assert.equal(headers.get('x-clickhouse-exception-code'), '115')
  })

  it('stores a block once for a token, in whatever way the block and the token come, and after a kill', async () => {
    await ask({
      query:
        'CREATE TABLE once (id UInt64) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100',
    })
    const query = 'INSERT INTO once FORMAT JSONEachRow'
    const token = { insert_deduplicate: '1', insert_deduplication_token: 'a-token' }
    assert.equal((await ask({ query, ...token }, { method: 'POST', body: '{"id":1}\n' })).status, 200)
    assert.equal((await ask({ query, ...token }, { method: 'POST', body: '{"id":2}\n' })).status, 200)
    assert.equal(await count('once'), 1)

    const inBody = `${query}\n{"id":3}\n`
    assert.equal((await ask(token, { method: 'POST', body: inBody })).status, 200)
    assert.equal(await count('once'), 1)

    await services.kill('clickhouse')
    await services.start('clickhouse')
    await client.insert({
      table: 'once',
      values: [{ id: 4 }],
      format: 'JSONEachRow',
      clickhouse_settings: { insert_deduplicate: 1, insert_deduplication_token: 'a-token' },
    })
    assert.equal(await count('once'), 1)
    await ask({ query, ...token, insert_deduplication_token: 'another' }, { method: 'POST', body: '{"id":5}\n' })
    assert.equal(await count('once'), 2)
  })

  it('reads compressed bodies and compresses answers', async () => {
    await ask({ query: 'CREATE TABLE packed (id UInt64) ENGINE = MergeTree ORDER BY id' })
    const query = 'INSERT INTO packed FORMAT JSONEachRow'
    const body = Buffer.from('{"id":1}\n{"id":2}\n')
    for (const [encoding, bytes] of [
      ['gzip', gzipSync(body)],
      ['zstd', zstdCompressSync(body)],
    ] as const) {
      const headers = { 'content-encoding': encoding }
      assert.equal((await ask({ query }, { method: 'POST', body: new Uint8Array(bytes), headers })).status, 200)
    }
    assert.equal(await count('packed'), 4)
    const compressing = createClient({ url, compression: { request: true, response: true } })
    try {
      await compressing.insert({ table: 'packed', values: [{ id: 3 }], format: 'JSONEachRow' })
      const result = await compressing.query({
        query: 'SELECT toUInt32(count()) AS rows FROM packed',
        format: 'JSONEachRow',
      })
      assert.deepEqual(await result.json(), [{ rows: 5 }])
    } finally {
      await compressing.close()
    }
  })

  it('refuses a body that is not what it says it is', async () => {
    const init = { method: 'POST', body: 'not gzip', headers: { 'content-encoding': 'gzip' } }
    assert.equal((await ask({ query: 'INSERT INTO packed FORMAT JSONEachRow' }, init)).status, 500)
    assert.equal((await ask({ query: 'SELECT 1' })).text, '1')
  })

  it('gives the code, the name and the text of an error', async () => {
    await assert.rejects(client.query({ query: 'SELECT no_such_column' }), (error) => {
      assert.ok(error instanceof ClickHouseError)
      assert.equal(error.code, '47')
      assert.equal(error.type, 'UNKNOWN_IDENTIFIER')
      return true
    })
    const { status, text } = await ask({ query: 'SELECT * FROM no_such_table' })
    assert.equal(status, 404)
    assert.match(text, /^Code: 60\. DB::Exception: .*UNKNOWN_TABLE/)
  })

  it('answers in the format that the statement or the request names', async () => {
    assert.equal((await ask({ query: "SELECT 1 AS a, 'b' AS b" })).text, '1\tb')
    assert.equal((await ask({ query: 'SELECT 1 AS a', default_format: 'JSONEachRow' })).text, '{"a":1}')
    const { text, headers } = await ask({ query: 'SELECT 1 AS a FORMAT JSONCompactEachRow', default_format: 'CSV' })
    assert.equal(text, '[1]')
    assert.match(headers.get('content-type') ?? '', /json/)
  })

  it('uses the database of the request', async () => {
    await ask({ query: 'CREATE DATABASE other' })
    assert.equal((await ask({ query: 'SELECT currentDatabase()', database: 'other' })).text, 'other')
    assert.equal((await ask({ query: 'SELECT currentDatabase()' })).text, 'default')
    assert.equal(
      (await ask({ query: 'SELECT 1', database: 'nowhere' })).headers.get('x-clickhouse-exception-code'),
      '81',
    )
  })

  it('lets GET read only', async () => {
    const { headers } = await ask({ query: 'CREATE TABLE refused (id UInt8) ENGINE = Memory' }, { method: 'GET' })
    assert.equal(headers.get('x-clickhouse-exception-code'), '164')
  })

  it('turns away who has a wrong password', async () => {
    const { status, headers } = await ask({ query: 'SELECT 1', user: 'default', password: 'guess' })
    assert.equal(status, 403)
    assert.equal(headers.get('x-clickhouse-exception-code'), '516')
  })

  it('ends a statement whose client went away, when that was asked for, and one that is killed by its id', async () => {
    const slow = { query: 'SELECT sum(sleepEachRow(1)) FROM numbers(100) SETTINGS max_block_size = 1' }
    const runningWith = async (id: string) => {
      const { text } = await ask({
        query: `SELECT count() FROM system.processes WHERE Settings['log_comment'] = '${id}'`,
      })
      return Number(text)
    }
    const until = async (id: string, wanted: number) => {
      while ((await runningWith(id)) !== wanted) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const leaving = new AbortController()
    const cancel = { cancel_http_readonly_queries_on_client_close: '1' }
    const left = ask({ ...slow, ...cancel, query_id: 'left' }, { method: 'POST', signal: leaving.signal })
    await until('left', 1)
    leaving.abort()
    await assert.rejects(left)
    await until('left', 0)

    const killed = ask({ ...slow, query_id: 'killed' })
    await until('killed', 1)
    await ask({ query: "KILL QUERY WHERE query_id = 'killed' ASYNC" })
    assert.equal((await killed).headers.get('x-clickhouse-exception-code'), '394')
  })
})

describe('the target of an insert', () => {
  it('is read from a plain statement', () => {
    assert.deepEqual(insertTargetOf('INSERT INTO `a`.`b` (`c`, d) FORMAT JSONEachRow\n'), {
      table: 'a.b',
      columns: ['c', 'd'],
      format: 'JSONEachRow',
    })
    assert.deepEqual(insertTargetOf('insert into events FORMAT CSV'), { table: 'events', format: 'CSV' })
  })

  it('is left to the engine when there is more to it', () => {
    for (const sql of [
      'INSERT INTO t (* EXCEPT a) FORMAT CSV',
      'INSERT INTO t SELECT 1',
      'INSERT INTO t FORMAT Native',
    ]) {
      assert.equal(insertTargetOf(sql), undefined)
    }
  })
})
