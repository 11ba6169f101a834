import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { aConfig } from '../read-request.fixtures.ts'
import { createOverflow } from './overflow.ts'

const on = { ...aConfig, overflowEventsPerSecond: 10, overflowBurstEventsMax: 3 }
const take = (overflow: ReturnType<typeof createOverflow>, key: string, nowMs: number, count: number) =>
  Array.from({ length: count }, () => overflow?.isTooMany(key, nowMs))

describe('overflow', () => {
  it('is off unless it is set', () => {
    assert.equal(createOverflow(aConfig), undefined)
  })

  it('lets a burst of a key pass, then as many as the rate says, and each key for itself', () => {
    const overflow = createOverflow(on)
    assert.deepEqual(take(overflow, 'a', 1000, 5), [false, false, false, true, true])
    assert.deepEqual(take(overflow, 'b', 1000, 1), [false])
    assert.deepEqual(take(overflow, 'a', 1100, 2), [false, true])
    assert.deepEqual(take(overflow, 'a', 900, 1), [true], 'a clock that was set back refills nothing')
    assert.deepEqual(take(overflow, 'a', 99_000, 4), [false, false, false, true])
  })

  it('keeps the keys seen last, at most so many', () => {
    const overflow = createOverflow({ ...on, overflowKeysMax: 4 })
    take(overflow, 'busy', 0, 3)
    for (let n = 0; n < 20; n++) {
      assert.deepEqual(take(overflow, 'busy', 0, 1), [true], 'is not forgotten while it is seen')
      take(overflow, String(n), 0, 1)
    }
    for (const other of ['x', 'y', 'z', 'w']) take(overflow, other, 0, 1)
    assert.deepEqual(take(overflow, 'busy', 0, 1), [false], 'is forgotten when others came')
  })

  it('takes what is named by token or key, whatever it sends', () => {
    const overflow = createOverflow({ ...aConfig, overflowKeys: ['phc_a', 'phc_b:ada'] })
    assert.equal(overflow?.isForced('phc_a', 'phc_a:anybody'), true)
    assert.equal(overflow.isForced('phc_b', 'phc_b:ada'), true)
    assert.equal(overflow.isForced('phc_b', 'phc_b:bob'), false)
    assert.deepEqual(take(overflow, 'phc_c:ada', 0, 9).includes(true), false)
  })
})
