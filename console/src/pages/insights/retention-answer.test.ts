import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRetentionEmpty, retentionTable, shadeOf, type RetentionAnswer } from './retention-answer.ts'

const anAnswer = (cohorts: RetentionAnswer['cohorts']): RetentionAnswer => ({
  cohorts,
  complete_through: '2026-11-21T12:00:00.000Z',
  waiting_events: 0,
  parked_events: 0,
})
const answer = anAnswer([
  { start: '2026-11-19T00:00:00.000Z', users: 10, returned: [10, 5, 2] },
  { start: '2026-11-20T00:00:00.000Z', users: 30, returned: [30, 3] },
  { start: '2026-11-21T00:00:00.000Z', users: 0, returned: [0] },
])

describe('the table of retention', () => {
  it('has the share of the cohort in each cell, 0 where nobody started', () => {
    const { rows, periods } = retentionTable(answer, false)
    assert.deepEqual(
      rows.map((row) => row.cells.map((cell) => cell.share)),
      [[1, 0.5, 0.2], [1, 0.1], [0]],
    )
    assert.equal(periods, 3)
  })

  it('marks the cells of the running interval, and leaves them out of the mean', () => {
    const { rows, mean } = retentionTable(answer, true)
    assert.deepEqual(
      rows.map((row) => row.cells.map((cell) => cell.isRunning)),
      [[false, false, true], [false, true], [true]],
    )
    assert.deepEqual(mean, [1, 0.5, null])
  })

  it('weighs the mean by the size of the cohorts', () => {
    assert.deepEqual(retentionTable(answer, false).mean, [1, 8 / 40, 0.2])
  })

  it('is empty when nobody started', () => {
    assert.ok(isRetentionEmpty(anAnswer([])))
    assert.ok(!isRetentionEmpty(answer))
  })
})

describe('the shade of a cell', () => {
  it('keeps its text readable (4.5:1) at every share in both schemes', () => {
    for (let share = 0; share <= 1; share += 0.01) {
      const { light, dark } = shadeOf(share)
      assert.ok(contrast(luminance(light), 0) >= 4.5, `${String(share)} ${light}`)
      assert.ok(contrast(1, luminance(dark)) >= 4.5, `${String(share)} ${dark}`)
    }
  })

  it('grows with the share', () => {
    const lights = [0, 0.01, 0.1, 0.5, 1].map((share) => luminance(shadeOf(share).light))
    assert.deepEqual(
      lights,
      lights.toSorted((a, b) => b - a),
    )
    assert.equal(new Set(lights).size, lights.length)
  })
})

function contrast(lighter: number, darker: number): number {
  return (lighter + 0.05) / (darker + 0.05)
}

function luminance(rgb: string): number {
  const [red = 0, green = 0, blue = 0] = (rgb.match(/\d+/g) ?? []).map((text) => {
    const part = Number(text) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
