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
import { canariesInserted } from '../../stores/warehouse/insert-progress.ts'
import type { InsertProgress } from '../../stores/warehouse/insert-progress.ts'
import { createMemoryInsertProgress } from '../../stores/warehouse/memory/memory-insert-progress.ts'
import { createMemoryTable, openMemoryWarehouse } from '../../stores/warehouse/memory/memory-warehouse.ts'
import type { MemoryTable } from '../../stores/warehouse/memory/memory-warehouse.ts'
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

function anInstallation(): Installation {
  return { log: createMemoryLog(partitionCount), table: createMemoryTable(), progress: createMemoryInsertProgress() }
}

interface Life {
  readonly flow?: Flow
  readonly config?: Partial<WarehousingConfig>
  readonly warehouse?: (own: Warehouse) => Warehouse
  readonly progress?: (own: InsertProgress) => InsertProgress
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
      progress: life.progress?.(progress) ?? progress,
      telemetry: life.telemetry ?? silent,
    },
  )
  const stopping = new AbortController()
  const ended = warehousing.run(stopping.signal)
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

/** Runs until everything in the lane is inserted. */
async function runThrough(installation: Installation, life: Life = {}): Promise<void> {
  const running = start(installation, life)
  const ends = (await installation.log.bounds('clickhouse_events')).map(({ end }) => end)
  await Promise.race([
    running.ended.then(() => assert.fail('it ended by itself')),
    until('all batches are inserted', () =>
      ends.every((end, partition) => (running.warehousing.progress()?.offsets[partition] ?? 0) >= end),
    ),
  ])
  await running.stop()
}

/** By source index: the first ones, all others are zero. */
function wide(...first: readonly number[]): readonly number[] {
  return Array.from({ length: flows.events.sources.length * partitionCount }, (_, at) => first[at] ?? 0)
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
    assert.deepEqual((await installation.progress.load())?.sourceOffsets, wide(5))
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
      progress: (own) => ({
        ...own,
        async save(progress) {
          await own.save(progress)
          steps.push(progress.intent === undefined ? 'done' : `intends ${progress.intent.token}`)
        },
      }),
    })
    const saved = await installation.progress.load()
    const token = saved?.recent[0]?.token ?? ''
    assert.deepEqual(steps, [`intends ${token}`, `inserted ${token}`, 'done'])
    assert.deepEqual(
      { ...saved, recent: saved?.recent.length },
      {
        offsets: wide(1, 0, 1),
        sourceOffsets: wide(3, 0, 2),
        epochs: wide(7, 0, 9),
        throughMs: wide(acceptedMs, 0, acceptedMs),
        canaries: wide(1),
        rowsInserted: 4,
        rowsRefused: 0,
        recent: 1,
      },
    )
  })

  it('goes on from what an earlier release saved, which counted no canaries, and knows them from the next batch on', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3, canaries: 1 })
    await runThrough(installation)
    const first = (await installation.progress.load()) ?? assert.fail()
    assert.deepEqual([first.canaries, canariesInserted(first)], [wide(1), 1])
    const { canaries, ...earlier } = first
    assert.ok(canaries !== undefined)
    await installation.progress.save(earlier)
    assert.equal(canariesInserted(earlier), undefined)
    putBatch(installation.log, { partition: 1, from: 0, rows: 2, canaries: 2 })
    await runThrough(installation)
    const between = (await installation.progress.load()) ?? assert.fail()
    assert.deepEqual([between.canaries, canariesInserted(between)], [[null, ...wide(2).slice(0, -1)], undefined])
    putBatch(installation.log, { from: 3, rows: 1, canaries: 2 })
    await runThrough(installation)
    const after = (await installation.progress.load()) ?? assert.fail()
    assert.deepEqual([after.canaries, canariesInserted(after), after.rowsInserted], [wide(2, 2), 4, 6])
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

  it('goes on from what an earlier release saved of the main lane alone, with a block on its way', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3, canaries: 1 })
    putBatch(installation.log, { partition: 2, from: 0, rows: 2 })
    await runThrough(installation)
    const now = (await installation.progress.load()) ?? assert.fail()
    const first = <T>(all: readonly T[]): readonly T[] => all.slice(0, partitionCount)
    await installation.progress.save({
      ...now,
      offsets: first(now.offsets),
      sourceOffsets: first(now.sourceOffsets),
      epochs: first(now.epochs),
      throughMs: first(now.throughMs),
      canaries: first(now.canaries ?? []),
    })
    putBatch(installation.log, { from: 3, rows: 1, canaries: 1 })
    putBatch(installation.log, { partition: partitionCount, from: 0, rows: 2 })
    putBatch(installation.log, { partition: 6 * partitionCount - 1, from: 0, rows: 1 })
    await runThrough(installation)
    assert.equal(installation.table.rows.length, 9)
    const after = (await installation.progress.load()) ?? assert.fail()
    assert.deepEqual(after.sourceOffsets, [...wide(4, 0, 2, 2).slice(0, -1), 1])
    assert.equal(canariesInserted(after), 1)
  })

  it('reads a batch that renews an older one, and inserts nothing for it', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3 })
    putBatch(installation.log, { from: 3, rows: 0 })
    await runThrough(installation)
    putBatch(installation.log, { from: 3, rows: 0 })
    putBatch(installation.log, { from: 3, rows: 2 })
    await runThrough(installation)
    const saved = await installation.progress.load()
    assert.deepEqual([saved?.offsets, saved?.sourceOffsets, saved?.rowsInserted], [wide(4), wide(5), 5])
  })

  it('can be of any flow', async () => {
    const installation = anInstallation()
    const { log } = installation
    putBatch(log, { from: 0, rows: 5 })
    log.put('clickhouse_heatmap_events', 1, { headers: {}, value: aBatch({ partition: 1, from: 0, rows: 2 }).value })
    const running = start(installation, { flow: flows.heatmaps })
    await until('its rows are inserted', () => running.warehousing.progress()?.sourceOffsets[1] === 2)
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

  it('goes on where it stood while its progress cannot be loaded or saved, whether a save was done or not', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3 })
    const away = () => new Failure('SLUICE_STATE_UNAVAILABLE', 'away', { retryable: true })
    let loads = 0
    let saves = 0
    const running = start(installation, {
      progress: (own) => ({
        async load() {
          if (++loads % 2 === 1) throw away()
          return await own.load()
        },
        async save(progress) {
          const turn = ++saves % 3
          if (turn === 1) throw away()
          await own.save(progress)
          if (turn === 2) throw away()
        },
      }),
    })
    await until('the first is in', () => running.warehousing.progress()?.offsets[0] === 1)
    putBatch(installation.log, { from: 3, rows: 2 })
    await until('the second is in', () => running.warehousing.progress()?.offsets[0] === 2)
    await running.stop()
    assert.deepEqual(positions(installation.table), ['0@0', '0@1', '0@2', '0@3', '0@4'])
    assert.equal((await installation.progress.load())?.rowsInserted, 5)
    assert.ok(saves > 4)
  })

  it('ends when somebody else has taken its progress over', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3 })
    const fenced = new Failure('SLUICE_PROGRESS_FENCED', 'taken over')
    const running = start(installation, { progress: (own) => ({ ...own, save: () => Promise.reject(fenced) }) })
    await assert.rejects(running.ended, hasCode('SLUICE_PROGRESS_FENCED'))
    assert.deepEqual(positions(installation.table), [])
  })

  it('leaves out a row that the table refuses for good, and nothing else, and counts it', async () => {
    const installation = anInstallation()
    putBatch(installation.log, { from: 0, rows: 3 })
    putBatch(installation.log, { from: 3, rows: 1, row: { version: -1 } })
    putBatch(installation.log, { from: 4, rows: 2 })
    const running = start(installation)
    await until('all batches are passed', () => running.warehousing.progress()?.offsets[0] === 3)
    await running.stop()
    assert.deepEqual(positions(installation.table), ['0@0', '0@1', '0@2', '0@4', '0@5'])
    const saved = await installation.progress.load()
    assert.deepEqual([saved?.rowsInserted, saved?.rowsRefused, saved?.sourceOffsets[0]], [5, 1, 6])
    // A start looks for the block's rows again, and is not held up by the one that cannot be there.
    const again = start(installation)
    putBatch(installation.log, { from: 6, rows: 1 })
    await until('what came later is in', () => again.warehousing.progress()?.offsets[0] === 4)
    await again.stop()
    assert.deepEqual(positions(installation.table), ['0@0', '0@1', '0@2', '0@4', '0@5', '0@6'])
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
    await until('all is inserted', () => running.warehousing.progress()?.offsets[0] === 6)
    await running.stop()
    assert.deepEqual(positions(installation.table), ['0@0', '0@1', '0@2', '0@3'])
    assert.deepEqual(counts, ['repeat', 'older epoch', 'repeat', 'older epoch'])
    assert.deepEqual((await installation.progress.load())?.epochs, wide(6))
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
    'before the intent': { progress: (own) => ({ ...own, save: () => Promise.reject(crash) }) },
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
    'before it saved that it is done': {
      progress: (own) => ({
        ...own,
        save: (progress) => (progress.intent === undefined ? Promise.reject(crash) : own.save(progress)),
      }),
    },
    'after it saved that it is done': {
      progress: (own) => ({
        ...own,
        async save(progress) {
          await own.save(progress)
          if (progress.intent === undefined) throw crash
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
      const saved = await installation.progress.load()
      assert.deepEqual([saved?.rowsInserted, saved?.intent], [6, undefined])
    })
  }

  it('brings rows back that the table lost of its newest blocks, under a token of their own, and says how many', async () => {
    const installation = anInstallation()
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
    assert.equal((await installation.progress.load())?.rowsInserted, 12)
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
