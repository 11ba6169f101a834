/** What was recorded of sessions (capture spec §14). */
import { gzipSync } from 'node:zlib'
import type { ExpectedRecord, Row } from './row.ts'
import { json, ok, refused, token } from './row.ts'
import { recordingsQuotaToken } from './tokens.ts'

const uuid = (number: number): string => `0190c4a2-0000-7000-b000-${number.toString(16).padStart(12, '0')}`
const sessionId = '0190c4a2-aaaa-7000-9000-000000000001'

/** What a browser sends; `undefined` takes a field away. */
function aSnapshot(
  number: number,
  properties: Readonly<Record<string, unknown>> = {},
  own: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const snapshots = [{ type: 3, data: { source: 1 }, timestamp: 1_770_000_000_000 }]
  return {
    event: '$snapshot',
    uuid: uuid(number),
    properties: { token, distinct_id: 'ada', $session_id: sessionId, $snapshot_data: snapshots, ...properties },
    ...own,
  }
}

/** The whole request as one record, keyed by its session. */
function recorded(number: number, body: string, own: Partial<ExpectedRecord> = {}): ExpectedRecord {
  const { headers, ...others } = own
  return {
    lane: 'session_recording_snapshot_item_events',
    distinctId: 'ada',
    uuid: uuid(number),
    key: sessionId,
    bytes: body,
    headers: { session_id: sessionId, window_id: sessionId, snapshot_source: 'web', lib: 'unknown', ...headers },
    ...others,
  }
}

function refusedFor(promise: string, value: unknown, status: number, text: string | RegExp): Row {
  return { section: '§14', promise, send: { path: '/s/', body: json(value) }, answer: refused(status, text) }
}

/** The header of the record that follows from what the request says. */
function said(
  promise: string,
  number: number,
  properties: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>>,
  userAgent?: string,
): Row {
  const body = json(aSnapshot(number, properties))
  return {
    section: '§14',
    promise,
    send: { path: '/s/', body, headers: userAgent === undefined ? {} : { 'user-agent': userAgent } },
    answer: ok,
    kept: [recorded(number, body, { headers })],
  }
}

const single = json(aSnapshot(1))
const list = json([aSnapshot(3), aSnapshot(4, { $session_id: 'of-no-matter' })])

export const recordings: readonly Row[] = [
  ...['/s', '/s/'].map((path, at): Row => ({
    section: '§14',
    promise: `POST ${path} takes a snapshot`,
    send: { path, body: json(aSnapshot(1 + at)) },
    answer: { ...ok, headers: { 'sluice-receipt': /^fsync; n=1; session_recording_snapshot_item_events\// } },
    kept: [recorded(1 + at, json(aSnapshot(1 + at)))],
  })),
  {
    section: '§14',
    promise: 'a list is one record of its first session',
    send: { path: '/s/', body: list },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=1' } },
    kept: [recorded(3, list)],
  },
  {
    section: '§14',
    promise: 'gzip is read, as everywhere',
    send: { path: '/s/?compression=gzip-js', body: gzipSync(json(aSnapshot(5))) },
    answer: ok,
    kept: [recorded(5, json(aSnapshot(5)))],
  },
  {
    section: '§14',
    promise: 'a copy is known',
    first: { path: '/s/', body: json(aSnapshot(6)) },
    send: { path: '/s', body: json(aSnapshot(6)) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=0, duplicate=1' } },
  },
  {
    section: '§14',
    promise: 'a beacon is answered 204',
    send: { path: '/s/?beacon=1', body: json(aSnapshot(7)) },
    answer: { status: 204, text: '' },
    kept: [recorded(7, json(aSnapshot(7)))],
  },
  {
    section: '§14',
    promise: 'OPTIONS /s/ is answered as everywhere',
    send: { method: 'OPTIONS', path: '/s/', headers: { origin: 'https://a.example' } },
    answer: { status: 200, text: '', headers: { 'access-control-allow-methods': 'GET,POST,OPTIONS' } },
  },
  {
    section: '§14',
    promise: 'GET /s/ without data is refused',
    send: { method: 'GET', path: '/s/' },
    answer: refused(400, 'request missing data payload'),
  },
  {
    section: '§14',
    promise: 'PUT /s/ is told which methods there are',
    send: { method: 'PUT', path: '/s/', body: single },
    answer: refused(405, 'method not allowed'),
  },
  said('snapshot data may be one object', 8, { $snapshot_data: { type: 2 } }, {}),
  said('the window is kept', 9, { $window_id: 'w-1' }, { window_id: 'w-1' }),
  said('a mobile recording is called one', 10, { $snapshot_source: 'mobile' }, { snapshot_source: 'mobile' }),
  said('a source that nobody knows is the web', 11, { $snapshot_source: 'toaster' }, { snapshot_source: 'web' }),
  said('the SDK is the one that the event names', 12, { $lib: 'posthog-js' }, { lib: 'posthog-js' }),
  said('the SDK is that of the agent when it is one of PostHog', 13, {}, { lib: 'posthog-ios' }, 'posthog-ios/3.1.0'),
  said('any other agent is the web', 14, {}, { lib: 'web' }, 'Mozilla/5.0'),
  refusedFor(
    'without a session it is refused',
    aSnapshot(20, { $session_id: undefined }),
    400,
    'replay event submitted without session id',
  ),
  refusedFor(
    'a session of null is none',
    aSnapshot(21, { $session_id: null }),
    400,
    'replay event submitted without session id',
  ),
  ...[5, '', 'a b', 'é', 'a_b', 'a'.repeat(71)].map((id, at) =>
    refusedFor(
      `the session ${json(id)} is refused`,
      aSnapshot(30 + at, { $session_id: id }),
      400,
      'replay event has invalid session id',
    ),
  ),
  refusedFor(
    'without snapshots it is refused',
    aSnapshot(40, { $snapshot_data: undefined }),
    400,
    'replay event submitted without snapshot data',
  ),
  refusedFor(
    'snapshots as a text are refused',
    aSnapshot(41, { $snapshot_data: 'x' }),
    400,
    'replay event submitted without snapshot data',
  ),
  refusedFor(
    'every event of a list needs snapshots',
    [aSnapshot(42), aSnapshot(43, { $snapshot_data: 1 })],
    400,
    'replay event submitted without snapshot data',
  ),
  refusedFor(
    'without a distinct id it is refused',
    aSnapshot(44, { distinct_id: '' }),
    400,
    'event submitted without a distinct_id',
  ),
  refusedFor(
    'without a token it is refused',
    aSnapshot(45, { token: undefined }),
    401,
    'event submitted without an api_key',
  ),
  refusedFor(
    'a token that nobody has is refused',
    aSnapshot(46, { token: 'phc_unknown' }),
    401,
    /^API key is not valid: unknown/,
  ),
  refusedFor(
    'a wrong cookieless mode is refused',
    aSnapshot(47, { $cookieless_mode: 'yes' }),
    400,
    'event submitted with invalid cookieless mode',
  ),
  refusedFor(
    'a uuid that is none is refused',
    aSnapshot(48, {}, { uuid: 'x' }),
    400,
    'failed to parse request: uuid is not a UUID',
  ),
  refusedFor('an empty list is refused', [], 400, 'request holds no event'),
  {
    section: '§14',
    promise: 'a token at the root of the first event counts',
    send: { path: '/s/', body: json(aSnapshot(50, { token: undefined }, { api_key: token })) },
    answer: ok,
    kept: [recorded(50, json(aSnapshot(50, { token: undefined }, { api_key: token })))],
  },
  {
    section: '§14',
    promise: 'a recording beyond the quota is a success that says so',
    first: { path: '/s/', body: json(aSnapshot(51, { token: recordingsQuotaToken })) },
    send: { path: '/s/', body: json(aSnapshot(52, { token: recordingsQuotaToken })) },
    answer: { status: 200, json: { status: 'Ok', quota_limited: ['recordings'] } },
  },
  {
    section: '§14',
    promise: 'events go on when the quota of recordings is used up',
    send: { path: '/e/', body: json({ event: 'seen', distinct_id: 'ada', token: recordingsQuotaToken }) },
    answer: ok,
    kept: [{ distinctId: 'ada', token: recordingsQuotaToken }],
  },
]
