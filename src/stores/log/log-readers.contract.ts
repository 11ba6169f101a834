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
    it('gives back what a reader saved last, also to the next start', async () => {
      const { readers, reopen } = await open()
      await readers.save('warehouse', 'clickhouse_events', [1, 2, 3])
      await readers.save('warehouse', 'clickhouse_events', [4, 2 ** 40, 0])
      assert.deepEqual(await readers.load('warehouse', 'clickhouse_events'), [4, 2 ** 40, 0])
      assert.deepEqual(await (await reopen()).load('warehouse', 'clickhouse_events'), [4, 2 ** 40, 0])
    })

    it('keeps readers and lanes apart, whatever a reader is called', async () => {
      const { readers } = await open()
      const name = `it's "a" reader; --`
      await readers.save(name, 'clickhouse_events', [1])
      await readers.save('warehouse', 'clickhouse_events', [2])
      await readers.save(name, 'exceptions', [3])
      assert.deepEqual(await readers.load(name, 'clickhouse_events'), [1])
      assert.deepEqual(await readers.load('warehouse', 'clickhouse_events'), [2])
      assert.deepEqual(await readers.load(name, 'exceptions'), [3])
    })

    it('knows nothing of a reader that never saved', async () => {
      const { readers } = await open()
      await readers.save('warehouse', 'clickhouse_events', [])
      assert.deepEqual(await readers.load('warehouse', 'clickhouse_events'), [])
      assert.equal(await readers.load('warehouse', 'exceptions'), undefined)
      assert.equal(await readers.load('ingestion', 'clickhouse_events'), undefined)
    })
  })
}
