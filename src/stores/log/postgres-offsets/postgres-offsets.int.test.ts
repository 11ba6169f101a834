import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { openTestDatabase, readMigrations } from '../../state/postgres/test-database.fixtures.ts'
import type { TestDatabase } from '../../state/postgres/test-database.fixtures.ts'
import { describeLogEpochs } from '../log-epochs.contract.ts'
import { describeLogReaders } from '../log-readers.contract.ts'
import { postgresLogEpochs } from './postgres-log-epochs.ts'
import { postgresLogReaders } from './postgres-log-readers.ts'

describe('what Postgres keeps of a log', () => {
  let database: TestDatabase
  before(async () => {
    database = await openTestDatabase()
  })
  beforeEach(() => database.sql.query('truncate sluice.log_partitions, sluice.log_offsets'))
  after(() => database.close())

  describeLogEpochs('a table of Postgres', () =>
    Promise.resolve({
      epochs: postgresLogEpochs(database.sql),
      reopen: () => Promise.resolve(postgresLogEpochs(database.client())),
    }),
  )
  describeLogReaders('a table of Postgres', () =>
    Promise.resolve({
      readers: postgresLogReaders(database.sql),
      reopen: () => Promise.resolve(postgresLogReaders(database.client())),
    }),
  )

  it('keeps where owners and readers of the release stood that had a lane as a whole', async () => {
    const { sql } = database
    const shares = (await readMigrations()).find(({ name }) => name === '0007-shares.sql')
    assert.ok(shares !== undefined)
    await sql.query('drop table sluice.log_partitions, sluice.log_offsets')
    await sql.query(
      `create table sluice.log_epochs (lane text primary key, epoch bigint not null);
       create table sluice.log_readers (
         reader text, lane text, offsets jsonb not null, saved_at timestamptz not null default now(), primary key (reader, lane)
       );
       insert into sluice.log_epochs values ('clickhouse_events', 3), ('clickhouse_heatmap_events', 1);
       insert into sluice.log_readers values
         ('ingestion', 'clickhouse_events', '[0, 70, 8]'), ('warehouse', 'clickhouse_events', '[1, 0, 1099511627776]'),
         ('warehouse', 'exceptions', '[]')`,
    )
    await sql.query(shares.sql)
    const epochs = postgresLogEpochs(sql)
    assert.deepEqual(
      await epochs.newest('clickhouse_events', [0, 1, 2, 3]),
      new Map([
        [0, 3],
        [1, 3],
        [2, 3],
        [3, 0],
      ]),
    )
    assert.deepEqual(
      await epochs.remembered('clickhouse_events'),
      new Map([
        [1, { offset: 70, about: '' }],
        [2, { offset: 8, about: '' }],
      ]),
    )
    assert.equal((await epochs.remembered('clickhouse_heatmap_events')).size, 0)
    const readers = postgresLogReaders(sql)
    assert.deepEqual(await readers.load('warehouse', 'clickhouse_events'), [1, 0, 2 ** 40])
    assert.equal(await readers.load('ingestion', 'clickhouse_events'), undefined)
  })
})
