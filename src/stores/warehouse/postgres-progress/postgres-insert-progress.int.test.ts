import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { openTestDatabase, readMigrations } from '../../state/postgres/test-database.fixtures.ts'
import type { TestDatabase } from '../../state/postgres/test-database.fixtures.ts'
import { describeInsertProgress } from '../insert-progress.contract.ts'
import { anIntent, aProgress, progressIn } from '../insert-progress.fixtures.ts'
import type { InsertProgress } from '../insert-progress.ts'
import { postgresInsertProgress } from './postgres-insert-progress.ts'

const usual = { recentBlocksMax: 3 }

describe('the progress in Postgres', () => {
  let database: TestDatabase
  before(async () => {
    database = await openTestDatabase()
  })
  beforeEach(() => database.sql.query('truncate sluice.insert_partitions, sluice.insert_blocks'))
  after(() => database.close())

  describeInsertProgress(
    'rows of Postgres',
    async (recentBlocksMax) => {
      await database.sql.query('truncate sluice.insert_partitions, sluice.insert_blocks')
      return {
        progress: postgresInsertProgress(database.sql, 'events', { recentBlocksMax }),
        reopen: () => Promise.resolve(postgresInsertProgress(database.client(), 'events', { recentBlocksMax })),
      }
    },
    { isShared: true },
  )

  it('is one for each flow', async () => {
    const events = postgresInsertProgress(database.sql, 'events', usual)
    const heatmaps = postgresInsertProgress(database.sql, 'heatmaps', usual)
    const owner = await events.take([1])
    await owner.begin(anIntent(1))
    await owner.done(anIntent(1), progressIn([1], 1))
    const other = await heatmaps.take([1])
    assert.deepEqual([await heatmaps.all(), other.recent], [new Map(), []])
    await other.begin(anIntent(1))
    await owner.check()
    assert.deepEqual(await events.all(), progressIn([1], 1))
  })

  it('keeps no more blocks than are told, of each writer', async () => {
    const writers = Array.from({ length: 4 }, (_, at) => ({
      partitions: [at, at + 4],
      progress: postgresInsertProgress(database.client(), 'events', usual),
    }))
    await Promise.all(
      writers.map(async ({ partitions, progress }, at) => {
        const owner = await progress.take(partitions)
        for (let n = 1; n <= 25; n++) {
          const block = anIntent(n * 10 + at, partitions)
          await owner.begin(block)
          await owner.done(block, progressIn(partitions, n))
        }
      }),
    )
    const [last] = writers
    assert.ok(last !== undefined)
    const owner = await last.progress.take(last.partitions)
    await owner.begin(anIntent(1000, last.partitions))
    await owner.done(anIntent(1000, last.partitions), progressIn(last.partitions, 26))
    const [kept] = await database.sql.query<{ readonly blocks: number }>(
      'select count(*) as blocks from sluice.insert_blocks',
    )
    assert.equal(kept?.blocks, usual.recentBlocksMax * writers.length)
  })

  it('never lets two writers wait for each other in a circle, in whatever order they name their partitions', async () => {
    const partitions = Array.from({ length: 32 }, (_, at) => at)
    const writers = Array.from({ length: 4 }, () => postgresInsertProgress(database.client(), 'events', usual))
    const outcomes = new Map<string, number>()
    await Promise.all(
      writers.map(async (progress, at) => {
        const own = at % 2 === 0 ? partitions : partitions.toReversed()
        for (let round = 0; round < 15; round++) {
          const outcome = await onceThrough(progress, own, at * 100 + round)
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        }
      }),
    )
    assert.deepEqual(
      [...outcomes.keys()].filter((outcome) => outcome !== 'done' && outcome !== 'SLUICE_PROGRESS_FENCED'),
      [],
    )
  })

  it('takes over what an earlier release kept of all partitions together', async () => {
    const [migration] = (await readMigrations()).filter(({ name }) => name.startsWith('0008-'))
    assert.ok(migration !== undefined)
    const own = await openTestDatabase()
    try {
      await own.sql.query(`
        drop table sluice.insert_partitions, sluice.insert_blocks;
        create table sluice.insert_progress (
          flow text primary key, epoch bigint not null, progress jsonb, saved_at timestamptz not null default now()
        )`)
      const earlier = {
        offsets: [7, 0, 9],
        sourceOffsets: [70, 0, 90],
        epochs: [2, 0, 3],
        throughMs: [1_700_000_000_007, 0, 1_700_000_000_009],
        canaries: [4, 0, null],
        rowsInserted: 150,
        rowsRefused: 2,
        intent: anIntent(3, [1, 2]),
        recent: [anIntent(1, [0]), anIntent(2, [0, 2])],
      }
      await own.sql.query('insert into sluice.insert_progress values ($1, 5, $2::jsonb)', [
        'events',
        JSON.stringify(earlier),
      ])
      const { canaries, intent, ...oldest } = { ...earlier, recent: [] }
      assert.ok(canaries.length > 0)
      await own.sql.query('insert into sluice.insert_progress values ($1, 5, $2::jsonb), ($3, 1, null)', [
        'heatmaps',
        JSON.stringify(oldest),
        'recordings',
      ])
      await own.sql.query(migration.sql)
      const taken = await postgresInsertProgress(own.sql, 'events', usual).take([0, 1, 2])
      assert.deepEqual(
        taken.partitions,
        new Map([
          [0, { ...aProgress(7), sourceOffset: 70, epoch: 2, canaries: 4, rowsInserted: 150, rowsRefused: 2 }],
          [2, { ...aProgress(9), sourceOffset: 90, epoch: 3, canaries: null, rowsInserted: 0, rowsRefused: 0 }],
        ]),
      )
      assert.deepEqual([taken.open, taken.recent], [[intent], earlier.recent])
      const heatmaps = await postgresInsertProgress(own.sql, 'heatmaps', usual).take([0, 1, 2])
      assert.deepEqual(
        [[...heatmaps.partitions].map(([at, { canaries: counted }]) => [at, counted]), heatmaps.open, heatmaps.recent],
        [
          [
            [0, null],
            [2, null],
          ],
          [],
          [],
        ],
      )
      assert.deepEqual(await postgresInsertProgress(own.sql, 'recordings', usual).all(), new Map())
    } finally {
      await own.close()
    }
  })
})

/** Takes, repeats what is open, begins and closes a block; resolves with how that ended. */
async function onceThrough(progress: InsertProgress, partitions: readonly number[], n: number): Promise<string> {
  try {
    const owner = await progress.take(partitions)
    for (const open of owner.open) await owner.done(open, progressIn(partitions, n))
    await owner.begin(anIntent(n, partitions))
    await owner.done(anIntent(n, partitions), progressIn(partitions, n))
    return 'done'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}
