import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { clickHouseTime } from './clickhouse-time.ts'

describe('clickHouseTime', () => {
  it('writes UTC without a zone', () => {
    assert.equal(clickHouseTime(Date.UTC(2021, 9, 29, 3, 4, 5, 6)), '2021-10-29 03:04:05.006')
    assert.equal(clickHouseTime(0), '1970-01-01 00:00:00.000')
    assert.equal(clickHouseTime(-1), '1969-12-31 23:59:59.999')
  })

  it('agrees with toISOString at any time that the table holds', () => {
    const time = fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2300, 0, 1) - 1 })
    fc.assert(
      fc.property(time, (ms) =>
        assert.equal(clickHouseTime(ms), new Date(ms).toISOString().replace('T', ' ').slice(0, -1)),
      ),
      { seed: 20_261_121, numRuns: 5000 },
    )
  })
})
