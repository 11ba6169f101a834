import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SqlClient, SqlSession } from '../sql-client.ts'
import { seeOwnWrites } from './own-writes.ts'

/** Answers each question with its own name. */
function named(who: string): SqlSession {
  const query: SqlSession['query'] = <Row extends object>() => Promise.resolve([{ who }] as unknown as Row[])
  return { query }
}

function opened() {
  const session = named('primary')
  const primary: SqlClient = {
    ...session,
    transaction: (work) => work(session),
    listen: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  /** Since when the replica shows everything, by the clock of `performance`. */
  const replica = { freshAtMs: undefined as number | undefined }
  const lag = () => (replica.freshAtMs === undefined ? {} : { lagMs: performance.now() - replica.freshAtMs })
  const own = seeOwnWrites(primary, { ...named('replica'), health: () => ({ isUsed: true, ...lag() }) })
  const answered = async () => (await own.reading.query<{ readonly who: string }>('select 1'))[0]?.who
  return { own, replica, answered }
}

describe('lists that a replica may answer', () => {
  it('are asked of the replica once something is known of it', async () => {
    const { replica, answered } = opened()
    assert.equal(await answered(), 'primary')
    replica.freshAtMs = performance.now()
    assert.equal(await answered(), 'replica')
  })

  it('are asked of the primary until the replica shows what was changed here, or what may have been', async () => {
    const { own, replica, answered } = opened()
    replica.freshAtMs = performance.now()
    await own.sql.transaction((session) => session.query('insert'))
    assert.equal(await answered(), 'primary')
    replica.freshAtMs = performance.now() + 1000
    assert.equal(await answered(), 'replica')
    replica.freshAtMs = performance.now()
    await assert.rejects(own.sql.transaction(() => Promise.reject(new Error('The answer was lost.'))))
    assert.equal(await answered(), 'primary')
  })

  it('are not asked of the primary for what is only read there', async () => {
    const { own, replica, answered } = opened()
    replica.freshAtMs = performance.now()
    await own.sql.query('select 1')
    assert.equal(await answered(), 'replica')
  })
})
