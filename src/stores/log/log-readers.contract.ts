/** What every `LogReaders` promises; called by each adapter's tests. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LogReaders } from './log-readers.ts'

/** `open` gives one to which nothing was ever saved; `reopen` another one over the same storage, as after a restart. */
export function describeLogReaders(
  name: string,
  open: () => Promise<{ readonly readers: LogReaders; readonly reopen: () => Promise<LogReaders> }>,
): void {
  describe(`${name} as readers of a log`, () => {
    it('gives back what a reader saved last of each partition, also to the next start', async () => {
      const { readers, reopen } = await open()
      await readers.save('warehouse', 'clickhouse_events', offsets([3, 1], [1, 5]))
      assert.deepEqual(await readers.load('warehouse', 'clickhouse_events'), [0, 5, 0, 1])
      await readers.save('warehouse', 'clickhouse_events', offsets([0, 4], [1, 2 ** 40], [2, 0]))
      assert.deepEqual(await readers.load('warehouse', 'clickhouse_events'), [4, 2 ** 40, 0, 1])
      assert.deepEqual(await (await reopen()).load('warehouse', 'clickhouse_events'), [4, 2 ** 40, 0, 1])
    })

    it('keeps readers and lanes apart, whatever a reader is called', async () => {
      const { readers } = await open()
      const name = `it's "a" reader; --`
      await readers.save(name, 'clickhouse_events', offsets([0, 1]))
      await readers.save('warehouse', 'clickhouse_events', offsets([0, 2]))
      await readers.save(name, 'exceptions', offsets([0, 3]))
      assert.deepEqual(await readers.load(name, 'clickhouse_events'), [1])
      assert.deepEqual(await readers.load('warehouse', 'clickhouse_events'), [2])
      assert.deepEqual(await readers.load(name, 'exceptions'), [3])
    })

    it('knows nothing of a reader that never saved', async () => {
      const { readers } = await open()
      await readers.save('warehouse', 'clickhouse_events', offsets())
      assert.equal(await readers.load('warehouse', 'clickhouse_events'), undefined)
      await readers.save('warehouse', 'clickhouse_events', offsets([1, 1]))
      assert.equal(await readers.load('warehouse', 'exceptions'), undefined)
      assert.equal(await readers.load('other', 'clickhouse_events'), undefined)
    })

    it('lets many save at once, each its partitions', async () => {
      const { readers, reopen } = await open()
      const savers = [readers, await reopen()]
      const all = Array.from({ length: 12 }, (_, partition) => partition)
      await Promise.all(
        Array.from({ length: 40 }, async (_, n) => {
          const own = all.filter((partition) => partition % 2 === n % 2)
          const inOrder = n % 4 < 2 ? own : own.toReversed()
          await savers[n % 2]?.save('warehouse', 'clickhouse_events', new Map(inOrder.map((one) => [one, 100 + one])))
        }),
      )
      assert.deepEqual(
        await readers.load('warehouse', 'clickhouse_events'),
        all.map((partition) => 100 + partition),
      )
    })
  })
}

function offsets(...entries: readonly (readonly [number, number])[]): ReadonlyMap<number, number> {
  return new Map(entries)
}
