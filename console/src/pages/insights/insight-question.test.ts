import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EMPTY_STEP, moved, windowUnitOf } from './funnel-question.ts'
import {
  bodyOf,
  gapOf,
  linkOf,
  newQuestion,
  questionFromLink,
  questionFromSaved,
  type InsightQuestion,
} from './insight-question.ts'
import { EMPTY_SERIES, NEW_TREND } from './trend-question.ts'

const now = new Date('2026-11-21T12:34:56Z')
const proPlan = { property: 'plan', operator: 'exact', values: ['pro'] } as const
const halfDone = { property: 'price', operator: 'gt', values: [] } as const

const trend: InsightQuestion = {
  kind: 'trend',
  range: { kind: 'rolling', amount: 7, unit: 'day' },
  timeZone: 'Europe/Berlin',
  draft: {
    series: [
      { event: 'signed up', math: 'unique_users', property: '', filters: [proPlan, halfDone], name: 'Newcomers' },
      { event: '', math: 'p90', property: 'duration', filters: [], name: '' },
    ],
    filters: [proPlan],
    breakdowns: [{ kind: 'event' }, { kind: 'property', property: '$browser' }],
    breakdownLimit: 25,
    interval: 'hour',
    compare: true,
    chart: 'bar',
  },
}
const funnel: InsightQuestion = {
  kind: 'funnel',
  range: { kind: 'fixed', from: '2026-11-01T00:00:00.000Z', to: '2026-11-11T00:00:00.000Z' },
  timeZone: 'UTC',
  draft: {
    steps: [
      { event: 'visited', filters: [proPlan], name: 'Came' },
      { event: 'signed up', filters: [], name: '' },
    ],
    windowSeconds: 3_600,
    filters: [],
    breakdown: 'plan',
    breakdownLimit: 5,
  },
}
const retention: InsightQuestion = {
  kind: 'retention',
  range: { kind: 'rolling', amount: 90, unit: 'day' },
  timeZone: 'UTC',
  draft: {
    start: { event: 'signed up', filters: [proPlan] },
    back: { event: '', filters: [] },
    interval: 'week',
    periods: 12,
  },
}
const all = [trend, funnel, retention] as const

describe('the question of an insight', () => {
  it('comes back from its link as it was', () => {
    for (const question of all) {
      const link: unknown = JSON.parse(JSON.stringify(linkOf(question)))
      assert.deepEqual(questionFromLink(question.kind, link, 'Asia/Tokyo'), question)
    }
  })

  it('comes back from what is saved, rolling ranges included', () => {
    for (const question of all) {
      const saved: unknown = JSON.parse(JSON.stringify(bodyOf(question, now).body))
      const again = questionFromSaved(question.kind, saved, { at: now, timeZoneHere: question.timeZone })
      assert.deepEqual(bodyOf(again, now), bodyOf(question, now))
      assert.deepEqual(again.range, question.range)
    }
  })

  it('is a new one where a link is broken', () => {
    for (const link of [
      undefined,
      null,
      'x',
      7,
      [],
      { series: 'x', interval: 'decade', range: {}, timezone: 'Nowhere' },
    ])
      for (const kind of ['trend', 'funnel', 'retention'] as const)
        assert.deepEqual(questionFromLink(kind, link, 'UTC'), newQuestion(kind, 'UTC'))
  })

  it('takes no more from a link than the API allows', () => {
    const link = { series: Array.from({ length: 9 }, () => ({})), breakdowns: [{}, {}, {}], breakdown_limit: 51 }
    const question = questionFromLink('trend', link, 'UTC')
    assert.ok(question.kind === 'trend')
    assert.equal(question.draft.series.length, 5)
    assert.equal(question.draft.breakdowns.length, 2)
    assert.equal(question.draft.breakdownLimit, 10)
  })

  it('is asked without what is not whole yet', () => {
    const { body } = bodyOf(trend, now)
    assert.deepEqual(body, {
      series: [
        {
          event: 'signed up',
          math: 'unique_users',
          filters: [{ property: 'plan', operator: 'exact', value: 'pro' }],
          name: 'Newcomers',
        },
        { math: 'p90', property: 'duration' },
      ],
      from: '2026-11-14T23:00:00.000Z',
      to: '2026-11-21T23:00:00.000Z',
      interval: 'hour',
      timezone: 'Europe/Berlin',
      filters: [{ property: 'plan', operator: 'exact', value: 'pro' }],
      breakdowns: [{ kind: 'event' }, { kind: 'property', property: '$browser' }],
      breakdown_limit: 25,
      compare_previous: true,
    })
  })

  it('never asks for more intervals than are answered', () => {
    const wide: InsightQuestion = { ...trend, range: { kind: 'rolling', amount: 365, unit: 'day' } }
    const asked = bodyOf(wide, now)
    assert.ok(asked.kind === 'trend')
    assert.equal(asked.body.interval, 'day')
  })

  it('says what is missing before it can be asked', () => {
    assert.equal(gapOf(trend), undefined)
    assert.equal(gapOf(newQuestion('retention', 'UTC')), undefined)
    assert.match(gapOf(newQuestion('funnel', 'UTC')) ?? '', /in order/)
    assert.equal(
      gapOf({ ...funnel, draft: { ...funnel.draft, steps: [...funnel.draft.steps, EMPTY_STEP] } }),
      'Choose the event of step 3.',
    )
    const sumOfNothing = { ...EMPTY_SERIES, math: 'sum' } as const
    assert.equal(
      gapOf({ ...trend, draft: { ...NEW_TREND, series: [EMPTY_SERIES, sumOfNothing] } }),
      'Choose the property to take the sum of, in series B.',
    )
  })
})

describe('the steps of a funnel', () => {
  it('move by one place and stop at the ends', () => {
    const steps = ['a', 'b', 'c']
    assert.deepEqual(moved(steps, 0, 1), ['b', 'a', 'c'])
    assert.deepEqual(moved(steps, 2, -1), ['a', 'c', 'b'])
    assert.equal(moved(steps, 2, 1), steps)
    assert.equal(moved(steps, 0, -1), steps)
  })

  it('have a window that is said in its largest whole unit', () => {
    assert.equal(windowUnitOf(1_209_600).label, 'days')
    assert.equal(windowUnitOf(5_400).label, 'minutes')
    assert.equal(windowUnitOf(61).label, 'seconds')
  })
})
