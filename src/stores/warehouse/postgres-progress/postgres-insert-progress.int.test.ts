import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { openTestDatabase } from '../../state/postgres/test-database.fixtures.ts'
import type { TestDatabase } from '../../state/postgres/test-database.fixtures.ts'
import { describeInsertProgress } from '../insert-progress.contract.ts'
import { aProgress } from '../insert-progress.fixtures.ts'
import { openPostgresInsertProgress } from './postgres-insert-progress.ts'

describe('the progress in Postgres', () => {
  let database: TestDatabase
  before(async () => {
    database = await openTestDatabase()
  })
  beforeEach(() => database.sql.query('truncate sluice.insert_progress'))
  after(() => database.close())

  describeInsertProgress(
    'a row of Postgres',
    async () => ({
      progress: await openPostgresInsertProgress(database.sql, 'events'),
      reopen: () => openPostgresInsertProgress(database.client(), 'events'),
    }),
    { isShared: true },
  )

  it('is one for each flow', async () => {
    const events = await openPostgresInsertProgress(database.sql, 'events')
    const heatmaps = await openPostgresInsertProgress(database.sql, 'heatmaps')
    await events.save(aProgress(1))
    assert.equal(await heatmaps.load(), undefined)
    await heatmaps.save(aProgress(2))
    assert.deepEqual(await events.load(), aProgress(1))
  })

  it('loads what was being saved when it was taken over, or refuses that save', async () => {
    const other = database.client()
    for (let round = 0; round < 20; round++) {
      const writer = await openPostgresInsertProgress(database.sql, 'events')
      const [saved, owner] = await Promise.allSettled([
        writer.save(aProgress(100 + round)),
        openPostgresInsertProgress(other, 'events'),
      ])
      assert.equal(owner.status, 'fulfilled')
      const rows = (await owner.value.load())?.rowsInserted
      assert.equal(rows === aProgress(100 + round).rowsInserted, saved.status === 'fulfilled')
    }
  })
})
