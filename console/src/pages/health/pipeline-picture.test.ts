import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pictureOf } from './pipeline-picture.ts'
import type { Pipeline, Station } from './pipeline-picture.ts'

type Stage = Pipeline['stages'][number]

const stage = (name: Stage['name'], more: Partial<Stage> = {}): Stage => ({
  name,
  in: 10,
  out: 10,
  counts: [],
  waiting: 0,
  oldest_waiting_ms: null,
  ...more,
})

function aPipeline(stages: Stage[], more: Partial<Pipeline> = {}): Pipeline {
  return {
    healthy: true,
    problems: [],
    complete_through: '2026-11-21T00:00:00.000Z',
    waiting_events: 0,
    oldest_waiting_ms: null,
    stages,
    imbalances: [],
    lanes: [],
    canary: { arrived_at: null, duration_ms: null, failure: null },
    dead_letters: [],
    processes: [],
    warehouse: { rows: 1234, bytes_on_disk: 2048, parts: 3 },
    ...more,
  }
}

const stations = (pipeline: Pipeline): readonly Station[] =>
  pictureOf(pipeline).flatMap((one) => (one.kind === 'station' ? [one] : []))

describe('the picture of the pipeline', () => {
  it('has the stations in the order of the flow, with a log before each that reads one', () => {
    const picture = pictureOf(aPipeline([stage('warehouse'), stage('door'), stage('ingestion', { waiting: 7 })]))
    assert.deepEqual(
      picture.map((one) => (one.kind === 'log' ? `log: ${one.words}` : one.title)),
      ['Door', 'log: 7 waiting', 'Ingestion', 'log: nothing waits', 'Warehouse writer', 'Table'],
    )
  })

  it('lists the books from in to out, canaries apart, and marks only what is there and deserves a look', () => {
    const counts = [
      { name: 'duplicate', count: 2 },
      { name: 'refused', count: 0 },
      { name: 'quota_limited', count: 3 },
      { name: 'canary', count: 16 },
      { name: 'dead_letter', count: 1 },
    ] satisfies Stage['counts']
    const [door] = stations(aPipeline([stage('door', { in: 12_345, counts })]))
    assert.deepEqual(
      door?.entries.map(({ name, value, isNotable }) => [name, value, isNotable]),
      [
        ['In', '12,345', false],
        ['Duplicate', '2', false],
        ['Refused', '0', false],
        ['Quota limited', '3', true],
        ['Dead letters', '1', true],
        ['Out', '10', false],
        ['Canaries', '16', false],
      ],
    )
  })

  it('calls a stage late by its oldest event, not by how many wait', () => {
    const wordsAt = (waiting: number, oldestMs: number | null) =>
      stations(aPipeline([stage('ingestion', { waiting, oldest_waiting_ms: oldestMs })]))[0]?.stateWords
    assert.equal(wordsAt(0, null), 'Up to date')
    assert.equal(wordsAt(100_000, 900), 'Up to date')
    // Canaries alone, which are not counted.
    assert.equal(wordsAt(0, 60_000), 'Late by 1 min')
    assert.equal(wordsAt(1, 4_000), 'Behind by 4 s')
    assert.equal(wordsAt(1, 60_000), 'Late by 1 min')
  })

  it('ends with the table, which is behind when events wait too long', () => {
    const late = stations(aPipeline([], { waiting_events: 5, oldest_waiting_ms: 20_000 }))
    assert.deepEqual(
      late.map(({ title, state, stateWords }) => [title, state, stateWords]),
      [['Table', 'late', 'Behind by 20 s']],
    )
    assert.equal(stations(aPipeline([]))[0]?.stateWords, 'Complete')
  })
})
