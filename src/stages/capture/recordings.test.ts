import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRecordingReader } from './recordings.ts'
import type { ReadRecording, RecordingFacts } from './recordings.ts'

const limits = { depthMax: 100, requestKeysMax: 100_000, requestEventsMax: 100 }
const read = createRecordingReader(limits)
const session = '0190c4a2-1111-7000-8000-000000000001'

function anEvent(properties: Readonly<Record<string, unknown>> = {}, own: Readonly<Record<string, unknown>> = {}) {
  return {
    event: '$snapshot',
    uuid: '0190C4A2-AAAA-7000-8000-000000000001',
    properties: {
      token: 'phc_web',
      distinct_id: 'ada',
      $session_id: session,
      $window_id: 'window',
      $snapshot_source: 'web',
      $lib: 'web',
      $snapshot_data: [{ type: 3 }],
      ...properties,
    },
    ...own,
  }
}

function readBody(value: unknown, facts: Partial<RecordingFacts> = {}) {
  return read(Buffer.from(JSON.stringify(value)), { headerToken: undefined, userAgent: undefined, ...facts })
}

function recordingOf(value: unknown, facts: Partial<RecordingFacts> = {}): ReadRecording {
  const outcome = readBody(value, facts)
  if (outcome.kind !== 'recording') assert.fail(`${String(outcome.status)} ${outcome.message}`)
  return outcome
}

function refusalOf(value: unknown, facts: Partial<RecordingFacts> = {}): string {
  const outcome = readBody(value, facts)
  if (outcome.kind !== 'refused') assert.fail('It was read.')
  return `${String(outcome.status)} ${outcome.message}`
}

describe('reading a recording', () => {
  it('makes one event of the whole body, with the facts of its first event beside it', () => {
    const body = [anEvent(), anEvent({ $session_id: 'another', token: 'phc_other' })]
    const { token, headers, event } = recordingOf(body)
    assert.equal(token, 'phc_web')
    assert.deepEqual(headers, { session_id: session, window_id: 'window', snapshot_source: 'web', lib: 'web' })
    const { start, end, name, uuid, distinctId, sessionId, refusal } = event
    assert.deepEqual(
      { start, end, name, uuid, distinctId, sessionId, refusal },
      {
        start: 0,
        end: JSON.stringify(body).length,
        name: '$snapshot_items',
        uuid: '0190c4a2-aaaa-7000-8000-000000000001',
        distinctId: 'ada',
        sessionId: session,
        refusal: undefined,
      },
    )
    assert.equal(recordingOf(anEvent()).event.end, JSON.stringify(anEvent()).length)
  })

  it('takes the token of the first event: its own, of its properties, or the header’s', () => {
    assert.equal(recordingOf(anEvent({}, { api_key: 'phc_root' })).token, 'phc_root')
    assert.equal(recordingOf([anEvent({}, { $token: ' phc_root ' })]).token, 'phc_root')
    assert.equal(recordingOf(anEvent({ token: undefined }), { headerToken: 'phc_header' }).token, 'phc_header')
    assert.equal(refusalOf([anEvent({ token: undefined }), anEvent()]), '401 event submitted without an api_key')
    assert.equal(refusalOf(anEvent({ token: 'phx_key' })), '401 API key is not valid: personal_api_key')
  })

  it('wants a session id of at most 70 letters, digits and hyphens', () => {
    assert.equal(recordingOf(anEvent({ $session_id: 'a'.repeat(70) })).headers.session_id, 'a'.repeat(70))
    for (const missing of [undefined, null])
      assert.equal(refusalOf(anEvent({ $session_id: missing })), '400 replay event submitted without session id')
    for (const wrong of ['', 'a'.repeat(71), 'a_b', 'ä', 5, ['a'], true])
      assert.equal(refusalOf(anEvent({ $session_id: wrong })), '400 replay event has invalid session id')
    assert.equal(
      refusalOf({ event: '$snapshot', token: 't', distinct_id: 'a' }),
      '400 replay event submitted without session id',
    )
  })

  it('wants snapshots of every event, in an array or alone', () => {
    assert.equal(
      recordingOf([anEvent({ $snapshot_data: { type: 2 } }), anEvent({ $snapshot_data: [] })]).kind,
      'recording',
    )
    for (const wrong of [undefined, null, 'text', 5])
      assert.equal(
        refusalOf([anEvent(), anEvent({ $snapshot_data: wrong })]),
        '400 replay event submitted without snapshot data',
      )
  })

  it('takes the session for the window when none is told, and web for the source unless it is mobile', () => {
    const { headers } = recordingOf(anEvent({ $window_id: undefined, $snapshot_source: 'Mobile' }))
    assert.deepEqual([headers.window_id, headers.snapshot_source], [session, 'mobile'])
    for (const source of ['android', 5, undefined])
      assert.equal(recordingOf(anEvent({ $snapshot_source: source })).headers.snapshot_source, 'web')
  })

  it('learns the SDK from the user agent when the event does not say', () => {
    const lib = (userAgent: string | undefined) => recordingOf(anEvent({ $lib: undefined }), { userAgent }).headers.lib
    assert.deepEqual([lib('posthog-ios/3.1'), lib('Mozilla/5.0'), lib(undefined)], ['posthog-ios', 'web', 'unknown'])
  })

  it('takes a distinct id of white space, and none that is empty', () => {
    assert.equal(recordingOf(anEvent({ distinct_id: '  ' })).event.distinctId, '  ')
    assert.equal(recordingOf(anEvent({ distinct_id: 'x'.repeat(300) })).event.distinctId.length, 200)
    assert.equal(recordingOf(anEvent({ distinct_id: 23 })).event.distinctId, '23')
    assert.equal(refusalOf(anEvent({ distinct_id: '' })), '400 event submitted without a distinct_id')
  })

  it('wants a boolean as cookieless mode', () => {
    assert.equal(recordingOf(anEvent({ $cookieless_mode: true })).event.isCookieless, true)
    assert.equal(recordingOf(anEvent({ $cookieless_mode: false })).event.isCookieless, false)
    for (const wrong of ['true', 1, null])
      assert.equal(refusalOf(anEvent({ $cookieless_mode: wrong })), '400 event submitted with invalid cookieless mode')
  })

  it('reads when the first event says it was sent', () => {
    assert.equal(recordingOf([anEvent({}, { sent_at: '2026-03-10T12:00:00Z' })]).sentAtMs, Date.UTC(2026, 2, 10, 12))
    assert.equal(recordingOf(anEvent({}, { sent_at: 'soon' })).sentAtMs, undefined)
  })

  it('refuses what is no recording with what is wrong', () => {
    assert.equal(refusalOf([]), '400 request holds no event')
    assert.match(refusalOf(5), /^400 failed to parse request: /)
    assert.match(refusalOf([anEvent(), 5]), /^400 failed to parse request: event is not an object/)
    assert.match(refusalOf(anEvent({}, { uuid: 'no' })), /^400 failed to parse request: uuid is not a UUID/)
    const broken = read(Buffer.from('{"event":'), { headerToken: undefined, userAgent: undefined })
    assert.ok(broken.kind === 'refused' && broken.message.startsWith('failed to parse request: '))
  })
})
