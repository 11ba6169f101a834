import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Failure } from '../../kit/failure.ts'
import { until } from '../../kit/until.fixtures.ts'
import { openTestPostgres } from './embedded-postgres/postgres.fixtures.ts'
import type { TestPostgres } from './embedded-postgres/postgres.fixtures.ts'
import { migrate, readMigrations } from './migrate.ts'
import type { Migration } from './migrate.ts'
import type { SqlClient } from './sql-client.ts'

const things: Migration = { number: 1, name: '0001-things.sql', sql: 'create table sluice.things (n int)' }
const more: Migration = {
  number: 2,
  name: '0002-more.sql',
  sql: 'insert into sluice.things values (1); insert into sluice.things values (2)',
}
const broken: Migration = {
  number: 3,
  name: '0003-broken.sql',
  sql: 'insert into sluice.things values (3); select 1/0',
}

describe('migrations', () => {
  let postgres: TestPostgres
  let sql: SqlClient

  before(async () => {
    postgres = await openTestPostgres()
    sql = postgres.sql
  })
  beforeEach(() => sql.query('drop schema if exists sluice cascade'))
  after(() => postgres.close())

  const hasSession = async (condition: string): Promise<boolean> =>
    (await sql.query(`select from pg_stat_activity where ${condition} and pid <> pg_backend_pid()`)).length > 0

  /** Applies the first migration whole; `interrupt` comes while the second one has done half of its work. */
  async function interrupted(interrupt: () => Promise<void>, code: string): Promise<void> {
    const slow = { ...more, sql: 'insert into sluice.things values (1); select pg_sleep(600)' }
    const migrating = assert.rejects(migrate(postgres.client(), [things, slow]), { code, retryable: true })
    await until('the second one runs', () => hasSession(`query like '%pg_sleep(600)%'`))
    await interrupt()
    await migrating
  }

  const amounts = async () => (await sql.query('select n from sluice.things order by n')).map((row) => row)

  it('are applied in order, once', async () => {
    assert.deepEqual(await migrate(sql, [things]), ['0001-things.sql'])
    assert.deepEqual(await migrate(sql, [things, more]), ['0002-more.sql'])
    assert.deepEqual(await migrate(sql, [things, more]), [])
    assert.deepEqual(await amounts(), [{ n: 1 }, { n: 2 }])
  })

  it('are applied once when eight instances start at the same time on an empty database', async () => {
    const instances = Array.from({ length: 8 }, () => postgres.client({ connectionsMax: 1 }))
    const all = await readMigrations()
    const applied = await Promise.all(instances.map((instance) => migrate(instance, all)))
    assert.deepEqual(
      applied.flat().sort(),
      all.map(({ name }) => name),
    )
  })

  it('are applied once when the default of the server is to read what was there when a transaction began', async () => {
    await sql.query(`alter database postgres set default_transaction_isolation = 'repeatable read'`)
    const instances = Array.from({ length: 8 }, () => postgres.client({ connectionsMax: 1 }))
    const applied = await Promise.all(instances.map((instance) => migrate(instance, [things, more])))
    await sql.query('alter database postgres reset default_transaction_isolation')
    assert.deepEqual(applied.flat().sort(), ['0001-things.sql', '0002-more.sql'])
    assert.deepEqual(await amounts(), [{ n: 1 }, { n: 2 }])
  })

  it('are whole or absent after the server is killed in the middle of one, and the next instance goes on', async () => {
    await interrupted(() => postgres.kill(), 'SLUICE_STATE_UNAVAILABLE')
    await postgres.restart()
    assert.deepEqual(await untilDone(() => migrate(sql, [things, more])), ['0002-more.sql'])
    assert.deepEqual(await amounts(), [{ n: 1 }, { n: 2 }])
  })

  it('are whole or absent after the instance that applies one is gone, and the one that waits goes on', async () => {
    const waiting: Promise<readonly string[]>[] = []
    await interrupted(async () => {
      waiting.push(migrate(postgres.client(), [things, more]))
      await until('somebody waits', () => hasSession(`wait_event_type = 'Lock'`))
      await sql.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(600)%' and pid <> pg_backend_pid()`,
      )
    }, 'SLUICE_STATE_UNAVAILABLE')
    assert.deepEqual((await Promise.all(waiting)).flat(), ['0002-more.sql'])
    assert.deepEqual(await amounts(), [{ n: 1 }, { n: 2 }])
  })

  it('leave nothing of one that fails, and everything of those before it', async () => {
    await assert.rejects(migrate(sql, [things, more, broken]), { code: 'SLUICE_STATE_REFUSED' })
    assert.deepEqual(await amounts(), [{ n: 1 }, { n: 2 }])
    const repaired = { ...broken, sql: 'insert into sluice.things values (3)' }
    assert.deepEqual(await migrate(sql, [things, more, repaired]), ['0003-broken.sql'])
  })

  it('are refused when an applied one was changed or replaced', async () => {
    await migrate(sql, [things, more])
    const changed = { ...things, sql: `${things.sql} -- nothing but a remark` }
    await assert.rejects(migrate(sql, [changed, more]), { code: 'SLUICE_STATE_MIGRATION_CHANGED' })
  })

  it('are refused when the database is newer than the code', async () => {
    await migrate(sql, [things, more])
    await assert.rejects(migrate(sql, [things]), { code: 'SLUICE_STATE_NEWER' })
  })

  it('of this version are numbered without gaps and can all be applied', async () => {
    const names = (await readMigrations()).map(({ name }) => name)
    assert.deepEqual(await migrate(sql, await readMigrations()), names)
  })

  it('are refused when a number is missing or given twice', async () => {
    for (const names of [['0002-late.sql'], ['0001-a.sql', '0001-b.sql'], ['1-short.sql']]) {
      const folder = await mkdtemp(join(tmpdir(), 'sluice-migrations-'))
      for (const name of names) await writeFile(join(folder, name), 'select 1')
      await assert.rejects(readMigrations(pathToFileURL(`${folder}/`)), { code: 'SLUICE_STATE_MIGRATIONS' })
      await rm(folder, { recursive: true })
    }
  })
})

/** A connection that broke may be noticed only when it is used. */
async function untilDone<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 20; ; left--) {
    try {
      return await attempt()
    } catch (error) {
      if (left === 0 || !(error instanceof Failure) || !error.retryable) throw error
    }
  }
}
