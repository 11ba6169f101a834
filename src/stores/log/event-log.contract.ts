/** What every event log promises; called by each adapter's tests. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { aBatchHead } from '../../event/derived-batch.fixtures.ts'
import { derivedBatchLines, encodeDerivedBatch } from '../../event/derived-batch.ts'
import { flows, isDerived } from '../../event/flows.ts'
import type { Lane, Offsets } from '../../event/position.ts'
import { Failure } from '../../kit/failure.ts'
import type { EventLog, LogRecord, NewRecord, Ownership } from './event-log.ts'

const lane: Lane = 'clickhouse_events'

export interface OpenedLog {
  readonly log: EventLog
  readonly close: () => Promise<void>
  /** How records come into source lanes, where that is not by owning them. */
  readonly put?: (lane: Lane, partition: number, record: NewRecord) => Promise<void>
}

export interface EventLogTraits {
  /**
   * - counted: an offset counts the records of its partition.
   * - ascending: in derived lanes it only grows, because what is no record for readers has offsets, too.
   */
  readonly derivedOffsets: 'counted' | 'ascending'
}

/** `reopen` opens a log over the same storage, where the adapter has one. */
export function describeEventLog(
  name: string,
  open: () => Promise<OpenedLog & { readonly reopen?: () => Promise<OpenedLog> }>,
  { derivedOffsets }: EventLogTraits = { derivedOffsets: 'counted' },
): void {
  const isCounted = derivedOffsets === 'counted'
  describe(`${name} as an event log`, () => {
    it('yields the records of each partition in offset order, from the offsets that were asked for', async () => {
      const { log, close } = await open()
      const owner = await log.own(lane)
      const offsets: number[] = []
      for (let n = 0; n < 30; n++) offsets.push((await owner.append(n % 3, aBatch(`v${String(n)}`))).offset)
      const all = await take(log, startOf(log), 30)
      for (const partition of [0, 1, 2]) {
        const own = all.filter(({ position }) => position.partition === partition)
        assert.deepEqual(
          own.map((record) => [record.position.offset, textOf(record)]),
          Array.from({ length: 10 }, (_, n) => [offsets[n * 3 + partition], `v${String(n * 3 + partition)}`]),
        )
        const counted = own.map((_, n) => n)
        const found = own.map(({ position }) => position.offset)
        assert.deepEqual(found, isCounted ? counted : found.toSorted((a, b) => a - b))
      }
      // Shorter than the lane has partitions, as an earlier release kept it.
      const later = [(offsets[27] ?? 0) + 1, offsets[22] ?? 0, (offsets[29] ?? 0) + 1]
      assert.deepEqual((await take(log, later, 3)).map(textOf), ['v22', 'v25', 'v28'])
      await close()
    })

    for (const othersUnchecked of [false, true]) {
      const how = othersUnchecked ? ', passing over all others' : ''
      it(`yields several lanes at once, each record with its lane${how}`, async () => {
        const { log, close, put } = await open()
        const read = ['exceptions', 'historical_events'] as const
        for (const [at, written] of (['exceptions', lane, 'historical_events', 'client_warnings'] as const).entries()) {
          const owner = put === undefined || isDerived(written) ? await log.own(written) : undefined
          for (let n = 0; n < 10; n++) {
            const text = `${String(at)} ${String(n)}`
            if (owner === undefined) await put?.(written, n % 2, anEvent(text))
            else await owner.append(n % 2, isDerived(written) ? aBatch(text) : anEvent(text))
          }
        }
        const stop = new AbortController()
        const taken: LogRecord[] = []
        const wanted = [
          { lane: read[0], from: [4] },
          { lane: read[1], from: [] },
        ]
        for await (const records of log.read(wanted, { signal: stop.signal, batchBytesMax: 64, othersUnchecked })) {
          taken.push(...records)
          if (taken.length >= 16) stop.abort()
        }
        const textsOf = (from: Lane, partition: number): string[] =>
          taken.filter((one) => one.lane === from && one.position.partition === partition).map(textOf)
        assert.deepEqual(textsOf(read[0], 0), ['0 8'])
        assert.deepEqual(textsOf(read[0], 1), ['0 1', '0 3', '0 5', '0 7', '0 9'])
        assert.deepEqual(textsOf(read[1], 0), ['2 0', '2 2', '2 4', '2 6', '2 8'])
        assert.deepEqual(textsOf(read[1], 1), ['2 1', '2 3', '2 5', '2 7', '2 9'])
        assert.equal(taken.length, 16)
        await close()
      })
    }

    it('has a partition of a derived lane for each partition of each of its source lanes', async () => {
      const { log, close } = await open()
      assert.equal(log.partitionsOf('exceptions'), log.partitionCount)
      const last = log.partitionsOf(lane) - 1
      assert.equal(last, flows.events.sources.length * log.partitionCount - 1)
      const owner = await log.own(lane)
      const position = await owner.append(last, aBatch('far'))
      assert.deepEqual(position.partition, last)
      assert.ok(position.offset < ((await log.bounds(lane))[last]?.end ?? 0))
      assert.equal(await lastText(await log.own(lane), last), 'far')
      await close()
    })

    it('waits at the end and yields what is appended later', async () => {
      const { log, close } = await open()
      const owner = await log.own(lane)
      const reading = take(log, startOf(log), 2)
      await owner.append(0, aBatch('first'))
      await owner.append(0, aBatch('second'))
      assert.deepEqual((await reading).map(textOf), ['first', 'second'])
      await close()
    })

    it('ends a reading without an error when the signal aborts', async () => {
      const { log, close } = await open()
      const stop = new AbortController()
      const reading = (async () => {
        for await (const records of log.read([{ lane, from: startOf(log) }], {
          signal: stop.signal,
          batchBytesMax: 1000,
        })) {
          assert.fail(`nothing was appended, but ${String(records.length)} records came`)
        }
      })()
      setImmediate(() => {
        stop.abort()
      })
      await reading
      await close()
    })

    it('gives appended records their positions in the order of the calls, with headers and bytes as they were', async () => {
      const { log, close } = await open()
      const owner = await log.own(lane)
      // Some rows end with the end of a line, some do not, and some batches have none.
      const values = Array.from({ length: 50 }, (_, n) =>
        encodeDerivedBatch(
          aBatchHead({ from: n, to: n + 1, acceptedFromMs: n, acceptedToMs: n }),
          n === 7 ? Buffer.alloc(0) : Buffer.from([n, 0, 255, 10, 10, n]),
        ),
      )
      const positions = await Promise.all(values.map((value) => owner.append(2, { headers: { n: 'ü' }, value })))
      const offsets = positions.map(({ offset }) => offset)
      assert.deepEqual(offsets, isCounted ? values.map((_, n) => n) : [...new Set(offsets)].toSorted((a, b) => a - b))
      const read = await take(log, startOf(log), 50)
      assert.deepEqual(
        read.map(({ position }) => position.offset),
        offsets,
      )
      assert.deepEqual(
        read.map(({ value }) => Buffer.from(value)),
        values,
      )
      assert.deepEqual(read[0]?.headers, { n: 'ü' })
      await close()
    })

    it('says where each partition ends', async () => {
      const { log, close } = await open()
      const owner = await log.own(lane)
      const before = await log.bounds(lane)
      assert.equal(before.length, log.partitionsOf(lane))
      await owner.append(1, aBatch('a'))
      const { offset } = await owner.append(1, aBatch('b'))
      const bounds = await log.bounds(lane)
      assert.deepEqual(bounds[0], before[0])
      assert.equal(bounds[1]?.begin, 0)
      assert.ok(bounds[1].end > offset)
      if (isCounted)
        assert.deepEqual(bounds.slice(0, 2), [
          { begin: 0, end: 0 },
          { begin: 0, end: 2 },
        ])
      await close()
    })

    it('refuses the appends of an owner once somebody newer in the process owns the lane', async () => {
      const { log, close } = await open()
      const older = await log.own(lane)
      const newer = await log.own(lane)
      assert.ok(newer.epoch > older.epoch)
      await assert.rejects(older.append(0, aBatch('zombie')), isCode('SLUICE_LOG_FENCED'))
      await newer.append(0, aBatch('heir'))
      assert.deepEqual((await take(log, startOf(log), 1)).map(textOf), ['heir'])
      await close()
    })

    it('tells a new owner the newest record of each partition', async () => {
      const { log, close } = await open()
      const first = await log.own(lane)
      for (const text of ['a', 'b', 'c']) await first.append(3, aBatch(text))
      await first.append(1, aBatch('x'))
      const second = await log.own(lane)
      assert.equal(await lastText(second, 3), 'c')
      assert.equal(await lastText(second, 1), 'x')
      assert.equal(await lastText(second, 0), undefined)
      await close()
    })

    it('keeps where a reader stands', async () => {
      const { log, close } = await open()
      const offsets = startOf(log).map((_, partition) => partition * 10)
      assert.equal(await log.readerOffsets('warehouse', lane), undefined)
      await log.saveReader('warehouse', lane, offsets)
      await log.saveReader('other', lane, startOf(log))
      assert.deepEqual(await log.readerOffsets('warehouse', lane), offsets)
      await close()
    })

    it('has everything again after it was closed and opened, and goes on behind it under a higher epoch', async (t) => {
      const first = await open()
      if (first.reopen === undefined) {
        await first.close()
        t.diagnostic('keeps nothing beyond the process, by its nature')
        return
      }
      const before = await first.log.own(lane)
      let newest = 0
      for (let n = 0; n < 20; n++) newest = (await before.append(n % 2, aBatch(`v${String(n)}`))).offset
      await first.close()
      const second = await first.reopen()
      const after = await second.log.own(lane)
      assert.ok(after.epoch > before.epoch)
      assert.equal(await lastText(after, 1), 'v19')
      const position = await after.append(1, aBatch('v20'))
      if (isCounted) assert.equal(position.offset, 10)
      assert.ok(position.offset > newest)
      const all = await take(second.log, startOf(second.log), 21)
      assert.deepEqual(all.map(textOf).toSorted(), Array.from({ length: 21 }, (_, n) => `v${String(n)}`).toSorted())
      await second.close()
    })
  })
}

/** What goes to derived lanes. */
function aBatch(text: string): NewRecord {
  return { headers: {}, value: encodeDerivedBatch(aBatchHead(), Buffer.from(`${JSON.stringify({ event: text })}\n`)) }
}

/** What goes to source lanes. */
function anEvent(text: string): NewRecord {
  const headers = {
    token: 'phc_test',
    distinct_id: 'u',
    uuid: '019a0000-0000-7000-8000-000000000000',
    ip: '::1',
    now: '1',
  }
  return { headers, value: Buffer.from(JSON.stringify({ event: text })) }
}

function textOf({ lane: from, value }: LogRecord): string {
  const json = isDerived(from) ? (derivedBatchLines(value)[0] ?? '') : value.toString()
  return (JSON.parse(json) as { readonly event: string }).event
}

function startOf(log: EventLog): Offsets {
  return Array.from({ length: log.partitionsOf(lane) }, () => 0)
}

async function lastText(owner: Ownership, partition: number): Promise<string | undefined> {
  const last = await owner.last(partition)
  return last === undefined ? undefined : textOf(last)
}

async function take(log: EventLog, from: Offsets, count: number): Promise<LogRecord[]> {
  const stop = new AbortController()
  const taken: LogRecord[] = []
  for await (const records of log.read([{ lane, from }], { signal: stop.signal, batchBytesMax: 64 })) {
    taken.push(...records)
    if (taken.length >= count) stop.abort()
  }
  assert.equal(taken.length, count)
  return taken
}

function isCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Failure && error.code === code
}
