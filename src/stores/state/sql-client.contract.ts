/** What every `SqlClient` promises, as tests; see `sql-client.ts`. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../kit/failure.ts'
import type { SqlClient, SqlSession } from './sql-client.ts'

export interface SqlClientUnderTest {
  /** A client to the server of the test; the short timeouts are for the tests that wait for them. */
  open(timeouts?: { readonly statementTimeoutMs: number; readonly connectTimeoutMs: number }): SqlClient
  /** SIGKILL to the server; resolves when it is gone. */
  killServer(): Promise<void>
  /** Starts it again; resolves when it answers. */
  startServer(): Promise<void>
  /** Every process of the server stops answering but keeps its connections. Returns how to go on. */
  freezeServer(): Promise<() => void>
  close(): Promise<void>
}

export function describeSqlClient(name: string, openServer: () => Promise<SqlClientUnderTest>): void {
  describe(`${name} as an SQL client`, () => {
    let server: SqlClientUnderTest
    let sql: SqlClient

    before(async () => {
      server = await openServer()
      sql = server.open()
      await sql.query('create table things (name text primary key, amount bigint)')
    })
    after(async () => {
      await sql.close()
      await server.close()
    })

    const names = async (): Promise<string[]> =>
      (await sql.query<{ readonly name: string }>('select name from things order by name')).map((row) => row.name)

    it('gives values back as they were, whatever is in them', async () => {
      const when = new Date('2026-03-29T01:30:00.123Z')
      const [row] = await sql.query(
        `select $1::text as text, $2::bigint as big, $3::timestamptz as moment, $4::bytea as bytes, $5::text[] as list,
                null::text as nothing, '{"a":[1]}'::jsonb as json, $6::boolean as yes, count(*) as many from generate_series(1, 3)`,
        [`'; drop table things; --`, Number.MAX_SAFE_INTEGER, when, Buffer.from([0, 255]), ['a,"', '{}'], true],
      )
      assert.deepEqual(row, {
        text: `'; drop table things; --`,
        big: Number.MAX_SAFE_INTEGER,
        moment: when,
        bytes: Buffer.from([0, 255]),
        list: ['a,"', '{}'],
        nothing: null,
        json: { a: [1] },
        yes: true,
        many: 3,
      })
    })

    it('rejects rather than round a number beyond 2^53', async () => {
      await rejects(sql.query('select 9007199254740993::bigint'), 'SLUICE_STATE_REFUSED', false)
      assert.deepEqual(await sql.query('select 1 as one'), [{ one: 1 }])
    })

    it('runs several statements of a text without values', async () => {
      await sql.query(`insert into things values ('several-1', 1); insert into things values ('several-2', 2)`)
      assert.deepEqual(await names(), ['several-1', 'several-2'])
      await sql.query('delete from things')
    })

    it('keeps all of a transaction when its work resolves, and resolves with its result', async () => {
      const result = await sql.transaction(async (session) => {
        await session.query('insert into things values ($1, $2)', ['kept-1', 1])
        assert.deepEqual(await names(), [], 'nothing shows outside before the end')
        await session.query('insert into things values ($1, $2)', ['kept-2', 2])
        return 'done'
      })
      assert.equal(result, 'done')
      assert.deepEqual(await names(), ['kept-1', 'kept-2'])
      await sql.query('delete from things')
    })

    it('keeps nothing of a transaction when its work throws, and throws the same', async () => {
      const reason = new Error('changed my mind')
      const attempt = sql.transaction(async (session) => {
        await session.query('insert into things values ($1, $2)', ['never', 1])
        throw reason
      })
      await assert.rejects(attempt, (error) => error === reason)
      assert.deepEqual(await names(), [])
    })

    it('rejects when the work of a transaction passes over a statement that failed', async () => {
      const attempt = sql.transaction(async (session) => {
        await session.query('insert into things values ($1, $2)', ['never', 1])
        await session.query('select 1/0').catch(() => undefined)
      })
      await rejects(attempt, 'SLUICE_STATE_REFUSED', false)
      assert.deepEqual(await names(), [])
    })

    it('ends the session of a transaction with it', async () => {
      const session = await sql.transaction(async (inside) => inside)
      await rejects(session.query('select 1'), 'SLUICE_STATE_CLOSED', false)
    })

    it('says that a statement is refused, with the reason, and goes on', async () => {
      await rejects(sql.query('select nonsense'), 'SLUICE_STATE_REFUSED', false)
      await sql.query(`insert into things values ('twice', 1)`)
      await rejects(sql.query(`insert into things values ($1, 1)`, ['twice']), 'SLUICE_STATE_REFUSED', false)
      await sql.query('delete from things')
    })

    it('says that the database is not set up yet when a table is missing', async () => {
      await rejects(sql.query('select * from sluice_of_tomorrow.things'), 'SLUICE_STATE_NOT_READY', true)
    })

    it('undoes a statement that takes too long, and goes on', async () => {
      const impatient = server.open({ statementTimeoutMs: 50, connectTimeoutMs: 10_000 })
      await rejects(impatient.query('select pg_sleep(600)'), 'SLUICE_STATE_TIMEOUT', true)
      assert.deepEqual(await impatient.query('select 1 as one'), [{ one: 1 }])
      await impatient.close()
    })

    it('lets a transaction have another bound for its statements', async () => {
      const impatient = server.open({ statementTimeoutMs: 50, connectTimeoutMs: 10_000 })
      const patience = { statementTimeoutMs: 60_000 }
      await impatient.transaction(async (session) => session.query('select pg_sleep(0.2)'), patience)
      await rejects(impatient.query('select pg_sleep(600)'), 'SLUICE_STATE_TIMEOUT', true)
      await impatient.close()
    })

    it('gives up within its bounds when the server hangs, and works once it goes on', async () => {
      const impatient = server.open({ statementTimeoutMs: 100, connectTimeoutMs: 1000 })
      await impatient.query('select 1')
      const thaw = await server.freezeServer()
      try {
        await rejects(impatient.query('select 1'), 'SLUICE_STATE_UNAVAILABLE', true)
        await rejects(impatient.query('select 1'), 'SLUICE_STATE_UNAVAILABLE', true)
      } finally {
        thaw()
      }
      assert.deepEqual(await untilAvailable(() => impatient.query('select 1 as one')), [{ one: 1 }])
      await impatient.close()
    })

    it('says that the server is away, and works again by itself when it is back', async () => {
      const died = sql.transaction(async (session) => {
        await session.query('insert into things values ($1, $2)', ['half', 1])
        await server.killServer()
        await session.query('insert into things values ($1, $2)', ['other half', 1])
      })
      await rejects(died, 'SLUICE_STATE_UNAVAILABLE', true)
      await rejects(sql.query('select 1'), 'SLUICE_STATE_UNAVAILABLE', true)
      await server.startServer()
      assert.deepEqual(await names(), [])
    })

    describe('listening', () => {
      /** A listener of a client of its own, and how often it heard something. */
      const listener = (timeouts?: { readonly statementTimeoutMs: number; readonly connectTimeoutMs: number }) => {
        const client = server.open(timeouts)
        const stop = new AbortController()
        const news = { count: 0 }
        const ended = client.listen('the "news"', () => news.count++, stop.signal)
        return { client, stop, news, ended }
      }
      const notify = (session: SqlSession) => session.query(`select pg_notify('the "news"', '')`)
      const until = async (condition: () => boolean) => {
        while (!condition()) await sleep(1)
      }

      it('hears what is committed on its channel, not before and nothing else', async () => {
        const { client, news } = listener()
        await until(() => news.count === 1)
        await sql.transaction(async (session) => {
          await notify(session)
          await session.query(`select pg_notify('other news', '')`)
          assert.equal(news.count, 1)
        })
        await until(() => news.count === 2)
        const undone = sql.transaction(async (session) => {
          await notify(session)
          throw new Error('changed my mind')
        })
        await assert.rejects(undone)
        await notify(sql)
        await until(() => news.count === 3)
        await client.close()
      })

      it('listens again by itself when the server was away, and says so', async () => {
        const { client, news } = listener()
        await until(() => news.count === 1)
        await server.killServer()
        await server.startServer()
        await until(() => news.count === 2)
        await notify(sql)
        await until(() => news.count === 3)
        await client.close()
      })

      it('ends when it is told to, while it listens or while it cannot, and with its client', async () => {
        const first = listener()
        await until(() => first.news.count === 1)
        first.stop.abort()
        await first.ended
        await notify(sql)
        const second = listener()
        await until(() => second.news.count === 1)
        await second.client.close()
        await second.ended
        assert.equal(first.news.count, 1)
        const impatient = { statementTimeoutMs: 60_000, connectTimeoutMs: 60_000 }
        const thaw = await server.freezeServer()
        try {
          const third = listener(impatient)
          const listening = third.client.listen('other news', () => third.news.count++, new AbortController().signal)
          third.stop.abort()
          await third.ended
          await third.client.close()
          await listening
          assert.equal(third.news.count, 0)
        } finally {
          thaw()
        }
        await first.client.close()
      })
    })

    it('is closed twice as well as once, and refuses what comes after', async () => {
      const closed = server.open()
      await closed.query('select 1')
      await closed.close()
      await closed.close()
      await rejects(closed.query('select 1'), 'SLUICE_STATE_CLOSED', false)
    })
  })
}

async function rejects(attempt: Promise<unknown>, code: string, retryable: boolean): Promise<void> {
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof Failure, String(error))
    assert.deepEqual({ code: error.code, retryable: error.retryable }, { code, retryable }, error.message)
    return true
  })
}

/** A connection that hung may take a moment to be told from one that works. */
async function untilAvailable<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 20; ; left--) {
    try {
      return await attempt()
    } catch (error) {
      if (left === 0 || !(error instanceof Failure) || !error.retryable) throw error
    }
  }
}
