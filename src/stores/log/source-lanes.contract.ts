import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Lane } from '../../event/position.ts'
import { codeOf } from '../../kit/failure.ts'
import type { SourceLanes, SourceRecord } from './source-lanes.ts'

export interface SourceLanesFactory {
  /** Lanes of their own for each test, with 4 partitions. */
  open(options?: { readonly waitingBytesMax: number }): Promise<SourceLanes>
  /** What a reader gets of a partition, in the order of the offsets: all that is durable. */
  read(
    sourceLanes: SourceLanes,
    lane: Lane,
    partition: number,
  ): Promise<readonly Pick<SourceRecord, 'headers' | 'value'>[]>
}

const main: Lane = 'events_plugin_ingestion'

export function aSourceRecord(n: number, options: Partial<SourceRecord> = {}): SourceRecord {
  const uuid = `0190a8c2-7a10-7c3e-9b1a-${String(n).padStart(12, '0')}`
  return {
    lane: main,
    partition: n % 4,
    headers: { token: 'phc_a', distinct_id: `user-${String(n)}`, uuid, ip: '203.0.113.7', now: '1773144000000' },
    value: Buffer.from(JSON.stringify({ event: `e${String(n)}`, properties: { n } })),
    ...options,
  }
}

const contentOf = ({ headers, value }: Pick<SourceRecord, 'headers' | 'value'>) => ({
  headers,
  value: value.toString(),
})

export function describeSourceLanes(
  name: string,
  factory: SourceLanesFactory,
  options: { skip?: string | false } = {},
): void {
  describe(`${name} as source lanes`, { skip: options.skip ?? false }, () => {
    it('answers with the position of each record in the order in which they were given, and readers get it back exactly', async () => {
      const sourceLanes = await factory.open()
      const records = Array.from({ length: 40 }, (_, n) => aSourceRecord(n))
      const positions = await sourceLanes.append(records)
      assert.equal(positions.length, records.length)
      for (const partition of [0, 1, 2, 3]) {
        const there = (await factory.read(sourceLanes, main, partition)).map(contentOf)
        assert.equal(there.length, 10)
        for (const [n, position] of positions.entries()) {
          if (position.partition !== partition) continue
          const record = records[n]
          assert.ok(record)
          assert.deepEqual(there[position.offset], contentOf(record))
        }
      }
      await sourceLanes.close()
    })

    it('keeps the order of the calls, and within a call that of the records, in each partition', async () => {
      const sourceLanes = await factory.open()
      let n = 0
      const calls = Array.from({ length: 60 }, (_, call) =>
        sourceLanes.append(Array.from({ length: 1 + (call % 7) }, () => aSourceRecord(n++, { partition: call % 3 }))),
      )
      await Promise.all(calls)
      let count = 0
      for (const partition of [0, 1, 2]) {
        const there = await factory.read(sourceLanes, main, partition)
        const numbers = there.map(
          ({ value }) => (JSON.parse(value.toString()) as { properties: { n: number } }).properties.n,
        )
        assert.deepEqual(
          numbers,
          numbers.toSorted((a, b) => a - b),
        )
        count += numbers.length
      }
      assert.equal(count, n)
      await sourceLanes.close()
    })

    it('keeps lanes apart, each with its own offsets', async () => {
      const sourceLanes = await factory.open()
      const lanes: readonly Lane[] = [main, 'exceptions', 'events_plugin_ingestion_dlq']
      const records = lanes.map((lane, n) => aSourceRecord(n, { lane, partition: 1 }))
      const positions = await sourceLanes.append(records)
      assert.deepEqual(
        positions.map(({ offset, partition }) => [offset, partition]),
        lanes.map(() => [0, 1]),
      )
      for (const [n, lane] of lanes.entries()) {
        const [found, ...others] = await factory.read(sourceLanes, lane, 1)
        const record = records[n]
        assert.ok(found !== undefined && record !== undefined)
        assert.deepEqual(contentOf(found), contentOf(record))
        assert.deepEqual(others, [])
      }
      await sourceLanes.close()
    })

    it('takes an event of two megabytes', async () => {
      const sourceLanes = await factory.open()
      const text = '"\\'.repeat(333_000)
      const value = Buffer.from(JSON.stringify({ event: 'large', properties: { text } }))
      assert.ok(value.length > 1_300_000)
      const record = aSourceRecord(1, { value })
      await sourceLanes.append([record])
      const [found] = await factory.read(sourceLanes, main, 1)
      assert.ok(found?.value.equals(value))
      await sourceLanes.close()
    })

    it('refuses at once what comes while more bytes wait than may, and takes it later', async () => {
      const sourceLanes = await factory.open({ waitingBytesMax: 2_000 })
      const value = Buffer.from(JSON.stringify({ event: 'e', properties: { text: 'x'.repeat(1_500) } }))
      const first = sourceLanes.append([aSourceRecord(0, { value })])
      assert.ok(sourceLanes.waitingBytes > 1_500)
      await assert.rejects(sourceLanes.append([aSourceRecord(1, { value })]), (error: unknown) => {
        assert.equal(codeOf(error), 'SLUICE_INTAKE_FULL')
        return (error as { retryable: boolean }).retryable
      })
      await first
      assert.equal(sourceLanes.waitingBytes, 0)
      await sourceLanes.append([aSourceRecord(1, { value })])
      await sourceLanes.close()
    })

    it('finishes what waits before it is closed, twice if need be, and takes nothing afterwards', async () => {
      const sourceLanes = await factory.open()
      const waiting = sourceLanes.append([aSourceRecord(0), aSourceRecord(1)])
      await Promise.all([sourceLanes.close(), sourceLanes.close()])
      assert.equal((await waiting).length, 2)
      await assert.rejects(sourceLanes.append([aSourceRecord(2)]))
    })
  })
}
