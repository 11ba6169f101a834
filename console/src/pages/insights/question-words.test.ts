import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { newQuestion, questionFromLink } from './insight-question.ts'
import { sayQuestion } from './question-words.ts'

describe('a question in one line', () => {
  it('says a new trend as what it counts', () => {
    assert.equal(sayQuestion(newQuestion('trend', 'UTC')), 'Total count of all events · by day · last 30 days')
  })

  it('says series, filters that are asked, breakdowns and the comparison of a trend', () => {
    const link = {
      series: [
        { event: 'order paid', math: 'sum', property: 'price' },
        { event: 'signed up', math: 'unique_users' },
      ],
      filters: [{ property: 'plan', operator: 'exact', value: 'pro' }, { property: 'country' }],
      breakdowns: [{ kind: 'property', property: 'plan' }, { kind: 'event' }],
      interval: 'week',
      compare_previous: true,
      range: { amount: 3, unit: 'hour' },
      timezone: 'UTC',
    }
    assert.equal(
      sayQuestion(questionFromLink('trend', link, 'UTC')),
      'Sum of price of order paid, Unique users of signed up · 1 filter · broken down by plan and event · by week · ' +
        'compared with the period before · last 3 hours',
    )
  })

  it('shows where a funnel still lacks an event', () => {
    const link = { steps: [{ event: 'seen' }, {}], range: { from: '2026-11-01T00:00:00Z', to: '2026-11-04T00:00:00Z' } }
    assert.equal(sayQuestion(questionFromLink('funnel', link, 'UTC')), 'seen → … · 2026-11-01 to 2026-11-03')
  })

  it('says both events of a retention', () => {
    const link = { start: { event: 'signed up' }, interval: 'week', periods: 6 }
    assert.equal(
      sayQuestion(questionFromLink('retention', link, 'UTC')),
      'signed up, then any event · 6 weeks · last 14 days',
    )
  })
})
