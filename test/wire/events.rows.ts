/** What shapes requests have and what an event is made of (capture spec §4, §7, §8, §9, §11.1; C4). */
import { aBatch, anEvent, deadLetter, json, keptAs, ok, refused, token } from './row.ts'
import type { Row } from './row.ts'

const event = anEvent()
const uuid = (number: number): string => `0190c4a2-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
const unhydrated = 'failed to hydrate events from request: non-engage request missing event name attribute'
const noShape = 'failed to parse request: data did not match any variant of untagged enum RawRequest'
const parseError = /^failed to parse request: /

/** An event alone is refused with the text; between good ones it alone is, and the request is answered as a success. */
function refusedAlone(section: string, what: string, bad: unknown, text: string, status = 400): Row[] {
  const [before, behind] = [anEvent({ event: 'before' }), anEvent({ event: 'behind' })]
  const distinctId = (bad as { distinct_id?: string }).distinct_id === 'ada' ? 'ada' : ''
  return [
    { section, promise: `an event ${what} is refused`, send: { body: json(bad) }, answer: refused(status, text) },
    {
      section,
      promise: `a batch of an event ${what} is refused, and says which one`,
      send: { path: '/batch/', body: aBatch([bad]) },
      answer: refused(status, `${text} (event 0)`),
    },
    {
      section,
      promise: `an event ${what} is refused by itself in a batch`,
      send: { path: '/batch/?receipts=1', body: aBatch([before, bad, behind]) },
      answer: { status: 200, headers: { 'sluice-verdicts': 'stored=2, refused=1' } },
      kept: [keptAs(before), deadLetter(text, { distinctId, event: JSON.parse(json(bad)) as unknown }), keptAs(behind)],
    },
  ]
}

export const events: readonly Row[] = [
  {
    section: '§4.1',
    promise: 'an event is kept byte by byte as it was sent, unknown fields and order included',
    send: {
      body: `{ "type":"x" ,"distinct_id":"ada","token":"${token}", "event":"seen","library":"l","messageId":1.50}`,
    },
    answer: ok,
    kept: [
      {
        distinctId: 'ada',
        bytes: `{ "type":"x" ,"distinct_id":"ada","token":"${token}", "event":"seen","library":"l","messageId":1.50}`,
      },
    ],
  },
  {
    section: '§4.1',
    promise: '$set and $set_once of an event go through',
    send: { body: json(anEvent({ $set: { a: 1 }, $set_once: { b: 2 } })) },
    answer: ok,
    kept: [keptAs(anEvent({ $set: { a: 1 }, $set_once: { b: 2 } }))],
  },
  {
    section: '§4.1',
    promise: 'an event without properties is taken',
    send: { body: json(anEvent({ properties: undefined })) },
    answer: ok,
    kept: [keptAs(anEvent({ properties: undefined }))],
  },
  {
    section: '§23',
    promise: 'properties: null are taken for none',
    send: { body: json(anEvent({ properties: null })) },
    answer: ok,
    kept: [keptAs(anEvent({ properties: null }))],
  },
  {
    section: '§4.1',
    promise: 'offset goes through',
    send: { body: json(anEvent({ offset: 1500 })) },
    answer: ok,
    kept: [keptAs(anEvent({ offset: 1500 }))],
  },
  ...refusedAlone(
    '§4.1',
    'whose properties are a list',
    anEvent({ properties: [1] }),
    'failed to parse request: properties is not an object',
  ),
  ...refusedAlone(
    '§4.1',
    'whose properties are a text',
    anEvent({ properties: 'a' }),
    'failed to parse request: properties is not an object',
  ),
  ...refusedAlone(
    '§4.1',
    'whose timestamp is an object',
    anEvent({ timestamp: {} }),
    'failed to parse request: timestamp is not a string',
  ),
  ...refusedAlone(
    '§4.1',
    'whose timestamp is true',
    anEvent({ timestamp: true }),
    'failed to parse request: timestamp is not a string',
  ),
  ...refusedAlone(
    '§4.5',
    'whose uuid is none',
    anEvent({ uuid: '50172' }),
    'failed to parse request: uuid is not a UUID',
  ),
  ...refusedAlone(
    '§4.1',
    'whose uuid is a number',
    anEvent({ uuid: 5 }),
    'failed to parse request: uuid is not a UUID',
  ),
  ...refusedAlone('§4.4', 'without a name', anEvent({ event: undefined }), unhydrated),
  ...refusedAlone('§4.1', 'whose name is null', anEvent({ event: null }), unhydrated),
  ...refusedAlone('§4.1', 'whose name is a number', anEvent({ event: 7 }), unhydrated),
  ...refusedAlone('§7', 'with an empty name', anEvent({ event: '' }), 'event submitted with an empty event name'),
  ...refusedAlone(
    'C4',
    'with a name of 201 characters',
    anEvent({ event: 'é'.repeat(201) }),
    'event submitted with an event name of more than 200 characters',
  ),
  ...refusedAlone(
    '§6',
    'without a distinct id',
    anEvent({ distinct_id: undefined }),
    'event submitted without a distinct_id',
  ),
  ...refusedAlone(
    '§9',
    'whose $cookieless_mode is a text',
    anEvent({ properties: { $cookieless_mode: 'true' } }),
    'event submitted with invalid cookieless mode',
  ),
  ...refusedAlone(
    '§9',
    'whose $cookieless_mode is null',
    anEvent({ properties: { $cookieless_mode: null } }),
    'event submitted with invalid cookieless mode',
  ),
  ...refusedAlone(
    '§9',
    'whose $cookieless_mode is 1',
    anEvent({ properties: { $cookieless_mode: 1 } }),
    'event submitted with invalid cookieless mode',
  ),
  ...refusedAlone(
    'C4',
    'of more keys than are taken',
    anEvent({ properties: Object.fromEntries(Array.from({ length: 101 }, (_, number) => [String(number), 1])) }),
    'failed to parse request: event has more than 100 keys',
  ),
  {
    section: 'C4',
    promise: 'a name of 200 characters is taken',
    send: { body: json(anEvent({ event: '😀'.repeat(200) })) },
    answer: ok,
    kept: [keptAs(anEvent({ event: '😀'.repeat(200) }))],
  },
  {
    section: '§7',
    promise: 'a name keeps its spaces and its case',
    send: { body: json(anEvent({ event: '  Order Completed ' })) },
    answer: ok,
    kept: [keptAs(anEvent({ event: '  Order Completed ' }))],
  },
  ...['"a"', '1', 'true', 'null'].map((text): Row => ({
    section: '§4',
    promise: `${text} is no request`,
    send: { body: text },
    answer: refused(400, text === '"a"' || text === '1' ? /^failed to parse request: / : noShape),
  })),
  ...['{', '{"a":1,}', "{'a':1}", '[1,]', '{"a":NaN}', '{}x', '[', '{"a":"\u0001"}', '{"a":01}', '{"a":"\\x"}'].map(
    (text): Row => ({
      section: '§4',
      promise: `${json(text)} is no JSON, and the answer says where`,
      send: { body: text },
      answer: refused(400, /^failed to parse request: .* at byte \d+$/),
    }),
  ),
  {
    section: '§4',
    promise: 'an object that is nothing is an event without a name',
    send: { body: '{}' },
    answer: refused(400, unhydrated),
  },
  {
    section: 'C4',
    promise: 'nesting deeper than the cap is refused',
    send: { body: json(anEvent()).replace('{"n":1}', `{"a":${'['.repeat(40)}${']'.repeat(40)}}`) },
    answer: refused(400, /^failed to parse request: nesting deeper than 32 at byte \d+$/),
  },
  {
    section: 'C4',
    promise: 'more keys in a request than are taken are refused',
    send: { body: aBatch(Array.from({ length: 300 }, () => ({ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7 }))) },
    answer: refused(400, /^failed to parse request: more than 2000 keys/),
  },
  {
    section: 'C4',
    promise: 'more events in a request than are taken are refused',
    send: { body: json(Array.from({ length: 501 }, () => 1)) },
    answer: refused(413, /^maximum event size exceeded: more than 500 events/),
  },
  ...[
    ['an empty array', '[]'],
    ['an empty batch', aBatch([])],
    ['an empty batch without a token', '{"batch":[]}'],
    ['an empty batch of a token that nobody has', '{"api_key":"phc_unknown","batch":[]}'],
  ].map(([what = '', body = '']): Row => ({
    section: '§4.3',
    promise: `${what} holds no event`,
    send: { path: '/batch/', body },
    answer: refused(400, 'request holds no event'),
  })),
  {
    section: '§4.3',
    promise: '$performance_event alone is a success, and is not kept',
    send: { body: json(anEvent({ event: '$performance_event' })) },
    answer: { ...ok, headers: { 'sluice-receipt': undefined } },
  },
  {
    section: '§4.3',
    promise: '$performance_event is left out of a batch',
    send: { body: aBatch([event, anEvent({ event: '$performance_event' })]) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=1' } },
    kept: [keptAs(event)],
  },
  {
    section: '§10',
    promise: '$performance_event alone is 200 even for a beacon',
    send: { path: '/e/?beacon=1', body: json([anEvent({ event: '$performance_event' })]) },
    answer: ok,
  },
  {
    section: '§4.4',
    promise: '/engage makes $identify of a body without a name',
    send: { path: '/engage/', body: json(anEvent({ event: undefined, $set: { a: 1 } })) },
    answer: ok,
    kept: [keptAs(anEvent({ event: undefined, $set: { a: 1 } }))],
  },
  {
    section: '§4.4',
    promise: '/engage takes a name of null for none',
    send: { path: '/engage', body: json(anEvent({ event: null })) },
    answer: ok,
    kept: [keptAs(anEvent({ event: null }))],
  },
  {
    section: '§4.4',
    promise: '/engage refuses a name that is a number',
    send: { path: '/engage', body: json(anEvent({ event: 5 })) },
    answer: refused(400, unhydrated),
  },
  {
    section: '§4.2',
    promise: 'a batch may name its token "token"',
    send: { path: '/batch', body: json({ token, batch: [anEvent({ token: undefined })] }) },
    answer: ok,
    kept: [keptAs(anEvent({ token: undefined }))],
  },
  {
    section: '§4.2',
    promise: 'sent_at of a batch is kept with its events',
    send: { body: aBatch([event], { sent_at: '2026-03-10T12:00:10Z' }) },
    answer: ok,
    kept: [keptAs(event, { headers: { sent_at: String(Date.UTC(2026, 2, 10, 12, 0, 10)) } })],
  },
  {
    section: '§4.2',
    promise: 'sent_at of a batch goes before that of the query',
    send: { path: '/batch/?_=1700000000000', body: aBatch([event], { sent_at: '2026-03-10T12:00:10+01:00' }) },
    answer: ok,
    kept: [keptAs(event, { headers: { sent_at: String(Date.UTC(2026, 2, 10, 11, 0, 10)) } })],
  },
  {
    section: '§4.2',
    promise: 'a sent_at that cannot be read is passed over',
    send: { body: aBatch([event], { sent_at: 'soon' }) },
    answer: ok,
    kept: [keptAs(event, { headers: { sent_at: undefined } })],
  },
  {
    section: '§4.2',
    promise: 'sentAt, as posthog-python writes it, is not known',
    send: { body: aBatch([event], { sentAt: '2026-03-10T12:00:10Z' }) },
    answer: ok,
    kept: [keptAs(event, { headers: { sent_at: undefined } })],
  },
  {
    section: '§4.2',
    promise: 'sent_at of a single event is not looked at',
    send: { body: json(anEvent({ sent_at: '2026-03-10T12:00:10Z' })) },
    answer: ok,
    kept: [keptAs(anEvent({ sent_at: '2026-03-10T12:00:10Z' }), { headers: { sent_at: undefined } })],
  },
  ...['_', 'sent_at'].map((name): Row => ({
    section: '§3.1',
    promise: `${name} of the query is kept with the event`,
    send: { path: `/e/?${name}=1700000000000`, body: json(event) },
    answer: ok,
    kept: [keptAs(event, { headers: { sent_at: '1700000000000' } })],
  })),
  {
    section: '§3.1',
    promise: 'a time of sending in seconds is passed over',
    send: { path: '/e/?_=1700000000', body: json(event) },
    answer: ok,
    kept: [keptAs(event, { headers: { sent_at: undefined } })],
  },
  {
    section: '§3.1',
    promise: 'a time of sending below zero is passed over',
    send: { path: '/e/?sent_at=-5', body: json(event) },
    answer: ok,
    kept: [keptAs(event, { headers: { sent_at: undefined } })],
  },
  ...[
    '_=abc',
    'sent_at=1.5',
    'sent_at=',
    '_=12x',
    'beacon=yes',
    'beacon=',
    'beacon=1.0',
    '_=1&sent_at=2',
    'ver=1&lib_version=2',
  ].map((query): Row => ({
    section: '§3.1',
    promise: `the query ${query} is refused`,
    send: { path: `/e/?${query}`, body: json(event) },
    answer: refused(400, /^Failed to deserialize query string: /),
  })),
  {
    section: '§3.1',
    promise: 'ip, retry_count and whatever else in the query is passed over',
    send: { path: '/e/?ip=0&retry_count=3&x=%zz&__proto__=1&&=', body: json(event) },
    answer: ok,
    kept: [keptAs(event)],
  },
  ...[
    ['in lower case', uuid(1), uuid(1)],
    ['in capitals', uuid(0xab).toUpperCase(), uuid(0xab)],
    ['without hyphens', uuid(3).replaceAll('-', ''), uuid(3)],
    ['in braces', `{${uuid(4)}}`, uuid(4)],
    ['as a URN', `urn:uuid:${uuid(5)}`, uuid(5)],
    ['of version 4', 'b9e7c3f0-1c3a-4f6e-9b1d-2a3b4c5d6e7f', 'b9e7c3f0-1c3a-4f6e-9b1d-2a3b4c5d6e7f'],
  ].map(([how = '', sent = '', kept = '']): Row => ({
    section: '§7',
    promise: `a client's uuid ${how} is the event's`,
    send: { body: json(anEvent({ uuid: sent })) },
    answer: ok,
    kept: [keptAs(anEvent({ uuid: sent }), { uuid: kept })],
  })),
  ...[
    ['an empty uuid', ''],
    ['a uuid of null', null],
    ['no uuid', undefined],
  ].map(([what, value]): Row => ({
    section: '§7',
    promise: `${String(what)} makes the door give one of version 7`,
    send: { body: json(anEvent({ uuid: value })) },
    answer: ok,
    kept: [keptAs(anEvent({ uuid: value }))],
  })),
  {
    section: '§7',
    promise: 'the same uuid in two projects is two events',
    first: { body: json(anEvent({ uuid: uuid(6) })) },
    send: { body: json(anEvent({ uuid: uuid(6), token: 'phc_other' })) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=1' } },
    kept: [keptAs(anEvent({ uuid: uuid(6), token: 'phc_other' }), { uuid: uuid(6), token: 'phc_other' })],
  },
  ...[
    ['that cannot be read', 'not a date'],
    ['as a number in seconds', 1_700_000_000],
    ['of the year 9999', '9999-12-31T23:59:59Z'],
    ['that is empty', ''],
    ['that is null', null],
    ['as a date alone', '2026-03-10'],
  ].map(([how, timestamp]): Row => ({
    section: '§8',
    promise: `a timestamp ${String(how)} refuses no event`,
    send: { body: json(anEvent({ distinct_id: `at ${String(how)}`, timestamp })) },
    answer: ok,
    kept: [keptAs(anEvent({ distinct_id: `at ${String(how)}`, timestamp }), { distinctId: `at ${String(how)}` })],
  })),
  {
    section: '§3.5',
    promise: 'escapes of lone surrogates and of NUL are taken, and kept as they were sent',
    send: {
      body: String.raw`{"event":"seen","distinct_id":"ada","token":"phc_wire","properties":{"a":"\ud83d","b":"\u0000"}}`,
    },
    answer: ok,
    kept: [
      {
        distinctId: 'ada',
        bytes: String.raw`{"event":"seen","distinct_id":"ada","token":"phc_wire","properties":{"a":"\ud83d","b":"\u0000"}}`,
      },
    ],
  },
  {
    section: '§4.1',
    promise: 'of a key given twice the last one counts, as in every script',
    send: { body: '{"event":"first","event":"last","distinct_id":"eve","distinct_id":"ada","token":"phc_wire"}' },
    answer: ok,
    kept: [{ distinctId: 'ada', event: { event: 'last', distinct_id: 'ada', token: 'phc_wire' } }],
  },
  {
    section: '§4.1',
    promise: 'keys written with escapes are the same keys',
    send: { body: String.raw`{"\u0065vent":"seen","distinct\u005fid":"ada","tok\u0065n":"phc_wire"}` },
    answer: ok,
    kept: [{ distinctId: 'ada', event: { event: 'seen', distinct_id: 'ada', token } }],
  },
  {
    section: '§4.2',
    promise: 'an element of a batch that is no event is refused by itself',
    send: { body: aBatch([5, event]) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=1, refused=1' } },
    kept: [deadLetter('failed to parse request: event is not an object', { distinctId: '', event: 5 }), keptAs(event)],
  },
  {
    section: '§4.2',
    promise: 'a batch that is no array is an event without a name',
    send: { body: json({ api_key: token, batch: { event: 'a' } }) },
    answer: refused(400, unhydrated),
  },
  {
    section: '§4',
    promise: 'a text that ends too soon is refused',
    send: { body: aBatch([event]).slice(0, -2) },
    answer: refused(400, parseError),
  },
]
