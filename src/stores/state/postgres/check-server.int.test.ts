import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openTestPostgres } from '../embedded-postgres/postgres.fixtures.ts'
import type { TestPostgres } from '../embedded-postgres/postgres.fixtures.ts'
import { checkServer } from './check-server.ts'
import { readDatabaseUrl } from './database-url.ts'
import { openPostgresSqlClient } from './postgres-sql-client.ts'
import { openTcpPostgres } from './tcp-postgres.fixtures.ts'
import type { TcpPostgres } from './tcp-postgres.fixtures.ts'

describe('the check of a server', () => {
  let bundled: TestPostgres
  let careless: TcpPostgres

  before(async () => {
    bundled = await openTestPostgres()
    careless = await openTcpPostgres({ settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } })
  })
  after(async () => {
    await bundled.close()
    await careless.close()
  })

  it('finds nothing in the bundled Postgres', async () => {
    assert.deepEqual(await checkServer(bundled.sql), [])
  })

  it('refuses a server that may forget, names all of it at once, and lets it pass by name', async () => {
    const sql = openPostgresSqlClient({ applicationName: 'test', ...(await readDatabaseUrl(careless.url())) })
    try {
      await assert.rejects(checkServer(sql), {
        code: 'SLUICE_STATE_UNSAFE',
        message:
          /fsync = off.+full_page_writes = off.+synchronous_commit = off.+allow it by name \(fsync, full_page_writes, synchronous_commit\)/,
      })
      await assert.rejects(checkServer(sql, ['fsync', 'full_page_writes']), { message: /^With synchronous_commit/ })
      const found = await checkServer(sql, ['fsync', 'full_page_writes', 'synchronous_commit'])
      assert.deepEqual(
        found.map(({ name }) => name),
        ['fsync', 'full_page_writes', 'synchronous_commit'],
      )
    } finally {
      await sql.close()
    }
  })

  it('refuses a standby, and a database of other letters, whatever is allowed', async () => {
    const standby = await openTcpPostgres({ standbyOf: careless })
    const at = await readDatabaseUrl(standby.url(), { session: 'any' })
    const asked = openPostgresSqlClient({ applicationName: 'test', ...at })
    const admin = openPostgresSqlClient({ applicationName: 'test', ...(await readDatabaseUrl(careless.url())) })
    await admin.query(`create database letters encoding 'SQL_ASCII' template template0`)
    const other = openPostgresSqlClient({
      applicationName: 'test',
      ...(await readDatabaseUrl(careless.url('?dbname=letters'))),
    })
    const all = ['version', 'fsync', 'full_page_writes', 'synchronous_commit'] as const
    try {
      await assert.rejects(checkServer(asked, all), { code: 'SLUICE_STATE_UNSAFE', message: /standby/ })
      await assert.rejects(checkServer(other, all), { code: 'SLUICE_STATE_UNSAFE', message: /SQL_ASCII/ })
    } finally {
      for (const client of [asked, admin, other]) await client.close()
      await standby.close()
    }
  })
})
