import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
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

  const amounts = async () => (await sql.query('select n from sluice.things order by n')).map((row) => row)

  it('are applied in order, once', async () => {
    assert.deepEqual(await migrate(sql, [things]), ['0001-things.sql'])
    assert.deepEqual(await migrate(sql, [things, more]), ['0002-more.sql'])
    assert.deepEqual(await migrate(sql, [things, more]), [])
    assert.deepEqual(await amounts(), [{ n: 1 }, { n: 2 }])
  })

  it('are applied once when several instances start at the same time', async () => {
    const instances = Array.from({ length: 4 }, () => postgres.client({ connectionsMax: 1 }))
    const applied = await Promise.all(instances.map((instance) => migrate(instance, [things, more])))
    assert.deepEqual(applied.flat().sort(), ['0001-things.sql', '0002-more.sql'])
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
