import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import fc from 'fast-check'
import { silent } from '../../kit/telemetry/telemetry.ts'
import { createLiveFeed } from './live-feed.ts'
import type { LiveConfig, LiveFeed, LiveFilter, Subscription } from './live-feed.ts'
import { aDerivedBatch, SinkInMemory } from './live.fixtures.ts'
import type { FixtureEvent } from './live.fixtures.ts'

const config: LiveConfig = {
  readersMax: 10,
  deliveriesPerSecondMax: 4000,
  eventsPerSecondMax: 1000,
  queueBytesMax: 128 * 1024,
  ringRowsMax: 1000,
  ringBytesMax: 1024 * 1024,
  ringLingerMs: 60_000,
}
const flushMs = 1000

beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'Date'] }))
afterEach(() => mock.timers.reset())

function aFeed(own: Partial<LiveConfig> = {}, life = 'one'): LiveFeed {
  return createLiveFeed({ ...config, ...own }, { telemetry: silent, nowMs: () => Date.now(), life })
}

interface Connected {
  readonly sink: SinkInMemory
  readonly subscription: Subscription
}

function connect(feed: LiveFeed, filter: LiveFilter = {}, lastId?: string, projectId = 1): Connected {
  const sink = new SinkInMemory()
  const subscription = feed.subscribe({ projectId, filter, lastId }, sink)
  assert.ok(subscription !== undefined)
  return { sink, subscription }
}

/** Decided at once, in one derived batch; resolves nothing: time passes by `mock.timers`. */
function send(feed: LiveFeed, events: readonly FixtureEvent[]): void {
  feed.decided([aDerivedBatch(events)])
}

function named(count: number, from = 0): FixtureEvent[] {
  return Array.from({ length: count }, (_, n) => ({ event: `e${String(from + n)}` }))
}

const namesIn = (sink: SinkInMemory) => sink.of('event').map(({ data }) => data['event'])
const gapsIn = (sink: SinkInMemory) => sink.of('gap').map(({ data }) => data)

describe('the live feed', () => {
  it('tells when somebody begins to follow, and when the last one will not come back', async () => {
    const feed = aFeed()
    const { signal } = new AbortController()
    assert.equal(feed.isFollowed(), false)
    const begins = feed.followedChange(signal)
    const { subscription } = connect(feed)
    await begins
    assert.equal(feed.isFollowed(), true)
    const ends = feed.followedChange(signal)
    subscription.close()
    assert.equal(feed.isFollowed(), true)
    mock.timers.tick(config.ringLingerMs)
    await ends
    assert.equal(feed.isFollowed(), false)
    const given = new AbortController()
    const waiting = feed.followedChange(given.signal)
    given.abort()
    await waiting
  })

  it('says that it listens, then shows each event with all that it is', () => {
    const feed = aFeed()
    const { sink } = connect(feed)
    assert.deepEqual(
      sink.frames.map(({ kind }) => kind),
      ['open'],
    )
    assert.match(sink.text, /^retry: 1000\n/)
    send(feed, [{ event: 'größer 😀', distinctId: 'a "b"\n', properties: { list: [1, 'é"\\\n'] } }])
    mock.timers.tick(flushMs)
    assert.deepEqual(sink.of('event')[0]?.data, {
      uuid: '0198c2d4-0000-7000-8000-000000000001',
      event: 'größer 😀',
      distinct_id: 'a "b"\n',
      timestamp: '2026-03-10T12:00:00.000Z',
      accepted_at: '2026-03-10T12:00:00.005Z',
      properties: { list: [1, 'é"\\\n'] },
    })
  })

  it('leaves out properties that are too long, and says so', () => {
    const feed = aFeed()
    const { sink } = connect(feed)
    send(feed, [{ properties: { text: 'x'.repeat(8200) } }])
    mock.timers.tick(flushMs)
    assert.deepEqual(sink.of('event')[0]?.data['properties'], {})
    assert.equal(sink.of('event')[0]?.data['properties_cut'], true)
  })

  it('shows a reader its own project and what matches its filter exactly', () => {
    const feed = aFeed()
    const all = connect(feed)
    const byEvent = connect(feed, { event: 'b"' })
    const byUser = connect(feed, { distinctId: 'eve' })
    const byBoth = connect(feed, { event: 'a', distinctId: 'eve' })
    const other = connect(feed, {}, undefined, 2)
    send(feed, [
      { event: 'a', distinctId: 'eve' },
      { event: 'b"', distinctId: 'eve' },
      { event: 'b"x', distinctId: 'ada' },
      { event: 'foreign', project: 2 },
      { event: 'canary', project: 0 },
      { event: 'b"', distinctId: 'ada' },
    ])
    mock.timers.tick(flushMs)
    assert.deepEqual(namesIn(all.sink), ['a', 'b"', 'b"x', 'b"'])
    assert.deepEqual(namesIn(byEvent.sink), ['b"', 'b"'])
    assert.deepEqual(namesIn(byUser.sink), ['a', 'b"'])
    assert.deepEqual(namesIn(byBoth.sink), ['a'])
    assert.deepEqual(namesIn(other.sink), ['foreign'])
  })

  it('tells what is beyond a second’s events as a gap, and goes on when there is room again', () => {
    const feed = aFeed({ eventsPerSecondMax: 100 })
    const { sink } = connect(feed)
    send(feed, named(80))
    mock.timers.tick(flushMs)
    assert.equal(namesIn(sink).length, 50)
    assert.deepEqual(gapsIn(sink), [{ missed: 30, reason: 'rate' }])
    send(feed, named(1, 80))
    mock.timers.tick(flushMs)
    assert.equal(namesIn(sink).at(-1), 'e80')
    assert.equal(gapsIn(sink).length, 1)
  })

  it('shares what all readers may get evenly', () => {
    const feed = aFeed({ deliveriesPerSecondMax: 1000, eventsPerSecondMax: 1000 })
    const readers = Array.from({ length: 10 }, (_, n) => connect(feed, n % 2 === 0 ? {} : { distinctId: 'ada' }))
    for (let second = 0; second < 10; second++) {
      send(feed, named(500))
      mock.timers.tick(1000)
    }
    // A tenth of the whole for ten seconds, and what may come at once.
    for (const { sink } of readers) assert.ok(namesIn(sink).length <= 10 * 100 + 50)
    for (const { sink } of readers) assert.ok(namesIn(sink).length >= 10 * 50)
  })

  it('gives a reader that comes back what it missed and nothing twice', () => {
    const feed = aFeed()
    const first = connect(feed)
    send(feed, named(3))
    mock.timers.tick(flushMs)
    first.subscription.close()
    send(feed, named(3, 3))
    const back = connect(feed, {}, first.sink.lastId)
    send(feed, named(1, 6))
    mock.timers.tick(flushMs)
    assert.deepEqual(namesIn(back.sink), ['e3', 'e4', 'e5', 'e6'])
    assert.deepEqual(gapsIn(back.sink), [])
  })

  it('gives a reader that comes back with a filter what matches it', () => {
    const feed = aFeed()
    const first = connect(feed, { event: 'e4' })
    first.subscription.close()
    send(feed, named(6))
    const back = connect(feed, { event: 'e4' }, first.sink.lastId)
    assert.deepEqual(namesIn(back.sink), ['e4'])
  })

  it('moves the last id of a reader that nothing matches with each ping', () => {
    const feed = aFeed({ ringRowsMax: 5 })
    const { sink, subscription } = connect(feed, { event: 'rare' })
    send(feed, named(50))
    mock.timers.tick(flushMs)
    subscription.ping()
    subscription.close()
    assert.match(sink.text, /: ping\nid: one\.1\.50\n\n$/)
    assert.deepEqual(gapsIn(connect(feed, { event: 'rare' }, sink.lastId).sink), [])
  })

  it('tells a reader that comes back too late how much is gone, if it can', () => {
    const feed = aFeed({ ringRowsMax: 100 })
    const { sink, subscription } = connect(feed)
    subscription.close()
    for (let n = 0; n < 30; n++) send(feed, named(10, n * 10))
    const all = connect(feed, {}, sink.lastId)
    assert.deepEqual(gapsIn(all.sink), [{ missed: 200, reason: 'too_old' }])
    assert.equal(namesIn(all.sink).length, 100)
    const filtered = connect(feed, { event: 'e250' }, sink.lastId)
    assert.deepEqual(gapsIn(filtered.sink), [{ missed: null, reason: 'too_old' }])
    assert.deepEqual(namesIn(filtered.sink), ['e250'])
  })

  it('keeps a project’s ring for a while after its last reader, then lets go of it', () => {
    const feed = aFeed({ ringLingerMs: 5000 })
    const { sink, subscription } = connect(feed)
    subscription.close()
    mock.timers.tick(4000)
    connect(feed, {}, sink.lastId).subscription.close()
    send(feed, named(1))
    mock.timers.tick(4000)
    assert.deepEqual(namesIn(connect(feed, {}, sink.lastId).sink), ['e0'])
    const other = connect(feed, {}, undefined, 2)
    other.subscription.close()
    mock.timers.tick(5000)
    assert.deepEqual(gapsIn(connect(feed, {}, other.sink.lastId, 2).sink), [{ missed: null, reason: 'too_old' }])
  })

  it('tells a reader from before a restart that there was one', () => {
    const { sink } = connect(aFeed({}, 'one'))
    for (const id of [sink.lastId, 'nonsense', '']) {
      assert.deepEqual(gapsIn(connect(aFeed({}, 'two'), {}, id).sink), [{ missed: null, reason: 'restarted' }])
    }
  })

  it('lets go of the oldest when a reader is slow, and holds up nobody', () => {
    const feed = aFeed({ eventsPerSecondMax: 10_000, deliveriesPerSecondMax: 100_000 })
    const slow = connect(feed)
    const quick = connect(feed)
    slow.sink.isStuck = true
    const text = 'x'.repeat(1000)
    for (let n = 0; n < 500; n++) {
      send(feed, [{ event: `e${String(n)}`, properties: { text } }])
      mock.timers.tick(flushMs)
    }
    assert.equal(namesIn(quick.sink).length, 500)
    const takenBefore = slow.sink.text.length
    slow.sink.isStuck = false
    slow.sink.waitingBytes = 0
    slow.subscription.drained()
    assert.ok(slow.sink.text.length - takenBefore <= config.queueBytesMax + 200)
    const names = namesIn(slow.sink)
    const [gap] = gapsIn(slow.sink)
    assert.equal(gap?.['reason'], 'slow_reader')
    assert.equal(names[0], 'e0')
    assert.equal(names.at(-1), 'e499')
    assert.equal(names.length + Number(gap['missed']), 500)
    assert.equal(slow.sink.frames[2]?.kind, 'gap')
  })

  it('has room for so many readers and no more', () => {
    const feed = aFeed({ readersMax: 2 })
    const first = connect(feed)
    connect(feed)
    assert.equal(feed.subscribe({ projectId: 1, filter: {} }, new SinkInMemory()), undefined)
    first.subscription.close()
    first.subscription.close()
    connect(feed)
    assert.equal(feed.subscribe({ projectId: 1, filter: {} }, new SinkInMemory()), undefined)
  })

  it('keeps no more rings than there may be readers', () => {
    const feed = aFeed({ readersMax: 2 })
    const visits = [1, 2, 3].map((project) => {
      const visit = connect(feed, {}, undefined, project)
      visit.subscription.close()
      return visit.sink.lastId
    })
    assert.deepEqual(gapsIn(connect(feed, {}, visits[2], 3).sink), [])
    assert.deepEqual(gapsIn(connect(feed, {}, visits[0], 1).sink), [{ missed: null, reason: 'too_old' }])
  })

  it('ends all streams when it closes, and takes no reader then', () => {
    const feed = aFeed()
    const { sink, subscription } = connect(feed)
    send(feed, named(1))
    feed.close()
    mock.timers.tick(flushMs)
    assert.ok(sink.hasEnded)
    subscription.close()
    assert.equal(feed.subscribe({ projectId: 1, filter: {} }, new SinkInMemory()), undefined)
    send(feed, named(1))
  })

  it('ends the streams when a derived batch was passed by, and tells of it when they come back', () => {
    const feed = aFeed()
    const { sink } = connect(feed)
    send(feed, named(1))
    mock.timers.tick(flushMs)
    aDerivedBatch(named(1))
    send(feed, named(1))
    assert.ok(sink.hasEnded)
    const back = connect(feed, {}, sink.lastId)
    send(feed, named(1))
    mock.timers.tick(flushMs)
    assert.deepEqual(gapsIn(back.sink), [{ missed: null, reason: 'too_old' }])
    assert.deepEqual(namesIn(back.sink), ['e0'])
  })

  it('ends the streams, but not ingestion, at rows that it cannot read', () => {
    const feed = aFeed()
    const { sink } = connect(feed)
    feed.decided([{ ...aDerivedBatch([]), value: Buffer.from('\x02\0\0\0{}nonsense\n') }])
    assert.ok(sink.hasEnded)
    const again = connect(feed)
    send(feed, named(1))
    mock.timers.tick(flushMs)
    assert.deepEqual(namesIn(again.sink), ['e0'])
  })

  it('gives every reader what matches, in order: as events or counted in gaps, whatever happens', () => {
    const filters: readonly LiveFilter[] = [
      {},
      { event: 'a' },
      { distinctId: 'eve' },
      { event: 'b', distinctId: 'ada' },
    ]
    const event = fc.record({ event: fc.constantFrom('a', 'b', 'c'), distinctId: fc.constantFrom('ada', 'eve') })
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.array(event, { maxLength: 60 }).map((events) => ({ kind: 'send', events }) as const) },
      { weight: 3, arbitrary: fc.nat({ max: 400 }).map((ms) => ({ kind: 'wait', ms }) as const) },
      {
        weight: 4,
        arbitrary: fc
          .record({ who: fc.nat({ max: 5 }), filter: fc.constantFrom(...filters) })
          .chain((own) =>
            fc.constantFrom('come', 'leave', 'stick', 'go on').map((kind) => ({ kind, ...own }) as const),
          ),
      },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        mock.timers.reset()
        mock.timers.enable({ apis: ['setTimeout', 'Date'] })
        const feed = aFeed({ eventsPerSecondMax: 100, ringRowsMax: 100, queueBytesMax: 2000, ringLingerMs: 1e6 })
        const keepsCounting = connect(feed)
        const sent: { readonly event: string; readonly distinctId: string }[] = []
        interface Stream extends Connected {
          readonly filter: LiveFilter
        }
        const streams: Stream[] = []
        const open = new Map<number, Stream>()
        const lastOf = new Map<number, Stream>()
        const goOn = ({ sink, subscription }: Stream): void => {
          sink.isStuck = false
          sink.waitingBytes = 0
          subscription.drained()
        }
        for (const one of steps) {
          if (one.kind === 'send') {
            sent.push(...one.events)
            send(feed, one.events)
          } else if (one.kind === 'wait') mock.timers.tick(one.ms)
          else {
            const stream = open.get(one.who)
            if (one.kind === 'come' && stream === undefined) {
              const before = lastOf.get(one.who)
              const filter = before?.filter ?? one.filter
              const made = { ...connect(feed, filter, before?.sink.lastId), filter }
              streams.push(made)
              open.set(one.who, made)
              lastOf.set(one.who, made)
            } else if (one.kind === 'leave') {
              stream?.subscription.close()
              open.delete(one.who)
            } else if (one.kind === 'stick' && stream !== undefined) stream.sink.isStuck = true
            else if (one.kind === 'go on' && stream !== undefined) goOn(stream)
          }
        }
        for (const stream of open.values()) goOn(stream)
        mock.timers.tick(flushMs)
        for (const stream of open.values()) goOn(stream)
        keepsCounting.subscription.close()

        for (const stream of streams) {
          const { sink, filter } = stream
          const isWanted = (one: FixtureEvent): boolean =>
            (filter.event ?? one.event) === one.event && (filter.distinctId ?? one.distinctId) === one.distinctId
          let at = sink.of('open')[0]?.number ?? Number.NaN
          const isOpen = [...open.values()].includes(stream)
          for (const { kind, number, data } of sink.frames) {
            if (kind === 'open') continue
            const between = sent.slice(at, number)
            if (kind === 'event') {
              const event = sent[number - 1]
              assert.deepEqual([data['event'], data['distinct_id']], [event?.event, event?.distinctId])
              assert.equal(between.filter(isWanted).length, 1, 'nothing that matches lies before it')
            } else if (data['missed'] !== null) assert.equal(between.filter(isWanted).length, data['missed'])
            at = number
          }
          if (isOpen) assert.equal(sent.slice(at).filter(isWanted).length, 0, 'nothing that matches is left')
        }
      }),
      { numRuns: 300 },
    )
  })
})
