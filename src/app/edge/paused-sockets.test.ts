import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../kit/until.fixtures.ts'
import { createPausedSockets } from './paused-sockets.ts'

/** Sockets that are read from, each with the times at which that began again. */
function aPause(test: TestContext, count: number) {
  const stopping = new AbortController()
  const paused = createPausedSockets(stopping.signal)
  const resumed: Socket[] = []
  const sockets = Array.from({ length: count }, () => {
    const socket = new Socket().resume()
    socket.resume = function () {
      resumed.push(this)
      return Socket.prototype.resume.call(this)
    }
    test.after(() => socket.destroy())
    return socket
  })
  test.after(() => {
    stopping.abort()
  })
  const pauseAll = async (forMs: number): Promise<void> => {
    for (const socket of sockets) paused.pause(socket, forMs)
    await turn()
  }
  return { stopping, paused, sockets, resumed, pauseAll }
}

describe('paused sockets', () => {
  it('are read again once their time has come, and not before', async (test) => {
    const { paused, sockets, resumed } = aPause(test, 2)
    const [first, second] = sockets
    assert.ok(first !== undefined && second !== undefined)
    const startMs = performance.now()
    paused.pause(first, 60)
    paused.pause(second, 10)
    await turn()
    assert.ok(first.isPaused() && second.isPaused())
    await until('both are read', () => resumed.length === 2)
    assert.ok(performance.now() - startMs >= 60)
    assert.deepEqual(resumed, [second, first])
    assert.ok(!first.isPaused())
  })

  it('come back a few at a time, in their order, however many there are', async (test) => {
    const { sockets, resumed, pauseAll } = aPause(test, 100)
    await pauseAll(1)
    let before = 0
    while (resumed.length < 100) {
      await turn()
      assert.ok(resumed.length - before <= 8, `${String(resumed.length - before)} at once`)
      before = resumed.length
    }
    assert.deepEqual(resumed, sockets)
  })

  it('wait for the last time that was said', async (test) => {
    const { paused, sockets, resumed, pauseAll } = aPause(test, 20)
    await pauseAll(1)
    const [first] = sockets
    assert.ok(first !== undefined)
    // Also one whose time has come, and that waits for its turn.
    await pauseAll(1)
    paused.pause(first, 300)
    await until('the others are read', () => resumed.length === 19)
    assert.ok(!resumed.includes(first))
    await until('it is read', () => resumed.includes(first))
    await sleep(20)
    assert.equal(resumed.length, 20)
  })

  it('that are gone hold up nobody', async (test) => {
    const { sockets, resumed, pauseAll } = aPause(test, 50)
    await pauseAll(20)
    for (const socket of sockets.slice(0, 45)) socket.destroy()
    await until('the others are read', () => resumed.length === 5)
    assert.deepEqual(resumed, sockets.slice(45))
  })

  it('are all read again when the edge stops', async (test) => {
    const { stopping, sockets, resumed, pauseAll } = aPause(test, 20)
    await pauseAll(60_000)
    stopping.abort()
    assert.deepEqual(resumed, sockets)
    await pauseAll(60_000)
    assert.ok(!sockets.some((socket) => socket.isPaused()))
  })
})
