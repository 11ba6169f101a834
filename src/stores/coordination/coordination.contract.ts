/** What every `Coordination` promises, as tests; see `coordination.ts`. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Failure } from '../../kit/failure.ts'
import { until } from '../../kit/until.fixtures.ts'
import type { Coordination, CoordinationBounds } from './coordination.ts'

export interface CoordinationUnderTest {
  /** Another one on the same memory, as another process has it. */
  open(bounds?: Partial<CoordinationBounds>): Coordination
  /** The memory loses all keys; connections and subscriptions stay. */
  forget(): Promise<void>
  close(): Promise<void>
}

const hour = 3_600_000

async function refuses(promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof Failure, String(error))
    assert.deepEqual([error.code, error.retryable], ['SLUICE_COORDINATION_REFUSED', false], error.message)
    return true
  })
}

/** Collects what a subscription hears. */
function aListener() {
  const heard: string[] = []
  let begun = 0
  return {
    heard,
    begun: () => begun,
    listener: {
      began: () => {
        begun += 1
      },
      heard: (message: string) => {
        heard.push(message)
      },
    },
  }
}

/** `openMemory` gives an empty one. */
export function describeCoordination(
  name: string,
  openMemory: () => Promise<CoordinationUnderTest>,
  { skip = false }: { readonly skip?: string | false } = {},
): void {
  describe(`${name} as coordination`, { skip }, () => {
    let memory: CoordinationUnderTest
    let one: Coordination
    let other: Coordination
    let names = 0
    const aName = (): string => `name-${String((names += 1))}`

    before(async () => {
      memory = await openMemory()
      one = memory.open()
      other = memory.open()
    })
    after(async () => {
      await Promise.all([one.close(), other.close()])
      await memory.close()
    })

    describe('counters', () => {
      it('begin at 0 and are counted together', async () => {
        const counter = aName()
        assert.equal(await one.counters.read(counter), 0)
        assert.equal(await one.counters.add(counter, 1, hour), 1)
        assert.equal(await other.counters.add(counter, 41, hour), 42)
        assert.equal(await one.counters.read(counter), 42)
      })

      it('lose no call of many at the same time', async () => {
        const counter = aName()
        const calls = Array.from({ length: 200 }, (_, n) => (n % 2 === 0 ? one : other).counters.add(counter, 1, hour))
        const amounts = await Promise.all(calls)
        assert.deepEqual(
          amounts.sort((a, b) => a - b),
          Array.from({ length: 200 }, (_, n) => n + 1),
        )
      })

      it('are forgotten after the time that the first call said', async () => {
        const counter = aName()
        assert.equal(await one.counters.add(counter, 1, 50), 1)
        // Later calls with a longer time do not prolong it: at some time one begins anew.
        await until('the counter begins anew', async () => (await one.counters.add(counter, 1, hour)) === 1)
      })

      it('are added to up to a maximum, all or nothing', async () => {
        const counter = aName()
        assert.deepEqual(await one.counters.addUpTo(counter, 6, 10, hour), { isAdded: true, amount: 6 })
        assert.deepEqual(await other.counters.addUpTo(counter, 5, 10, hour), { isAdded: false, amount: 6 })
        assert.deepEqual(await one.counters.addUpTo(counter, 4, 10, hour), { isAdded: true, amount: 10 })
        assert.deepEqual(await one.counters.addUpTo(counter, 1, 10, hour), { isAdded: false, amount: 10 })
        assert.deepEqual(await one.counters.addUpTo(aName(), 1, 0, hour), { isAdded: false, amount: 0 })
      })

      it('let exactly so many in as the maximum says when many come at once', async () => {
        const counter = aName()
        const outcomes = await Promise.all(
          Array.from({ length: 200 }, (_, n) => (n % 2 === 0 ? one : other).counters.addUpTo(counter, 1, 77, hour)),
        )
        assert.equal(outcomes.filter(({ isAdded }) => isAdded).length, 77)
        assert.equal(await one.counters.read(counter), 77)
      })

      it('are not made by a call that adds nothing', async () => {
        const counter = aName()
        await one.counters.addUpTo(counter, 5, 4, 10)
        await one.counters.add(counter, 1, hour)
        assert.equal(await one.counters.takeBack(counter, 1), 0)
        assert.equal(await one.counters.add(counter, 3, hour), 3)
      })

      it('take back what was added, never below 0, and are not made by that', async () => {
        const counter = aName()
        assert.equal(await one.counters.takeBack(counter, 5), 0)
        assert.equal(await one.counters.add(counter, 8, hour), 8)
        assert.equal(await other.counters.takeBack(counter, 3), 5)
        assert.equal(await one.counters.takeBack(counter, 100), 0)
        assert.equal(await one.counters.add(counter, 2, hour), 2)
      })

      it('keep their time when something is taken back', async () => {
        const counter = aName()
        await one.counters.add(counter, 5, 60)
        await one.counters.takeBack(counter, 1)
        await until('the counter is forgotten', async () => (await one.counters.read(counter)) === 0)
      })

      it('stand at 0 when they were removed', async () => {
        const counter = aName()
        await one.counters.add(counter, 5, hour)
        await other.counters.remove(counter)
        assert.equal(await one.counters.read(counter), 0)
        await one.counters.remove(counter)
      })

      it('count exactly up to 2^53 - 1, and refuse to go on', async () => {
        const counter = aName()
        assert.equal(await one.counters.add(counter, Number.MAX_SAFE_INTEGER - 1, hour), Number.MAX_SAFE_INTEGER - 1)
        assert.equal(await one.counters.add(counter, 1, hour), Number.MAX_SAFE_INTEGER)
        await refuses(one.counters.add(counter, 1, hour))
        assert.equal(await one.counters.read(counter), Number.MAX_SAFE_INTEGER)
        assert.equal(await one.counters.takeBack(counter, Number.MAX_SAFE_INTEGER - 5), 5)
      })

      it('refuse amounts and times out of bounds', async () => {
        for (const by of [0, -1, 1.5, NaN, 2 ** 53]) await refuses(one.counters.add(aName(), by, hour))
        for (const ttlMs of [0, -1, 0.5, NaN, Infinity]) await refuses(one.counters.add(aName(), 1, ttlMs))
        await refuses(one.counters.takeBack(aName(), 0))
        await refuses(one.counters.addUpTo(aName(), 1, NaN, hour))
      })
    })

    describe('leases', () => {
      const by = (holder: string, ttlMs = hour) => ({ holder, ttlMs })

      it('have one holder, whom everybody can see', async () => {
        const name = aName()
        assert.equal(await other.leases.holderOf(name), undefined)
        const lease = await one.leases.take(name, by('a'))
        assert.ok(lease?.isHeld() === true && !lease.over.aborted)
        assert.deepEqual([lease.name, lease.holder], [name, 'a'])
        assert.equal(await other.leases.take(name, by('b')), undefined)
        assert.equal(await one.leases.take(name, by('a')), undefined)
        assert.equal(await other.leases.holderOf(name), 'a')
      })

      it('are given to one of many who come at once', async () => {
        const name = aName()
        const taken = await Promise.all(
          Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? one : other).leases.take(name, by(String(n)))),
        )
        assert.equal(taken.filter((lease) => lease !== undefined).length, 1)
      })

      it('can be taken at once when they were released', async () => {
        const name = aName()
        const first = await one.leases.take(name, by('a'))
        await first?.release()
        assert.equal(first?.isHeld(), false)
        assert.equal((first.over.reason as Failure).code, 'SLUICE_LEASE_RELEASED')
        assert.equal(await one.leases.holderOf(name), undefined)
        const second = await other.leases.take(name, by('b'))
        assert.equal(second?.isHeld(), true)
        // Late, and twice: it is not theirs any more.
        await first.release()
        assert.equal(await one.leases.holderOf(name), 'b')
      })

      it('stay held beyond their time, because they are renewed', async () => {
        const name = aName()
        const lease = await one.leases.take(name, by('a', 2000))
        const beganMs = performance.now()
        await until('it is held for longer than its time', async () => {
          assert.equal(lease?.isHeld(), true)
          assert.equal(await other.leases.holderOf(name), 'a')
          return performance.now() - beganMs > 2500
        })
      })

      it('are all released when their opener is closed', async () => {
        const third = memory.open()
        const [first, second] = [aName(), aName()]
        const leases = await Promise.all([first, second].map((name) => third.leases.take(name, by('c'))))
        await third.close()
        assert.ok(leases.every((lease) => lease?.over.aborted === true))
        assert.equal(await one.leases.holderOf(first), undefined)
        assert.equal((await one.leases.take(second, by('a')))?.isHeld(), true)
      })

      it('are kept by whoever had them when the memory is lost and nobody is quicker', async () => {
        const name = aName()
        const lease = await one.leases.take(name, by('a', 3000))
        await memory.forget()
        assert.equal(await other.leases.holderOf(name), undefined)
        await until('the holder is known again', async () => (await other.leases.holderOf(name)) === 'a')
        assert.equal(await other.leases.take(name, by('b')), undefined)
        assert.equal(lease?.over.aborted, false)
      })

      it('are lost, and that is noticed, when another one takes them after the memory was lost', async () => {
        const name = aName()
        const lease = await one.leases.take(name, by('a', 3000))
        await memory.forget()
        const taken = await other.leases.take(name, by('b'))
        assert.equal(taken?.isHeld(), true)
        await until('the loss is noticed', () => lease?.over.aborted === true)
        const reason = lease?.over.reason as Failure
        assert.deepEqual([reason.code, lease?.isHeld()], ['SLUICE_LEASE_LOST', false])
        // Earlier than by its own clock: the renewal after a third of its time found the other one.
        assert.match(reason.message, /Another one has it/)
        assert.equal(taken.isHeld(), true)
        assert.equal(await one.leases.holderOf(name), 'b')
      })

      it('refuse times and holders out of bounds', async () => {
        for (const ttlMs of [0, 9, NaN, Infinity, 2 ** 31]) await refuses(one.leases.take(aName(), by('a', ttlMs)))
        await refuses(one.leases.take(aName(), by('')))
      })
    })

    describe('signals', () => {
      it('are heard by everybody who listens, the publisher too, in its order', async () => {
        const channel = aName()
        const [here, there] = [aListener(), aListener()]
        const subscriptions = [
          one.signals.subscribe(channel, here.listener),
          other.signals.subscribe(channel, there.listener),
        ]
        await until('both listen', () => here.begun() === 1 && there.begun() === 1)
        const messages = Array.from({ length: 100 }, (_, n) => `message ${String(n)} ä€😀\r\n\0`)
        await Promise.all(messages.map((message) => one.signals.publish(channel, message)))
        await until('all are heard', () => here.heard.length === 100 && there.heard.length === 100)
        assert.deepEqual([here.heard, there.heard], [messages, messages])
        for (const subscription of subscriptions) subscription.close()
      })

      it('are heard on their own channel only', async () => {
        const [channel, quiet] = [aName(), aName()]
        const [loud, silent] = [aListener(), aListener()]
        one.signals.subscribe(channel, loud.listener)
        one.signals.subscribe(quiet, silent.listener)
        await until('both listen', () => loud.begun() === 1 && silent.begun() === 1)
        await other.signals.publish(channel, 'for one')
        await until('it is heard', () => loud.heard.length === 1)
        assert.deepEqual(silent.heard, [])
      })

      it('are sent although nobody hears them, and are gone then', async () => {
        const channel = aName()
        await one.signals.publish(channel, 'for nobody')
        const late = aListener()
        one.signals.subscribe(channel, late.listener)
        await until('it listens', () => late.begun() === 1)
        await one.signals.publish(channel, 'for it')
        await until('something is heard', () => late.heard.length > 0)
        assert.deepEqual(late.heard, ['for it'])
      })

      it('are heard by each subscription until it is closed', async () => {
        const channel = aName()
        const [stays, leaves, again] = [aListener(), aListener(), aListener()]
        one.signals.subscribe(channel, stays.listener)
        const leaving = one.signals.subscribe(channel, leaves.listener)
        await until('both listen', () => stays.begun() === 1 && leaves.begun() === 1)
        leaving.close()
        leaving.close()
        await other.signals.publish(channel, '1')
        await until('it is heard', () => stays.heard.length === 1)
        assert.deepEqual(leaves.heard, [])
        // A subscription beside one that listens already is told so as well.
        one.signals.subscribe(channel, again.listener)
        await until('it listens', () => again.begun() === 1)
        await other.signals.publish(channel, '2')
        await until('both hear', () => stays.heard.length === 2 && again.heard.length === 1)
      })

      it('are heard again when the last subscription was closed and another one comes', async () => {
        const channel = aName()
        const [first, second] = [aListener(), aListener()]
        const subscription = one.signals.subscribe(channel, first.listener)
        await until('it listens', () => first.begun() === 1)
        subscription.close()
        one.signals.subscribe(channel, second.listener)
        await until('it listens', () => second.begun() === 1)
        await other.signals.publish(channel, 'hello')
        await until('it is heard', () => second.heard.length === 1)
        assert.deepEqual(first.heard, [])
      })

      it('are refused when they are too long', async () => {
        const narrow = memory.open({ messageBytesMax: 10 })
        await refuses(narrow.signals.publish(aName(), 'x'.repeat(11)))
        await narrow.signals.publish(aName(), 'x'.repeat(10))
        await narrow.close()
      })

      it('have so many subscriptions as are allowed', async () => {
        const narrow = memory.open({ subscriptionsMax: 1 })
        const { listener } = aListener()
        const subscription = narrow.signals.subscribe(aName(), listener)
        assert.throws(() => narrow.signals.subscribe(aName(), listener), { code: 'SLUICE_COORDINATION_BUSY' })
        subscription.close()
        narrow.signals.subscribe(aName(), listener)
        await narrow.close()
      })
    })

    describe('values', () => {
      it('come back as they were, to everybody', async () => {
        for (const value of ['', 'text', '{"a":[1,null]}', 'a\r\nb\0ä€😀', 'x'.repeat(100_000)]) {
          const key = aName()
          assert.equal(await one.keyValue.get(key), undefined)
          await one.keyValue.set(key, value)
          assert.equal(await other.keyValue.get(key), value)
        }
      })

      it('have keys of any text', async () => {
        const keys = ['a b', 'a:b', '{a}', 'ä€😀', '*', 'a\nb', '__proto__'].map((text) => aName() + text)
        for (const key of keys) await one.keyValue.set(key, key)
        assert.deepEqual(await Promise.all(keys.map((key) => other.keyValue.get(key))), keys)
      })

      it('are kept for their time, and for ever when they have none', async () => {
        const [short, long] = [aName(), aName()]
        await one.keyValue.set(short, 'a', 30)
        await one.keyValue.set(long, 'b', 30)
        await one.keyValue.set(long, 'b')
        await until('it is forgotten', async () => (await other.keyValue.get(short)) === undefined)
        assert.equal(await other.keyValue.get(long), 'b')
      })

      it('can be given another time, if they are there', async () => {
        const [key, kept] = [aName(), aName()]
        assert.equal(await one.keyValue.expire(key, hour), false)
        await one.keyValue.set(key, 'a')
        await one.keyValue.set(kept, 'b', 30)
        assert.equal(await one.keyValue.expire(kept, hour), true)
        assert.equal(await one.keyValue.expire(key, 30), true)
        await until('it is forgotten', async () => (await other.keyValue.get(key)) === undefined)
      })

      it('can be deleted once', async () => {
        const key = aName()
        await one.keyValue.set(key, 'a')
        assert.equal(await other.keyValue.delete(key), true)
        assert.equal(await one.keyValue.delete(key), false)
        assert.equal(await one.keyValue.get(key), undefined)
      })

      it('are counted up and down as one step', async () => {
        const key = aName()
        assert.equal(await one.keyValue.increment(key, 5), 5)
        await Promise.all(Array.from({ length: 50 }, () => other.keyValue.increment(key, -1)))
        assert.equal(await one.keyValue.get(key), '-45')
        assert.equal(await one.keyValue.increment(key, 0), -45)
      })

      it('keep their time when they are counted', async () => {
        const key = aName()
        await one.keyValue.set(key, '1', 60)
        assert.equal(await one.keyValue.increment(key, 1), 2)
        await until('it is forgotten', async () => (await one.keyValue.get(key)) === undefined)
      })

      it('are left alone when they are no whole number or would become too large', async () => {
        for (const value of ['', 'a', '1.5', '007', ' 1', '1e3', String(Number.MAX_SAFE_INTEGER)]) {
          const key = aName()
          await one.keyValue.set(key, value)
          await refuses(one.keyValue.increment(key, 1))
          assert.equal(await one.keyValue.get(key), value)
        }
        await refuses(one.keyValue.increment(aName(), 0.5))
      })

      it('are refused when they are too large or would not come back as they are', async () => {
        const narrow = memory.open({ valueBytesMax: 10, nameBytesMax: 12 })
        const key = aName()
        await narrow.keyValue.set(key, 'ä'.repeat(5))
        await refuses(narrow.keyValue.set(key, 'ä'.repeat(6)))
        await refuses(narrow.keyValue.set(key, '\ud800'))
        assert.equal(await narrow.keyValue.get(key), 'ä'.repeat(5))
        for (const wrong of ['', 'k'.repeat(13), 'k\udc00']) {
          await refuses(narrow.keyValue.get(wrong))
          await refuses(narrow.counters.read(wrong))
          await refuses(narrow.leases.holderOf(wrong))
          await refuses(narrow.signals.publish(wrong, ''))
          assert.throws(() => narrow.signals.subscribe(wrong, aListener().listener), {
            code: 'SLUICE_COORDINATION_REFUSED',
          })
        }
        for (const ttlMs of [0, -1, 1.5, NaN, Infinity]) await refuses(narrow.keyValue.set(key, 'a', ttlMs))
        await narrow.close()
      })
    })

    it('keeps counters, leases and values of the same name apart', async () => {
      const name = aName()
      await one.counters.add(name, 7, hour)
      await one.leases.take(name, { holder: 'a', ttlMs: hour })
      await one.keyValue.set(name, 'value')
      assert.equal(await other.counters.read(name), 7)
      assert.equal(await other.leases.holderOf(name), 'a')
      assert.equal(await other.keyValue.get(name), 'value')
    })

    it('begins anew, and works, when the memory was lost', async () => {
      const name = aName()
      await one.counters.add(name, 7, hour)
      await one.keyValue.set(name, 'value')
      await memory.forget()
      assert.equal(await one.counters.add(name, 1, hour), 1)
      assert.equal(await one.keyValue.get(name), undefined)
    })

    it('takes nothing any more when it is closed', async () => {
      const third = memory.open()
      await third.keyValue.set(aName(), 'a')
      await Promise.all([third.close(), third.close()])
      assert.equal(third.health().state, 'closed')
      const closed = { code: 'SLUICE_COORDINATION_CLOSED' }
      await assert.rejects(third.keyValue.get('k'), closed)
      await assert.rejects(third.counters.add('k', 1, hour), closed)
      await assert.rejects(third.leases.take('k', { holder: 'a', ttlMs: hour }), closed)
      await assert.rejects(third.signals.publish('k', ''), closed)
      assert.throws(() => third.signals.subscribe('k', aListener().listener), closed)
    })

    it('says how it stands', async () => {
      await one.keyValue.get('k')
      await until('it is ready', () => one.health().state === 'ready')
      assert.ok(one.health().sinceMs <= Date.now())
    })
  })
}
