import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { foreignMessage } from './envelope.ts'
import type { ForeignMessage } from './envelope.ts'
import { lanes } from './position.ts'
import type { Lane } from './position.ts'

const uuid = '0190a8c2-7a10-7c3e-9b1a-3d6f0c9e4f21'
const nowMs = Date.UTC(2026, 2, 10, 12, 0, 0)
const common = { token: 'phc_a', distinct_id: 'ada', ip: '203.0.113.7', uuid, now: String(nowMs) }

function message(
  event: unknown,
  headers: Record<string, string> = {},
  lane: Lane = 'events_plugin_ingestion',
): ForeignMessage {
  const value = Buffer.from(JSON.stringify(event))
  const made = foreignMessage({ lane, value, headers: { ...common, ...headers }, timeMs: nowMs + 5 })
  assert.ok(made)
  return made
}

const valueOf = ({ value }: ForeignMessage) => JSON.parse(value) as Record<string, unknown>
const dataOf = (made: ForeignMessage) => JSON.parse(String(valueOf(made)['data'])) as Record<string, unknown>

describe('a record as readers of the topics know it (C10)', () => {
  it('has the keys of the envelope in their order, and the event as text inside', () => {
    const made = message(
      { event: 'order', distinct_id: 'ada', uuid, properties: { total: 3 }, timestamp: '2026-03-10T11:59:50Z' },
      { sent_at: String(nowMs + 10_000) },
    )
    assert.deepEqual(Object.entries(valueOf(made)), [
      ['uuid', uuid],
      ['distinct_id', 'ada'],
      ['ip', '203.0.113.7'],
      [
        'data',
        JSON.stringify({
          event: 'order',
          distinct_id: 'ada',
          uuid,
          properties: { total: 3 },
          timestamp: '2026-03-10T11:59:50Z',
        }),
      ],
      ['now', '2026-03-10T12:00:00Z'],
      ['sent_at', '2026-03-10T12:00:10Z'],
      ['token', 'phc_a'],
      ['event', 'order'],
      ['timestamp', '2026-03-10T11:59:40Z'],
    ])
  })

  it('has nine headers always, null where nothing is known', () => {
    const { headers, key } = message({ event: 'order', timestamp: '2026-03-10T11:00:00.250Z' })
    assert.equal(key, 'phc_a:ada')
    assert.deepEqual(headers, {
      token: 'phc_a',
      distinct_id: 'ada',
      session_id: null,
      timestamp: String(Date.UTC(2026, 2, 10, 11, 0, 0, 250)),
      event: 'order',
      uuid,
      now: '2026-03-10T12:00:00Z',
      force_disable_person_processing: null,
      historical_migration: null,
    })
  })

  it('says what the door has marked', () => {
    const made = message(
      { event: 'order' },
      { historical_migration: 'true', skip_heatmap_processing: 'true', is_cookieless_mode: 'true' },
    )
    assert.equal(made.key, 'phc_a:203.0.113.7')
    assert.equal(made.headers['historical_migration'], 'true')
    assert.equal(made.headers['skip_heatmap_processing'], 'true')
    const value = valueOf(made)
    assert.deepEqual(Object.keys(value).slice(-2), ['is_cookieless_mode', 'historical_migration'])
    assert.deepEqual([value['is_cookieless_mode'], value['historical_migration']], [true, true])
  })

  it('has no key where persons are not worked out, and the session as key of a recording', () => {
    assert.equal(message({ event: 'order' }, { force_disable_person_processing: 'true' }).key, null)
    const made = message({ event: '$snapshot_items' }, { session_id: 's-1' })
    assert.deepEqual([made.key, made.headers['session_id']], ['s-1', 's-1'])
  })

  it('tells why and when a dead letter was set aside', () => {
    const { headers } = message({ event: 'order' }, { reason: 'event_restriction' })
    const { dlq_reason: reason, dlq_step: step, dlq_timestamp: at } = headers
    assert.deepEqual([reason, step, at], ['event_restriction', 'capture', '2026-03-10T12:00:00.005Z'])
  })

  it('keeps known keys of the event only, its distinct id as it was given, and null for a uuid it did not give', () => {
    const made = message({
      event: 'e',
      api_key: 'phc_a',
      distinct_id: 23,
      library: 'x',
      type: 'capture',
      $set: { a: 1 },
    })
    assert.deepEqual(Object.entries(dataOf(made)), [
      ['token', 'phc_a'],
      ['distinct_id', 23],
      ['uuid', null],
      ['event', 'e'],
      ['properties', {}],
      ['$set', { a: 1 }],
    ])
  })

  it('names an engage request that had no name, and repairs what stores refuse', () => {
    const value = Buffer.from('{"distinct_id":"ada","properties":{"note":"a\\ud83d\\u0000b"}}')
    const made = foreignMessage({ lane: 'events_plugin_ingestion', value, headers: common, timeMs: nowMs })
    assert.ok(made)
    assert.equal(valueOf(made)['event'], '$identify')
    assert.deepEqual(dataOf(made)['properties'], { note: 'a\ufffd\ufffdb' })
  })

  it('is the heatmap alone in the lane of heatmaps, and the event without its data in its own', () => {
    const event = { event: '$pageview', uuid, properties: { $heatmap_data: { '/': [] }, $host: 'h', plan: 'free' } }
    const heatmap = message(event, {}, 'heatmaps_ingestion')
    assert.equal(valueOf(heatmap)['event'], '$$heatmap')
    assert.deepEqual(dataOf(heatmap)['properties'], { $heatmap_data: { '/': [] }, $host: 'h' })
    assert.equal(dataOf(heatmap)['uuid'], null)
    const left = message(event, { skip_heatmap_processing: 'true' })
    assert.deepEqual(dataOf(left)['properties'], { $host: 'h', plan: 'free' })
  })

  it('has all snapshots of a request to /s as one event', () => {
    const events = [
      { event: '$snapshot', timestamp: '2026-03-10T11:00:00Z', properties: { $snapshot_data: [{ type: 4 }] } },
      { event: '$snapshot', properties: { $snapshot_data: { type: 3 } } },
    ]
    const headers = { session_id: 's-1', window_id: 'w-1', snapshot_source: 'web', lib: 'posthog-js' }
    const made = message(events, headers, 'session_recording_snapshot_item_events')
    assert.equal(made.key, 's-1')
    assert.equal(valueOf(made)['timestamp'], '2026-03-10T11:00:00Z')
    assert.deepEqual(dataOf(made), {
      event: '$snapshot_items',
      properties: {
        distinct_id: 'ada',
        $session_id: 's-1',
        $window_id: 'w-1',
        $snapshot_source: 'web',
        $snapshot_items: [{ type: 4 }, { type: 3 }],
        $lib: 'posthog-js',
      },
    })
  })

  it('is not made of what is no event', () => {
    for (const text of ['', 'no', '[]', '3']) {
      for (const lane of lanes) {
        assert.equal(foreignMessage({ lane, value: Buffer.from(text), headers: common, timeMs: 0 }), undefined)
      }
    }
  })
})
