/** What every `LogEpochs` promises; called by each adapter's tests. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LogEpochs } from './log-epochs.ts'

/** `open` gives one in which no lane was ever taken; `reopen` another one over the same storage, as another process has it. */
export function describeLogEpochs(
  name: string,
  open: () => Promise<{ readonly epochs: LogEpochs; readonly reopen: () => Promise<LogEpochs> }>,
): void {
  describe(`${name} as epochs of a log`, () => {
    it('counts who takes a lane over, each lane for itself', async () => {
      const { epochs } = await open()
      assert.equal(await epochs.take('clickhouse_events'), 1)
      assert.equal(await epochs.take('clickhouse_events'), 2)
      assert.equal(await epochs.take('clickhouse_heatmap_events'), 1)
      assert.equal(await epochs.take('clickhouse_events'), 3)
    })

    it('shows the newest epoch to everybody, and 0 of a lane that nobody took', async () => {
      const { epochs, reopen } = await open()
      assert.equal(await epochs.newest('clickhouse_events'), 0)
      await epochs.take('clickhouse_events')
      const other = await reopen()
      assert.equal(await other.newest('clickhouse_events'), 1)
      assert.equal(await other.take('clickhouse_events'), 2)
      assert.equal(await epochs.newest('clickhouse_events'), 2)
    })

    it('gives no epoch twice when many take a lane at once', async () => {
      const { epochs, reopen } = await open()
      const takers = [epochs, ...(await Promise.all([reopen(), reopen(), reopen()]))]
      const taken = await Promise.all(
        takers.flatMap((taker) => Array.from({ length: 10 }, () => taker.take('clickhouse_events'))),
      )
      assert.deepEqual(
        taken.sort((a, b) => a - b),
        Array.from({ length: 40 }, (_, at) => at + 1),
      )
    })
  })
}
