import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rateOf } from './rate.ts'

describe('a rate', () => {
  it('is a bucket of one token and type', () => {
    const rate = { eventsPerSecond: 0.5, burstEventsMax: 3 }
    const limit = rateOf({ id: '', eventType: 'survey sent', rate }, 'phc_a')
    assert.deepEqual(limit, { kind: 'rate', key: 'rate:{phc_a}:survey sent', perSecond: 0.5, burst: 3 })
  })

  it('is none where the rule is a quota alone', () => {
    const quota = { eventsMax: 1, period: 'day' } as const
    assert.equal(rateOf({ id: '', eventType: '@events', quota }, 'phc_a'), undefined)
  })
})
