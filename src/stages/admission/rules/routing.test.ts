import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Lane } from '../../../event/position.ts'
import { aTime } from '../read-request.fixtures.ts'
import { ageMs, laneOf, pipelineOf, spreadKey } from './routing.ts'

describe('routing', () => {
  const names: readonly (readonly [name: string, lane: Lane, pipeline: string])[] = [
    ['click', 'events_plugin_ingestion', 'analytics'],
    ['$pageview', 'events_plugin_ingestion', 'analytics'],
    ['', 'events_plugin_ingestion', 'analytics'],
    ['$exceptional', 'events_plugin_ingestion', 'analytics'],
    ['$ai', 'events_plugin_ingestion', 'analytics'],
    ['ai_generation', 'events_plugin_ingestion', 'analytics'],
    ['$heatmap', 'events_plugin_ingestion', 'analytics'],
    ['$exception', 'exceptions', 'errortracking'],
    ['$$heatmap', 'heatmaps_ingestion', 'analytics'],
    ['$$client_ingestion_warning', 'client_warnings', 'analytics'],
    ['$ai_generation', 'events_plugin_ingestion_ai', 'ai'],
  ]
  for (const [name, lane, pipeline] of names) {
    it(`puts "${name}" into ${lane}, also of a migration when the name is special`, () => {
      assert.equal(laneOf('events', name, false), lane)
      assert.equal(laneOf('events', name, true), lane === 'events_plugin_ingestion' ? 'historical_events' : lane)
      assert.equal(pipelineOf(lane), pipeline)
    })
  }

  it('puts recordings into their lane, whatever they are called', () => {
    const lane = laneOf('recording', '$exception', true)
    assert.deepEqual([lane, pipelineOf(lane)], ['session_recording_snapshot_item_events', 'session_recordings'])
  })

  it('tells the age of an event by the clock that it was told with', () => {
    const day = 86_400_000
    const yesterday = new Date(aTime - day).toISOString()
    assert.equal(ageMs(yesterday, undefined, aTime), day)
    assert.equal(ageMs(yesterday, aTime - day, aTime), 0, 'a clock that is a day behind')
    assert.equal(ageMs(undefined, undefined, aTime), 0)
    assert.equal(ageMs('some day', undefined, aTime), 0)
  })

  it('spreads by what a retry says again, and at random only where nothing is said', () => {
    const event = { uuid: 'u', distinctId: 'anonymous', name: 'e', timestampText: 't' }
    const none = () => assert.fail('made a uuid')
    assert.equal(spreadKey('phc_a', event, none), 'phc_a:u')
    assert.equal(spreadKey('phc_a', { ...event, uuid: undefined }, none), 'phc_a:anonymous:e:t')
    assert.equal(
      spreadKey('phc_a', { ...event, uuid: undefined, timestampText: undefined }, () => 'made'),
      'phc_a:made',
    )
  })
})
