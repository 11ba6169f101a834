import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { takeTurns } from './take-turns.ts'
import type { Reading } from './take-turns.ts'

/** A reading to which batches are given while it runs; like those of the log it ends when its signal aborts. */
function aReading() {
  const batches: (string | Error)[] = []
  let wake: (() => void) | undefined
  let read = 0
  let ended = false
  const reading: Reading<string> = async function* (signal) {
    signal.addEventListener('abort', () => wake?.())
    try {
      while (!signal.aborted) {
        const batch = batches.shift()
        if (batch === undefined) await new Promise<void>((resolve) => (wake = resolve))
        else if (batch instanceof Error) throw batch
        else {
          read++
          yield batch
        }
      }
    } finally {
      ended = true
    }
  }
  /** A batch for each letter, or what is to be thrown. */
  const give = (more: string | Error): void => {
    if (more instanceof Error) batches.push(more)
    else batches.push(...Array.from(more))
    wake?.()
  }
  return { reading, give, read: () => read, hasEnded: () => ended }
}

async function* nothing(): AsyncGenerator<string> {
  // There are no such lanes.
}

function opened(own: { readonly isSmall?: boolean; readonly lingerMs?: number } = {}) {
  const urgent = aReading()
  const patient = aReading()
  const stop = new AbortController()
  const turns = takeTurns(urgent.reading, patient.reading, {
    urgentTurnsMax: 4,
    lingerMs: own.lingerMs ?? 0,
    isSmall: () => own.isSmall ?? false,
    signal: stop.signal,
  })
  /** The next batches, each after both readings had time to read on. */
  const take = async (count: number): Promise<string> => {
    let taken = ''
    for (let n = 0; n < count; n++) {
      taken += String((await turns.next()).value)
      for (let times = 0; times < 5; times++) await turn()
    }
    return taken
  }
  return { urgent, patient, turns, take, stop }
}

describe('taking turns', () => {
  it('takes the urgent first, and a patient one after four of them in a row', async () => {
    const { urgent, patient, take } = opened()
    urgent.give('uuuuuuuuuu')
    patient.give('pppp')
    assert.equal(await take(14), 'uuuupuuuupuupp')
  })

  it('takes the patient ones at once while there are no urgent ones, and goes back to those as soon as they come', async () => {
    const { urgent, patient, take } = opened()
    patient.give('pppp')
    assert.equal(await take(2), 'pp')
    urgent.give('uv')
    assert.equal(await take(4), 'uvpp')
  })

  it('does not let urgent ones that come slowly keep the patient ones waiting', async () => {
    const { urgent, patient, take } = opened({ isSmall: true })
    patient.give('ppp')
    for (const batch of ['u', 'v', 'w']) {
      urgent.give(batch)
      assert.equal(await take(2), `${batch}p`)
    }
  })

  it('holds at most one batch of each that nobody asked for', async () => {
    const { urgent, patient, take } = opened()
    urgent.give('uuuu')
    patient.give('pppp')
    assert.equal(await take(1), 'u')
    assert.ok(urgent.read() <= 2 && patient.read() <= 1)
  })

  it('goes on with one when there is no other', async () => {
    const { reading, give } = aReading()
    const stop = new AbortController()
    const options = { urgentTurnsMax: 4, lingerMs: 0, isSmall: () => true, signal: stop.signal }
    give('abcdef')
    let taken = ''
    for await (const batch of takeTurns(reading, nothing, options)) {
      taken += batch
      if (taken.length === 6) stop.abort()
    }
    assert.equal(taken, 'abcdef')
    const none: string[] = []
    for await (const batch of takeTurns(nothing, nothing, options)) none.push(batch)
    assert.deepEqual(none, [])
  })

  it('ends both readings when the signal aborts, while it waits and while it lingers', async () => {
    for (const given of ['', 'u']) {
      const { urgent, patient, turns, stop } = opened({ isSmall: true, lingerMs: 3_600_000 })
      urgent.give(given)
      if (given.length > 0) await turns.next()
      const next = turns.next()
      await turn()
      stop.abort()
      assert.equal((await next).done, true)
      assert.ok(urgent.hasEnded() && patient.hasEnded())
    }
  })

  it('ends both readings when its user leaves, and when one of them throws', async () => {
    const left = opened()
    left.urgent.give('u')
    await left.turns.next()
    await left.turns.return(undefined)
    assert.ok(left.urgent.hasEnded() && left.patient.hasEnded())
    const broken = opened()
    broken.patient.give(new Error('gone'))
    await assert.rejects(broken.turns.next(), { message: 'gone' })
    assert.ok(broken.urgent.hasEnded() && broken.patient.hasEnded())
  })
})
