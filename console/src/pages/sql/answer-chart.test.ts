import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { barsMax, chartOf, linesMax } from './answer-chart.ts'

const time = { name: 'day', type: 'Date' }
const text = { name: 'event', type: 'LowCardinality(String)' }
const number = { name: 'n', type: 'UInt64' }

describe('the chart of an answer', () => {
  it('has lines over time, in order of time, and numbers from text', () => {
    const chart = chartOf({
      columns: [time, number],
      rows: [
        ['2026-11-02', '5'],
        ['2026-11-01', '3'],
      ],
    })
    assert.deepEqual(chart, {
      kind: 'lines',
      label: 'n by day',
      times: ['2026-11-01T00:00:00.000Z', '2026-11-02T00:00:00.000Z'],
      series: [{ name: 'n', values: [3, 5] }],
      leftOut: undefined,
    })
  })

  it('has a line for each text beside a time, nothing where a text has no row', () => {
    const chart = chartOf({
      columns: [{ name: 'at', type: "DateTime64(3, 'UTC')" }, text, number],
      rows: [
        ['2026-11-01 00:00:00.500', 'a', 1],
        ['2026-11-01 00:00:00.500', 'b', 7],
        ['2026-11-01 00:00:01.000', 'a', 2],
      ],
    })
    assert.ok(chart?.kind === 'lines')
    assert.deepEqual(chart.times, ['2026-11-01T00:00:00.500Z', '2026-11-01T00:00:01.000Z'])
    assert.deepEqual(chart.series, [
      { name: 'b', values: [7, null] },
      { name: 'a', values: [1, 2] },
    ])
  })

  it('has bars for texts without a time', () => {
    const chart = chartOf({
      columns: [text, number],
      rows: [
        ['a', '2'],
        ['', 1],
        ['c', null],
      ],
    })
    assert.ok(chart?.kind === 'bars')
    assert.deepEqual(chart.bars, [
      { name: 'a', value: 2 },
      { name: '(empty)', value: 1 },
    ])
  })

  it('is bounded, and says what it leaves out', () => {
    const many = Array.from({ length: 60 }, (_, index) => [`name ${String(index)}`, 1])
    const bars = chartOf({ columns: [text, number], rows: many })
    assert.ok(bars?.kind === 'bars' && bars.bars.length === barsMax)
    assert.match(bars.leftOut ?? '', /first 50 rows/)
    const days = ['2026-11-01', '2026-11-02'].flatMap((day) => many.map(([name, n]) => [day, name, n]))
    const lines = chartOf({ columns: [time, text, number], rows: days })
    assert.ok(lines?.kind === 'lines' && lines.series.length === linesMax)
    assert.match(lines.leftOut ?? '', /10 largest of 60 values of event/)
  })

  it('is none without numbers, without rows, for a single instant, or without anything to put them against', () => {
    assert.equal(chartOf({ columns: [text], rows: [['a']] }), undefined)
    assert.equal(chartOf({ columns: [text, number], rows: [] }), undefined)
    assert.equal(chartOf({ columns: [number], rows: [[1]] }), undefined)
    assert.equal(chartOf({ columns: [time, number], rows: [['2026-11-01', 1]] }), undefined)
  })
})
