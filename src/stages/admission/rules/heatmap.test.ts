import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { eventMarks } from '../../../event/event-marks.ts'
import { anEvent } from '../read-request.fixtures.ts'
import { heatmapFate, heatmapOf } from './heatmap.ts'
import { nothing } from './restrictions.ts'

describe('the heatmap in an ordinary event', () => {
  it('is split off unless the project says something about heatmaps themselves', () => {
    assert.equal(heatmapFate(anEvent(), undefined), 'split')
    assert.equal(
      heatmapFate(anEvent(), () => nothing),
      'split',
    )
    assert.equal(heatmapFate(anEvent(), () => ({ ...nothing, isPersonless: true, isOverflow: true })), 'split') // prettier-ignore
    assert.equal(
      heatmapFate(anEvent(), () => ({ ...nothing, isDropped: true })),
      'strip',
    )
    assert.equal(
      heatmapFate(anEvent(), () => ({ ...nothing, isDeadLetter: true })),
      'whole',
    )
  })

  it('is looked at as what it is: a heatmap of the same user and session, without an id that the client gave', () => {
    heatmapFate(anEvent({ sessionId: 's1' }), (event, pipeline) => {
      const { name, distinctId, sessionId, uuid } = event
      assert.deepEqual(
        [name, distinctId, sessionId, uuid, pipeline],
        ['$$heatmap', 'ada', 's1', undefined, 'analytics'],
      )
      return nothing
    })
  })

  it('has the bytes and the marks of its event, but those that are about its event alone', () => {
    const event = {
      start: 3,
      end: 9,
      uuid: [1, 2, 3, 4] as const,
      distinctId: 'ada',
      lane: 'historical_events' as const,
      partitionKey: 'spread',
      duplicateKey: [5, 6, 7, 8] as const,
      limits: [0],
      marks: Object.values(eventMarks).reduce((all, mark) => all | mark, 0),
    }
    assert.deepEqual(heatmapOf(event, 2, [9, 9, 9, 9], 'phc_a:ada'), {
      start: 3,
      end: 9,
      uuid: [9, 9, 9, 9],
      distinctId: 'ada',
      lane: 'heatmaps_ingestion',
      partitionKey: 'phc_a:ada',
      duplicateKey: undefined,
      marks: eventMarks.is_cookieless_mode | eventMarks.capture_internal | eventMarks.force_disable_person_processing,
      splitFrom: 2,
    })
  })
})
