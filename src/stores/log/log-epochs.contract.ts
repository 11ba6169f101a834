/** What every `LogEpochs` promises; called by each adapter's tests. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LogEpochs, TakenPartition } from './log-epochs.ts'

const lane = 'clickhouse_events'

/** `open` gives one in which no lane was ever taken; `reopen` another one over the same storage, as another process has it. */
export function describeLogEpochs(
  name: string,
  open: () => Promise<{ readonly epochs: LogEpochs; readonly reopen: () => Promise<LogEpochs> }>,
): void {
  describe(`${name} as epochs of a log`, () => {
    it('counts who takes a partition over, each partition of each lane for itself', async () => {
      const { epochs } = await open()
      assert.deepEqual(numbersOf(await epochs.take(lane, [0, 2])), [
        [0, 1],
        [2, 1],
      ])
      assert.deepEqual(numbersOf(await epochs.take(lane, [2, 1])), [
        [1, 1],
        [2, 2],
      ])
      assert.deepEqual(numbersOf(await epochs.take('clickhouse_heatmap_events', [2])), [[2, 1]])
      assert.deepEqual(numbersOf(await epochs.take(lane, [0, 1, 2])), [
        [0, 2],
        [1, 2],
        [2, 3],
      ])
      assert.deepEqual(numbersOf(await epochs.take(lane, [])), [])
    })

    it('gives epochs above those that the log is known to have', async () => {
      const { epochs } = await open()
      await epochs.take(lane, [0, 1, 2])
      const taken = await epochs.take(
        lane,
        [0, 1, 2],
        new Map([
          [0, 7],
          [1, 1],
        ]),
      )
      assert.deepEqual(numbersOf(taken), [
        [0, 8],
        [1, 2],
        [2, 2],
      ])
      assert.deepEqual(
        numbersOf(
          await epochs.take(
            lane,
            [0, 3],
            new Map([
              [0, 3],
              [3, 4],
            ]),
          ),
        ),
        [
          [0, 9],
          [3, 5],
        ],
      )
    })

    it('shows the newest epochs to everybody, and 0 of a partition that nobody took', async () => {
      const { epochs, reopen } = await open()
      assert.deepEqual([...(await epochs.newest(lane, [1, 0]))].toSorted(), [
        [0, 0],
        [1, 0],
      ])
      await epochs.take(lane, [0])
      const other = await reopen()
      assert.deepEqual([...(await other.newest(lane, [0, 1]))].toSorted(), [
        [0, 1],
        [1, 0],
      ])
      await other.take(lane, [0, 1])
      assert.deepEqual([...(await epochs.newest(lane, [0, 1]))].toSorted(), [
        [0, 2],
        [1, 1],
      ])
    })

    it('gives no epoch twice when many take partitions at once, in whatever order', async () => {
      const { epochs, reopen } = await open()
      const takers = [epochs, ...(await Promise.all([reopen(), reopen(), reopen()]))]
      const all = Array.from({ length: 8 }, (_, partition) => partition)
      const taken = await Promise.all(
        takers.flatMap((taker, at) =>
          Array.from({ length: 10 }, () => taker.take(lane, at % 2 === 0 ? all : all.toReversed())),
        ),
      )
      for (const partition of all) {
        const own = taken.map((one) => one.get(partition)?.epoch ?? 0)
        assert.deepEqual(
          own.toSorted((a, b) => a - b),
          Array.from({ length: 40 }, (_, at) => at + 1),
        )
      }
    })

    it('remembers what the newest owner says, and tells it to the next one and to everybody', async () => {
      const { epochs, reopen } = await open()
      const other = await reopen()
      assert.equal((await epochs.remembered(lane)).size, 0)
      assert.equal((await epochs.take(lane, [0, 1])).get(0)?.remembered, undefined)
      const about = `it's {"a":"\\u00fc, \\"b\\""}`
      await epochs.remember(lane, new Map([[1, { epoch: 1, offset: 2 ** 40, about }]]))
      assert.deepEqual(await other.remembered(lane), new Map([[1, { offset: 2 ** 40, about }]]))
      assert.equal((await other.remembered('clickhouse_heatmap_events')).size, 0)
      const taken = await other.take(lane, [0, 1])
      assert.deepEqual([taken.get(0)?.remembered, taken.get(1)?.remembered], [undefined, { offset: 2 ** 40, about }])
      // Offset 0 is one like any other.
      await other.remember(lane, new Map([[0, { epoch: 2, offset: 0, about: '' }]]))
      assert.deepEqual((await epochs.remembered(lane)).get(0), { offset: 0, about: '' })
    })

    it('remembers nothing that an owner says which was replaced, and what it says of its other partitions', async () => {
      const { epochs, reopen } = await open()
      await epochs.take(lane, [0, 1])
      const other = await reopen()
      await other.take(lane, [1])
      await other.remember(lane, new Map([[1, { epoch: 2, offset: 20, about: 'newer' }]]))
      const said = [0, 1, 2].map((partition) => [partition, { epoch: 1, offset: 10, about: 'older' }] as const)
      await epochs.remember(lane, new Map(said))
      await epochs.remember(lane, new Map())
      assert.deepEqual(
        await epochs.remembered(lane),
        new Map([
          [0, { offset: 10, about: 'older' }],
          [1, { offset: 20, about: 'newer' }],
        ]),
      )
    })

    it('is never stuck while many take partitions from each other and have things remembered', async () => {
      const { epochs, reopen } = await open()
      const all = Array.from({ length: 8 }, (_, partition) => partition)
      const owners = [epochs, await reopen(), await reopen()]
      await Promise.all(
        owners.map(async (owner, at) => {
          for (let n = 0; n < 20; n++) {
            const wanted = n % 2 === at % 2 ? all : all.toReversed()
            const taken = await owner.take(lane, wanted)
            const said = [...taken].map(
              ([one, { epoch }]) => [one, { epoch, offset: epoch, about: String(epoch) }] as const,
            )
            await owner.remember(lane, new Map(n % 3 === 0 ? said : said.toReversed()))
          }
        }),
      )
      const newest = await epochs.newest(lane, all)
      for (const [partition, { offset, about }] of await epochs.remembered(lane)) {
        assert.equal(newest.get(partition), 60)
        assert.equal(String(offset), about)
      }
    })
  })
}

function numbersOf(taken: ReadonlyMap<number, TakenPartition>): readonly (readonly number[])[] {
  return [...taken].map(([partition, { epoch }]) => [partition, epoch]).toSorted(([a = 0], [b = 0]) => a - b)
}
