import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { doorPolicyFrom, doorPolicyOf, periodOf, projectRulesFrom, quotaKey, rateKey } from './door-policy.ts'
import type { QuotaPeriod } from './door-policy.ts'

describe('periods of quotas', () => {
  const moment = Date.UTC(2028, 1, 29, 23, 59, 59, 999)
  const cases: readonly (readonly [QuotaPeriod, string, string])[] = [
    ['minute', '2028-02-29T23:59:00.000Z', '2028-03-01T00:00:00.000Z'],
    ['hour', '2028-02-29T23:00:00.000Z', '2028-03-01T00:00:00.000Z'],
    ['day', '2028-02-29T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
    ['month', '2028-02-01T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
    ['ever', '1970-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z'],
  ]
  for (const [period, start, end] of cases) {
    it(`are the calendar's in UTC: ${period}`, () => {
      const { startMs, endMs } = periodOf(period, moment)
      assert.deepEqual([new Date(startMs).toISOString(), new Date(endMs).toISOString()], [start, end])
      assert.deepEqual(periodOf(period, startMs), { startMs, endMs })
      assert.equal(quotaKey('phc_a', '@events', period, moment), `quota:{phc_a}:@events:${start}`)
    })
  }

  it('follow each other without a gap, also at the turn of a year', () => {
    for (const period of ['minute', 'hour', 'day', 'month'] as const) {
      let { endMs } = periodOf(period, Date.UTC(2026, 11, 31, 22))
      for (let n = 0; n < 100; n++) {
        const next = periodOf(period, endMs)
        assert.equal(next.startMs, endMs)
        endMs = next.endMs
      }
    }
  })
})

describe('keys of limits', () => {
  it('have the token in literal braces', () => {
    assert.equal(rateKey('phc_a', '$pageview'), 'rate:{phc_a}:$pageview')
  })
})

describe('what a project says, read from JSON', () => {
  it('is what it was', () => {
    const policy = {
      signingSecrets: ['s'],
      lanes: ['exceptions'],
      limits: [{ id: '1', eventType: 'e', rate: { eventsPerSecond: 1, burstEventsMax: 2 } }],
      restrictions: [
        {
          id: '2',
          kind: 'redirect_to_topic',
          distinctIds: ['a'],
          sessionIds: [],
          eventNames: [],
          eventUuids: [],
          pipelines: ['ai'],
          topic: 'exceptions',
        },
      ],
    }
    assert.deepEqual(doorPolicyFrom(JSON.parse(JSON.stringify(policy))), policy)
  })

  it('leaves out what it does not know, and permits nothing that it does not know', () => {
    assert.deepEqual(
      doorPolicyFrom({
        signingSecrets: null,
        lanes: ['lane_of_tomorrow'],
        limits: [
          null,
          { id: '1', eventType: 'e' },
          { id: '2', eventType: 'e', quota: { eventsMax: 1, period: 'fortnight' } },
          { id: 3, eventType: 'e', quota: { eventsMax: 1, period: 'day' } },
        ],
        restrictions: [
          7,
          { id: '4', kind: 'paint_it_blue' },
          { id: '5', kind: 'redirect_to_topic', topic: 'session_recording_snapshot_item_events' },
        ],
      }),
      { signingSecrets: [], lanes: [], limits: [], restrictions: [] },
    )
    assert.equal(doorPolicyFrom(null), undefined)
    assert.equal(doorPolicyFrom([]), undefined)
    assert.deepEqual(doorPolicyFrom({}), { signingSecrets: [], lanes: undefined, limits: [], restrictions: [] })
  })
})

describe('what a project says about one of its tokens', () => {
  const limit = (id: string, eventType: string, token?: string) => ({
    ...(token === undefined ? {} : { token }),
    id,
    eventType,
    quota: { eventsMax: 1, period: 'day' },
  })
  const rules = projectRulesFrom({
    signingSecrets: null,
    limits: [limit('all', 'e'), limit('own', 'e', 'a'), limit('other', 'f', 'b'), null],
    restrictions: [
      { id: 'everybody', kind: 'redirect_to_dlq', tokens: [] },
      { id: 'b alone', kind: 'redirect_to_dlq', tokens: ['b'] },
    ],
  })
  const idsOf = (token: string) => {
    const policy = doorPolicyOf(token, null, rules)
    return [policy?.limits.map(({ id }) => id), policy?.restrictions.map(({ id }) => id)]
  }

  it('is what names it, what names none, and of limits its own before those of all', () => {
    assert.deepEqual(idsOf('a'), [['own'], ['everybody']])
    assert.deepEqual(idsOf('b'), [
      ['all', 'other'],
      ['everybody', 'b alone'],
    ])
    assert.deepEqual(idsOf('c'), [['all'], ['everybody']])
  })

  it('shares each rule with what is said about the other tokens', () => {
    const [first, second] = ['a', 'c'].map((token) => doorPolicyOf(token, null, rules)?.restrictions[0])
    assert.equal(first, second)
  })

  it('is nothing where nothing is said, and the lanes where those are', () => {
    assert.equal(doorPolicyOf('a', null, undefined), undefined)
    assert.equal(doorPolicyOf('a', null, projectRulesFrom({ limits: [limit('1', 'e', 'b')] })), undefined)
    assert.deepEqual(doorPolicyOf('a', ['exceptions'], undefined)?.lanes, ['exceptions'])
    assert.deepEqual(projectRulesFrom(null), { signingSecrets: [], limits: [], restrictions: [] })
  })
})
