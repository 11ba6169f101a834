/**
 * Random batches, a crash at any step, rows that the table loses after they were inserted: at the end each row is there
 * exactly once. A failing seed repeats: SLUICE_TEST_SEED=<seed>.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../kit/seeded-random.ts'
import { flows } from '../../event/flows.ts'
import { silent } from '../../kit/telemetry/telemetry.ts'
import { createMemoryLog } from '../../stores/log/memory/memory-log.ts'
import type { InsertProgress } from '../../stores/warehouse/insert-progress.ts'
import { createMemoryInsertProgress } from '../../stores/warehouse/memory/memory-insert-progress.ts'
import { createMemoryTable, openMemoryWarehouse } from '../../stores/warehouse/memory/memory-warehouse.ts'
import type { MemoryTable } from '../../stores/warehouse/memory/memory-warehouse.ts'
import { acceptedMs } from '../../stores/warehouse/warehouse.fixtures.ts'
import type { Warehouse } from '../../stores/warehouse/warehouse.ts'
import { putBatch } from './warehousing.fixtures.ts'
import { createWarehousing } from './warehousing.ts'

const partitionCount = 3
const recentBlocksMax = 3
const seeds = process.env['SLUICE_TEST_SEED'] === undefined ? 120 : 1
const firstSeed = Number(process.env['SLUICE_TEST_SEED'] ?? 1)

describe('the warehouse writer that crashes anywhere', () => {
  it('has each row in the table exactly once', async (t) => {
    const seen = { rows: 0, crashes: 0, rowsLost: 0, passedOver: 0 }
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      try {
        await live(seed, seen)
      } catch (error) {
        throw new Error(`seed ${String(seed)}`, { cause: error })
      }
    }
    t.diagnostic(`${String(seeds)} seeds from ${String(firstSeed)}: ${JSON.stringify(seen)}`)
    if (seeds > 1) for (const count of Object.values(seen)) assert.ok(count > 0, JSON.stringify(seen))
  })
})

async function live(
  seed: number,
  seen: { rows: number; crashes: number; rowsLost: number; passedOver: number },
): Promise<void> {
  const random = seededRandom(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  const log = createMemoryLog(partitionCount)
  const table = createMemoryTable()
  const progress = createMemoryInsertProgress()
  const ends = Array.from({ length: partitionCount }, () => 0)
  const epochs = Array.from({ length: partitionCount }, () => 1)
  const expected: string[] = []
  let timeMs = acceptedMs

  const grow = (): void => {
    for (let n = below(8); n > 0; n--) {
      const partition = below(partitionCount)
      const from = ends[partition] ?? 0
      const epoch = epochs[partition] ?? 1
      if (random() < 0.1) timeMs += 20 * 86_400_000
      if (random() < 0.2) epochs[partition] = epoch + 1
      const rows = below(5)
      const exceptions = rows === 0 ? 1 + below(2) : below(2)
      putBatch(log, { partition, from, rows, exceptions, epoch: epochs[partition] ?? 1, timeMs })
      for (let row = 0; row < rows; row++) expected.push(`${String(partition)}@${String(from + row)}`)
      ends[partition] = from + rows + exceptions
      if (random() < 0.1) {
        // What a replaced owner still wrote, and what was written twice.
        putBatch(log, { partition, from, rows, exceptions, epoch: epochs[partition] ?? 1, timeMs })
        putBatch(log, { partition, from: ends[partition] ?? 0, rows: 2, epoch: 0, timeMs })
        seen.passedOver += 2
      }
    }
  }

  for (let life = 0; life < 12; life++) {
    grow()
    let stepsLeft = life === 11 ? Infinity : below(25)
    const crash = new Error('crash')
    const step = (): void => {
      if (stepsLeft-- <= 0) throw crash
    }
    const writer = createWarehousing(
      { blockRowsMax: 1 + below(12), blockBytesMax: 1_000_000, lingerMs: below(2), recentBlocksMax, retryMsMax: 1 },
      {
        flow: flows.events,
        log,
        warehouse: crashingWarehouse(openMemoryWarehouse(table), step),
        progress: crashingProgress(progress, step),
        telemetry: silent,
      },
    )
    const stop = new AbortController()
    const running = writer.run(stop.signal).then(
      () => 'ended',
      (error: unknown) => {
        assert.equal(error, crash)
        return 'crashed'
      },
    )
    const done = async (): Promise<string> => {
      while (!stop.signal.aborted && !ends.every((end, at) => (writer.progress()?.sourceOffsets[at] ?? 0) >= end)) {
        await sleep(1)
      }
      return 'done'
    }
    const outcome = await Promise.race([running, done()])
    if (outcome === 'crashed') seen.crashes++
    stop.abort()
    await running
    if (life < 11 && random() < 0.4) seen.rowsLost += await loseRows(table, progress, random)
  }
  assert.deepEqual(table.rows.map((row) => `${String(row._partition)}@${String(row._offset)}`).sort(), expected.sort())
  assert.equal((await progress.load())?.rowsInserted, expected.length)
  seen.rows += expected.length
}

/** The machine goes dark: of the newest blocks' rows some did not reach the disk, though their tokens did. */
async function loseRows(table: MemoryTable, progress: InsertProgress, random: () => number): Promise<number> {
  const saved = await progress.load()
  const newest = [...(saved?.recent ?? []), ...(saved?.intent === undefined ? [] : [saved.intent])]
  const before = table.rows.length
  table.rows = table.rows.filter((row) => {
    const isNewest = newest.some(({ ranges }) =>
      ranges.some(
        ({ partition, sourceFrom, sourceTo }) =>
          row._partition === partition && row._offset >= sourceFrom && row._offset < sourceTo,
      ),
    )
    return !isNewest || random() < 0.6
  })
  return before - table.rows.length
}

function crashingWarehouse(warehouse: Warehouse, step: () => void): Warehouse {
  return {
    ...warehouse,
    async insert(block) {
      step()
      await warehouse.insert(block)
      step()
    },
    async *present(range) {
      step()
      yield* warehouse.present(range)
    },
  }
}

function crashingProgress(progress: InsertProgress, step: () => void): InsertProgress {
  return {
    load: () => progress.load(),
    async save(next) {
      step()
      await progress.save(next)
      step()
    },
  }
}
