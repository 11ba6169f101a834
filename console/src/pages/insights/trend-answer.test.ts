import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { changeOf, intervalFormat, isNothing, totalRows, trendLines, type TrendAnswer } from './trend-answer.ts'

type Series = TrendAnswer['series'][number]
const aSeries = (parts: Partial<Series>): Series => ({
  series: 0,
  name: 'signed up',
  breakdown: [],
  is_other: false,
  period: 'current',
  values: [1, 2],
  total: 3,
  ...parts,
})
const anAnswer = (series: readonly Series[]): TrendAnswer => ({
  intervals: ['2026-11-20T00:00:00.000Z', '2026-11-21T00:00:00.000Z'],
  series: [...series],
  complete_through: '2026-11-21T12:00:00.000Z',
  waiting_events: 0,
  parked_events: 0,
})

describe('the answer to a trend', () => {
  it('puts the period before right behind the line it belongs to', () => {
    const lines = trendLines(
      anAnswer([
        aSeries({ series: 0, name: 'a' }),
        aSeries({ series: 1, name: 'b', total: 9 }),
        aSeries({ series: 1, name: 'b', period: 'previous' }),
        aSeries({ series: 0, name: 'a', period: 'previous' }),
      ]),
    )
    assert.deepEqual(
      lines.map((line) => [line.name, line.isPrevious]),
      [
        ['a', false],
        ['a (before)', true],
        ['b', false],
        ['b (before)', true],
      ],
    )
  })

  it('orders the values of a breakdown by their totals, and the others last', () => {
    const rows = totalRows(
      anAnswer([
        aSeries({ is_other: true, total: 99 }),
        aSeries({ breakdown: ['free'], total: 2 }),
        aSeries({ breakdown: [null], total: 5 }),
        aSeries({ breakdown: ['pro'], total: 7 }),
      ]),
    )
    assert.deepEqual(
      rows.map((row) => row.name),
      ['pro', '(not set)', 'free', 'All others'],
    )
  })

  it('names the series too when there is more than one', () => {
    const rows = totalRows(
      anAnswer([
        aSeries({ name: 'a', breakdown: ['pro', 'Firefox'], total: 2 }),
        aSeries({ series: 1, name: 'b', breakdown: ['pro', null], total: 1 }),
      ]),
    )
    assert.deepEqual(
      rows.map((row) => row.name),
      ['a: pro · Firefox', 'b: pro · (not set)'],
    )
  })

  it('takes totals as answered: those of unique users are not the sum of days', () => {
    assert.equal(totalRows(anAnswer([aSeries({ values: [4, 4], total: 5 })]))[0]?.total, 5)
  })

  it('says a change only where there was something before', () => {
    assert.equal(changeOf({ name: 'a', total: 15, previous: 10 }), 0.5)
    assert.equal(changeOf({ name: 'a', total: 15, previous: 0 }), undefined)
    assert.equal(changeOf({ name: 'a', total: 15, previous: undefined }), undefined)
    assert.equal(changeOf({ name: 'a', total: null, previous: 3 }), undefined)
  })

  it('is nothing when no event was like the question', () => {
    assert.ok(isNothing(anAnswer([aSeries({ values: [0, null], total: 0 })])))
    assert.ok(!isNothing(anAnswer([aSeries({})])))
  })

  it('calls an interval by its start in the time zone of the question', () => {
    const midnightInBerlin = '2026-11-20T23:00:00.000Z'
    assert.equal(intervalFormat('day', 'Europe/Berlin')(midnightInBerlin), 'Sat, 21 Nov 2026')
    assert.equal(intervalFormat('hour', 'Europe/Berlin')(midnightInBerlin), '21 Nov 2026, 00:00')
    assert.equal(intervalFormat('month', 'UTC')(midnightInBerlin), 'November 2026')
    assert.equal(intervalFormat('week', 'UTC')('2026-11-16T00:00:00.000Z'), 'Week of 16 Nov 2026')
  })
})
