import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { flows, sourceIndex } from '../../event/flows.ts'
import type { Lane } from '../../event/position.ts'
import { createMemoryLog } from '../../stores/log/memory/memory-log.ts'
import { createProgressWatch } from './progress-watch.ts'

const source = 'events_plugin_ingestion'
const startMs = Date.UTC(2026, 2, 10)

/** Two partitions under a clock that the test moves; nothing is decided or inserted yet. */
function opened(t: TestContext) {
  t.mock.timers.enable({ apis: ['Date'], now: startMs })
  const log = createMemoryLog(2)
  const at = { decided: [0, 0], inserted: [0, 0], throughMs: [0, 0], canaries: 0 as number | undefined }
  const accepted = { canaries: 0 }
  const put = (partition: number, count = 1, lane: Lane = source): void => {
    for (let n = 0; n < count; n++) log.put(lane, partition, { headers: {}, value: Buffer.from('x') })
  }
  const open = () =>
    createProgressWatch({
      flow: flows.events,
      unread: ['events_plugin_ingestion_dlq'],
      log,
      sampleEveryMs: 1000,
      async accepted() {
        const ends: number[] = []
        for (const lane of flows.events.sources) ends.push(...(await log.bounds(lane)).map(({ end }) => end))
        return { ends, ...accepted }
      },
      decidedTo: () => Promise.resolve(at.decided),
      inserted: () =>
        Promise.resolve({
          sourceOffsets: at.inserted,
          offsets: [0, 0],
          throughMs: at.throughMs,
          canaries: at.canaries,
        }),
    })
  return { log, at, accepted, put, open, watch: open(), later: (ms: number) => t.mock.timers.tick(ms) }
}

describe('the progress of what was accepted', () => {
  it('is complete up to now when nothing waits', async (t) => {
    const { watch, put, at, later } = opened(t)
    put(0, 3)
    at.inserted = [3, 0]
    later(5000)
    await watch.sample()
    assert.deepEqual(watch.freshness(), {
      completeThroughMs: startMs + 5000,
      waitingEvents: 0,
      oldestWaitingMs: null,
      oldestUrgentWaitingMs: null,
    })
  })

  it('says how many events wait, and since when the oldest of them was seen to', async (t) => {
    const { watch, put, at, later } = opened(t)
    later(1000)
    await watch.sample()
    put(0, 2)
    later(1000)
    await watch.sample()
    later(3000)
    put(0, 5)
    put(1, 1)
    await watch.sample()
    assert.deepEqual(watch.freshness(), {
      completeThroughMs: startMs + 1000,
      waitingEvents: 8,
      oldestWaitingMs: 3000,
      oldestUrgentWaitingMs: 3000,
    })
    at.inserted = [2, 0]
    later(500)
    await watch.sample()
    const { completeThroughMs, waitingEvents, oldestWaitingMs } = watch.freshness()
    assert.deepEqual([waitingEvents, oldestWaitingMs], [6, 500])
    // At the second look both partitions were as long as what is inserted now.
    assert.equal(completeThroughMs, startMs + 2000)
  })

  it('counts no canary among the events that wait, and yet tells how long one waits', async (t) => {
    const { watch, put, at, accepted, later } = opened(t)
    put(0, 3)
    put(1)
    accepted.canaries = 2
    await watch.sample()
    later(1000)
    await watch.sample()
    assert.deepEqual(watch.freshness(), {
      completeThroughMs: 0,
      waitingEvents: 2,
      oldestWaitingMs: 1000,
      oldestUrgentWaitingMs: 1000,
    })
    // One of the canaries and all events are in.
    at.inserted = [3, 0]
    at.canaries = 1
    await watch.sample()
    assert.deepEqual([watch.freshness().waitingEvents, watch.freshness().oldestWaitingMs], [0, 1000])
    // What an earlier release inserted may be anything: rather one too many than one too few.
    at.canaries = undefined
    await watch.sample()
    assert.equal(watch.freshness().waitingEvents, 1)
  })

  it('never takes an event for a canary, also when canaries were lost behind the door', async (t) => {
    const { watch, put, at, accepted } = opened(t)
    put(0, 2)
    accepted.canaries = 2
    at.inserted = [2, ...Array.from({ length: 11 }, () => 0)]
    at.canaries = 0
    await watch.sample()
    assert.equal(watch.freshness().waitingEvents, 0)
    put(0)
    await watch.sample()
    assert.equal(watch.freshness().waitingEvents, 1)
  })

  it('is never said to be complete beyond what is inserted, also not of what waited already at the start', async (t) => {
    const { put, at, later, open } = opened(t)
    put(0, 100)
    later(60_000)
    // A process that starts now finds 100 events, of which it knows nothing but that they are there.
    const watch = open()
    await watch.sample()
    at.inserted = [50, 0]
    await watch.sample()
    const { completeThroughMs, waitingEvents } = watch.freshness()
    assert.equal(waitingEvents, 50)
    assert.equal(completeThroughMs, 0)
    // The rows themselves say more: the next may be of the same millisecond.
    at.throughMs = [startMs - 10, 0]
    await watch.sample()
    assert.equal(watch.freshness().completeThroughMs, startMs - 11)
    at.inserted = [100, 0]
    later(1000)
    await watch.sample()
    assert.equal(watch.freshness().completeThroughMs, startMs + 61_000)
  })

  it('never reaches beyond the acceptance of an event that waits, however events and looks alternate', async (t) => {
    const { watch, put, at, later } = opened(t)
    const acceptedMs: number[] = []
    await watch.sample()
    // More looks than marks are kept.
    for (let n = 0; n < 5000; n++) {
      later(1)
      put(0)
      acceptedMs.push(Date.now())
      later(1)
      await watch.sample()
      if (n % 500 === 499) {
        at.inserted = [Math.floor(n / 3), 0]
        await watch.sample()
        const { completeThroughMs, oldestWaitingMs } = watch.freshness()
        const oldestMs = acceptedMs[at.inserted[0] ?? 0] ?? Infinity
        assert.ok(completeThroughMs < oldestMs)
        assert.equal(oldestWaitingMs, Date.now() - oldestMs - 1)
      }
    }
    for (let n = 5000; n < 9200; n++) {
      later(1)
      put(0)
      await watch.sample()
    }
    const { completeThroughMs } = watch.freshness()
    assert.ok(completeThroughMs < (acceptedMs[at.inserted[0] ?? 0] ?? 0))
  })

  it('is told by lane, partition and reader', async (t) => {
    const { watch, put, at, later, log } = opened(t)
    const owner = await log.own('clickhouse_events')
    await watch.sample()
    put(1, 4)
    await owner.append(1, { headers: {}, value: Buffer.from('batch') })
    log.put('events_plugin_ingestion_dlq', 0, { headers: {}, value: Buffer.from('x') })
    await watch.sample()
    at.decided = [0, 3]
    at.inserted = [0, 4]
    later(2000)
    const lanes = await watch.lanes()
    assert.deepEqual(
      lanes.map(({ lane }) => lane),
      [...flows.events.sources, 'clickhouse_events', 'events_plugin_ingestion_dlq'],
    )
    const first = lanes[0]
    const [second, third] = lanes.slice(-2)
    assert.deepEqual(first?.partitions[1], {
      partition: 1,
      end: 4,
      readers: [
        { name: 'ingestion', offset: 3, lag: 1, oldestWaitingMs: 2000 },
        { name: 'warehouse', offset: 4, lag: 0, oldestWaitingMs: null },
      ],
    })
    assert.deepEqual(second?.partitions[1]?.readers, [{ name: 'warehouse', offset: 0, lag: 1, oldestWaitingMs: null }])
    assert.deepEqual(third?.partitions[0], { partition: 0, end: 1, readers: [] })
  })

  it('tells how long urgent events wait apart, and each lane with its own lag', async (t) => {
    const { watch, put, at, later } = opened(t)
    await watch.sample()
    put(0, 9, 'historical_events')
    await watch.sample()
    later(60_000)
    put(1, 2, 'exceptions')
    await watch.sample()
    later(500)
    await watch.sample()
    assert.deepEqual(watch.freshness(), {
      completeThroughMs: startMs,
      waitingEvents: 11,
      oldestWaitingMs: 60_500,
      oldestUrgentWaitingMs: 500,
    })
    const historical = sourceIndex(flows.events, 'historical_events', 0, 2)
    at.decided = Array.from({ length: 12 }, (_, index) => (index === historical ? 7 : 0))
    const lanes = await watch.lanes()
    const readersOf = (lane: Lane, partition: number) =>
      lanes.find((one) => one.lane === lane)?.partitions[partition]?.readers.map((reader) => reader.lag)
    assert.deepEqual(readersOf('historical_events', 0), [2, 9])
    assert.deepEqual(readersOf('exceptions', 1), [2, 2])
  })

  it('is looked at until it is told to stop', async (t) => {
    const { watch, put } = opened(t)
    const stop = new AbortController()
    put(0)
    const running = watch.run(stop.signal)
    stop.abort()
    await running
    assert.equal(watch.freshness().waitingEvents, 1)
  })
})
