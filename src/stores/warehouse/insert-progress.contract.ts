/** What every `InsertProgress` promises; called by each adapter's tests. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failure } from '../../kit/failure.ts'
import { anIntent, aProgress, progressIn } from './insert-progress.fixtures.ts'
import type { BlockIntent, InsertProgress, PartitionProgress, TakenProgress } from './insert-progress.ts'

export interface OpenedInsertProgress {
  readonly progress: InsertProgress
  /** Over the same storage, as after a restart; where it is shared, as another process opens it, and the first one goes on. */
  readonly reopen: () => Promise<InsertProgress>
}

const recentBlocksMax = 3

/** `open` gives one in which nothing was ever done. `isShared`: several processes can reach the storage. */
export function describeInsertProgress(
  name: string,
  open: (recentBlocksMax: number) => Promise<OpenedInsertProgress>,
  { isShared = false }: { readonly isShared?: boolean } = {},
): void {
  const opened = () => open(recentBlocksMax)
  /** The progress of two processes, or of two lives of the only one. */
  const openedTwice = async (): Promise<readonly [InsertProgress, InsertProgress]> => {
    const { progress, reopen } = await opened()
    return [progress, isShared ? await reopen() : progress]
  }

  describe(`${name} as insert progress`, () => {
    it('has nothing at the very first start', async () => {
      const { progress, reopen } = await opened()
      assert.deepEqual(await progress.all(), new Map())
      assert.deepEqual(told(await progress.take([0, 1])), [new Map(), [], []])
      assert.deepEqual(told(await (await reopen()).take([0, 1])), [new Map(), [], []])
    })

    it('tells the next start where the partitions stand, and the block that was on its way', async () => {
      const { progress, reopen } = await opened()
      const owner = await progress.take([0, 1, 2])
      await doneWhole(owner, anIntent(1, [0, 1]), aProgress(1))
      await doneWhole(owner, anIntent(2, [0]), aProgress(2))
      await owner.begin(anIntent(3, [1, 2]))
      const stand = new Map([
        [0, aProgress(2)],
        [1, aProgress(1)],
      ])
      const again = await reopen()
      assert.deepEqual(await again.all(), stand)
      assert.deepEqual(told(await again.take([0, 1, 2])), [
        stand,
        [anIntent(3, [1, 2])],
        [anIntent(1, [0, 1]), anIntent(2, [0])],
      ])
    })

    it('tells only of the partitions that were taken, and of blocks that have one of them', async () => {
      const { progress } = await opened()
      const owner = await progress.take([0, 1, 2])
      await doneWhole(owner, anIntent(1, [0, 1]), aProgress(1))
      await doneWhole(owner, anIntent(2, [2]), aProgress(2))
      await owner.begin(anIntent(3, [0]))
      await owner.begin(anIntent(4, [1, 2]))
      assert.deepEqual(told(await progress.take([0])), [progressIn([0], 1), [anIntent(3, [0])], [anIntent(1, [0, 1])]])
      assert.deepEqual(told(await progress.take([7])), [new Map(), [], []])
      assert.deepEqual([...(await progress.all()).keys()].sort(), [0, 1, 2])
    })

    it('tells of the newest blocks that are done, as many as it was opened for, oldest first', async () => {
      const { progress, reopen } = await opened()
      const owner = await progress.take([0, 1])
      for (let n = 1; n <= 7; n++) await doneWhole(owner, anIntent(n, [n % 2]), aProgress(n))
      const again = await reopen()
      assert.deepEqual(
        (await again.take([0, 1])).recent,
        [5, 6, 7].map((n) => anIntent(n, [n % 2])),
      )
      assert.deepEqual(
        (await again.take([1])).recent,
        [5, 7].map((n) => anIntent(n, [1])),
      )
    })

    it('keeps the newest blocks of a writer whatever others do, and of a partition when somebody else takes it over', async () => {
      const [one, two] = await openedTwice()
      const first = await one.take([0, 1])
      for (let n = 1; n <= 4; n++) await doneWhole(first, anIntent(n, n === 3 ? [0] : [0, 1]), aProgress(n))
      const second = await two.take([1, 2])
      assert.deepEqual(
        second.recent.map(({ token }) => token),
        [2, 4].map((n) => anIntent(n).token),
      )
      for (let n = 5; n <= 9; n++) await doneWhole(second, anIntent(n, [1, 2]), aProgress(n))
      const tokens = async (partitions: readonly number[]) =>
        (await one.take(partitions)).recent.map(({ token }) => token)
      assert.deepEqual(
        await tokens([0]),
        [2, 3, 4].map((n) => anIntent(n).token),
      )
      assert.deepEqual(
        await tokens([1]),
        [7, 8, 9].map((n) => anIntent(n).token),
      )
    })

    it('keeps a block once that is begun twice', async () => {
      const { progress } = await opened()
      const owner = await progress.take([0, 1])
      await owner.begin(anIntent(1, [0, 1]))
      await owner.begin(anIntent(1, [0, 1]))
      await owner.done(anIntent(1, [0, 1]), progressIn([0, 1], 1))
      assert.deepEqual(told(await progress.take([0, 1])), [progressIn([0, 1], 1), [], [anIntent(1, [0, 1])]])
    })

    it('keeps what it was given, not what becomes of it afterwards', async () => {
      const { progress } = await opened()
      const owner = await progress.take([1])
      const block = structuredClone(anIntent(1)) as { rowCount: number }
      const stand = { ...aProgress(1) } as { offset: number }
      await owner.begin(block as BlockIntent)
      await owner.done(anIntent(1), new Map([[1, stand as PartitionProgress]]))
      block.rowCount = 99
      stand.offset = 99
      assert.deepEqual(told(await progress.take([1])), [progressIn([1], 1), [], [anIntent(1)]])
    })

    it('keeps numbers beyond 32 bits, blocks of hundreds of partitions, and a progress without a number of canaries', async () => {
      const { progress, reopen } = await opened()
      const partitions = Array.from({ length: 300 }, (_, partition) => partition)
      const owner = await progress.take(partitions)
      const stand = { ...aProgress(2), offset: 2 ** 40, sourceOffset: 2 ** 41, rowsInserted: 2 ** 42, canaries: null }
      const moved = new Map(partitions.map((partition) => [partition, stand]))
      const block = anIntent(2 ** 40, partitions)
      await owner.begin(block)
      assert.deepEqual((await (await reopen()).take(partitions)).open, [block])
      const again = await reopen()
      await (await again.take(partitions)).done(block, moved)
      assert.deepEqual(await again.all(), moved)
    })

    it('lets two owners of different partitions work undisturbed by each other', async () => {
      const [one, two] = await openedTwice()
      const first = await one.take([0, 2])
      const second = await two.take([1, 3])
      await Promise.all(
        [[first, [0, 2]] as const, [second, [1, 3]] as const].map(async ([owner, partitions], at) => {
          for (let n = 1; n <= 20; n++) {
            await doneWhole(owner, anIntent(n * 10 + at, partitions), aProgress(n))
            await owner.check()
          }
        }),
      )
      assert.deepEqual(await one.all(), progressIn([0, 1, 2, 3], 20))
    })

    it('refuses everything that concerns a partition that somebody else has taken over, and keeps nothing of it', async () => {
      const [one, two] = await openedTwice()
      const zombie = await one.take([0, 1, 2])
      await doneWhole(zombie, anIntent(1, [0, 1, 2]), aProgress(1))
      await zombie.begin(anIntent(2, [0, 1]))
      const owner = await two.take([1])
      await isFenced(zombie.check())
      await isFenced(zombie.begin(anIntent(2, [0, 1])))
      await isFenced(zombie.begin(anIntent(3, [1, 2])))
      await isFenced(zombie.done(anIntent(2, [0, 1]), progressIn([0, 1], 2)))
      assert.deepEqual(owner.open, [anIntent(2, [0, 1])])
      assert.deepEqual(told(await two.take([0, 1, 2])), [
        progressIn([0, 1, 2], 1),
        [anIntent(2, [0, 1])],
        [anIntent(1, [0, 1, 2])],
      ])
      await isFenced(owner.check())
    })

    it('tells both new owners of a block that was on its way in partitions of both; each closes only its own', async () => {
      const [one, two] = await openedTwice()
      const block = anIntent(2, [0, 1, 2])
      await (await one.take([0, 1, 2])).begin(block)
      const first = await one.take([0])
      const second = await two.take([1, 2])
      assert.deepEqual([first.open, second.open], [[block], [block]])
      await first.done(block, progressIn([0], 2))
      assert.deepEqual((await one.take([0])).open, [])
      assert.deepEqual((await one.take([0])).recent, [block])
      const third = await two.take([1, 2])
      assert.deepEqual(third.open, [block])
      await third.done(block, progressIn([1, 2], 2))
      assert.deepEqual(told(await one.take([0, 1, 2])), [progressIn([0, 1, 2], 2), [], [block]])
    })

    it('closes a block that its owners close at the same moment', async () => {
      for (let round = 1; round <= 10; round++) {
        const [one, two] = await openedTwice()
        const block = anIntent(round, [0, 1])
        await (await one.take([0, 1])).begin(block)
        const [first, second] = await Promise.all([one.take([0]), two.take([1])])
        await Promise.all([first.done(block, progressIn([0], round)), second.done(block, progressIn([1], round))])
        const { open, recent, partitions } = await one.take([0, 1])
        assert.deepEqual([open, recent.at(-1), partitions], [[], block, progressIn([0, 1], round)])
      }
    })

    it('belongs to one of them, each partition, when many take overlapping partitions and begin at once', async () => {
      const { progress, reopen } = await opened()
      const takers = await Promise.all(
        Array.from({ length: 8 }, async (_, at) => {
          const own = isShared ? await reopen() : progress
          const partitions = [at % 4, (at + 1) % 4]
          return { partitions, taken: await own.take(partitions) }
        }),
      )
      const begun = await Promise.allSettled(
        takers.map(({ partitions, taken }, at) => taken.begin(anIntent(at + 1, partitions))),
      )
      const kept = begun.flatMap(({ status }, at) => (status === 'fulfilled' ? [at] : []))
      const owned = kept.flatMap((at) => takers[at]?.partitions ?? [])
      assert.equal(new Set(owned).size, owned.length, 'no partition has two owners')
      assert.ok(kept.length > 0, 'the last one to take has what it took')
      const { open } = await progress.take([0, 1, 2, 3])
      assert.deepEqual(open.map(({ token }) => token).sort(), kept.map((at) => anIntent(at + 1).token).sort())
    })

    it('tells a new owner what was done at the same moment, or refuses it', async () => {
      const [one, two] = await openedTwice()
      for (let round = 1; round <= 20; round++) {
        const block = anIntent(round, [0, 1])
        const before = await one.take([0, 1])
        // What an earlier round left.
        for (const open of before.open) await before.done(open, progressIn([0, 1], round * 100))
        await before.begin(block)
        const [done, owner] = await Promise.allSettled([
          before.done(block, progressIn([0, 1], round)),
          two.take([0, 1]),
        ])
        assert.equal(owner.status, 'fulfilled')
        const isDone = done.status === 'fulfilled'
        assert.deepEqual(owner.value.open, isDone ? [] : [block])
        assert.equal(owner.value.partitions.get(0)?.offset === round, isDone)
        assert.equal(owner.value.recent.at(-1)?.token === block.token, isDone)
      }
    })

    it('throws a RangeError for a partition that was not taken over', async () => {
      const { progress } = await opened()
      const owner = await progress.take([0])
      await assert.rejects(owner.begin(anIntent(1, [0, 1])), RangeError)
      await assert.rejects(owner.done(anIntent(1, [0, 1]), progressIn([0, 1], 1)), RangeError)
      assert.deepEqual(told(await progress.take([0, 1])), [new Map(), [], []])
    })
  })
}

function told({ partitions, open, recent }: TakenProgress): readonly unknown[] {
  return [partitions, open, recent]
}

async function doneWhole(owner: TakenProgress, block: BlockIntent, stand: PartitionProgress): Promise<void> {
  await owner.begin(block)
  await owner.done(block, new Map(block.ranges.map(({ partition }) => [partition, stand])))
}

async function isFenced(attempt: Promise<unknown>): Promise<void> {
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof Failure, String(error))
    assert.deepEqual([error.code, error.retryable], ['SLUICE_PROGRESS_FENCED', false])
    return true
  })
}
