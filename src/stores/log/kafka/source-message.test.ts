import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Lane } from '../../../event/position.ts'
import type { SourceRecord } from '../source-lanes.ts'
import { sourceContent, sourceMessage } from './source-message.ts'
import type { SourceMessage } from './source-message.ts'

const uuid = '0190a8c2-7a10-7c3e-9b1a-3d6f0c9e4f21'
const nowMs = Date.UTC(2026, 2, 10, 12, 0, 0, 120)
const common = { token: 'phc_a', distinct_id: 'ada', ip: '203.0.113.7', uuid, now: String(nowMs) }

function record(
  value: string | Buffer,
  headers: Record<string, string> = {},
  lane: Lane = 'events_plugin_ingestion',
): SourceRecord {
  return { lane, partition: 0, headers: { ...common, ...headers }, value: Buffer.from(value) }
}

function readBack({ value, headers }: SourceMessage) {
  return sourceContent({ value, headers })
}

function headersOf({ headers }: SourceMessage): Record<string, string | null> {
  return Object.fromEntries([...headers].map(([name, bytes]) => [name.toString(), bytes?.toString() ?? null]))
}

function namesOfOurs(message: SourceMessage): readonly string[] {
  return Object.keys(headersOf(message)).filter((name) => name.startsWith('sluice-'))
}

function comesBack(sent: SourceRecord): SourceMessage {
  const message = sourceMessage(sent, nowMs + 40)
  assert.deepEqual(readBack(message), { headers: sent.headers, value: sent.value })
  return message
}

const ordinary = '{ "event":"order", "distinct_id":"ada",\n"properties":{"total":3.0,"größe":"\\u00e9\\\\\\""} }'

describe('a record of a source lane as a message', () => {
  it('is what PostHog writes, and needs nothing of ours for an ordinary event', () => {
    const message = comesBack(record(ordinary, { sent_at: String(nowMs - 5) }))
    assert.deepEqual(namesOfOurs(message), [])
    assert.equal(message.key?.toString(), 'phc_a:ada')
    const { data, ...others } = JSON.parse(message.value.toString()) as Record<string, unknown>
    assert.equal(data, ordinary)
    assert.deepEqual(others, {
      uuid,
      distinct_id: 'ada',
      ip: '203.0.113.7',
      now: '2026-03-10T12:00:00.120Z',
      sent_at: '2026-03-10T12:00:00.115Z',
      token: 'phc_a',
      event: 'order',
      timestamp: '2026-03-10T12:00:00.120Z',
    })
  })

  it('comes back byte for byte when PostHog would write the event otherwise', () => {
    const texts = [
      '{"distinct_id":"ada","properties":{}}',
      '{"event":"e","properties":{},"team_id":7}',
      '{"event":"e","properties":{"a":"\\ud83d\\u0000"}}',
      '{"event":"e"}',
    ]
    for (const text of texts) assert.deepEqual(namesOfOurs(comesBack(record(text))), ['sluice-value'])
    const [, foreign] = texts.map((text) => sourceMessage(record(text), nowMs))
    assert.ok(foreign)
    assert.doesNotMatch(foreign.value.toString(), /team_id/)
  })

  it('comes back with every header, whatever others make of it', () => {
    comesBack(record(ordinary, { historical_migration: 'true', skip_heatmap_processing: 'true' }, 'historical_events'))
    comesBack(record(ordinary, { is_cookieless_mode: 'true', force_disable_person_processing: 'true' }))
    comesBack(record(ordinary, { traceparent: '00-ab-cd-01', window_id: 'w', snapshot_source: 'mobile', lib: 'x' }))
    comesBack(record(ordinary, { reason: 'too_large' }, 'events_plugin_ingestion_dlq'))
    comesBack(record(ordinary, { now: '12.5', sent_at: 'yesterday', historical_migration: 'perhaps' }))
    comesBack({ lane: 'events_plugin_ingestion', partition: 0, headers: {}, value: Buffer.from(ordinary) })
  })

  it('has a duplicate key as 16 bytes', () => {
    const message = comesBack(record(ordinary, { duplicate_key: '00ff'.repeat(8) }))
    const key = [...message.headers].find(([name]) => name.toString() === 'sluice-key')
    assert.equal(key?.[1]?.length, 16)
    comesBack(record(ordinary, { duplicate_key: 'no key' }))
  })

  it('says of a heatmap that was split off what it is, and gives back the event that it was split off from', () => {
    const event =
      '{"event":"$pageview","properties":{"$heatmap_data":{"/":[{"x":1}]},"$prev_pageview_pathname":"/","a":1}}'
    const message = comesBack(record(event, {}, 'heatmaps_ingestion'))
    assert.equal(headersOf(message)['event'], '$$heatmap')
    comesBack(record(event, { skip_heatmap_processing: 'true' }))
  })

  it('holds the snapshots of a recording once', () => {
    const headers = { session_id: 's-1', window_id: 'w-1', snapshot_source: 'web', lib: 'posthog-js' }
    const items = Array.from({ length: 50 }, (_, n) => `{"type":${String(n)},"text":"é\\"x"}`).join(',')
    const lane = 'session_recording_snapshot_item_events'
    const one = (data: string) => `[{"event":"$snapshot","properties":{"$snapshot_data":${data},"$lib":"posthog-js"}}]`
    const message = comesBack(record(one(`[${items}]`), headers, lane))
    assert.deepEqual(namesOfOurs(message), ['sluice-around', 'sluice-headers'])
    const { data } = JSON.parse(message.value.toString()) as { data: string }
    const { properties } = JSON.parse(data) as { properties: Record<string, unknown> }
    assert.equal((properties['$snapshot_items'] as unknown[]).length, 50)
    comesBack(record(one('{"type":4}'), headers, lane))
    // Those of several events stand apart.
    const two = one('[{"type":1} , {"type":2}]')
    assert.deepEqual(namesOfOurs(comesBack(record(two, headers, lane))), ['sluice-value', 'sluice-headers'])
    comesBack(record(one('[]'), headers, lane))
  })

  it('keeps what is no event at all, and what is no text, for ourselves', () => {
    for (const text of ['', '3', '[]', '{"event":"e","properties":{}', 'no JSON']) comesBack(record(text))
    comesBack(record(Buffer.from('7b226576656e74223a22ff222c2270726f70657274696573223a7b7d7d', 'hex')))
  })
})

describe('a message of a source topic as a record', () => {
  it('is also made of what PostHog wrote, of 2024 and of now', () => {
    const data = '{"event":"e","properties":{}}'
    const old = { uuid, distinct_id: 'ada', ip: '1.1.1.1', data, now: '2026-03-10T12:00:00Z', sent_at: '', token: 't' }
    assert.deepEqual(sourceContent({ value: Buffer.from(JSON.stringify(old)), headers: [] }), {
      headers: { token: 't', distinct_id: 'ada', uuid, ip: '1.1.1.1', now: String(Date.UTC(2026, 2, 10, 12)) },
      value: Buffer.from(data),
    })
    const headers = [
      [Buffer.from('token'), Buffer.from('t')],
      [Buffer.from('session_id'), null],
    ] as const
    const made = sourceContent({ value: Buffer.from(JSON.stringify({ ...old, historical_migration: true })), headers })
    assert.equal(made?.headers['historical_migration'], 'true')
    assert.equal(made.headers['session_id'], undefined)
  })

  it('is none of what nobody wrote for us', () => {
    for (const value of [null, Buffer.alloc(0), Buffer.from('{'), Buffer.from('[]'), Buffer.from('{"data":3}')])
      assert.equal(sourceContent({ value, headers: [] }), undefined)
  })
})
