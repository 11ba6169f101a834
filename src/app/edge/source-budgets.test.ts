import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SourceBudgets } from './source-budgets.ts'
import type { Source } from './source-budgets.ts'

const usual = { connectionsMax: 1000, connectionsPerSourceMax: 10, requestsPerSecondPerSourceMax: 100 }

/** Budgets and a clock that stands still until it is told. */
function budgeted(budgets: Partial<typeof usual> = {}, sourcesMax = 1000) {
  const clock = { ms: 5000 }
  const all = new SourceBudgets({ ...usual, ...budgets }, { sourcesMax, nowMs: () => clock.ms })
  /** How many of `count` requests at once may go on. */
  const taken = (source: Source | undefined, count: number): number => {
    let good = 0
    for (let n = 0; n < count; n++) if (all.take(source) === 0) good++
    return good
  }
  /** Others send as well while the thread has no time left. */
  const overload = (sender: Source | undefined): void => {
    all.take(sender)
    all.take(all.of('another'))
    all.sampled(0.95)
    all.sampled(0.95)
  }
  /** One that sent something in each of the last thirty seconds. */
  const known = (): Source => {
    const source = all.of('203.0.113.9')
    for (let second = 0; second < 30; second++) {
      assert.equal(all.take(source), 0)
      for (let n = 0; n < 40; n++) all.sampled(0.1)
      clock.ms += 1000
    }
    return source
  }
  return { all, clock, taken, overload, known }
}

/** As the edge asks; undefined for a connection that is refused. */
function connected(all: SourceBudgets, source: Source | undefined): number | undefined {
  return all.refuses(source) ? undefined : all.connected(source)
}

describe('the requests of a source', () => {
  it('may come all at once, as many as its rate is for a second, and then by the rate', () => {
    const { all, clock, taken } = budgeted()
    const source = all.of('203.0.113.9')
    assert.equal(taken(source, 1000), 100)
    clock.ms += 1000
    assert.equal(taken(source, 1000), 100)
  })

  it('go on for ever at the rate', () => {
    const { all, clock, taken } = budgeted()
    const source = all.of('203.0.113.9')
    for (let n = 0; n < 5000; n++) {
      clock.ms += 10
      assert.equal(taken(source, 1), 1, String(n))
    }
  })

  it('are told when to come again, and get it then', () => {
    const { all, clock, taken } = budgeted()
    const source = all.of('203.0.113.9')
    taken(source, 100)
    const waitMs = all.take(source)
    assert.equal(waitMs, 250)
    clock.ms += waitMs - 1
    assert.equal(all.take(source), 1)
    clock.ms += 1
    assert.equal(taken(source, 100), 25)
  })

  it('do not take from another source, nor from one without a budget', () => {
    const { all, taken } = budgeted()
    taken(all.of('203.0.113.9'), 1000)
    assert.equal(taken(all.of('203.0.113.10'), 50), 50)
    assert.equal(taken(undefined, 5000), 5000)
  })

  it('cost ten times as much when they were rubbish', () => {
    const { all, taken } = budgeted()
    const source = all.of('203.0.113.9')
    let good = 0
    while (all.take(source) === 0) {
      good++
      all.chargeRefused(source)
    }
    assert.equal(good, 10)
    assert.equal(taken(source, 1), 0)
  })

  it('are never owed for longer than a second', () => {
    const { all, clock, taken } = budgeted()
    const source = all.of('203.0.113.9')
    for (let n = 0; n < 10_000; n++) all.chargeRefused(source)
    clock.ms += 1000
    assert.ok(taken(source, 100) >= 99)
  })

  it('are let in one by one at a rate below one a second, overloaded or not', () => {
    const { all, clock, taken, overload } = budgeted({ requestsPerSecondPerSourceMax: 1 })
    overload(undefined)
    const source = all.of('203.0.113.9')
    clock.ms += 60_000
    // The second one is a slow-down, and the third was read with it.
    assert.equal(taken(source, 5), 3)
    for (let n = 0; n < 10; n++) {
      clock.ms += 1000
      assert.equal(taken(source, 1), 1)
    }
  })

  it('follow a changed rate at once', () => {
    const { all, taken } = budgeted()
    all.set({ ...usual, requestsPerSecondPerSourceMax: 500 })
    assert.equal(taken(all.of('203.0.113.9'), 1000), 500)
  })
})

describe('an overload', () => {
  it('slows down who sends more good requests than a quarter of his rate, and refuses none that was read before', () => {
    const { all, clock, taken, overload, known } = budgeted()
    const source = known()
    overload(undefined)
    assert.equal(taken(source, 12), 12)
    assert.equal(all.unreadMs(source), 0)
    assert.equal(taken(source, 1), 1)
    assert.equal(all.unreadMs(source), 270)
    assert.equal(connected(all, source), 270)
    for (let n = 0; n < 100; n++) {
      clock.ms += Math.max(40, all.unreadMs(source))
      assert.equal(taken(source, 7), 7, String(n))
    }
    assert.equal(source.strikes, 0)
  })

  it('lets who is not known rest twice as long each time, up to four times, until his bucket was full again', () => {
    const { all, clock, taken, overload } = budgeted({ requestsPerSecondPerSourceMax: 1000 })
    overload(undefined)
    const source = all.of('203.0.113.9')
    const rests: number[] = []
    const sendUntilItRests = (): void => {
      while (all.unreadMs(source) === 0) assert.equal(taken(source, 1), 1)
      rests.push(all.unreadMs(source))
      // What was read before the rest is taken, and makes it no longer.
      assert.equal(taken(source, 5), 5)
      assert.equal(all.unreadMs(source), rests.at(-1))
      clock.ms += all.unreadMs(source)
    }
    for (let n = 0; n < 4; n++) sendUntilItRests()
    clock.ms += 1000
    sendUntilItRests()
    assert.deepEqual(rests, [54, 104, 208, 208, 54])
    assert.equal(source.strikes, 0)
  })

  it('lets who is not known send a fifth as much at once, and refuses nothing of what he has on the way', () => {
    const { all, taken, overload, known } = budgeted({ requestsPerSecondPerSourceMax: 1000 })
    const atOnce = (source: Source): number => {
      let count = 0
      while (all.unreadMs(source) === 0) count += taken(source, 1)
      return count - 1
    }
    const before = known()
    overload(undefined)
    assert.equal(atOnce(before), 125)
    const unknown = all.of('198.51.100.1')
    assert.equal(atOnce(unknown), 25)
    assert.equal(taken(unknown, 200), 200)
  })

  it('lets who is known from the time before, and sends nearly his quarter, catch up with what had to wait', () => {
    const { all, clock, overload, known } = budgeted()
    const source = known()
    overload(undefined)
    // 20 a second of 25, after a moment in which 30 had to wait.
    let waiting = 30
    let mostWaitingLater = 0
    for (let n = 0; n < 1200; n++) {
      clock.ms += 50
      waiting++
      while (waiting > 0 && all.unreadMs(source) === 0) {
        assert.equal(all.take(source), 0)
        waiting--
      }
      if (n > 200) mostWaitingLater = Math.max(mostWaitingLater, waiting)
    }
    assert.ok(mostWaitingLater <= 1, String(mostWaitingLater))
  })

  it('ends for who rests a minute after it has ended, however much he sends', () => {
    const { all, clock, taken, overload } = budgeted()
    overload(undefined)
    const source = all.of('203.0.113.9')
    taken(source, 13)
    for (let n = 0; n < 40; n++) all.sampled(0.1)
    const endMs = clock.ms + 61_000
    while (clock.ms < endMs) {
      taken(source, 1)
      clock.ms += Math.max(20, all.unreadMs(source))
    }
    clock.ms += 2000
    assert.equal(taken(source, 100), 100)
    assert.equal(all.unreadMs(source), 0)
  })

  it('refuses who goes on all the same, for a quarter of a second each time', () => {
    const { all, clock, taken, overload } = budgeted()
    overload(undefined)
    const source = all.of('203.0.113.9')
    for (let n = 0; n < 5; n++) {
      taken(source, 1000)
      assert.equal(source.closedUntilMs - clock.ms, 250)
      clock.ms = source.closedUntilMs
    }
    assert.ok(taken(source, 1000) >= 1)
  })

  it('shuts out who sends rubbish, for longer each time', () => {
    const { all, clock, overload } = budgeted()
    overload(undefined)
    const source = all.of('203.0.113.9')
    const waits: number[] = []
    for (let n = 0; n < 7; n++) {
      while (all.take(source) === 0) all.chargeRefused(source)
      waits.push(source.closedUntilMs - clock.ms)
      clock.ms = source.closedUntilMs
    }
    assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 8000])
  })

  it('shuts nobody out for ever, however low the rate is', () => {
    for (const rate of [1, 3, 10, 20, 1000]) {
      const { all, clock, taken, overload } = budgeted({ requestsPerSecondPerSourceMax: rate })
      overload(undefined)
      const source = all.of('203.0.113.9')
      for (let n = 0; n < 10; n++) {
        while (all.take(source) === 0) all.chargeRefused(source)
        clock.ms = source.closedUntilMs + 1
        assert.equal(taken(source, 1), 1, `${String(rate)} a second, time ${String(n)}`)
      }
    }
  })

  it('goes on for a minute for those who had more than they may have in it, and for nobody else', () => {
    const { all, clock, taken, overload, known } = budgeted()
    const source = known()
    overload(undefined)
    taken(source, 13)
    for (let n = 0; n < 40; n++) all.sampled(0.1)
    assert.equal(all.isOverloaded, false)
    assert.equal(taken(all.of('203.0.113.10'), 1000), 100)
    clock.ms += 59_000
    taken(source, 13)
    assert.equal(all.unreadMs(source), 270)
    clock.ms += 60_600
    taken(source, 13)
    assert.equal(all.unreadMs(source), 0)
  })

  it('does not touch a source that sends less than a quarter of its rate', () => {
    const { all, clock, taken, overload } = budgeted()
    overload(undefined)
    const source = all.of('203.0.113.9')
    for (let n = 0; n < 1000; n++) {
      clock.ms += 41
      assert.equal(taken(source, 1), 1, String(n))
    }
  })

  it('counts what a source sends, however few its requests are', () => {
    const { all, overload, known } = budgeted()
    const source = known()
    overload(undefined)
    all.takeBytes(source, source.paidBytes)
    assert.equal(all.takeBytes(source, 12 * 4 * 1024), 0)
    assert.equal(all.takeBytes(source, 4 * 1024), 270)
    assert.equal(connected(all, source), 270)
    assert.equal(all.takeBytes(source, 13 * 4 * 1024), 250)
    assert.ok(source.strikes > 0)
  })

  it('counts no bytes that a request has paid for', () => {
    const { all, clock, overload, known } = budgeted()
    const source = known()
    overload(undefined)
    all.takeBytes(source, source.paidBytes)
    for (let n = 0; n < 1000; n++) {
      clock.ms += 41
      assert.equal(all.take(source), 0)
      assert.equal(all.takeBytes(source, 4 * 1024), 0)
    }
    assert.equal(all.takeBytes(source, 11 * 4 * 1024), 0)
    assert.ok(all.takeBytes(source, 4 * 1024) > 0)
  })

  it('has who sends a request in drips read again after two seconds, unless he is known', () => {
    const { all, overload, known } = budgeted()
    const before = known()
    const unknown = all.of('198.51.100.1')
    assert.equal(all.takeBytes(unknown, 20), 0)
    overload(undefined)
    all.takeBytes(before, before.paidBytes)
    assert.equal(all.takeBytes(before, 20), 0)
    assert.equal(all.takeBytes(unknown, 20), 2000)
    assert.equal(all.takeBytes(unknown, 4 * 1024), 0)
    assert.equal(all.take(unknown), 0)
    assert.equal(all.takeBytes(unknown, 20), 0)
  })

  it('does not count what a source sends unless one is strict with it', () => {
    const { all, clock, overload } = budgeted()
    const source = all.of('203.0.113.9')
    assert.equal(all.takeBytes(source, 1024 * 1024), 0)
    overload(undefined)
    assert.ok(all.takeBytes(source, 1024 * 1024) > 0)
    for (let n = 0; n < 40; n++) all.sampled(0.1)
    clock.ms += 10_000
    assert.ok(all.takeBytes(source, 1024 * 1024) > 0)
    assert.equal(all.takeBytes(all.of('198.51.100.1'), 1024 * 1024), 0)
  })

  it('takes all that a source has for a request that was too large', () => {
    const { all, overload } = budgeted()
    overload(undefined)
    const source = all.of('203.0.113.9')
    assert.equal(all.take(source), 0)
    all.chargeRefused(source, true)
    assert.equal(all.take(source), 250)
  })

  it('is none when one source has the edge to itself', () => {
    const { all } = budgeted()
    for (let n = 0; n < 100; n++) all.take(all.of('203.0.113.9'))
    for (let n = 0; n < 5; n++) all.sampled(1)
    assert.equal(all.isOverloaded, false)
  })

  it('is no single busy moment', () => {
    const { all } = budgeted()
    for (let n = 0; n < 10; n++) {
      all.take(all.of('203.0.113.9'))
      all.take(undefined)
      all.sampled(n % 2 === 0 ? 1 : 0.7)
    }
    assert.equal(all.isOverloaded, false)
  })

  it('ends after a second of calm', () => {
    const { all, overload } = budgeted()
    overload(undefined)
    for (let n = 0; n < 39; n++) all.sampled(0.1)
    assert.ok(all.isOverloaded)
    all.sampled(0.1)
    assert.equal(all.isOverloaded, false)
  })
})

describe('the connections of a source', () => {
  it('are at most its maximum, and come back when they close', () => {
    const { all } = budgeted()
    const source = all.of('203.0.113.9')
    for (let n = 0; n < 10; n++) assert.equal(connected(all, source), 0)
    assert.equal(connected(all, source), undefined)
    all.disconnected(source, 100)
    assert.equal(connected(all, source), 0)
  })

  it('leave some to others, however many sources take all that they can get', () => {
    const { all, clock } = budgeted({ connectionsPerSourceMax: 500 })
    for (let n = 0; n < 10; n++) while (connected(all, all.of(`203.0.113.${String(n)}`)) !== undefined);
    assert.ok(all.openConnections < 1000, String(all.openConnections))
    // Those that came together have had their turns.
    clock.ms += 1100
    assert.equal(connected(all, all.of('198.51.100.1')), 0)
  })

  it('are at most as many as all may have together, proxies included', () => {
    const { all } = budgeted({ connectionsMax: 3 })
    for (let n = 0; n < 3; n++) assert.equal(connected(all, undefined), 0)
    assert.equal(connected(all, undefined), undefined)
    all.disconnected(undefined, 0)
    assert.equal(connected(all, undefined), 0)
  })

  it('wait while its requests are refused', () => {
    const { all, clock, taken } = budgeted()
    const source = all.of('203.0.113.9')
    taken(source, 101)
    assert.equal(connected(all, source), 250)
    clock.ms += 200
    assert.equal(connected(all, source), 50)
    clock.ms += 50
    assert.equal(connected(all, source), 0)
  })

  it('wait up to a number', () => {
    const { all, taken } = budgeted({ connectionsPerSourceMax: 500 })
    const source = all.of('203.0.113.9')
    taken(source, 101)
    for (let n = 0; n < 128; n++) assert.equal(connected(all, source), 250)
    assert.equal(source.hasOffended, false)
    assert.equal(connected(all, source), undefined)
    assert.equal(source.hasOffended, true)
  })

  it('wait in smaller numbers once they end without a byte, until one brings some', () => {
    const { all, clock, taken } = budgeted({ connectionsPerSourceMax: 500 })
    const source = all.of('203.0.113.9')
    const waiting = (): number => {
      let count = 0
      while (connected(all, source) !== undefined) count++
      return count
    }
    const endAll = (bytes: number): void => {
      while (source.connections > 0) all.disconnected(source, bytes)
      clock.ms += 60_000
      taken(source, 101)
    }
    taken(source, 101)
    assert.equal(waiting(), 128)
    endAll(0)
    assert.equal(waiting(), 8)
    endAll(1)
    assert.equal(waiting(), 128)
    // One that ends without a byte, as browsers open some, is forgiven with the next that does not.
    all.disconnected(source, 0)
    assert.equal(waiting(), 0)
    for (let n = 0; n < 64; n++) all.disconnected(source, 1)
    assert.equal(waiting(), 65)
  })

  it('are served sixteen at once, and the others that come with them at the rate of requests', () => {
    const { all, clock } = budgeted({ connectionsPerSourceMax: 500 })
    const source = all.of('203.0.113.9')
    for (let n = 0; n < 16; n++) assert.equal(connected(all, source), 0)
    assert.equal(connected(all, source), 10)
    assert.equal(connected(all, source), 20)
    assert.equal(connected(all, all.of('198.51.100.1')), 0)
    clock.ms += 30
    assert.equal(connected(all, source), 0)
    clock.ms += 1000
    for (let n = 0; n < 16; n++) assert.equal(connected(all, source), 0)
    assert.equal(connected(all, source), 10)
  })

  it('of all who are not known are served a few at once, and the others in turns, after a second at most', () => {
    const { all, clock, known } = budgeted({ connectionsMax: 10_000 })
    const before = known()
    const waitOfUnknown = (n: number): number | undefined => connected(all, all.of(`198.51.100.${String(n)}`))
    const waits = Array.from({ length: 128 }, (_, n) => waitOfUnknown(n) ?? NaN)
    assert.ok(waits.slice(0, 32).every((waitMs) => waitMs < 0.001))
    // 3 a millisecond.
    assert.equal(Math.round(waits[32 + 29] ?? NaN), 10)
    assert.equal(connected(all, before), 0)
    all.sampled(0.95)
    const waitMs = waitOfUnknown(128) ?? NaN
    assert.equal(Math.round((waitOfUnknown(129) ?? NaN) - waitMs), 1)
    for (let n = 0; n < 5000; n++) assert.ok((waitOfUnknown(n) ?? Infinity) <= 1000)
    all.sampled(0.1)
    clock.ms += 1011
    for (let n = 0; n < 32; n++) assert.ok((waitOfUnknown(5000 + n) ?? Infinity) < 0.001)
  })

  it('count as four requests in an overload', () => {
    const { all, overload, known } = budgeted()
    const source = known()
    overload(undefined)
    for (let n = 0; n < 3; n++) assert.equal(connected(all, source), 0)
    // From here on it is slowed down.
    assert.equal(connected(all, source), 390)
    assert.equal(all.unreadMs(source), 390)
  })

  it('leave enough for a request on the first of them, however low the rate is', () => {
    for (const rate of [1, 5, 20]) {
      const { all, clock, overload } = budgeted({ requestsPerSecondPerSourceMax: rate })
      overload(undefined)
      const source = all.of('203.0.113.9')
      assert.equal(connected(all, source), 0)
      clock.ms += 1
      assert.equal(all.take(source), 0)
    }
  })
})

describe('sources', () => {
  it('are remembered up to a number, and those with open connections longest', () => {
    const { all } = budgeted({}, 100)
    const held = all.of('held')
    assert.equal(connected(all, held), 0)
    for (let n = 0; n < 10_000; n++) all.of(String(n))
    assert.equal(all.size, 100)
    assert.equal(all.of('held'), held)
  })
})
