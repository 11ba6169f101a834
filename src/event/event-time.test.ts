import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { eventTime } from './event-time.ts'
import type { TimeInputs } from './event-time.ts'

const day = '2021-10-29'
const at = (clock: string) => Date.parse(`${day}T${clock}Z`)
const nowMs = at('12:00:00')
const inputs = (over: Partial<TimeInputs>): TimeInputs => ({
  timestamp: undefined,
  offset: undefined,
  ignoreSentAt: false,
  sentAtMs: undefined,
  nowMs,
  ...over,
})
const timeOf = (over: Partial<TimeInputs>) => new Date(eventTime(inputs(over)).ms).toISOString()
const warningOf = (over: Partial<TimeInputs>) => eventTime(inputs(over)).warning

describe('the time of an event', () => {
  it('is corrected by how wrong the client’s clock was when it sent', () => {
    assert.equal(timeOf({ timestamp: `${day}T11:00:00Z`, sentAtMs: at('12:00:10') }), `${day}T10:59:50.000Z`)
    assert.equal(timeOf({ timestamp: `${day}T11:00:00Z`, sentAtMs: at('11:59:50') }), `${day}T11:00:10.000Z`)
    assert.equal(timeOf({ timestamp: `${day}T11:59:55Z`, sentAtMs: at('12:00:05') }), `${day}T11:59:50.000Z`)
  })

  it('is ten minutes before now when it was ten minutes before it was sent, in any zone', () => {
    assert.equal(timeOf({ timestamp: `${day}T15:50:00+04:00`, sentAtMs: at('12:00:00') }), `${day}T11:50:00.000Z`)
    assert.equal(
      timeOf({ timestamp: '2021-10-25T00:50:00', sentAtMs: Date.parse('2021-10-25T01:00:00Z') }),
      `${day}T11:50:00.000Z`,
    )
  })

  it('is not corrected when the event says so, or the request does not say when it was sent', () => {
    assert.equal(
      timeOf({ timestamp: `${day}T11:00:00Z`, sentAtMs: at('12:00:10'), ignoreSentAt: true }),
      `${day}T11:00:00.000Z`,
    )
    assert.equal(timeOf({ timestamp: `${day}T11:00:00Z` }), `${day}T11:00:00.000Z`)
  })

  it('is now without a timestamp, or with one that cannot be read', () => {
    const now = new Date(nowMs).toISOString()
    assert.equal(timeOf({}), now)
    assert.equal(timeOf({ timestamp: null, sentAtMs: at('11:00:00') }), now)
    assert.equal(timeOf({ timestamp: 'not a date', sentAtMs: at('11:00:00') }), now)
    assert.equal(warningOf({ timestamp: 'not a date' }), 'ignored_invalid_timestamp')
    assert.equal(warningOf({ timestamp: {} }), 'ignored_invalid_timestamp')
    assert.equal(warningOf({}), undefined)
  })

  it('is so long before now as the offset says, even with a timestamp', () => {
    assert.equal(timeOf({ offset: 6000 }), `${day}T11:59:54.000Z`)
    assert.equal(
      timeOf({ offset: 6000, timestamp: `${day}T01:00:00Z`, sentAtMs: at('01:00:00') }),
      `${day}T11:59:54.000Z`,
    )
    assert.equal(timeOf({ offset: null, timestamp: `${day}T01:00:00Z` }), `${day}T01:00:00.000Z`)
    assert.equal(timeOf({ offset: '6000' }), `${day}T12:00:00.000Z`)
    assert.equal(timeOf({ offset: 0.5 }), `${day}T11:59:59.999Z`)
  })

  it('may be 23 hours ahead and not a millisecond more', () => {
    assert.equal(timeOf({ timestamp: '2021-10-30T11:00:00.000Z' }), '2021-10-30T11:00:00.000Z')
    assert.equal(timeOf({ timestamp: '2021-10-30T11:00:00.001Z' }), `${day}T12:00:00.000Z`)
    assert.equal(warningOf({ timestamp: '2021-10-30T11:00:00.001Z' }), 'event_timestamp_in_future')
    assert.equal(timeOf({ offset: -24 * 3_600_000 }), `${day}T12:00:00.000Z`)
    assert.equal(timeOf({ timestamp: '9999-12-31T00:00:00Z' }), `${day}T12:00:00.000Z`)
  })

  it('is the epoch when the table cannot hold it', () => {
    for (const timestamp of ['0001-01-01T00:00:00Z', '1899-12-31T23:59:59.999Z']) {
      assert.equal(timeOf({ timestamp }), '1970-01-01T00:00:00.000Z')
      assert.equal(warningOf({ timestamp }), 'event_timestamp_out_of_bounds')
    }
    assert.equal(timeOf({ timestamp: '1900-01-01T00:00:00.000Z' }), '1900-01-01T00:00:00.000Z')
    assert.equal(timeOf({ offset: 1e300 }), '1970-01-01T00:00:00.000Z')
    assert.equal(timeOf({ timestamp: '2021', sentAtMs: 1e300 }), '1970-01-01T00:00:00.000Z')
  })

  it('may be sent as a number', () => {
    assert.equal(timeOf({ timestamp: 1_635_505_200 }), `${day}T11:00:00.000Z`)
    assert.equal(timeOf({ timestamp: 1_635_505_200_123 }), `${day}T11:00:00.123Z`)
    assert.equal(warningOf({ timestamp: Number.NaN }), 'ignored_invalid_timestamp')
  })
})
