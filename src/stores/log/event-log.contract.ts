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

    it('refuses the appends of an owner once somebody newer in the process owns the partition', async () => {
      const { log, close } = await open()
      const older = await log.own(lane, [0, 1])
      const newer = await log.own(lane, [0])
      assert.ok(newer.epochOf(0) > older.epochOf(0))
      await assert.rejects(older.append(0, aBatch('zombie')), isCode('SLUICE_LOG_FENCED'))
      await newer.append(0, aBatch('heir'))
      assert.deepEqual((await take(log, startOf(log), 1)).map(textOf), ['heir'])
      await close()
    })

    it('leaves owners of different partitions of one lane undisturbed by each other', async () => {
      const { log, close } = await open()
      const left = await log.own(lane, [3, 0])
      const right = await log.own(lane, [1, 2])
      assert.deepEqual(
        [left.partitions, right.partitions],
        [
          [0, 3],
          [1, 2],
        ],
      )
      await Promise.all(
        [left, right, left, right].map((owner, n) => owner.append(owner.partitions[n >> 1] ?? 0, aBatch(String(n)))),
      )
      // One of its partitions goes to somebody else; the other owner does not notice.
      const heir = await log.own(lane, [3])
      assert.ok(heir.epochOf(3) > left.epochOf(3))
      assert.equal(await lastText(heir, 3), '2')
      await heir.append(3, aBatch('4'))
      await right.append(1, aBatch('5'))
      const shown = await take(log, startOf(log), 6)
      assert.deepEqual(
        [0, 1, 2, 3].map((partition) => shown.filter((one) => one.position.partition === partition).map(textOf)),
        [['0'], ['1', '5'], ['3'], ['2', '4']],
      )
      await close()
    })

    it('answers for the partitions that were taken over, and throws for all others', async () => {
      const { log, close } = await open()
      await assert.rejects(log.own(lane, [log.partitionsOf(lane)]), RangeError)
      const owner = await log.own(lane, [2, 1, 2])
      assert.deepEqual(owner.partitions, [1, 2])
      for (const partition of [0, 3, -1, 0.5, log.partitionsOf(lane)]) {
        assert.throws(() => owner.epochOf(partition), RangeError)
        await assert.rejects(owner.append(partition, aBatch('lost')), RangeError)
        await assert.rejects(owner.last(partition), RangeError)
        const newest = new Map([1, partition].map((one) => [one, { offset: 1, about: '' }]))
        await assert.rejects(owner.remember(newest), RangeError)
      }
      assert.equal((await log.remembered(lane)).size, 0)
      const all = await log.own(lane)
      assert.deepEqual(
        all.partitions,
        startOf(log).map((_, partition) => partition),
      )
      await close()
    })

    it('remembers the newest record of a partition with what its owner says about it, and nothing of a replaced owner', async () => {
      const { log, close } = await open()
      assert.equal((await log.remembered(lane)).size, 0)
      const older = await log.own(lane, [0, 1])
      const first = await older.append(0, aBatch('first'))
      const other = await older.append(1, aBatch('other'))
      const about = JSON.stringify({ text: "it's \u00fc" })
      await older.remember(new Map([[0, { offset: first.offset, about }]]))
      assert.deepEqual(await log.remembered(lane), new Map([[0, { offset: first.offset, about }]]))
      const newer = await log.own(lane, [0])
      assert.equal(await lastText(newer, 0), 'first')
      const second = await newer.append(0, aBatch('second'))
      await newer.remember(new Map([[0, { offset: second.offset, about: 'second' }]]))
      const late = { offset: first.offset, about: 'late' }
      await older.remember(
        new Map([
          [0, late],
          [1, { offset: other.offset, about: 'other' }],
        ]),
      )
      assert.deepEqual(
        await log.remembered(lane),
        new Map([
          [0, { offset: second.offset, about: 'second' }],
          [1, { offset: other.offset, about: 'other' }],
        ]),
      )
      assert.equal(await lastText(await log.own(lane), 0), 'second')
      const long = new Map([[0, { offset: 0, about: 'x'.repeat(64 * 1024 + 1) }]])
      await assert.rejects(newer.remember(long), RangeError)
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

    it('keeps where a reader stands, partition by partition', async () => {
      const { log, close } = await open()
      assert.equal(await log.readerOffsets('warehouse', lane), undefined)
      await log.saveReader(
        'warehouse',
        lane,
        new Map([
          [1, 10],
          [3, 30],
        ]),
      )
      await log.saveReader('other', lane, new Map([[1, 5]]))
      const last = log.partitionsOf(lane) - 1
      await log.saveReader(
        'warehouse',
        lane,
        new Map([
          [last, 7],
          [1, 11],
        ]),
      )
      const offsets: number[] = [...startOf(log)]
      for (const [partition, offset] of [
        [1, 11],
        [3, 30],
        [last, 7],
      ] as const)
        offsets[partition] = offset
      assert.deepEqual(await log.readerOffsets('warehouse', lane), offsets)
      await close()
    })

    it('reads only the partitions that are wanted', async () => {
      const { log, close } = await open()
      const owner = await log.own(lane)
      for (let n = 0; n < 12; n++) await owner.append(n % 4, aBatch(String(n)))
      const stop = new AbortController()
      const texts: string[] = []
      const wanted = [{ lane, from: startOf(log), partitions: [3, 1] }]
      for await (const records of log.read(wanted, { signal: stop.signal, batchBytesMax: 64 })) {
        texts.push(...records.map(textOf))
        if (texts.length >= 6) stop.abort()
      }
      assert.deepEqual(texts.toSorted(), ['1', '11', '3', '5', '7', '9'])
      await close()
    })

    it('waits for the signal where it is to read no partition and has no end', async () => {
      const { log, close } = await open()
      await (await log.own(lane)).append(0, aBatch('unwanted'))
      const stop = new AbortController()
      let hasEnded = false
      const reading = (async () => {
        const wanted = [{ lane, from: startOf(log), partitions: [] }]
        for await (const records of log.read(wanted, { signal: stop.signal, batchBytesMax: 64 }))
          assert.fail(`${String(records.length)} records came`)
        hasEnded = true
      })()
      for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
      assert.ok(!hasEnded)
      stop.abort()
      await reading
      await close()
    })

    it('ends a reading that has an end once it is there', async () => {
      const { log, close } = await open()
      const owner = await log.own(lane)
      const offsets: number[] = []
      for (let n = 0; n < 12; n++) offsets.push((await owner.append(n % 3, aBatch(String(n)))).offset)
      const ends = (await log.bounds(lane)).map(({ end }) => end)
      const all = await readTo(log, startOf(log), ends)
      assert.deepEqual(all.toSorted(), offsets.map((_, n) => String(n)).toSorted())
      // Nothing at all of the second partition, and the end of the third is where its last one begins.
      const to = [(offsets[3] ?? 0) + 1, 0, offsets[11] ?? 0]
      assert.deepEqual(await readTo(log, startOf(log), to), ['0', '2', '3', '5', '8'])
      assert.deepEqual(await readTo(log, [0, 0, offsets[8] ?? 0], to, [2, 1]), ['8'])
      assert.deepEqual(await readTo(log, ends, ends), [])
      assert.deepEqual(await readTo(log, startOf(log), []), [])
      assert.deepEqual(await readTo(log, startOf(log), ends, []), [])
      // An end that is still to come.
      const coming = readTo(log, ends, [(ends[0] ?? 0) + (isCounted ? 1 : 2)])
      await owner.append(0, aBatch('12'))
      assert.deepEqual(await coming, ['12'])
      await close()
    })

    it('says where a time lies, no later than the first record that is not older', async () => {
      const { log, close } = await open()
      const owner = await log.own(lane)
      for (let n = 0; n < 12; n++) await owner.append(n % 3, aBatch(String(n)))
      const records = await take(log, startOf(log), 12)
      const bounds = await log.bounds(lane)
      const times = records.map(({ timeMs }) => timeMs)
      for (const timeMs of [0, ...new Set(times), Math.max(...times) + 1_000, Infinity]) {
        const found = await log.offsetsAt(lane, timeMs)
        assert.equal(found.length, bounds.length)
        for (const [partition, offset] of found.entries()) {
          assert.ok(offset >= (bounds[partition]?.begin ?? 0))
          const own = records.filter(({ position }) => position.partition === partition && position.offset < offset)
          assert.ok(own.every((record) => record.timeMs < timeMs))
          if (timeMs === 0) assert.equal(own.length, 0)
          if (timeMs === Infinity) assert.ok(offset >= (bounds[partition]?.end ?? 0))
        }
      }
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
      await before.remember(new Map([[1, { offset: newest, about: 'v19' }]]))
      await first.log.saveReader('warehouse', lane, new Map([[1, newest]]))
      await first.close()
      const second = await first.reopen()
      assert.equal((await second.log.remembered(lane)).get(1)?.offset, newest)
      assert.equal((await second.log.readerOffsets('warehouse', lane))?.[1], newest)
      const after = await second.log.own(lane)
      assert.ok(after.epochOf(1) > before.epochOf(1))
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

/** Texts of what comes until the reading ends by itself, in the order of partitions. */
async function readTo(log: EventLog, from: Offsets, to: Offsets, partitions?: readonly number[]): Promise<string[]> {
  const wanted = [{ lane, from, to, ...(partitions === undefined ? {} : { partitions }) }]
  const taken: LogRecord[] = []
  const signal = AbortSignal.timeout(30_000)
  for await (const records of log.read(wanted, { signal, batchBytesMax: 64 })) taken.push(...records)
  signal.throwIfAborted()
  return taken.map(textOf).toSorted((a, b) => Number(a) - Number(b))
}

function isCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Failure && error.code === code
}
