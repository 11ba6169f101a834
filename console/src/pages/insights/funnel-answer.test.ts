import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { funnelSteps, isFunnelEmpty, percent, type FunnelAnswer } from './funnel-answer.ts'

const group = (
  value: string | null,
  users: readonly number[],
  isOther = false,
): FunnelAnswer['breakdowns'][number] => ({
  value,
  is_other: isOther,
  steps: users.map((count, at) => ({
    event: `e${String(at)}`,
    name: `e${String(at)}`,
    users: count,
    from_start: count / (users[0] ?? 1),
    from_previous: count / (users[at - 1] ?? count),
  })),
})
const anAnswer = (...breakdowns: FunnelAnswer['breakdowns']): FunnelAnswer => ({
  breakdowns,
  complete_through: '2026-11-21T12:00:00.000Z',
  waiting_events: 0,
  parked_events: 0,
})

describe('the answer to a funnel', () => {
  it('is one bar a step without a breakdown', () => {
    const steps = funnelSteps(anAnswer(group(null, [100, 40, 10])))
    assert.deepEqual(
      steps.map((step) => step.bars),
      [
        [{ name: 'Everybody', users: 100, fromStart: 1, fromPrevious: 1, lost: 0 }],
        [{ name: 'Everybody', users: 40, fromStart: 0.4, fromPrevious: 0.4, lost: 60 }],
        [{ name: 'Everybody', users: 10, fromStart: 0.1, fromPrevious: 0.25, lost: 30 }],
      ],
    )
  })

  it('has a bar for each value of a breakdown in every step', () => {
    const steps = funnelSteps(anAnswer(group('pro', [5, 4]), group(null, [3, 0]), group(null, [2, 1], true)))
    assert.deepEqual(
      steps.map((step) => step.bars.map((bar) => `${bar.name} ${String(bar.users)}`)),
      [
        ['pro 5', '(not set) 3', 'All others 2'],
        ['pro 4', '(not set) 0', 'All others 1'],
      ],
    )
  })

  it('is empty when nobody made the first step', () => {
    assert.ok(isFunnelEmpty(anAnswer()))
    assert.ok(isFunnelEmpty(anAnswer(group(null, [0, 0]))))
    assert.ok(!isFunnelEmpty(anAnswer(group(null, [1, 0]))))
  })

  it('never rounds to all or to none', () => {
    assert.equal(percent(0.4521), '45.2 %')
    assert.equal(percent(1), '100 %')
    assert.equal(percent(0.9999), '> 99.9 %')
    assert.equal(percent(0), '0 %')
    assert.equal(percent(0.0001), '< 0.1 %')
  })
})
