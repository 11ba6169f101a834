/** With a real standby, whose replay is paused to make it old. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { until } from '../../../kit/until.fixtures.ts'
import type { SqlClient } from '../sql-client.ts'
import { readDatabaseUrl } from './database-url.ts'
import { openPostgresSqlClient } from './postgres-sql-client.ts'
import { seeOwnWrites } from './own-writes.ts'
import { openReplicaReader } from './replica-reader.ts'
import type { ReplicaReader } from './replica-reader.ts'
import { openTcpPostgres } from './tcp-postgres.fixtures.ts'
import type { TcpPostgres } from './tcp-postgres.fixtures.ts'

describe('questions to a read replica', () => {
  let server: TcpPostgres
  let standby: TcpPostgres
  let primary: SqlClient
  let replica: SqlClient
  let reader: ReplicaReader

  before(async () => {
    server = await openTcpPostgres()
    standby = await openTcpPostgres({ standbyOf: server })
    primary = openPostgresSqlClient({ applicationName: 'test', ...(await readDatabaseUrl(server.url())) })
    const place = await readDatabaseUrl(standby.url(), { session: 'any' })
    replica = openPostgresSqlClient({ applicationName: 'test', ...place, connectTimeoutMs: 1000 })
    reader = openReplicaReader({ primary, replica, lagMsMax: 400, checkMs: 10 })
    await primary.query('create table kept (n int)')
  })
  after(async () => {
    await reader.close()
    await replica.close()
    await primary.close()
    await standby.close()
    await server.close()
  })

  const isAnsweredByReplica = async (): Promise<boolean> =>
    (await reader.query<{ readonly standby: boolean }>('select pg_is_in_recovery() as standby'))[0]?.standby ?? false
  const untilAnsweredBy = (who: 'replica' | 'primary'): Promise<void> =>
    until(`the ${who} answers`, async () => (await isAnsweredByReplica()) === (who === 'replica'))
  const kept = async (session: Pick<SqlClient, 'query'>): Promise<number> =>
    (await session.query<{ readonly n: number }>('select count(*) as n from kept'))[0]?.n ?? 0

  it('go to the replica while it keeps up', async () => {
    await untilAnsweredBy('replica')
    assert.equal(reader.health().isUsed, true)
    assert.ok((reader.health().lagMs ?? Infinity) <= 400)
  })

  it('go to the primary once the replica is too old, also when the replica does not know that, and back again', async () => {
    await replica.query('select pg_wal_replay_pause()')
    await primary.query('insert into kept values (1)')
    await untilAnsweredBy('primary')
    assert.equal(reader.health().isUsed, false)
    assert.equal(await kept(reader), 1)
    await replica.query('select pg_wal_replay_resume()')
    await untilAnsweredBy('replica')
    assert.equal(await kept(reader), 1)
  })

  it('never show less than was committed before the bound', async () => {
    await primary.query('insert into kept select generate_series(1, 100)')
    const committedMs = performance.now()
    while (performance.now() - committedMs <= 400) await reader.query('select 1')
    assert.equal(await kept(reader), 101)
  })

  it('show at once what whoever asks has changed, and come from the replica again once it has that', async () => {
    await untilAnsweredBy('replica')
    const own = seeOwnWrites(primary, reader)
    const before = await kept(own.reading)
    await replica.query('select pg_wal_replay_pause()')
    await own.sql.transaction((session) => session.query('insert into kept values (2)'))
    assert.equal(await kept(own.reading), before + 1)
    await replica.query('select pg_wal_replay_resume()')
    const standby = 'select pg_is_in_recovery() as standby'
    await until(
      'the replica answers',
      async () => (await own.reading.query<{ standby: boolean }>(standby))[0]?.standby === true,
    )
    assert.equal(await kept(own.reading), before + 1)
  })

  it('go to the primary at once when the replica goes away, and back when it is there again', async () => {
    await untilAnsweredBy('replica')
    await standby.kill()
    assert.equal(await isAnsweredByReplica(), false)
    await until('the health says why', () => reader.health().reason !== undefined)
    await standby.start()
    await untilAnsweredBy('replica')
    assert.equal(reader.health().reason, undefined)
  })

  it('are told what is wrong with them without asking twice', async () => {
    await untilAnsweredBy('replica')
    await assert.rejects(reader.query('select nonsense'), { code: 'SLUICE_STATE_REFUSED' })
  })
})
