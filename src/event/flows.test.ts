import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { allFlows, flowFrom, flows, isDerived, ofLane, partitionsOf, sourceAt, sourceIndex } from './flows.ts'
import { lanes } from './position.ts'

describe('the flows', () => {
  it('number each partition of each source lane once, the main lane’s by their own numbers', () => {
    for (const flow of allFlows) {
      const indexes = flow.sources.flatMap((lane) =>
        [0, 1, 2].map((partition) => sourceIndex(flow, lane, partition, 3)),
      )
      assert.deepEqual(
        indexes,
        indexes.map((_, at) => at),
      )
      assert.equal(partitionsOf(flow.derived, 3), indexes.length)
      for (const index of indexes) {
        const { lane, partition } = sourceAt(flow, index, 3)
        assert.equal(sourceIndex(flow, lane, partition, 3), index)
      }
      assert.throws(() => sourceAt(flow, indexes.length, 3), RangeError)
    }
    assert.equal(sourceIndex(flows.events, 'events_plugin_ingestion', 2, 3), 2)
  })

  it('keep the order of source lanes that files and tables rely on', () => {
    assert.deepEqual(flows.events.sources, [
      'events_plugin_ingestion',
      'historical_events',
      'events_plugin_ingestion_overflow',
      'exceptions',
      'client_warnings',
      'events_plugin_ingestion_ai',
    ])
  })

  it('have each lane once: as a source, as a derived one, or as dead letters', () => {
    const named = allFlows.flatMap(({ sources, derived }) => [...sources, derived])
    assert.deepEqual([...named, 'events_plugin_ingestion_dlq'].toSorted(), lanes.toSorted())
    assert.equal(flowFrom('exceptions'), flows.events)
    assert.equal(flowFrom('events_plugin_ingestion_dlq'), undefined)
    assert.ok(isDerived('clickhouse_events') && !isDerived('exceptions'))
    assert.equal(partitionsOf('exceptions', 3), 3)
  })

  it('cut what is said of one lane out of what is said by source index', () => {
    assert.deepEqual(ofLane(flows.events, 'historical_events', [0, 1, 2, 3, 4, 5], 2), [2, 3])
  })
})
