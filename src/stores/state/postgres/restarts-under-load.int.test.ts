/** Writers that go on while the server is killed, stopped and started: everything they are told can be tried again, and holds. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../../kit/failure.ts'
import { until } from '../../../kit/until.fixtures.ts'
import { openTestPostgres } from '../embedded-postgres/postgres.fixtures.ts'
import type { TestPostgres } from '../embedded-postgres/postgres.fixtures.ts'
import type { SqlClient } from '../sql-client.ts'

const writers = 8
const restarts = 4

describe('a Postgres that restarts under load', () => {
  let postgres: TestPostgres
  before(async () => {
    postgres = await openTestPostgres()
    await postgres.sql.query(`
      create table written (writer int, n int, primary key (writer, n));
      create table counted (name text primary key, epoch bigint not null)`)
  })
  after(() => postgres.close())

  it('answers with what can be tried again alone, keeps what it confirmed, and gives no number out twice', async () => {
    const sql = postgres.client({ connectionsMax: 4, connectTimeoutMs: 5000 })
    const stop = new AbortController()
    const confirmed: number[] = Array.from({ length: writers }, () => 0)
    const epochs: number[] = []
    const codes = new Map<string, number>()

    const tried = async <T>(work: () => Promise<T>): Promise<T> => {
      for (;;) {
        try {
          return await work()
        } catch (error) {
          assert.ok(error instanceof Failure && error.retryable, String(error))
          codes.set(error.code, (codes.get(error.code) ?? 0) + 1)
          await sleep(5)
        }
      }
    }
    const write = async (writer: number): Promise<void> => {
      for (let n = 1; !stop.signal.aborted; n++) {
        await tried(() => writeOne(sql, writer, n))
        confirmed[writer] = n
      }
    }
    const count = async (): Promise<void> => {
      while (!stop.signal.aborted) epochs.push(await tried(() => next(sql)))
    }
    const total = () => confirmed.reduce((sum, n) => sum + n, 0)
    const load = Promise.all([...confirmed.map((_, writer) => write(writer)), count()])

    for (let restart = 0; restart < restarts; restart++) {
      const before = total()
      await until('the writers go on', () => total() > before + 100)
      if (restart % 2 === 0) await postgres.kill()
      else await postgres.server().stop()
      await postgres.restart()
    }
    const before = total()
    await until('the writers go on', () => total() > before + 100)
    stop.abort()
    await load

    const kept = await sql.query<{ readonly writer: number; readonly rows: number; readonly last: number }>(
      'select writer, count(*) as rows, max(n) as last from written group by writer order by writer',
    )
    assert.deepEqual(
      kept,
      confirmed.map((n, writer) => ({ writer, rows: n, last: n })),
    )
    assert.ok(
      epochs.every((epoch, at) => at === 0 || epoch > (epochs[at - 1] ?? Infinity)),
      'epochs only grow',
    )
    assert.ok((codes.get('SLUICE_STATE_UNAVAILABLE') ?? 0) > 0, JSON.stringify([...codes]))
  })
})

/** Half of them in a transaction of two statements; all bear being done twice. */
async function writeOne(sql: SqlClient, writer: number, n: number): Promise<void> {
  const insert = 'insert into written values ($1, $2) on conflict do nothing'
  if (n % 2 === 0) await sql.query(insert, [writer, n])
  else
    await sql.transaction(async (session) => {
      await session.query('select count(*) from written where writer = $1', [writer])
      await session.query(insert, [writer, n])
    })
}

async function next(sql: SqlClient): Promise<number> {
  const [row] = await sql.query<{ readonly epoch: number }>(
    `insert into counted as c values ('lane', 1) on conflict (name) do update set epoch = c.epoch + 1 returning epoch`,
  )
  assert.ok(row !== undefined)
  return row.epoch
}
