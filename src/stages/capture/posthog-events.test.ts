import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseUuid } from '../../event/uuid.ts'
import { createEventReader } from './posthog-events.ts'
import type { EventsRead, ReadEvent, ReadEvents, RequestFacts } from './posthog-events.ts'

const limits = { depthMax: 128, eventBytesMax: 2_000_000, eventKeysMax: 10_000, eventNameCharactersMax: 200 }
const read = createEventReader(limits)
const plainPath: RequestFacts = { isEngage: false, headerToken: undefined }
const engage: RequestFacts = { isEngage: true, headerToken: undefined }

function readText(text: string, facts: RequestFacts = plainPath): EventsRead {
  return read(Buffer.from(text), facts)
}

function readValue(value: unknown, facts: RequestFacts = plainPath): EventsRead {
  return readText(JSON.stringify(value), facts)
}

function good(value: unknown, facts: RequestFacts = plainPath): ReadEvents {
  const result = typeof value === 'string' ? readText(value, facts) : readValue(value, facts)
  assert.ok(result.kind === 'events', JSON.stringify(result))
  return result
}

function onlyEvent(value: unknown, facts: RequestFacts = plainPath): ReadEvent {
  const { events } = good(value, facts)
  const [event] = events
  assert.ok(events.length === 1 && event !== undefined)
  return event
}

function refusal(value: unknown, facts: RequestFacts = plainPath): string {
  const result = typeof value === 'string' ? readText(value, facts) : readValue(value, facts)
  assert.ok(result.kind === 'refused', JSON.stringify(result))
  return `${String(result.status)} ${result.message}`
}

const uuid = '01902b3c-ffff-7c3a-9f41-00000000abcd'
const anEvent = (over: Record<string, unknown> = {}) => ({ event: 'e', distinct_id: 'd', token: 'phc_t', ...over })
const aBatch = (events: readonly unknown[], over: Record<string, unknown> = {}) => ({
  api_key: 'phc_t',
  batch: events,
  ...over,
})

describe('the shape of a request', () => {
  it('is one event, with its byte range and fields', () => {
    const text = ` {"event":"order completed","uuid":"${uuid}","distinct_id":"u-1","timestamp":"2021-10-29","api_key":"phc_t"} `
    const result = good(text)
    assert.equal(result.token, 'phc_t')
    assert.equal(result.historicalMigration, false)
    assert.deepEqual(result.events, [
      {
        index: 0,
        start: 1,
        end: text.length - 1,
        name: 'order completed',
        uuid,
        uuidWords: parseUuid(uuid),
        distinctId: 'u-1',
        timestampText: '2021-10-29',
        sessionId: undefined,
        isCookieless: false,
        isInternal: false,
        hasHeatmap: false,
        isUnstorable: false,
        refusal: undefined,
      },
    ])
  })

  it('is a batch object with sent_at and historical_migration', () => {
    const result = good(
      aBatch([anEvent(), anEvent({ event: 'f' })], { sent_at: '2021-10-29T12:00:00Z', historical_migration: true }),
    )
    assert.deepEqual([result.sentAtMs, result.historicalMigration], [Date.UTC(2021, 9, 29, 12), true])
    assert.deepEqual(
      result.events.map(({ name, index }) => [name, index]),
      [
        ['e', 0],
        ['f', 1],
      ],
    )
  })

  it('ignores a sent_at that cannot be read, and one outside a batch object', () => {
    assert.equal(good(aBatch([anEvent()], { sent_at: 'soon' })).sentAtMs, undefined)
    assert.equal(good(aBatch([anEvent()], { sent_at: null, historical_migration: null })).sentAtMs, undefined)
    assert.equal(good(anEvent({ sent_at: '2021-10-29T12:00:00Z' })).sentAtMs, undefined)
  })

  it('is an array', () => {
    assert.deepEqual(
      good([anEvent(), anEvent({ event: 'f' })]).events.map(({ name }) => name),
      ['e', 'f'],
    )
  })

  it('is a single event when an event name stands beside a batch without a token', () => {
    assert.equal(onlyEvent({ event: 'x', batch: [1], distinct_id: 'd', properties: { token: 't' } }).name, 'x')
    assert.equal(onlyEvent({ ...aBatch([anEvent()]), event: 'x' }).name, 'e')
  })

  it('gives byte ranges that hold the events, in bytes and not in characters', () => {
    const body = Buffer.from(JSON.stringify([anEvent({ distinct_id: 'é😀' }), anEvent({ event: '鍵' })]))
    const result = read(body, plainPath)
    assert.ok(result.kind === 'events')
    const texts = result.events.map(
      ({ start, end }) => JSON.parse(body.toString('utf8', start, end)) as { event: string },
    )
    assert.deepEqual(
      texts.map(({ event }) => event),
      ['e', '鍵'],
    )
    assert.deepEqual(
      result.events.map(({ distinctId }) => distinctId),
      ['é😀', 'd'],
    )
  })

  it('is none of them', () => {
    const noVariant = '400 failed to parse request: data did not match any variant of untagged enum RawRequest'
    for (const text of ['1', '"x"', 'null', 'true']) assert.equal(refusal(text), noVariant)
    assert.equal(
      refusal('{"event":"x"'),
      "400 failed to parse request: expected ',' or '}' but the text ends at byte 12",
    )
    assert.equal(refusal(''), '400 failed to parse request: expected a value but the text ends at byte 0')
  })

  it('is empty, which goes before a bad token', () => {
    for (const value of [[], aBatch([]), aBatch([], { api_key: 'phx_1' })])
      assert.equal(refusal(value), '400 request holds no event')
  })

  it('becomes $identify under /engage, and only there', () => {
    const value = { $token: 'phc_t', $distinct_id: 'd', $set: { a: 1 } }
    assert.deepEqual([onlyEvent(value, engage).name, onlyEvent(value, engage).distinctId], ['$identify', 'd'])
    assert.equal(onlyEvent(anEvent(), engage).name, 'e')
    assert.equal(
      refusal(value),
      '400 failed to hydrate events from request: non-engage request missing event name attribute',
    )
    assert.equal(
      refusal({}),
      '400 failed to hydrate events from request: non-engage request missing event name attribute',
    )
  })

  it('loses its $performance_event entries, and is a success when nothing else is in it', () => {
    const performance = { event: '$performance_event' }
    assert.deepEqual(
      good(aBatch([performance, anEvent()])).events.map(({ index }) => index),
      [1],
    )
    assert.deepEqual(readValue([performance]), { kind: 'nothing' })
    assert.deepEqual(readValue(performance), { kind: 'nothing' })
  })
})

describe('the token of a request', () => {
  it('is the batch object’s own, whatever its events say', () => {
    assert.equal(
      good(aBatch([anEvent({ token: 'a' }), anEvent({ token: 'b' })], { api_key: ' phc_x ' })).token,
      'phc_x',
    )
    assert.equal(good({ token: 'phc_y', batch: [anEvent()] }).token, 'phc_y')
  })

  it('is a single event’s own, else its properties’', () => {
    const event = { event: 'e', distinct_id: 'd', properties: { token: 'inner' } }
    assert.equal(good({ ...event, $token: 'outer' }).token, 'outer')
    assert.equal(good({ ...event, api_key: 'outer' }).token, 'outer')
    assert.equal(good(event).token, 'inner')
    assert.equal(good({ ...event, token: null }).token, 'inner')
    assert.equal(
      refusal({ ...event, properties: { token: 5, api_key: 'x' } }),
      '401 event submitted without an api_key',
    )
  })

  it('is the one that the events of an array agree on', () => {
    const without = { event: 'e', distinct_id: 'd' }
    assert.equal(good([without, { ...without, properties: { token: 'a' } }, { ...without, token: 'a' }]).token, 'a')
    assert.equal(good({ batch: [{ ...without, token: 'a' }] }).token, 'a')
    assert.equal(
      refusal([
        { ...without, token: 'a' },
        { ...without, token: 'b' },
      ]),
      '401 batch submitted with inconsistent api_key values',
    )
    assert.equal(refusal([without, without]), '401 event submitted without an api_key')
    assert.equal(refusal({ batch: [without] }), '401 event submitted without an api_key')
  })

  it('is the header’s when the body has none', () => {
    const header = { isEngage: false, headerToken: 'phc_h' }
    assert.equal(good([{ event: 'e', distinct_id: 'd' }], header).token, 'phc_h')
    assert.equal(good(anEvent(), header).token, 'phc_t')
  })

  it('is refused for its shape, in the order of the rules', () => {
    const cases = [
      ['', 'empty'],
      ['  ', 'empty'],
      ['x'.repeat(65), 'too_long'],
      ['é'.repeat(33), 'too_long'],
      ['é', 'not_ascii'],
      ['phx_é', 'not_ascii'],
      ['phx_1', 'personal_api_key'],
      ['a\0b', 'null_byte'],
    ]
    for (const [token = '', reason = ''] of cases)
      assert.equal(refusal(anEvent({ token })), `401 API key is not valid: ${reason}`)
    assert.equal(good(anEvent({ token: 'x'.repeat(64) })).token.length, 64)
    assert.equal(good(anEvent({ token: 'anything goes' })).token, 'anything goes')
  })
})

describe('the distinct id of an event', () => {
  const idOf = (fields: Record<string, unknown>) => onlyEvent({ event: 'e', token: 't', ...fields }).distinctId

  it('is the event’s own unless missing or null, else its properties’', () => {
    assert.equal(idOf({ distinct_id: 'a', properties: { distinct_id: 'b' } }), 'a')
    assert.equal(idOf({ $distinct_id: 'a' }), 'a')
    assert.equal(idOf({ distinct_id: null, properties: { distinct_id: 'b' } }), 'b')
    assert.equal(idOf({ properties: { distinct_id: 'b' } }), 'b')
  })

  it('is text whatever was sent', () => {
    assert.equal(idOf({ distinct_id: 23 }), '23')
    assert.equal(idOf({ distinct_id: 23.4 }), '23.4')
    assert.equal(idOf({ distinct_id: ['a', 'b'] }), '["a","b"]')
    assert.equal(idOf({ distinct_id: { b: [{ d: 1, c: 2 }], a: 'é' } }), '{"a":"é","b":[{"c":2,"d":1}]}')
    assert.equal(idOf({ distinct_id: true }), 'true')
    assert.equal(
      onlyEvent('{"event":"e","token":"t","distinct_id":12345678901234567890}').distinctId,
      '12345678901234567890',
    )
    assert.equal(
      onlyEvent('{"event":"e","token":"t","distinct_id":{"b":1,"__proto__":2}}').distinctId,
      '{"__proto__":2,"b":1}',
    )
  })

  it('is cut at 200 characters, not bytes or UTF-16 units', () => {
    assert.equal(idOf({ distinct_id: 'x'.repeat(201) }), 'x'.repeat(200))
    assert.equal(idOf({ distinct_id: '😀'.repeat(201) }), '😀'.repeat(200))
    assert.equal(idOf({ distinct_id: 'é'.repeat(200) }), 'é'.repeat(200))
  })

  it('keeps the space around it and replaces what stores refuse', () => {
    assert.equal(idOf({ distinct_id: ' a ' }), ' a ')
    assert.equal(idOf({ distinct_id: 'a\0"\\b' }), 'a\ufffd"\\b')
    assert.equal(onlyEvent('{"event":"e","token":"t","distinct_id":"a\\ud800"}').distinctId, 'a\ufffd')
  })

  it('is missing when it is blank, also when the properties have one', () => {
    const missing = '400 event submitted without a distinct_id'
    assert.equal(refusal({ event: 'e', token: 't' }), missing)
    for (const distinct_id of ['', '  ', '\t\n', '\u00a0'])
      assert.equal(refusal({ event: 'e', token: 't', distinct_id, properties: { distinct_id: 'x' } }), missing)
  })
})

describe('the checks of a single event', () => {
  it('give PostHog’s answers', () => {
    assert.equal(refusal(anEvent({ event: '' })), '400 event submitted with an empty event name')
    assert.equal(
      refusal(anEvent({ event: 5 })),
      '400 failed to hydrate events from request: non-engage request missing event name attribute',
    )
    assert.equal(refusal(anEvent({ uuid: '50172' })), '400 failed to parse request: uuid is not a UUID')
    assert.equal(refusal(anEvent({ uuid: 5 })), '400 failed to parse request: uuid is not a UUID')
    assert.equal(refusal(anEvent({ properties: [] })), '400 failed to parse request: properties is not an object')
    assert.equal(refusal(anEvent({ properties: 'x' })), '400 failed to parse request: properties is not an object')
    assert.equal(refusal(anEvent({ timestamp: {} })), '400 failed to parse request: timestamp is not a string')
    assert.equal(refusal(anEvent({ timestamp: true })), '400 failed to parse request: timestamp is not a string')
  })

  it('refuse a name of more than 200 characters', () => {
    assert.equal(onlyEvent(anEvent({ event: '😀'.repeat(200) })).name.length, 400)
    assert.equal(
      refusal(anEvent({ event: 'x'.repeat(201) })),
      '400 event submitted with an event name of more than 200 characters',
    )
  })

  it('refuse an event of more than 2 MB with 413', () => {
    const event = anEvent({ properties: { x: 'x'.repeat(3_000_000) } })
    assert.match(refusal(event), /^413 maximum event size exceeded: event of \d+ bytes, at most 2000000 are accepted$/)
    const spare = 2_000_000 - JSON.stringify(anEvent({ p: '' })).length
    assert.equal(onlyEvent(anEvent({ p: 'x'.repeat(spare) })).end, 2_000_000)
  })

  it('refuse an event of 100,000 keys', () => {
    const properties = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`k${String(n)}`, n]))
    assert.equal(refusal(anEvent({ properties })), '400 failed to parse request: event has more than 10000 keys')
  })

  it('refuse a nesting of 100,000', () => {
    const deep = `{"event":"e","token":"t","properties":{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`
    assert.match(refusal(deep), /^400 failed to parse request: nesting deeper than 128 at byte \d+$/)
  })

  it('come in PostHog’s order: shape, token, name, distinct id', () => {
    assert.match(refusal({ uuid: 'x', event: '' }), /uuid/)
    assert.match(refusal({ event: '' }), /^401/)
    assert.match(refusal({ event: '', token: 't' }), /empty event name/)
  })

  it('take what is absent in any of its ways', () => {
    const event = onlyEvent(anEvent({ uuid: '', properties: null, timestamp: null }))
    assert.deepEqual([event.uuid, event.timestampText], [undefined, undefined])
    assert.equal(onlyEvent(anEvent({ uuid: null })).uuid, undefined)
  })

  it('take a uuid in any form and give it in lower case', () => {
    assert.equal(onlyEvent(anEvent({ uuid: uuid.toUpperCase() })).uuid, uuid)
    assert.equal(onlyEvent(anEvent({ uuid: uuid.replaceAll('-', '') })).uuid, uuid)
    assert.equal(onlyEvent(`{"token":"t","event":"e","distinct_id":"d","uuid":"\\u0030${uuid.slice(1)}"}`).uuid, uuid)
  })

  it('take a number as a timestamp, with its digits as sent', () => {
    assert.equal(
      onlyEvent('{"token":"t","event":"e","distinct_id":"d","timestamp":1635508800.50}').timestampText,
      '1635508800.50',
    )
  })

  it('note what stores would refuse', () => {
    assert.equal(onlyEvent(anEvent({ properties: { x: 'a\0' } })).isUnstorable, true)
    assert.equal(onlyEvent(anEvent({ properties: { x: '\\u0000' } })).isUnstorable, false)
  })
})

describe('large values', () => {
  it('are strings of more than 1,024 bytes, wherever they stand', () => {
    const noteOf = (bytes: number) => anEvent({ properties: { a: [{ note: 'x'.repeat(bytes) }] } })
    assert.equal(good(aBatch([anEvent(), noteOf(1024)])).hasLargeValues, false)
    assert.equal(good(aBatch([noteOf(1025), anEvent()])).hasLargeValues, true)
    assert.equal(good(noteOf(5000)).hasLargeValues, true)
  })
})

describe('the checks of a batch', () => {
  it('refuse a bad event by itself, with its index and reason, and let the good ones go on', () => {
    const { events } = good(
      aBatch([
        anEvent(),
        anEvent({ uuid: '50172' }),
        5,
        anEvent({ distinct_id: '' }),
        { distinct_id: 'd' },
        anEvent({ event: 'last' }),
      ]),
    )
    assert.deepEqual(
      events.map(({ index, refusal }) => [index, refusal]),
      [
        [0, undefined],
        [1, 'failed to parse request: uuid is not a UUID'],
        [2, 'failed to parse request: event is not an object'],
        [3, 'event submitted without a distinct_id'],
        [4, 'failed to hydrate events from request: non-engage request missing event name attribute'],
        [5, undefined],
      ],
    )
    assert.equal(events[1]?.distinctId, 'd')
  })

  it('refuse the request when no event is good, with the text for the first one and its index', () => {
    assert.equal(
      refusal(aBatch([{ event: '$performance_event' }, anEvent({ distinct_id: ' ' }), 5])),
      '400 event submitted without a distinct_id (event 1)',
    )
    assert.match(
      refusal([anEvent({ properties: { x: 'x'.repeat(2_000_000) } })]),
      /^413 maximum event size exceeded: .* \(event 0\)$/,
    )
  })

  it('refuse a request with more events than the cap', () => {
    const small = createEventReader({ ...limits, requestEventsMax: 2 })
    const result = small(Buffer.from(JSON.stringify([anEvent(), anEvent(), anEvent()])), plainPath)
    assert.ok(result.kind === 'refused')
    assert.match(result.message, /^maximum event size exceeded: more than 2 events at byte \d+$/)
  })

  it('reads bodies too large to be made one string the same way', () => {
    const events = Array.from({ length: 800 }, (_, n) =>
      anEvent({ distinct_id: `user-${String(n)}`, uuid, properties: { x: 'y'.repeat(400) } }),
    )
    const result = good(aBatch(events))
    assert.deepEqual(
      result.events.map(({ distinctId }) => distinctId),
      events.map(({ distinct_id }) => distinct_id),
    )
    assert.equal(result.events[799]?.uuid, uuid)
  })

  it('keeps nothing of one request for the next', () => {
    assert.equal(good(aBatch([anEvent(), anEvent()])).events.length, 2)
    assert.equal(refusal([{ event: 'e', distinct_id: 'd' }]), '401 event submitted without an api_key')
    assert.match(refusal('{"event":"e"}'), /^401/)
  })
})
