import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formOf, limitFrom, quotaUses, sayEventType, sayQuota, sayRate } from './project-limits.ts'
import type { ProjectLimit } from './project-limits.ts'

const limit: ProjectLimit = {
  id: '018f0000-0000-7000-8000-000000000000',
  token: null,
  event_type: '@events',
  quota: { events_max: 200, period: 'day' },
  rate: null,
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
  used: [
    { token: 'phc_a', quota_events: 10, rate_events: null },
    { token: 'phc_b', quota_events: 300, rate_events: null },
  ],
}

describe('the form of a limit', () => {
  it('gives back the limit that it was filled with', () => {
    const rate = { events_per_second: 0.5, burst_events_max: 3 }
    for (const one of [
      limit,
      { ...limit, event_type: 'sign up', token: 'phc_a' },
      { ...limit, quota: null, rate },
      { ...limit, quota: { events_max: 0, period: 'ever' as const }, rate },
    ]) {
      const { event_type, token, quota, rate: own } = one
      assert.deepEqual(limitFrom(formOf(one)), { event_type, token, quota, rate: own })
    }
  })

  it('is not whole without an event, or with neither quota nor rate, or with numbers that cannot be', () => {
    const form = formOf(undefined)
    assert.ok(limitFrom(form) !== undefined)
    for (const wrong of [
      { resource: '' },
      { hasQuota: false },
      { events: -1 },
      { hasRate: true, burst: 0 },
      { hasRate: true, perSecond: -1 },
    ]) {
      assert.equal(limitFrom({ ...form, ...wrong }), undefined, JSON.stringify(wrong))
    }
  })
})

describe('the words of a limit', () => {
  it('are those of people', () => {
    assert.equal(sayEventType('@recordings'), 'Recordings')
    assert.equal(sayEventType('sign up'), 'sign up')
    assert.equal(sayQuota({ events_max: 1_000_000, period: 'month' }), '1,000,000 a month')
    assert.equal(sayRate({ events_per_second: 0.5, burst_events_max: 2000 }), '0.5 a second, 2,000 at once')
  })

  it('show the fullest token first, and none when nobody has counted', () => {
    assert.deepEqual(quotaUses(limit), [
      { token: 'phc_b', events: 300, part: 1 },
      { token: 'phc_a', events: 10, part: 0.05 },
    ])
    assert.equal(quotaUses({ ...limit, used: null }), undefined)
    assert.equal(quotaUses({ ...limit, quota: null }), undefined)
  })
})
