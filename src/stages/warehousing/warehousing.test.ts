import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { flows } from '../../event/flows.ts'
import type { Flow } from '../../event/flows.ts'
import { codeOf, Failure } from '../../kit/failure.ts'
import { silent } from '../../kit/telemetry/telemetry.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import { until } from '../../kit/until.fixtures.ts'
import { createMemoryLog } from '../../stores/log/memory/memory-log.ts'
import type { MemoryLog } from '../../stores/log/memory/memory-log.ts'
import { nothingInserted } from '../../stores/warehouse/insert-progress.ts'
import type { InsertProgress, PartitionProgress, TakenProgress } from '../../stores/warehouse/insert-progress.ts'
import { createMemoryInsertProgress } from '../../stores/warehouse/memory/memory-insert-progress.ts'
import { createMemoryTable, openMemoryWarehouse } from '../../stores/warehouse/memory/memory-warehouse.ts'
import type { MemoryTable } from '../../stores/warehouse/memory/memory-warehouse.ts'
import { anIntent } from '../../stores/warehouse/insert-progress.fixtures.ts'
import { acceptedMs } from '../../stores/warehouse/warehouse.fixtures.ts'
import type { Warehouse } from '../../stores/warehouse/warehouse.ts'
import { aBatch, putBatch } from './warehousing.fixtures.ts'
import { createWarehousing } from './warehousing.ts'
import type { WarehousingConfig } from './warehousing.ts'

const partitionCount = 3
const usual: WarehousingConfig = {
  blockRowsMax: 1000,
  blockBytesMax: 10_000_000,
  lingerMs: 0,
  recentBlocksMax: 4,
  retryMsMax: 2,
}

interface Installation {
  readonly log: MemoryLog
  readonly table: MemoryTable
  readonly progress: InsertProgress
}

function anInstallation(recentBlocksMax = usual.recentBlocksMax): Installation {
  return {
    log: createMemoryLog(partitionCount),
    table: createMemoryTable(),
    progress: createMemoryInsertProgress(recentBlocksMax),
  }
}

interface Life {
  readonly partitions?: readonly number[]
  readonly flow?: Flow
  readonly config?: Partial<WarehousingConfig>
  readonly warehouse?: (own: Warehouse) => Warehouse
  /** In place of what is done with partitions that were taken over. */
  readonly taken?: (own: TakenProgress) => Partial<TakenProgress>
  readonly telemetry?: Telemetry
}

function start({ log, table, progress }: Installation, life: Life = {}) {
  const warehouse = openMemoryWarehouse(table)
  const warehousing = createWarehousing(
    { ...usual, ...life.config },
    {
      flow: life.flow ?? flows.events,
      log,
      warehouse: life.warehouse?.(warehouse) ?? warehouse,
      progress: takenAs(progress, life.taken),
      telemetry: life.telemetry ?? silent,
    },
  )
  const stopping = new AbortController()
  const ended = warehousing.run(life.partitions ?? [0, 1, 2], stopping.signal)
  // Looked at by the tests that expect it.
  ended.catch(() => undefined)
  return {
    warehousing,
    ended,
    stop() {
      stopping.abort()
      return ended
    },
  }
}

function takenAs(progress: InsertProgress, wrap: Life['taken']): InsertProgress {
  return {
    ...progress,
    async take(partitions) {
      const own = await progress.take(partitions)
      return { ...own, ...wrap?.(own) }
    },
  }
}

/** Runs until everything in the lane is inserted. */
async function runThrough(installation: Installation, life: Life = {}): Promise<void> {
  const running = start(installation, life)
  const ends = (await installation.log.bounds('clickhouse_events')).map(({ end }) => end)
  await Promise.race([
    running.ended.then(() => assert.fail('it ended by itself')),
    until('all batches are inserted', async () => {
      const stand = await running.warehousing.progress()
      return ends.every((end, partition) => (stand[partition]?.offset ?? 0) >= end)
    }),
  ])
  await running.stop()
}

/** By source index: the first ones, all others are zero. */
function wide(...first: readonly number[]): readonly number[] {
  return Array.from({ length: flows.events.sources.length * partitionCount }, (_, at) => first[at] ?? 0)
}

/** What is kept of each source index. */
async function kept<K extends keyof PartitionProgress>(progress: InsertProgress, what: K) {
  const all = await progress.all()
  return wide().map((_, at) => (all.get(at) ?? nothingInserted)[what])
}

async function sumOf(progress: InsertProgress, what: 'rowsInserted' | 'rowsRefused'): Promise<number> {
  return (await kept(progress, what)).reduce((sum, own) => sum + own, 0)
}

function positions(table: MemoryTable): string[] {
  return table.rows.map((row) => `${String(row._partition)}@${String(row._offset)}`).sort()
}

const hasCode = (code: string) => (error: unknown) => codeOf(error) === code

/** Inserts as (rows, month), in order. */
function seenBy(inserts: [number, number][]): (own: Warehouse) => Warehouse {
  return (own) => ({
    ...own,
    insert(block) {
      inserts.push([block.rowCount, block.month])
      return own.insert(block)
    },
  })
}

describe('the blocks of the warehouse writer', () => {
  it('end before they have more rows than the setting says', async () => {
    const installation = anInstallation()
    for (let n = 0; n < 7; n++) putBatch(installation.log, { from: n * 10, rows: 10 })
    const inserts: [number, number][] = []
    await runThrough(installation, { config: { blockRowsMax: 25 }, warehouse: seenBy(inserts) })
    assert.deepEqual(
      inserts.map(([rows]) => rows),
      [20, 20, 20, 10],
    )
    assert.equal(new Set(positions(installation.table)).size, 70)
  })

  it('end before they have more bytes than the setting says; a batch that is larger goes alone', async () => {
    const installation = anInstallation()
    const bytes = aBatch({ from: 0, rows: 1 }).value.length
    const large = { properties: JSON.stringify({ text: 'x'.repeat(10 * bytes) }) }
    putBatch(installation.log, { from: 0, rows: 1 })
    putBatch(installation.log, { from: 1, rows: 1 })
    putBatch(installation.log, { from: 2, rows: 1, row: large })
    putBatch(installation.log, { from: 3, rows: 1 })
    const inserts: [number, number][] = []
    await runThrough(installation, { config: { blockBytesMax: 5 * bytes }, warehouse: seenBy(inserts) })
    assert.deepEqual(
      inserts.map(([rows]) => rows),
      [2, 1, 1],
    )
  })

  it('never span two months of acceptance', async () => {
    const installation = anInstallation()
    const april = Date.UTC(2026, 3, 2)
    putBatch(installation.log, { from: 0, rows: 2 })
    putBatch(installation.log, { from: 2, rows: 1, timeMs: april })
    putBatch(installation.log, { partition: 1, from: 0, rows: 3, timeMs: april })
    putBatch(installation.log, { partition: 2, from: 0, rows: 4 })
    const inserts: [number, number][] = []
    await runThrough(installation, { warehouse: seenBy(inserts) })
    assert.deepEqual(inserts, [
      [2, 202_603],
      [4, 202_604],
      [4, 202_603],
    ])
  })

  it('wait for more rows as long as the setting says, and go all the same when it ends', async () => {
    const installation = anInstallation()
    const inserts: [number, number][] = []
    const patient = start(installation, { config: { lingerMs: 3_600_000 }, warehouse: seenBy(inserts) })
    for (let n = 0; n < 3; n++) {
      putBatch(installation.log, { from: n, rows: 1 })
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
    assert.deepEqual(inserts, [])
    await patient.stop()
    assert.deepEqual(inserts, [[3, 202_603]])
  })

  it('go when their first row has waited long enough, though more rows come', async () => {
    const installation = anInstallation()
    const inserts: [number, number][] = []
    const writer = start(installation, { config: { lingerMs: 20 }, warehouse: seenBy(inserts) })
    let from = 0
    await until('a block was inserted', () => {
      putBatch(installation.log, { from, rows: 1 })
      from++
      return inserts.length > 0
    })
    await writer.stop()
    assert.equal(installation.table.rows.length, from)
  })

  it('are not inserted when they have no rows, and yet count as done', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 0, exceptions: 5 })
    const inserts: [number, number][] = []
    await runThrough(installation, { warehouse: seenBy(inserts) })
    assert.deepEqual(inserts, [])
    assert.deepEqual(await kept(installation.progress, 'sourceOffset'), wide(5))
  })
})

describe('the warehouse writer', () => {
  it('saves what it is about to insert, inserts it, and saves that it is done, in this order', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3, epoch: 7, canaries: 1 })
    putBatch(installation.log, { partition: 2, from: 0, rows: 1, exceptions: 1, epoch: 9 })
    const steps: string[] = []
    await runThrough(installation, {
      warehouse: (own) => ({
        ...own,
        async insert(block) {
          await own.insert(block)
          steps.push(`inserted ${block.token}`)
        },
      }),
      taken: (own) => ({
        async begin(block) {
          await own.begin(block)
          steps.push(`intends ${block.token}`)
        },
        async done(block, partitions) {
          await own.done(block, partitions)
          steps.push(`done ${block.token} in ${[...partitions.keys()].join(' and ')}`)
        },
      }),
    })
    const { partitions, open, recent } = await installation.progress.take(wide().map((_, at) => at))
    const token = recent[0]?.token ?? ''
    assert.deepEqual(steps, [`intends ${token}`, `inserted ${token}`, `done ${token} in 0 and 2`])
    const first = { offset: 1, sourceOffset: 3, epoch: 7, throughMs: acceptedMs, canaries: 1 }
    const last = { offset: 1, sourceOffset: 2, epoch: 9, throughMs: acceptedMs, canaries: 0 }
    assert.deepEqual(
      partitions,
      new Map([
        [0, { ...first, rowsInserted: 3, rowsRefused: 0 }],
        [2, { ...last, rowsInserted: 1, rowsRefused: 0 }],
      ]),
    )
    assert.deepEqual([open.length, recent.length], [0, 1])
  })

  it('knows from the next batch on how many canaries a partition has of which an earlier release did not say it', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3, canaries: 1 })
    await runThrough(installation)
    assert.deepEqual(await kept(installation.progress, 'canaries'), wide(1))
    const earlier = await installation.progress.take([0])
    const [[, first] = []] = earlier.partitions
    assert.ok(first !== undefined)
    await earlier.done(anIntent(1), new Map([[0, { ...first, canaries: null }]]))
    putBatch(installation.log, { partition: 1, from: 0, rows: 2, canaries: 2 })
    await runThrough(installation)
    assert.deepEqual(await kept(installation.progress, 'canaries'), [null, 2, ...wide().slice(2)])
    putBatch(installation.log, { from: 3, rows: 1, canaries: 2 })
    await runThrough(installation)
    assert.deepEqual(await kept(installation.progress, 'canaries'), wide(2, 2))
    assert.equal(await sumOf(installation.progress, 'rowsInserted'), 6)
  })

  it('tells the log what it may remove: not the newest blocks, and no source record without its row', async () => {
    const installation = anInstallation()
    const { log } = installation
    for (let n = 0; n < 10; n++) putBatch(log, { from: n * 2, rows: 2 })
    await runThrough(installation, { config: { blockRowsMax: 2, recentBlocksMax: 3 } })
    assert.deepEqual(await log.readerOffsets('warehouse', 'clickhouse_events'), wide(7))
    assert.deepEqual(await log.readerOffsets('warehouse', 'events_plugin_ingestion'), [20, 0, 0])
  })

  it('tells the log of all its lanes at the start, also of those of which nothing came, and again when they advance', async () => {
    const installation = anInstallation()
    const { log } = installation
    const saved: string[] = []
    const telling = {
      ...log,
      saveReader: (...args: Parameters<typeof log.saveReader>) => {
        saved.push(args[1])
        return log.saveReader(...args)
      },
    }
    const { sources, derived } = flows.events
    putBatch(log, { partition: partitionCount + 1, from: 0, rows: 4 })
    await runThrough({ ...installation, log: telling })
    assert.deepEqual(saved.slice(0, 1 + sources.length).toSorted(), [derived, ...sources].toSorted())
    assert.deepEqual(saved.slice(1 + sources.length), ['historical_events'])
    assert.deepEqual(await log.readerOffsets('warehouse', 'historical_events'), [0, 4, 0])
    assert.deepEqual(await log.readerOffsets('warehouse', 'exceptions'), [0, 0, 0])
  })

  it('begins at the beginning in lanes of which nothing was kept, beside others that have come far', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3 })
    putBatch(installation.log, { partition: 2, from: 0, rows: 2 })
    await runThrough(installation)
    putBatch(installation.log, { from: 3, rows: 1 })
    putBatch(installation.log, { partition: partitionCount, from: 0, rows: 2 })
    putBatch(installation.log, { partition: 6 * partitionCount - 1, from: 0, rows: 1 })
    await runThrough(installation)
    assert.equal(installation.table.rows.length, 9)
    assert.deepEqual(await kept(installation.progress, 'sourceOffset'), [...wide(4, 0, 2, 2).slice(0, -1), 1])
  })

  it('reads a batch that renews an older one, and inserts nothing for it', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3 })
    putBatch(installation.log, { from: 3, rows: 0 })
    await runThrough(installation)
    putBatch(installation.log, { from: 3, rows: 0 })
    putBatch(installation.log, { from: 3, rows: 2 })
    await runThrough(installation)
    assert.deepEqual(await kept(installation.progress, 'offset'), wide(4))
    assert.deepEqual(await kept(installation.progress, 'sourceOffset'), wide(5))
    assert.deepEqual(await kept(installation.progress, 'rowsInserted'), wide(5))
  })

  it('can be of any flow', async () => {
    const installation = anInstallation()
    const { log } = installation
    putBatch(log, { from: 0, rows: 5 })
    log.put('clickhouse_heatmap_events', 1, { headers: {}, value: aBatch({ partition: 1, from: 0, rows: 2 }).value })
    const running = start(installation, { flow: flows.heatmaps })
    await until('its rows are inserted', async () => (await running.warehousing.progress())[1]?.sourceOffset === 2)
    await running.stop()
    assert.equal(installation.table.rows.length, 2)
    assert.deepEqual(await log.readerOffsets('warehouse', 'heatmaps_ingestion'), [0, 2, 0])
  })

  it('tries an insert again under the same token while the warehouse is away', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3 })
    const tokens: string[] = []
    await runThrough(installation, {
      warehouse: (own) => ({
        ...own,
        async insert(block) {
          tokens.push(block.token)
          // The second time it is there although the answer says no.
          if (tokens.length === 2) await own.insert(block)
          if (tokens.length < 4) throw new Failure('SLUICE_WAREHOUSE_INSERT', 'away', { retryable: true })
          await own.insert(block)
        },
      }),
    })
    assert.equal(tokens.length, 4)
    assert.equal(new Set(tokens).size, 1)
    assert.deepEqual(positions(installation.table), ['0@0', '0@1', '0@2'])
  })

  it('goes on where it stood while its progress is away, whether what it said was kept or not', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3 })
    const away = () => new Failure('SLUICE_STATE_UNAVAILABLE', 'away', { retryable: true })
    let takes = 0
    let calls = 0
    const oftenAway = async (work: () => Promise<void>): Promise<void> => {
      const turn = ++calls % 3
      if (turn === 1) throw away()
      await work()
      if (turn === 2) throw away()
    }
    const { progress } = installation
    const running = start({
      ...installation,
      progress: {
        ...progress,
        async take(partitions) {
          if (++takes % 3 === 1) throw away()
          const own = await progress.take(partitions)
          if (takes % 3 === 2) throw away()
          return {
            ...own,
            begin: (block) => oftenAway(() => own.begin(block)),
            done: (block, moved) => oftenAway(() => own.done(block, moved)),
          }
        },
      },
    })
    await until('the first is in', async () => (await running.warehousing.progress())[0]?.offset === 1)
    putBatch(installation.log, { from: 3, rows: 2 })
    await until('the second is in', async () => (await running.warehousing.progress())[0]?.offset === 2)
    await running.stop()
    assert.deepEqual(positions(installation.table), ['0@0', '0@1', '0@2', '0@3', '0@4'])
    assert.equal(await sumOf(progress, 'rowsInserted'), 5)
    assert.ok(calls > 4)
  })

  it('ends when somebody else has taken over one of the partitions, and inserts nothing', async () => {
    const installation = anInstallation()
    const running = start(installation)
    await until(
      'it has taken over',
      async () => (await installation.log.readerOffsets('warehouse', 'exceptions')) !== undefined,
    )
    const other = await installation.progress.take([1])
    putBatch(installation.log, { from: 0, rows: 3 })
    putBatch(installation.log, { partition: 1, from: 0, rows: 3 })
    await assert.rejects(running.ended, hasCode('SLUICE_PROGRESS_FENCED'))
    assert.deepEqual(positions(installation.table), [])
    await other.check()
  })

  it('does not take over again, when it was away, what somebody else has by then', async () => {
    const installation = anInstallation()
    let other: TakenProgress | undefined
    const running = start(installation, {
      taken: () => ({
        async begin() {
          other = await installation.progress.take([0])
          throw new Failure('SLUICE_STATE_UNAVAILABLE', 'away', { retryable: true })
        },
      }),
    })
    putBatch(installation.log, { from: 0, rows: 3 })
    await assert.rejects(running.ended, hasCode('SLUICE_PROGRESS_FENCED'))
    assert.ok(other !== undefined)
    await other.check()
  })

  it('asks whether its partitions are its own still before an insert that was held up for long', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: acceptedMs })
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3 })
    const inserts: [number, number][] = []
    const running = start(installation, {
      warehouse: seenBy(inserts),
      taken: (own) => ({
        async begin(block) {
          await own.begin(block)
          // Somebody else takes over and inserts the block, and the table forgets its token.
          t.mock.timers.setTime(acceptedMs + 60_000)
          await installation.progress.take([0])
        },
      }),
    })
    await assert.rejects(running.ended, hasCode('SLUICE_PROGRESS_FENCED'))
    assert.deepEqual(inserts, [])
  })

  it('asks before each later try as well, and goes on while they are', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: acceptedMs })
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3 })
    let tries = 0
    let checks = 0
    await runThrough(installation, {
      warehouse: (own) => ({
        ...own,
        async insert(block) {
          tries++
          t.mock.timers.setTime(acceptedMs + tries * 6_000)
          if (tries < 6) throw new Failure('SLUICE_WAREHOUSE_INSERT', 'away', { retryable: true })
          await own.insert(block)
        },
      }),
      taken: (own) => ({
        check() {
          checks++
          return own.check()
        },
      }),
    })
    assert.deepEqual([tries, checks], [6, 2])
    assert.equal(installation.table.rows.length, 3)
  })

  it('leaves out a row that the table refuses for good, and nothing else, and counts it', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3 })
    putBatch(installation.log, { from: 3, rows: 1, row: { version: -1 } })
    putBatch(installation.log, { from: 4, rows: 2 })
    const running = start(installation)
    await until('all batches are passed', async () => (await running.warehousing.progress())[0]?.offset === 3)
    await running.stop()
    assert.deepEqual(positions(installation.table), ['0@0', '0@1', '0@2', '0@4', '0@5'])
    const [stand] = await running.warehousing.progress()
    assert.deepEqual([stand?.rowsInserted, stand?.rowsRefused, stand?.sourceOffset], [5, 1, 6])
    // A start looks for the block's rows again, and is not held up by the one that cannot be there.
    const again = start(installation)
    putBatch(installation.log, { from: 6, rows: 1 })
    await until('what came later is in', async () => (await again.warehousing.progress())[0]?.offset === 4)
    await again.stop()
    assert.deepEqual(positions(installation.table), ['0@0', '0@1', '0@2', '0@4', '0@5', '0@6'])
  })

  it('counts a row that the table refuses once, also when the progress was away right after', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 2 })
    putBatch(installation.log, { from: 2, rows: 1, row: { version: -1 } })
    let isAway = true
    await runThrough(installation, {
      taken: (own) => ({
        async done(block, partitions) {
          if (isAway) {
            isAway = false
            throw new Failure('SLUICE_STATE_UNAVAILABLE', 'away', { retryable: true })
          }
          await own.done(block, partitions)
        },
      }),
    })
    assert.deepEqual(positions(installation.table), ['0@0', '0@1'])
    assert.deepEqual(await kept(installation.progress, 'rowsInserted'), wide(2))
    assert.deepEqual(await kept(installation.progress, 'rowsRefused'), wide(1))
  })

  it('passes over repeats and what a replaced owner still wrote', async () => {
    const installation = anInstallation()
    const { log } = installation
    const counts: unknown[] = []
    putBatch(log, { from: 0, rows: 3, epoch: 5 })
    putBatch(log, { from: 0, rows: 3, epoch: 5 })
    putBatch(log, { from: 3, rows: 2, epoch: 4 })
    putBatch(log, { from: 1, rows: 2, epoch: 6 })
    putBatch(log, { from: 3, rows: 2, epoch: 5 })
    putBatch(log, { from: 3, rows: 1, epoch: 6 })
    const telemetry: Telemetry = {
      ...silent,
      count: (name, _, labels) => {
        if (name === 'warehousing_batches_passed_over_total') counts.push(labels?.['why'])
      },
    }
    const running = start(installation, { telemetry })
    await until('all is inserted', async () => (await running.warehousing.progress())[0]?.offset === 6)
    await running.stop()
    assert.deepEqual(positions(installation.table), ['0@0', '0@1', '0@2', '0@3'])
    assert.deepEqual(counts, ['repeat', 'older epoch', 'repeat', 'older epoch'])
    assert.deepEqual(await kept(installation.progress, 'epoch'), wide(6))
  })

  it('knows after a restart which owner was the newest', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 1, epoch: 5 })
    await runThrough(installation)
    putBatch(installation.log, { from: 1, rows: 2, epoch: 4 })
    putBatch(installation.log, { from: 1, rows: 1, epoch: 5 })
    await runThrough(installation)
    assert.deepEqual(positions(installation.table), ['0@0', '0@1'])
  })

  it('stops at a gap, says which, and inserts nothing past it', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 2 })
    await runThrough(installation)
    putBatch(installation.log, { from: 3, rows: 1 })
    await assert.rejects(start(installation).ended, (error) => {
      assert.ok(error instanceof Failure && !error.retryable)
      assert.equal(error.code, 'SLUICE_DERIVED_GAP')
      assert.match(error.message, /Partition 0 .* offset 3 where 2 was due/)
      return true
    })
    assert.deepEqual(positions(installation.table), ['0@0', '0@1'])
  })

  it('takes a range that overlaps what it has for a gap, too', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 2 })
    putBatch(installation.log, { from: 1, rows: 2 })
    await assert.rejects(start(installation).ended, hasCode('SLUICE_DERIVED_GAP'))
  })
})

describe('the warehouse writer after a crash', () => {
  const crash = new Error('crash')
  const crashes: Readonly<Record<string, Life>> = {
    'before the intent': { taken: () => ({ begin: () => Promise.reject(crash) }) },
    'after the intent': { warehouse: (own) => ({ ...own, insert: () => Promise.reject(crash) }) },
    'after the insert': {
      warehouse: (own) => ({
        ...own,
        async insert(block) {
          await own.insert(block)
          throw crash
        },
      }),
    },
    'before it saved that it is done': { taken: () => ({ done: () => Promise.reject(crash) }) },
    'after it saved that it is done': {
      taken: (own) => ({
        async done(block, partitions) {
          await own.done(block, partitions)
          throw crash
        },
      }),
    },
  }
  for (const [when, life] of Object.entries(crashes)) {
    it(`has each row exactly once when it crashed ${when}`, async () => {
      const installation = anInstallation()
      putBatch(installation.log, { from: 0, rows: 2 })
      await runThrough(installation)
      putBatch(installation.log, { from: 2, rows: 2 })
      putBatch(installation.log, { partition: 1, from: 0, rows: 1 })
      await assert.rejects(start(installation, life).ended, crash)
      putBatch(installation.log, { from: 4, rows: 1 })
      // Crashes again in the same place, on the way up or with the next block.
      await assert.rejects(start(installation, life).ended, crash)
      await runThrough(installation)
      assert.deepEqual(positions(installation.table), ['0@0', '0@1', '0@2', '0@3', '0@4', '1@0'])
      const { open } = await installation.progress.take([0, 1])
      assert.deepEqual([await sumOf(installation.progress, 'rowsInserted'), open], [6, []])
    })
  }

  it('brings rows back that the table lost of its newest blocks, under a token of their own, and says how many', async () => {
    const installation = anInstallation(3)
    const { log, table } = installation
    for (let n = 0; n < 6; n++) putBatch(log, { from: n * 2, rows: 2 })
    await runThrough(installation, { config: { blockRowsMax: 2, recentBlocksMax: 3 } })
    // The fourth is too old to be looked for; the sixth is gone as a whole, of the fifth one row.
    table.rows = table.rows.filter((row) => ![4, 9, 10, 11].includes(row._offset))
    const lines: [string, unknown][] = []
    const telemetry: Telemetry = { ...silent, log: (level, _, fields) => lines.push([level, fields?.['rowsMissing']]) }
    await runThrough(installation, { config: { recentBlocksMax: 3 }, telemetry })
    assert.deepEqual(
      table.rows.map((row) => row._offset).sort((a, b) => a - b),
      [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11],
    )
    assert.deepEqual(lines, [['warn', 3]])
    assert.equal(await sumOf(installation.progress, 'rowsInserted'), 12)
  })

  it('brings rows back that were lost, brought back and lost once more', async () => {
    const installation = anInstallation()
    const { log, table } = installation
    putBatch(log, { from: 0, rows: 3 })
    await runThrough(installation)
    for (let time = 0; time < 3; time++) {
      table.rows = table.rows.filter((row) => row._offset !== 1)
      await runThrough(installation)
      assert.deepEqual(positions(table), ['0@0', '0@1', '0@2'], `time ${String(time)}`)
    }
  })

  it('leaves rows away that are past their time', async () => {
    const installation = anInstallation()
    const { log, table } = installation
    putBatch(log, { from: 0, rows: 1, row: { expires_at: 1000 } })
    putBatch(log, { from: 1, rows: 1 })
    await runThrough(installation)
    table.rows = []
    await runThrough(installation)
    assert.deepEqual(positions(table), ['0@1'])
  })

  it('reads a block again as it did the first time, repeats and older owners inside of it included', async () => {
    const installation = anInstallation()
    const { log } = installation
    putBatch(log, { from: 0, rows: 1, epoch: 3 })
    putBatch(log, { from: 1, rows: 1, epoch: 2 })
    putBatch(log, { from: 0, rows: 1, epoch: 3 })
    putBatch(log, { from: 1, rows: 1, epoch: 3 })
    await assert.rejects(start(installation, crashes['after the intent']).ended, crash)
    await runThrough(installation)
    assert.deepEqual(positions(installation.table), ['0@0', '0@1'])
  })

  it('stops, and does not wait for ever, when a record of the block was damaged meanwhile', async () => {
    for (const damaged of [0, 1]) {
      const installation = anInstallation()
      const { log } = installation
      putBatch(log, { from: 0, rows: 1 })
      putBatch(log, { from: 1, rows: 1 })
      await assert.rejects(start(installation, crashes['after the intent']).ended, crash)
      putBatch(log, { from: 2, rows: 1 })
      const lossy: MemoryLog = {
        ...log,
        async *read(lane, options) {
          for await (const records of log.read(lane, options)) {
            yield records.filter(({ position }) => position.offset !== damaged)
          }
        },
      }
      await assert.rejects(start({ ...installation, log: lossy }).ended, hasCode('SLUICE_DERIVED_GAP'))
      assert.deepEqual(positions(installation.table), [])
    }
  })
})

describe('warehouse writers that share the partitions', () => {
  const all = [0, 1, 2]

  it('insert their own, each, and both know how far all are', async () => {
    const installation = anInstallation()
    const one = start(installation, { partitions: [0, 2] })
    const two = start(installation, { partitions: [1] })
    for (const partition of [...all, partitionCount + 1]) putBatch(installation.log, { partition, from: 0, rows: 2 })
    for (const { warehousing } of [one, two]) {
      await until('all is known to be in', async () => {
        const stand = await warehousing.progress()
        return [...all, partitionCount + 1].every((index) => stand[index]?.sourceOffset === 2)
      })
    }
    await Promise.all([one.stop(), two.stop()])
    assert.deepEqual(positions(installation.table), ['0@0', '0@1', '1@0', '1@1', '2@0', '2@1', '4@0', '4@1'])
    const { recent } = await installation.progress.take([...all, partitionCount + 1])
    for (const { ranges } of recent) {
      assert.equal(new Set(ranges.map(({ partition }) => partition % partitionCount === 1)).size, 1)
    }
    assert.deepEqual(await installation.log.readerOffsets('warehouse', 'events_plugin_ingestion'), [2, 2, 2])
  })

  const broken: Readonly<Record<string, Life>> = {
    'was inserted': { taken: () => ({ done: () => Promise.reject(new Error('crash')) }) },
    'was not inserted': { warehouse: (own) => ({ ...own, insert: () => Promise.reject(new Error('crash')) }) },
  }
  for (const [how, life] of Object.entries(broken)) {
    it(`finish a block together whose writer is gone, when it ${how}`, async () => {
      const installation = anInstallation()
      for (const partition of all) putBatch(installation.log, { partition, from: 0, rows: 2 })
      await assert.rejects(start(installation, life).ended, /crash/)
      const one = start(installation, { partitions: [0] })
      const two = start(installation, { partitions: [1, 2] })
      putBatch(installation.log, { from: 2, rows: 1 })
      putBatch(installation.log, { partition: 2, from: 2, rows: 1 })
      await until('all is in', async () => {
        const stand = await kept(installation.progress, 'sourceOffset')
        return stand[0] === 3 && stand[1] === 2 && stand[2] === 3
      })
      await Promise.all([one.stop(), two.stop()])
      assert.deepEqual(positions(installation.table), ['0@0', '0@1', '0@2', '1@0', '1@1', '2@0', '2@1', '2@2'])
      assert.equal(await sumOf(installation.progress, 'rowsInserted'), 8)
      assert.deepEqual((await installation.progress.take(all)).open, [])
    })
  }

  it('do not insert a block once more that is there, though the table has forgotten its token', async () => {
    const installation = anInstallation()
    for (const partition of all) putBatch(installation.log, { partition, from: 0, rows: 2 })
    await assert.rejects(start(installation, broken['was inserted']).ended, /crash/)
    await runThroughOf(installation, [0])
    installation.table.tokens.clear()
    await runThroughOf(installation, [1, 2])
    assert.deepEqual(positions(installation.table), ['0@0', '0@1', '1@0', '1@1', '2@0', '2@1'])
    assert.equal(await sumOf(installation.progress, 'rowsInserted'), 6)
  })

  it('bring back, each, what the table lost of their own partitions of a block', async () => {
    const installation = anInstallation()
    for (const partition of all) putBatch(installation.log, { partition, from: 0, rows: 2 })
    await runThrough(installation)
    installation.table.rows = installation.table.rows.filter((row) => row._offset === 1)
    await runThroughOf(installation, [0])
    assert.deepEqual(positions(installation.table), ['0@0', '0@1', '1@1', '2@1'])
    await runThroughOf(installation, [1, 2])
    assert.deepEqual(positions(installation.table), ['0@0', '0@1', '1@0', '1@1', '2@0', '2@1'])
  })

  it('count a row that the table refuses once, whoever meets it', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 2 })
    putBatch(installation.log, { from: 2, rows: 0, exceptions: 1 })
    putBatch(installation.log, { partition: 1, from: 0, rows: 1, row: { version: -1 } })
    putBatch(installation.log, { partition: 1, from: 1, rows: 2 })
    await assert.rejects(start(installation, broken['was inserted']).ended, /crash/)
    await runThroughOf(installation, [0])
    await runThroughOf(installation, [1])
    assert.deepEqual(positions(installation.table), ['0@0', '0@1', '1@1', '1@2'])
    assert.deepEqual(await kept(installation.progress, 'rowsInserted'), wide(2, 2))
    assert.deepEqual(await kept(installation.progress, 'rowsRefused'), wide(0, 1))
  })

  it('say what they know while their progress is away', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 2 })
    putBatch(installation.log, { partition: 1, from: 0, rows: 1 })
    await runThroughOf(installation, [1])
    let isAway = false
    let asked = 0
    const all = (): ReturnType<InsertProgress['all']> => {
      asked++
      if (isAway) throw new Failure('SLUICE_STATE_UNAVAILABLE', 'away', { retryable: true })
      return installation.progress.all()
    }
    const running = start({ ...installation, progress: { ...installation.progress, all } }, { partitions: [0] })
    await until('it knows all', async () => (await running.warehousing.progress())[0]?.sourceOffset === 2)
    assert.equal((await running.warehousing.progress())[1]?.sourceOffset, 1)
    isAway = true
    await running.stop()
    const before = asked
    await until('it asked again', async () => {
      const stand = await running.warehousing.progress()
      assert.deepEqual([stand[0]?.sourceOffset, stand[1]?.sourceOffset], [2, 1])
      return asked > before
    })
  })
})

/** Runs a writer of these partitions until everything in them is inserted. */
async function runThroughOf(installation: Installation, partitions: readonly number[]): Promise<void> {
  const running = start(installation, { partitions })
  const ends = (await installation.log.bounds('clickhouse_events')).map(({ end }) => end)
  await Promise.race([
    running.ended.then(() => assert.fail('it ended by itself')),
    until('its batches are inserted', async () => {
      const stand = await running.warehousing.progress()
      return partitions.every((partition) => (stand[partition]?.offset ?? 0) >= (ends[partition] ?? 0))
    }),
  ])
  await running.stop()
}
