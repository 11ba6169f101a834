import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  daysOf,
  fittingInterval,
  intervalCount,
  isTimeZone,
  rangeFrom,
  rangeFromSaved,
  rangeOfDays,
  spanOf,
  type TimeRange,
} from './time-range.ts'

const noon = new Date('2026-11-21T12:34:56Z')
const week: TimeRange = { kind: 'rolling', amount: 7, unit: 'day' }

describe('a time range', () => {
  it('rolls to the end of the running day', () => {
    assert.deepEqual(spanOf(week, noon, 'UTC'), {
      from: '2026-11-15T00:00:00.000Z',
      to: '2026-11-22T00:00:00.000Z',
    })
  })

  it('counts days where the person lives, also over a change of the clocks', () => {
    assert.deepEqual(spanOf({ kind: 'rolling', amount: 30, unit: 'day' }, noon, 'Europe/Berlin'), {
      from: '2026-10-22T22:00:00.000Z',
      to: '2026-11-21T23:00:00.000Z',
    })
    assert.equal(spanOf(week, noon, 'Asia/Kolkata').to, '2026-11-21T18:30:00.000Z')
    assert.equal(spanOf(week, noon, 'Pacific/Auckland').to, '2026-11-22T11:00:00.000Z')
  })

  it('is the same for two moments of one hour', () => {
    const range: TimeRange = { kind: 'rolling', amount: 24, unit: 'hour' }
    const span = { from: '2026-11-20T13:00:00.000Z', to: '2026-11-21T13:00:00.000Z' }
    assert.deepEqual(spanOf(range, noon, 'UTC'), span)
    assert.deepEqual(spanOf(range, new Date('2026-11-21T12:00:00Z'), 'UTC'), span)
  })

  it('rolls on after it was saved', () => {
    for (const range of [
      week,
      { kind: 'rolling', amount: 24, unit: 'hour' },
      { kind: 'rolling', amount: 90, unit: 'day' },
    ] as const)
      assert.deepEqual(rangeFromSaved(spanOf(range, noon, 'Europe/Berlin'), noon, 'Europe/Berlin'), range)
  })

  it('stays fixed when it had ended before it was saved', () => {
    const range = rangeOfDays('2026-11-01', '2026-11-10', 'Europe/Berlin')
    assert.ok(range?.kind === 'fixed')
    assert.deepEqual(rangeFromSaved(range, noon, 'Europe/Berlin'), range)
  })

  it('includes both days of a pair, and shows them again', () => {
    const range = rangeOfDays('2026-11-01', '2026-11-10', 'Europe/Berlin')
    assert.ok(range?.kind === 'fixed')
    assert.deepEqual(range, { kind: 'fixed', from: '2026-10-31T23:00:00.000Z', to: '2026-11-10T23:00:00.000Z' })
    assert.deepEqual(daysOf(range, 'Europe/Berlin'), { first: '2026-11-01', last: '2026-11-10' })
    assert.equal(rangeOfDays('2026-11-10', '2026-11-01', 'UTC'), undefined)
    assert.equal(rangeOfDays('', '2026-11-01', 'UTC'), undefined)
  })

  it('reads what a link carries and refuses the rest', () => {
    assert.deepEqual(rangeFrom({ amount: 7, unit: 'day' }), week)
    assert.deepEqual(rangeFrom({ from: '2026-11-01T00:00:00Z', to: '2026-11-02T00:00:00Z' }), {
      kind: 'fixed',
      from: '2026-11-01T00:00:00.000Z',
      to: '2026-11-02T00:00:00.000Z',
    })
    for (const raw of [
      null,
      {},
      { amount: 0, unit: 'day' },
      { amount: 1.5, unit: 'day' },
      { amount: 1, unit: 'year' },
      { amount: 99_999, unit: 'day' },
      { from: 'yesterday', to: 'today' },
      { from: '2026-11-02T00:00:00Z', to: '2026-11-01T00:00:00Z' },
    ])
      assert.equal(rangeFrom(raw), undefined)
  })

  it('takes the finest interval that stays under the limit', () => {
    const span = spanOf({ kind: 'rolling', amount: 90, unit: 'day' }, noon, 'UTC')
    assert.equal(intervalCount(span, 'day'), 90)
    assert.equal(fittingInterval(span, 'day'), 'day')
    assert.equal(fittingInterval(span, 'minute'), 'day')
    assert.equal(fittingInterval(spanOf(week, noon, 'UTC'), 'minute'), 'hour')
  })

  it('knows a time zone from other words', () => {
    assert.ok(isTimeZone('Europe/Berlin'))
    for (const raw of ['Europe/Atlantis', '', 3]) assert.ok(!isTimeZone(raw))
  })
})
