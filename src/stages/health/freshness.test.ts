import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { freshnessOfAll, isLate } from './freshness.ts'

const idle = { completeThroughMs: 900, waitingEvents: 0, oldestWaitingMs: null, oldestUrgentWaitingMs: null }

describe('the freshness of all flows', () => {
  it('is that of the one which is furthest behind, with all events that wait', () => {
    const behind = { completeThroughMs: 500, waitingEvents: 3, oldestWaitingMs: 70, oldestUrgentWaitingMs: null }
    const busy = { completeThroughMs: 700, waitingEvents: 4, oldestWaitingMs: 60, oldestUrgentWaitingMs: 60 }
    assert.deepEqual(freshnessOfAll([idle, behind, busy]), {
      completeThroughMs: 500,
      waitingEvents: 7,
      oldestWaitingMs: 70,
      oldestUrgentWaitingMs: 60,
    })
    assert.deepEqual(freshnessOfAll([idle, idle]), idle)
  })

  it('is late by the bound of the lanes that wait', () => {
    const lateness = { oldestWaitingMsMax: 10, oldestPatientWaitingMsMax: 100 }
    const late = (oldestWaitingMs: number, oldestUrgentWaitingMs: number | null) =>
      isLate({ ...idle, oldestWaitingMs, oldestUrgentWaitingMs }, lateness)
    assert.deepEqual([late(100, null), late(101, null), late(10, 10), late(11, 11)], [false, true, false, true])
    assert.equal(isLate(idle, lateness), false)
  })
})
