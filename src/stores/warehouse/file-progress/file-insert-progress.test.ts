/** Over a simulated disk. A failing seed repeats: SLUICE_TEST_SEED=<seed>. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codeOf } from '../../../kit/failure.ts'
import { seededRandom } from '../../../kit/seeded-random.ts'
import { createSimulatedFiles } from '../../../kit/simulated-files.ts'
import type { SimulatedFiles } from '../../../kit/simulated-files.ts'
import { describeInsertProgress } from '../insert-progress.contract.ts'
import { anIntent, aProgress, progressIn } from '../insert-progress.fixtures.ts'
import type { BlockIntent, InsertProgress } from '../insert-progress.ts'
import type { EarlierProgress } from './earlier-progress.ts'
import { openFileInsertProgress } from './file-insert-progress.ts'

const folder = '/core/warehouse'
const usual = { recentBlocksMax: 3 }
const seeds = process.env['SLUICE_TEST_SEED'] === undefined ? 500 : 1
const firstSeed = Number(process.env['SLUICE_TEST_SEED'] ?? 1)

describeInsertProgress('the progress in a file', async (recentBlocksMax) => {
  const files = createSimulatedFiles(() => 0.5)
  return {
    progress: await openFileInsertProgress(files, folder, { recentBlocksMax }),
    reopen() {
      files.processLoss()
      return openFileInsertProgress(files, folder, { recentBlocksMax })
    },
  }
})

describe('the progress in a file on a disk that fails', () => {
  it('is the last one that was kept or the one that was being kept, never a mix, through power losses and crashes', async (t) => {
    const seen = { old: 0, new: 0, first: 0 }
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

  it('rejects when the disk is full or fails, and the last one is still there', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const progress = await openFileInsertProgress(files, folder, usual)
    const owner = await progress.take([1])
    await owner.begin(anIntent(1))
    files.failNextSync()
    await assert.rejects(owner.done(anIntent(1), progressIn([1], 1)), (error) => codeOf(error) === 'EIO')
    assert.deepEqual([(await progress.take([1])).open, await progress.all()], [[anIntent(1)], new Map()])
    files.setFreeBytes(10)
    const again = await progress.take([1])
    await assert.rejects(again.done(anIntent(1), progressIn([1], 1)), (error) => codeOf(error) === 'ENOSPC')
    files.setFreeBytes(Infinity)
    files.powerLoss()
    const after = await openFileInsertProgress(files, folder, usual)
    const last = await after.take([1])
    assert.deepEqual([last.open, await after.all()], [[anIntent(1)], new Map()])
    await last.done(anIntent(1), progressIn([1], 1))
    assert.deepEqual(await after.all(), progressIn([1], 1))
  })
})

describe('the progress in a file of an earlier release', () => {
  const earlier: EarlierProgress = {
    offsets: [7, 0, 9],
    sourceOffsets: [70, 0, 90],
    epochs: [2, 0, 3],
    throughMs: [1_700_000_000_007, 0, 1_700_000_000_009],
    canaries: [4, 0, null],
    rowsInserted: 150,
    rowsRefused: 2,
    recent: [anIntent(1, [0]), anIntent(2, [0, 2])],
  }
  const first = { offset: 7, sourceOffset: 70, epoch: 2, throughMs: 1_700_000_000_007 }
  const last = { offset: 9, sourceOffset: 90, epoch: 3, throughMs: 1_700_000_000_009 }

  it('is where it was by partition, with all rows counted in the first', async () => {
    const progress = await openFileInsertProgress(await filesWith(earlier), folder, usual)
    assert.deepEqual(
      await progress.all(),
      new Map([
        [0, { ...first, canaries: 4, rowsInserted: 150, rowsRefused: 2 }],
        [2, { ...last, canaries: null, rowsInserted: 0, rowsRefused: 0 }],
      ]),
    )
    const { open, recent } = await progress.take([0, 1, 2, 3])
    assert.deepEqual([open, recent], [[], earlier.recent])
  })

  it('has the block open that was on its way, and goes on as a file of this one', async () => {
    const intent = anIntent(3, [1, 2])
    const files = await filesWith({ ...earlier, intent })
    const owner = await (await openFileInsertProgress(files, folder, usual)).take([1, 2])
    assert.deepEqual([owner.open, owner.recent], [[intent], [anIntent(2, [0, 2])]])
    await owner.done(intent, progressIn([1, 2], 3))
    const again = await openFileInsertProgress(files, folder, usual)
    const { partitions, open, recent } = await again.take([0, 1, 2])
    assert.deepEqual([partitions.get(0)?.rowsInserted, partitions.get(1), open], [150, aProgress(3), []])
    assert.deepEqual(recent, [...earlier.recent, intent])
  })

  it('does not know how many canaries it has where it never said so, and that there are none where nothing came', async () => {
    const { canaries, ...oldest } = earlier
    assert.ok(canaries !== undefined)
    const all = await (await openFileInsertProgress(await filesWith(oldest), folder, usual)).all()
    assert.deepEqual([all.get(0)?.canaries, all.get(1), all.get(2)?.canaries], [null, undefined, null])
  })

  it('keeps the sums also where nothing of the first partition was inserted', async () => {
    const only = { ...earlier, offsets: [0, 0, 9], sourceOffsets: [0, 0, 90] }
    const all = await (await openFileInsertProgress(await filesWith(only), folder, usual)).all()
    assert.deepEqual([all.get(0)?.offset, all.get(0)?.rowsInserted, all.get(2)?.rowsInserted], [0, 150, 0])
  })
})

async function filesWith(progress: EarlierProgress): Promise<SimulatedFiles> {
  const files = createSimulatedFiles(() => 0.5)
  await files.makeFolder(folder)
  const file = await files.open(`${folder}/progress.json`, 'create')
  await file.write([Buffer.from(JSON.stringify(progress))], 0)
  await file.sync()
  await file.close()
  return files
}

const both = [0, 1]

/** What is kept after so many steps: every odd one begins a block, every even one says that it is done. */
function keptAfter(steps: number): readonly [ReadonlyMap<number, unknown>, readonly BlockIntent[]] {
  const done = Math.floor(steps / 2)
  return [done === 0 ? new Map() : progressIn(both, done), steps % 2 === 0 ? [] : [anIntent(done + 1, both)]]
}

async function live(seed: number, seen: { old: number; new: number; first: number }): Promise<void> {
  const random = seededRandom(seed)
  const files = createSimulatedFiles(random)
  let steps = 0
  for (let life = 0; life < 5; life++) {
    const owner = await (await openFileInsertProgress(files, folder, usual)).take(both)
    assert.deepEqual([owner.partitions, owner.open], keptAfter(steps))
    const step = (): Promise<void> => {
      const n = Math.floor(steps / 2) + 1
      return steps % 2 === 0 ? owner.begin(anIntent(n, both)) : owner.done(anIntent(n, both), progressIn(both, n))
    }
    for (let left = 1 + Math.floor(random() * 3); left > 0; left--) {
      await step()
      steps++
    }
    const keeping = step().catch(() => undefined)
    for (let turns = Math.floor(random() * 16); turns > 0; turns--) await turn(random)
    if (random() < 0.7) files.powerLoss()
    else files.processLoss()
    await keeping
    const found = await foundIn(await openFileInsertProgress(files, folder, usual))
    const isNew = found[1].length === keptAfter(steps + 1)[1].length
    if (isNew) seen.new++
    else if (life === 0 && steps === 1) seen.first++
    else seen.old++
    if (isNew) steps++
    assert.deepEqual(found, keptAfter(steps))
  }
}

async function foundIn(
  progress: InsertProgress,
): Promise<readonly [ReadonlyMap<number, unknown>, readonly BlockIntent[]]> {
  const { open } = await progress.take(both)
  return [await progress.all(), open]
}

/** A turn of the event loop or only of the microtasks, so that the crash finds every step. */
function turn(random: () => number): Promise<void> {
  return random() < 0.5 ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve))
}
