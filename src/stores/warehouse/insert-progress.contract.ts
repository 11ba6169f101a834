/** What every `InsertProgress` promises; called by each adapter's tests. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failure } from '../../kit/failure.ts'
import { aProgress } from './insert-progress.fixtures.ts'
import type { InsertProgress } from './insert-progress.ts'

export interface OpenedInsertProgress {
  readonly progress: InsertProgress
  /** Another one over the same storage, as after a restart. */
  readonly reopen: () => Promise<InsertProgress>
}

/** `open` gives one to which nothing was ever saved. `isShared`: several processes can reach the storage. */
export function describeInsertProgress(
  name: string,
  open: () => Promise<OpenedInsertProgress>,
  { isShared = false }: { readonly isShared?: boolean } = {},
): void {
  describe(`${name} as insert progress`, () => {
    it('has nothing at the very first start', async () => {
      const { progress, reopen } = await open()
      assert.equal(await progress.load(), undefined)
      assert.equal(await (await reopen()).load(), undefined)
    })

    it('gives back what was saved last, whole, also to the next start', async () => {
      const { progress, reopen } = await open()
      await progress.save(aProgress(1))
      await progress.save(aProgress(2))
      assert.deepEqual(await progress.load(), aProgress(2))
      assert.deepEqual(await (await reopen()).load(), aProgress(2))
    })

    it('forgets the intent when a progress without one is saved', async () => {
      const { progress } = await open()
      await progress.save(aProgress(1))
      const { intent, ...done } = aProgress(2)
      assert.ok(intent !== undefined)
      await progress.save(done)
      assert.deepEqual(await progress.load(), done)
    })

    it('keeps what it was given, not what becomes of it afterwards', async () => {
      const { progress } = await open()
      const offsets = [1, 2, 3]
      await progress.save({ ...aProgress(1), offsets })
      offsets[0] = 99
      assert.deepEqual((await progress.load())?.offsets, [1, 2, 3])
    })

    it('keeps thousands of blocks and offsets beyond 32 bits', async () => {
      const { progress, reopen } = await open()
      const [block] = aProgress(7).recent
      assert.ok(block !== undefined)
      const large = { ...aProgress(7), recent: Array.from({ length: 3000 }, () => block), offsets: [2 ** 40] }
      await progress.save(large)
      const again = await reopen()
      assert.deepEqual(await again.load(), large)
      await again.save(aProgress(8))
      assert.deepEqual(await (await reopen()).load(), aProgress(8))
    })

    if (isShared) {
      it('lets nobody save or load any more after another one took it over', async () => {
        const { progress: zombie, reopen } = await open()
        await zombie.save(aProgress(1))
        const owner = await reopen()
        await rejectsAsFenced(zombie.save(aProgress(2)))
        await rejectsAsFenced(zombie.load())
        assert.deepEqual(await owner.load(), aProgress(1))
        await owner.save(aProgress(3))
        await rejectsAsFenced(zombie.save(aProgress(4)))
        assert.deepEqual(await owner.load(), aProgress(3))
      })

      it('belongs to the last one alone when many take it over and save at once', async () => {
        const { progress, reopen } = await open()
        const takers = [progress, ...(await Promise.all(Array.from({ length: 7 }, () => reopen())))]
        const saved = await Promise.allSettled(takers.map((taker, at) => taker.save(aProgress(at + 1))))
        const kept = saved.flatMap(({ status }, at) => (status === 'fulfilled' ? [at] : []))
        assert.equal(kept.length, 1)
        const [owner] = kept
        assert.ok(owner !== undefined)
        assert.deepEqual(await takers[owner]?.load(), aProgress(owner + 1))
      })
    }
  })
}

async function rejectsAsFenced(attempt: Promise<unknown>): Promise<void> {
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof Failure, String(error))
    assert.deepEqual([error.code, error.retryable], ['SLUICE_PROGRESS_FENCED', false])
    return true
  })
}
