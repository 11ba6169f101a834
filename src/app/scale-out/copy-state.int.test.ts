import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openTestDatabase } from '../../stores/state/postgres/test-database.fixtures.ts'
import type { TestDatabase } from '../../stores/state/postgres/test-database.fixtures.ts'
import { service } from '../../kit/service.fixtures.ts'
import type { SqlSession } from '../../stores/state/sql-client.ts'
import { copyState, isMoved } from './copy-state.ts'

/** Who moves and who stays is decided for each table when it is made. */
const staying = [
  'insert_blocks',
  'insert_partitions',
  'log_offsets',
  'log_partitions',
  'migrations',
  'scale_out',
  'shared_secrets',
]

describe('the state of a moved installation', { skip: service('DATABASE_URL').skip }, () => {
  let from: TestDatabase
  let to: TestDatabase
  before(async () => {
    from = await openTestDatabase()
    to = await openTestDatabase()
  })
  after(async () => {
    await from.close()
    await to.close()
  })

  it('is everything that people made, row by row as it was, also when it is copied again', async () => {
    await from.sql.query(`insert into sluice.organizations (name) values ('Ünï "x", (y) \\ z')`)
    await from.sql.query(`insert into sluice.projects (organization_id, name) select id, 'p' from sluice.organizations`)
    await from.sql.query(
      `insert into sluice.project_tokens (token, project_id, lanes) values ('phc_1', 1, '{exceptions}')`,
    )
    await from.sql.query(
      `insert into sluice.insights (project_id, name, kind, question) values (1, 'q', 'sql', '{"b": 1,  "a":"\\u00e4,\\"("}')`,
    )
    await from.sql.query(
      `insert into sluice.signing_secrets (project_id, label, secret) values (1, '', repeat('s', 32))`,
    )
    await from.sql.query(
      `insert into sluice.audit_log (project_id, actor_kind, actor_id, action, subject, before)
       values (1, 'cli', 'me', 'limit.created', 'x', '{"a": null}')`,
    )
    await to.sql.query(`insert into sluice.organizations (name) values ('of a copy that was interrupted')`)
    for (let round = 0; round < 2; round++) {
      await copyState(from.sql, to.sql)
      assert.deepEqual(await contentsOf(to.sql), await contentsOf(from.sql))
    }
    const [next] = await to.sql.query<{ readonly id: number }>(
      `insert into sluice.projects (organization_id, name) select id, 'next' from sluice.organizations returning id`,
    )
    assert.equal(next?.id, 2)
    const [token] = await to.sql.query<{ readonly isNewer: boolean }>(
      `insert into sluice.project_tokens (token, project_id) values ('phc_2', 2)
       returning version > (select max(version) from sluice.project_tokens) as "isNewer"`,
    )
    assert.equal(token?.isNewer, true)
  })

  it('leaves only what the log and the inserts keep for themselves', async () => {
    const tables = await tablesOf(from.sql)
    assert.deepEqual(
      tables.filter((table) => !isMoved(table)),
      staying,
    )
  })
})

async function tablesOf(sql: SqlSession): Promise<readonly string[]> {
  const rows = await sql.query<{ readonly name: string }>(
    `select tablename as name from pg_tables where schemaname = 'sluice' order by 1`,
  )
  return rows.map(({ name }) => name)
}

async function contentsOf(sql: SqlSession): Promise<Readonly<Record<string, readonly string[]>>> {
  const contents: Record<string, readonly string[]> = {}
  for (const table of (await tablesOf(sql)).filter(isMoved)) {
    const rows = await sql.query<{ readonly row: string }>(`select t::text as row from sluice.${table} t order by 1`)
    contents[table] = rows.map(({ row }) => row)
  }
  return contents
}
