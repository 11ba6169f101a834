import { after, before, beforeEach, describe } from 'node:test'
import { openTestDatabase } from '../../state/postgres/test-database.fixtures.ts'
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
})
