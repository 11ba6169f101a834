import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failure } from '../../kit/failure.ts'
import type { SqlClient } from '../../stores/state/sql-client.ts'
import { createLateSqlClient } from './late-sql-client.ts'

const isAway = (error: unknown): boolean =>
  error instanceof Failure && error.code === 'SLUICE_STATE_UNAVAILABLE' && error.retryable

const unexpected = (): void => {
  throw new Error('Nobody said anything.')
}

/** A client that answers each statement with its text, and notes when it is closed. */
function anEcho() {
  let closed = 0
  const channels: string[] = []
  const query: SqlClient['query'] = <Row extends object>(text: string) =>
    Promise.resolve([{ text }] as unknown as Row[])
  const client: SqlClient = {
    query,
    transaction: (work) => work({ query }),
    listen(channel, heard) {
      channels.push(channel)
      heard()
      return Promise.resolve()
    },
    close() {
      closed++
      return Promise.resolve()
    },
  }
  return { client, channels, closed: () => closed }
}

describe('a client for a Postgres that has not started yet', () => {
  it('rejects as if the server were away until it is there, then hands everything on to one client', async () => {
    const { client, closed } = anEcho()
    const server: { address?: SqlClient } = {}
    let asked = 0
    const late = createLateSqlClient(() => {
      asked++
      return server.address
    })
    await assert.rejects(late.query('select 1'), isAway)
    await assert.rejects(
      late.transaction(() => Promise.resolve()),
      isAway,
    )
    server.address = client
    assert.deepEqual(await late.query('select 1'), [{ text: 'select 1' }])
    assert.deepEqual(await late.transaction((session) => session.query('select 2')), [{ text: 'select 2' }])
    assert.equal(asked, 3)
    await late.close()
    assert.equal(closed(), 1)
  })

  it('listens as soon as it is there', async () => {
    const { client, channels } = anEcho()
    let asked = 0
    const late = createLateSqlClient(() => (++asked < 3 ? undefined : client))
    let heard = 0
    await late.listen('news', () => heard++, new AbortController().signal)
    assert.deepEqual([channels, heard], [['news'], 1])
  })

  it('stops waiting to listen when it is closed, or when nobody wants to listen any more', async () => {
    const late = createLateSqlClient(() => undefined)
    const stop = new AbortController()
    const listening = late.listen('news', unexpected, stop.signal)
    stop.abort()
    await listening
    const other = late.listen('news', unexpected, new AbortController().signal)
    await late.close()
    await other
  })

  it('can be closed before there was a server', async () => {
    await createLateSqlClient(() => undefined).close()
  })
})
