import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createV1Reader } from './v1-events.ts'
import type { DropTag, V1Batch, V1Event } from './v1-events.ts'
import type { V1ProblemTag } from './v1-problem.ts'

const read = createV1Reader({
  depthMax: 32,
  eventBytesMax: 4096,
  eventKeysMax: 100,
  eventNameCharactersMax: 200,
  requestEventsMax: 20,
})

type Fields = Readonly<Record<string, unknown>>
const created_at = '2026-03-19T14:30:00.000Z'
const sdk = { name: 'posthog-node', version: '5.70.0' }

function uuid(n: number): string {
  return `a1b2c3d4-e5f6-4a7b-8c9d-${n.toString(16).padStart(12, '0')}`
}

let uuids = 0
function anEvent(own: Fields = {}): Fields {
  return {
    event: 'e',
    uuid: uuid(uuids++),
    distinct_id: 'd',
    timestamp: '2026-03-19T14:29:58.123Z',
    options: {},
    properties: {},
    ...own,
  }
}

function batchOf(...batch: readonly unknown[]): Fields {
  return { created_at, batch }
}

function batchFrom(body: unknown, from?: typeof sdk): V1Batch {
  const outcome = read(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), from)
  assert.ok(outcome.kind === 'batch', JSON.stringify(outcome))
  return outcome
}

function tagOf(body: unknown): V1ProblemTag {
  const outcome = read(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), undefined)
  assert.ok(outcome.kind === 'problem')
  return outcome.tag
}

function only(own: Fields): { readonly event: V1Event; readonly stored: Fields } {
  const batch = batchFrom(batchOf(anEvent(own)))
  const event = batch.events[0]
  assert.ok(event !== undefined && batch.events.length === 1)
  return { event, stored: JSON.parse(batch.body.toString('utf8', event.start, event.end)) as Fields }
}

function propertiesOf(own: Fields, from?: typeof sdk): unknown {
  const { body, events } = batchFrom(batchOf(anEvent(own)), from)
  const { start, end } = events[0] ?? { start: 0, end: 0 }
  return (JSON.parse(body.toString('utf8', start, end)) as { readonly properties: unknown }).properties
}

describe('a v1 batch', () => {
  const requests: readonly (readonly [what: string, body: unknown, tag: V1ProblemTag])[] = [
    ['no JSON', '{', 'request_parsing_error'],
    ['text after the end', '{}x', 'request_parsing_error'],
    ['a text', '"x"', 'request_parsing_error'],
    ['a list', [anEvent()], 'request_parsing_error'],
    ['an event alone', anEvent(), 'request_parsing_error'],
    ['no batch', { created_at }, 'request_parsing_error'],
    ['a batch that is no list', { created_at, batch: {} }, 'request_parsing_error'],
    ['no created_at', { batch: [anEvent()] }, 'request_parsing_error'],
    ['created_at as a number', { created_at: 5, batch: [anEvent()] }, 'request_parsing_error'],
    ['created_at of another form', { created_at: '19.3.2026', batch: [anEvent()] }, 'invalid_batch'],
    ['created_at without a zone', { created_at: '2026-03-19T14:30:00', batch: [anEvent()] }, 'invalid_batch'],
    ['historical_migration as a text', { ...batchOf(anEvent()), historical_migration: 'yes' }, 'request_parsing_error'],
    ['capture_internal as a number', { ...batchOf(anEvent()), capture_internal: 1 }, 'request_parsing_error'],
    ['no event', batchOf(), 'empty_batch'],
    ['an event that is no object', batchOf(anEvent(), 5), 'request_parsing_error'],
    ['an event without a name', batchOf(anEvent({ event: undefined })), 'request_parsing_error'],
    ['a name that is no text', batchOf(anEvent({ event: 5 })), 'request_parsing_error'],
    ['no uuid', batchOf(anEvent({ uuid: undefined })), 'request_parsing_error'],
    ['a uuid that is no text', batchOf(anEvent({ uuid: 5 })), 'request_parsing_error'],
    ['an empty uuid', batchOf(anEvent({ uuid: '' })), 'missing_event_uuid'],
    ['a uuid of white space', batchOf(anEvent({ uuid: '  ' })), 'missing_event_uuid'],
    ['a uuid that is none', batchOf(anEvent({ uuid: 'u-1' })), 'invalid_event_uuid'],
    ['the same uuid twice', batchOf(anEvent({ uuid: uuid(1) }), anEvent({ uuid: uuid(1) })), 'duplicate_event_uuid'],
    [
      'the same uuid in two forms',
      batchOf(anEvent({ uuid: uuid(1) }), anEvent({ uuid: ` ${uuid(1).toUpperCase()} ` })),
      'duplicate_event_uuid',
    ],
    ['no distinct_id', batchOf(anEvent({ distinct_id: undefined })), 'request_parsing_error'],
    ['distinct_id as a number', batchOf(anEvent({ distinct_id: 23 })), 'request_parsing_error'],
    ['no timestamp', batchOf(anEvent({ timestamp: undefined })), 'request_parsing_error'],
    ['timestamp as a number', batchOf(anEvent({ timestamp: 1_700_000_000 })), 'request_parsing_error'],
    ['session_id as a number', batchOf(anEvent({ session_id: 5 })), 'request_parsing_error'],
    ['window_id as a list', batchOf(anEvent({ window_id: [] })), 'request_parsing_error'],
    ['more events than are allowed', batchOf(...Array.from({ length: 21 }, () => anEvent())), 'payload_too_large'],
    ['deeper nesting than is allowed', `${'['.repeat(40)}${']'.repeat(40)}`, 'request_parsing_error'],
  ]
  for (const [what, body, tag] of requests) {
    it(`with ${what} is refused whole: ${tag}`, () => {
      assert.equal(tagOf(body), tag)
    })
  }

  it('is refused for its shape before it is for a uuid', () => {
    assert.equal(tagOf(batchOf(anEvent({ uuid: '' }), anEvent({ timestamp: 5 }))), 'request_parsing_error')
  })

  const drops: readonly (readonly [what: string, own: Fields, tag: DropTag | undefined])[] = [
    ['a name of white space', { event: ' ' }, undefined],
    ['an empty name', { event: '' }, 'missing_event_name'],
    ['a name of 200 bytes', { event: 'x'.repeat(200) }, undefined],
    ['a name of 201 bytes', { event: 'x'.repeat(201) }, 'event_name_too_long'],
    ['a name of 101 letters in 202 bytes', { event: 'é'.repeat(101) }, 'event_name_too_long'],
    ['$performance_event', { event: '$performance_event' }, 'dropped_performance_event'],
    ['an empty distinct_id', { distinct_id: '' }, 'missing_distinct_id'],
    ['a distinct_id of white space', { distinct_id: ' \t ' }, 'missing_distinct_id'],
    ['a distinct_id of 200 bytes', { distinct_id: 'd'.repeat(200) }, undefined],
    ['a distinct_id of 201 bytes', { distinct_id: 'd'.repeat(201) }, 'distinct_id_too_large'],
    ['a distinct_id of 67 signs in 201 bytes', { distinct_id: '€'.repeat(67) }, 'distinct_id_too_large'],
    ['a padded distinct_id of 200 bytes', { distinct_id: `  ${'d'.repeat(200)}  ` }, undefined],
    ['a timestamp with microseconds and an offset', { timestamp: '2026-03-19T14:29:58.123456+05:30' }, undefined],
    ['an empty timestamp', { timestamp: '' }, 'invalid_event_timestamp'],
    ['a timestamp without a zone', { timestamp: '2026-03-19T14:29:58' }, 'invalid_event_timestamp'],
    ['a date alone', { timestamp: '2026-03-19' }, 'invalid_event_timestamp'],
    ['a day that does not exist', { timestamp: '2026-02-30T00:00:00Z' }, 'invalid_event_timestamp'],
    ['no properties', { properties: undefined }, undefined],
    ['properties that are a list', { properties: [1] }, 'malformed_event_properties'],
    ['properties that are null', { properties: null }, 'malformed_event_properties'],
    ['properties that are a text', { properties: '{}' }, 'malformed_event_properties'],
    ['no options', { options: undefined }, undefined],
    ['options that are null', { options: null }, undefined],
    ['options that are a list', { options: [] }, 'invalid_options'],
    ['options that are a text', { options: 'x' }, 'invalid_options'],
    ['an option that is no yes or no', { options: { cookieless_mode: 'maybe' } }, 'invalid_options'],
    ['an option that is a list', { options: { cookieless_mode: [1] } }, 'invalid_options'],
    ['a tour of a fraction', { options: { product_tour_id: 1.5 } }, 'invalid_options'],
    ['a tour that is true', { options: { product_tour_id: true } }, 'invalid_options'],
    ['options nobody knows', { options: { other: [], cookieless_mode: null } }, undefined],
    ['more bytes than an event may have', { properties: { x: 'x'.repeat(5000) } }, 'event_too_big'],
    [
      'more keys than an event may have',
      { properties: Object.fromEntries(Array.from({ length: 100 }, (_, n) => [n, 0])) },
      'event_too_big',
    ],
    ['several faults, the name first', { event: '', distinct_id: '', timestamp: '' }, 'missing_event_name'],
  ]
  for (const [what, own, tag] of drops) {
    it(`with an event with ${what} ${tag === undefined ? 'takes it' : `drops just that: ${tag}`}`, () => {
      const { events } = batchFrom(batchOf(anEvent(own), anEvent()))
      assert.deepEqual(
        events.map(({ refusal, index }) => [index, refusal]),
        [
          [0, tag],
          [1, undefined],
        ],
      )
    })
  }

  it('keeps of an event that is dropped what the client sent', () => {
    const sent = anEvent({ timestamp: 'yesterday', session_id: 's', unknown: 1 })
    const { body, events } = batchFrom(batchOf(sent), sdk)
    assert.deepEqual(JSON.parse(body.toString('utf8', events[0]?.start, events[0]?.end)), sent)
  })

  it('says what all of its events share', () => {
    const plain = batchFrom(batchOf(anEvent()))
    assert.deepEqual([plain.historicalMigration, plain.events[0]?.isInternal], [false, false])
    const marked = batchFrom({ ...batchOf(anEvent()), historical_migration: true, capture_internal: true, other: {} })
    assert.deepEqual([marked.historicalMigration, marked.events[0]?.isInternal], [true, true])
    const nulls = batchFrom({ ...batchOf(anEvent()), historical_migration: null, capture_internal: null })
    assert.deepEqual([nulls.historicalMigration, nulls.events[0]?.isInternal], [false, false])
  })
})

describe('a v1 event', () => {
  it('becomes an ordinary one, without the fields that v1 does not know', () => {
    const { event, stored } = only({
      uuid: uuid(77).toUpperCase(),
      distinct_id: ' ada ',
      properties: { plan: 'free' },
      offset: 5000,
      $set: { a: 1 },
      token: 'other',
    })
    assert.deepEqual(stored, {
      event: 'e',
      uuid: uuid(77).toUpperCase(),
      distinct_id: ' ada ',
      timestamp: '2026-03-19T14:29:58.123Z',
      properties: { plan: 'free' },
    })
    assert.deepEqual([event.uuid, event.distinctId, event.name], [uuid(77), 'ada', 'e'])
    assert.equal(event.timestampText, '2026-03-19T14:29:58.123Z')
  })

  it('has what stood beside its properties at their end, over the client’s own', () => {
    const properties = { $session_id: 'own', $lib: 'own', kept: [1, { a: '}' }] }
    const own = {
      session_id: 's-1',
      window_id: 'w-1',
      options: {
        cookieless_mode: true,
        disable_skew_correction: '1',
        process_person_profile: 0,
        product_tour_id: 42,
      },
      properties,
    }
    assert.deepEqual(propertiesOf(own, sdk), {
      $session_id: 's-1',
      $lib: 'posthog-node',
      kept: [1, { a: '}' }],
      $window_id: 'w-1',
      $cookieless_mode: true,
      $ignore_sent_at: true,
      $product_tour_id: '42',
      $process_person_profile: false,
      $lib_version: '5.70.0',
    })
    assert.equal(only(own).event.isCookieless, true)
    assert.equal(only(own).event.sessionId, 's-1')
  })

  it('has nothing added where there is nothing to say', () => {
    for (const properties of [{}, { a: 1 }, undefined])
      assert.deepEqual(propertiesOf({ properties, session_id: null, options: null }), properties ?? {})
    assert.deepEqual(propertiesOf({ properties: undefined }, sdk), { $lib: 'posthog-node', $lib_version: '5.70.0' })
  })

  it('keeps white space, escapes, large numbers and letters beyond ASCII as they were sent', () => {
    const event = `{ "event" : "gr\\u00fc\\u00dfe 😀" , "uuid":"${uuid(5)}","distinct_id":"jürgen",
      "timestamp":"${created_at}","window_id":"fenster-ü","options":{"product_tour_id":"tür"},
      "properties" : {
        "n": 12345678901234567890123 , "\\u0061": "\\ud83d\\ude00"
      } }`
    const { body, events } = batchFrom(`{"created_at":"${created_at}","batch":[${event}]}`)
    const [one] = events
    assert.ok(one !== undefined)
    assert.deepEqual([one.name, one.distinctId], ['grüße 😀', 'jürgen'])
    const text = body.toString('utf8', one.start, one.end)
    assert.ok(text.includes('"n": 12345678901234567890123 , "\\u0061": "\\ud83d\\ude00"'), text)
    assert.deepEqual((JSON.parse(text) as { readonly properties: Fields }).properties, {
      n: Number('12345678901234567890123'),
      a: '😀',
      $window_id: 'fenster-ü',
      $product_tour_id: 'tür',
    })
  })

  it('takes its session from its properties when it has none of its own', () => {
    assert.equal(only({ properties: { $session_id: 'inner' } }).event.sessionId, 'inner')
    assert.equal(only({ properties: { $session_id: 'inner' }, session_id: 'outer' }).event.sessionId, 'outer')
    assert.equal(only({ session_id: 's'.repeat(201) }).event.sessionId, undefined)
    assert.equal(only({}).event.sessionId, undefined)
  })

  it('stands for nobody when its distinct id does', () => {
    for (const distinct_id of ['0', 'Anonymous', ' null ', '[object Object]', '00000000-0000-0000-0000-000000000000'])
      assert.equal(only({ distinct_id }).event.isPersonless, true, distinct_id)
    for (const distinct_id of ['d', '00', 'anonymous-users', 'null@example.com'])
      assert.equal(only({ distinct_id }).event.isPersonless, undefined, distinct_id)
  })

  it('says when it holds what a heatmap is made of', () => {
    assert.equal(only({ properties: { $heatmap_data: {} } }).event.hasHeatmap, true)
    assert.equal(only({ event: '$$heatmap', properties: { $heatmap_data: {} } }).event.hasHeatmap, false)
    assert.equal(only({}).event.hasHeatmap, false)
  })

  it('has no NUL and no lone surrogate in its distinct id', () => {
    const { events } = batchFrom(
      `{"created_at":"${created_at}","batch":[{"event":"e","uuid":"${uuid(6)}","distinct_id":"a\\u0000\\ud800","timestamp":"${created_at}"}]}`,
    )
    assert.deepEqual([events[0]?.distinctId, events[0]?.isUnstorable], ['a\ufffd\ufffd', true])
  })

  it('means the same after it was written anew, whatever its properties and the layout of the text', () => {
    const properties = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 })
    const indent = fc.constantFrom(0, 1, '\t')
    fc.assert(
      fc.property(fc.array(properties, { minLength: 1, maxLength: 6 }), indent, (all, space) => {
        const sent = batchOf(...all.map((one, n) => anEvent({ uuid: uuid(n), properties: one, session_id: 's' })))
        const { body, events } = batchFrom(JSON.stringify(sent, undefined, space), sdk)
        for (const [n, { start, end, refusal }] of events.entries()) {
          assert.ok(refusal === undefined || refusal === 'event_too_big')
          const stored = JSON.parse(body.toString('utf8', start, end)) as { readonly properties: Fields }
          if (refusal !== undefined) continue
          const added = { $session_id: 's', $lib: sdk.name, $lib_version: sdk.version }
          assert.deepEqual(stored.properties, { ...(JSON.parse(JSON.stringify(all[n])) as Fields), ...added })
        }
      }),
      { seed: 20_261_121, numRuns: 500 },
    )
  })
})
