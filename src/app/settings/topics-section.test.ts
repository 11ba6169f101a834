import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { lanes } from '../../event/position.ts'
import { configFrom } from '../config.ts'
import { topicName } from './topics-section.ts'

const services = {
  SLUICE_PROFILE: 'cluster',
  DATABASE_URL: 'postgres://there',
  REDIS_URL: 'redis://there',
  KAFKA_HOSTS: 'there:9092',
  CLICKHOUSE_HOST: 'there',
}
const read = (environment: Readonly<Record<string, string>>) =>
  configFrom({ environment: { ...services, ...environment }, file: undefined, workingFolder: '/' })

function namesBy(environment: Readonly<Record<string, string>>): readonly string[] {
  const result = read(environment)
  return result.kind === 'config'
    ? lanes.map((lane) => topicName(result.config, lane))
    : assert.fail(result.problems.join())
}

function problemsBy(environment: Readonly<Record<string, string>>): string {
  const result = read(environment)
  return result.kind === 'problems' ? result.problems.join('\n') : assert.fail('no problem was found')
}

describe('the names of topics', () => {
  it('are those of the lanes, with the prefix of the installation', () => {
    assert.deepEqual(namesBy({}), lanes)
    assert.deepEqual(
      namesBy({ SLUICE_KAFKA_TOPIC_PREFIX: 'ours.' }),
      lanes.map((lane) => `ours.${lane}`),
    )
  })

  it("are what PostHog's settings say, as they say it", () => {
    const named = {
      KAFKA_CONSUMPTION_TOPIC: 'in',
      CAPTURE_OUTPUT_DLQ_TOPIC: 'dead',
      SLUICE_TOPICS_CLICKHOUSE_EVENTS: 'clickhouse_events_json',
      CAPTURE_OUTPUT_ANALYTICS_HISTORICAL_TOPIC: 'historical',
      CAPTURE_OUTPUT_ANALYTICS_OVERFLOW_TOPIC: 'overflow',
      CAPTURE_OUTPUT_ERROR_TRACKING_TOPIC: 'error_tracking_events',
      CAPTURE_OUTPUT_CLIENT_WARNINGS_TOPIC: 'ingestion-clientwarnings-main-1',
      CAPTURE_OUTPUT_HEATMAPS_TOPIC: 'heatmaps',
      CAPTURE_OUTPUT_AI_MAIN_TOPIC: 'ai',
      CAPTURE_OUTPUT_SESSION_REPLAY_MAIN_TOPIC: 'replay',
      SLUICE_TOPICS_CLICKHOUSE_SESSION_RECORDING_EVENTS: 'recordings',
    }
    const names = [...Object.values(named), 'ours.clickhouse_heatmap_events']
    assert.deepEqual(namesBy({ ...named, SLUICE_KAFKA_TOPIC_PREFIX: 'ours.' }), names)
  })

  it('are refused when they are none, and when two lanes would have the same', () => {
    for (const name of ['a b', 'ä', '..', 'x'.repeat(250)]) {
      assert.match(problemsBy({ KAFKA_CONSUMPTION_TOPIC: name }), /KAFKA_CONSUMPTION_TOPIC.*is no name of a topic/)
    }
    const both = { CAPTURE_OUTPUT_SESSION_REPLAY_MAIN_TOPIC: 'events_plugin_ingestion' }
    assert.match(problemsBy(both), /Two lanes have the same topic/)
    assert.equal(read({ ...both, SLUICE_KAFKA_TOPIC_PREFIX: 'ours.' }).kind, 'config')
  })
})
