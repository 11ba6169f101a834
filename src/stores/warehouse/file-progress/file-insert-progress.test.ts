/** Over a simulated disk. A failing seed repeats: SLUICE_TEST_SEED=<seed>. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codeOf } from '../../../kit/failure.ts'
import { seededRandom } from '../../../kit/seeded-random.ts'
import { createSimulatedFiles } from '../../../kit/simulated-files.ts'
import { describeInsertProgress } from '../insert-progress.contract.ts'
import { aProgress } from '../insert-progress.fixtures.ts'
import { openFileInsertProgress } from './file-insert-progress.ts'

const folder = '/core/warehouse'
const seeds = process.env['SLUICE_TEST_SEED'] === undefined ? 500 : 1
const firstSeed = Number(process.env['SLUICE_TEST_SEED'] ?? 1)

describeInsertProgress('the progress in a file', async () => {
  const files = createSimulatedFiles(() => 0.5)
  return {
    progress: await openFileInsertProgress(files, folder),
    reopen() {
      files.processLoss()
      return openFileInsertProgress(files, folder)
    },
  }
})

describe('the progress in a file on a disk that fails', () => {
  it('is the last one that was saved or the one that was being saved, never a mix, through power losses and crashes', async (t) => {
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
    const progress = await openFileInsertProgress(files, folder)
    await progress.save(aProgress(1))
    files.failNextSync()
    await assert.rejects(progress.save(aProgress(2)), (error) => codeOf(error) === 'EIO')
    assert.deepEqual(await progress.load(), aProgress(1))
    files.setFreeBytes(10)
    await assert.rejects(progress.save(aProgress(2)), (error) => codeOf(error) === 'ENOSPC')
    files.setFreeBytes(Infinity)
    files.powerLoss()
    const after = await openFileInsertProgress(files, folder)
    assert.deepEqual(await after.load(), aProgress(1))
    await after.save(aProgress(3))
    assert.deepEqual(await after.load(), aProgress(3))
  })
})

async function live(seed: number, seen: { old: number; new: number; first: number }): Promise<void> {
  const random = seededRandom(seed)
  const files = createSimulatedFiles(random)
  let saved: number | undefined
  for (let life = 0; life < 5; life++) {
    const progress = await openFileInsertProgress(files, folder)
    const found = await progress.load()
    assert.deepEqual(found, saved === undefined ? undefined : aProgress(saved))
    for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
      saved = (saved ?? 0) + 1
      await progress.save(aProgress(saved))
    }
    const next = saved === undefined ? 1 : saved + 1
    const saving = progress.save(aProgress(next)).catch(() => undefined)
    for (let turns = Math.floor(random() * 12); turns > 0; turns--) await turn(random)
    if (random() < 0.7) files.powerLoss()
    else files.processLoss()
    await saving
    const after = await (await openFileInsertProgress(files, folder)).load()
    const isNew = after?.rowsInserted === aProgress(next).rowsInserted
    if (isNew) seen.new++
    else if (life === 0 && saved === 1) seen.first++
    else seen.old++
    saved = isNew ? next : saved
    assert.deepEqual(after, saved === undefined ? undefined : aProgress(saved))
  }
}

/** A turn of the event loop or only of the microtasks, so that the crash finds every step. */
function turn(random: () => number): Promise<void> {
  return random() < 0.5 ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve))
}
