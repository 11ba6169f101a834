import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import type { Failure } from '../../kit/failure.ts'
import { KeptLease } from './kept-lease.ts'
import type { LeaseMemory } from './kept-lease.ts'

/** A lease of 1000 ms with time in the test's hand. `renew` says what the memory answers. */
function aLease(t: TestContext, renew: () => Promise<boolean>) {
  let nowMs = 5000
  t.mock.timers.enable({ apis: ['setTimeout'] })
  t.mock.method(performance, 'now', () => nowMs)
  const calls = { renewals: 0, given: 0, over: 0 }
  const memory: LeaseMemory = {
    renew() {
      calls.renewals += 1
      return renew()
    },
    async giveBack() {
      calls.given += 1
    },
  }
  const lease = new KeptLease('job', { holder: 'a', ttlMs: 1000 }, memory, nowMs, () => {
    calls.over += 1
  })
  return {
    lease,
    calls,
    /** Lets time pass as it does while the process runs. */
    pass: async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 1) {
        nowMs += 1
        t.mock.timers.tick(1)
        await Promise.resolve()
        await Promise.resolve()
      }
    },
    /** Lets time pass as it does while the process is stopped: no timer fires. */
    stopFor: (ms: number): void => {
      nowMs += ms
    },
  }
}

const codeOf = (lease: KeptLease): string => (lease.over.reason as Failure).code

describe('a lease', () => {
  it('is renewed each third of its time, and held as long as that succeeds', async (t) => {
    const { lease, calls, pass } = aLease(t, async () => true)
    await pass(10_000)
    assert.deepEqual([lease.isHeld(), lease.over.aborted], [true, false])
    assert.ok(calls.renewals >= 29 && calls.renewals <= 30, String(calls.renewals))
    await lease.release()
  })

  it('is over a tenth of its time before others can take it when it cannot be renewed', async (t) => {
    const { lease, calls, pass } = aLease(t, () => Promise.reject(new Error('away')))
    await pass(899)
    assert.equal(lease.isHeld(), true)
    await pass(1)
    assert.deepEqual([lease.isHeld(), lease.over.aborted, codeOf(lease)], [false, true, 'SLUICE_LEASE_LOST'])
    assert.ok(calls.renewals > 3, 'tries again sooner')
    assert.deepEqual([calls.given, calls.over], [1, 1])
    const { renewals } = calls
    await pass(2000)
    assert.equal(calls.renewals, renewals)
  })

  it('is over at its time also when the memory does not answer at all', async (t) => {
    const { lease, pass } = aLease(t, () => new Promise(() => undefined))
    await pass(900)
    assert.deepEqual([lease.isHeld(), codeOf(lease)], [false, 'SLUICE_LEASE_LOST'])
  })

  it('is over as soon as the memory says that another one has it', async (t) => {
    const { lease, calls, pass } = aLease(t, async () => false)
    await pass(340)
    assert.deepEqual([lease.isHeld(), codeOf(lease), calls.renewals], [false, 'SLUICE_LEASE_LOST', 1])
  })

  it('counts from when a renewal was sent, not from its answer', async (t) => {
    let answer: ((isOurs: boolean) => void) | undefined
    const { lease, pass } = aLease(t, () => new Promise((resolve) => (answer = resolve)))
    await pass(334)
    await pass(500)
    answer?.(true)
    // Sent at 334 at the latest: it ends before 334 + 900.
    await pass(400)
    assert.equal(lease.isHeld(), false)
  })

  it('is not held in the first moment after the process was stopped, and is not renewed then', async (t) => {
    const { lease, calls, pass, stopFor } = aLease(t, async () => true)
    stopFor(901)
    assert.equal(lease.isHeld(), false)
    assert.equal(lease.over.aborted, false)
    await pass(340)
    assert.deepEqual([lease.over.aborted, calls.renewals], [true, 0])
  })

  it('is over when it is released, and given back once', async (t) => {
    const { lease, calls, pass } = aLease(t, async () => true)
    await Promise.all([lease.release(), lease.release()])
    assert.deepEqual([lease.isHeld(), codeOf(lease)], [false, 'SLUICE_LEASE_RELEASED'])
    await pass(2000)
    assert.deepEqual(calls, { renewals: 0, given: 1, over: 1 })
  })

  it('stays over when a renewal that was under way succeeds', async (t) => {
    let answer: ((isOurs: boolean) => void) | undefined
    const { lease, pass } = aLease(t, () => new Promise((resolve) => (answer = resolve)))
    await pass(340)
    await lease.release()
    answer?.(true)
    await pass(2000)
    assert.equal(lease.isHeld(), false)
  })
})
