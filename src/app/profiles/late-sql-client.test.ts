import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failure } from '../../kit/failure.ts'
import type { SqlClient } from '../../stores/state/sql-client.ts'
import { createLateSqlClient } from './late-sql-client.ts'

const isAway = (error: unknown): boolean =>
  error instanceof Failure && error.code === 'SLUICE_STATE_UNAVAILABLE' && error.retryable

/** A client that answers each statement with its text, and notes when it is closed. */
function anEcho() {
  let closed = 0
  const query: SqlClient['query'] = <Row extends object>(text: string) =>
    Promise.resolve([{ text }] as unknown as Row[])
  const client: SqlClient = {
    query,
    transaction: (work) => work({ query }),
    close() {
      closed++
      return Promise.resolve()
    },
  }
  return { client, closed: () => closed }
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

  it('can be closed before there was a server', async () => {
    await createLateSqlClient(() => undefined).close()
  })
})
