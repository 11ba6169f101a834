import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { quotaOf } from './quota.ts'

describe('a quota', () => {
  const nowMs = Date.UTC(2026, 11, 31, 23, 30)

  it('is counted by token, type and period until the period ends', () => {
    const rule = { id: '', eventType: '@events', quota: { eventsMax: 7, period: 'hour' } } as const
    assert.deepEqual(quotaOf(rule, 'phc_a', nowMs), {
      kind: 'quota',
      key: 'quota:{phc_a}:@events:2026-12-31T23:00:00.000Z',
      max: 7,
      expiresAtMs: Date.UTC(2027, 0, 1),
    })
  })

  it('is none where the rule is a rate alone', () => {
    const rate = { eventsPerSecond: 1, burstEventsMax: 1 }
    assert.equal(quotaOf({ id: '', eventType: '@events', rate }, 'phc_a', nowMs), undefined)
  })
})
