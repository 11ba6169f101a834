import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { neverExpires } from '../../../stores/warehouse/warehouse-row.ts'
import { expiry } from './expiry.ts'

describe('expiry', () => {
  it('is so many days after the event, in whole seconds', () => {
    assert.equal(expiry(Date.UTC(2026, 2, 10) + 999, 30), Date.UTC(2026, 3, 9) / 1000)
  })

  it('is never when the project keeps its events', () => {
    assert.equal(expiry(0, undefined), neverExpires)
  })

  it('stays within what the column holds', () => {
    assert.equal(expiry(Date.UTC(2105, 0, 1), 3650), neverExpires)
    assert.equal(expiry(Date.UTC(1900, 0, 1), 30), 0)
  })
})
