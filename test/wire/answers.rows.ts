/** What is answered, to whom, and what is looked at first (capture spec §10, §22; C4, C6, C9, C18). */
import { createHmac } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Requested } from './exchange.ts'
import { aBatch, anEvent, json, keptAs, ok, refused, token } from './row.ts'
import type { ExpectedRecord, Row } from './row.ts'
import {
  eventsQuotaToken,
  exceptionsOnlyToken,
  lastQuotaToken,
  nameQuotaToken,
  rateToken,
  signedToken,
  signingSecret,
  strictQuotaToken,
  strictRateToken,
  strictToken,
} from './tokens.ts'

const uuid = (number: number): string => `0190c4a2-0000-7000-a000-${number.toString(16).padStart(12, '0')}`
const event = (number: number, own: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> =>
  anEvent({ uuid: uuid(number), ...own })
const kept = (number: number, own: Readonly<Record<string, unknown>> = {}, of = token): ExpectedRecord =>
  keptAs(event(number, own), { uuid: uuid(number), token: of })

/** A request of two faults is answered for the one that is looked at first. */
function firstOf(promise: string, send: Requested, status: number, text: string | RegExp): Row {
  return { section: '§22', promise, send, answer: refused(status, text) }
}

function signed(path: string, body: string, aheadMs = 0, secret = signingSecret): Requested {
  const time = String(Date.now() + aheadMs)
  const mac = createHmac('sha256', secret).update(`${time}\nPOST\n${path}\n${body}`).digest('hex')
  return { path, body, headers: { 'sluice-signature': `t=${time},v1=${mac}` } }
}

const bySigned = (number: number): string => json(event(number, { token: signedToken }))
const signedTwice = signed('/e/', bySigned(60))

export const answers: readonly Row[] = [
  {
    section: '§10',
    promise: 'a success is exactly {"status":"Ok"}',
    send: { body: json(event(1)) },
    answer: {
      status: 200,
      text: '{"status":"Ok"}',
      type: 'application/json',
      headers: {
        'content-length': '15',
        'retry-after': undefined,
        'sluice-receipt': /^fsync; n=1; /,
        'sluice-verdicts': 'stored=1',
      },
    },
    kept: [kept(1)],
  },
  {
    section: '§10',
    promise: 'beacon=1 is answered 204 with nothing',
    send: { path: '/e/?beacon=1', body: json(event(2)) },
    answer: { status: 204, text: '', headers: { 'content-type': undefined, 'sluice-verdicts': 'stored=1' } },
    kept: [kept(2)],
  },
  ...['0', '2', '-1', '01'].map((beacon, at): Row => ({
    section: '§3.1',
    promise: `beacon=${beacon} is ${Number(beacon) === 1 ? 'a' : 'no'} beacon`,
    send: { path: `/e/?beacon=${beacon}`, body: json(event(10 + at)) },
    answer: Number(beacon) === 1 ? { status: 204, text: '' } : ok,
    kept: [kept(10 + at)],
  })),
  {
    section: '§10',
    promise: 'a refused beacon is told why',
    send: { path: '/e/?beacon=1', body: json(anEvent({ event: '' })) },
    answer: refused(400, 'event submitted with an empty event name'),
  },
  {
    section: 'design §4.1',
    promise: 'receipts=1 lists what became of each event',
    send: { path: '/batch/?receipts=1', body: aBatch([event(3), anEvent({ uuid: 'no' })]) },
    answer: {
      status: 200,
      text: /"verdict":"stored","position":"events_plugin_ingestion\/\d+@\d+".*"verdict":"refused","position":"events_plugin_ingestion_dlq\/\d+@\d+","reason":"failed to parse request: uuid is not a UUID"/,
      type: 'application/json',
    },
    kept: [kept(3), { lane: 'events_plugin_ingestion_dlq', distinctId: 'ada' }],
  },
  {
    section: 'design §4.1',
    promise: 'the receipt names the first and the last position',
    send: { body: aBatch([event(4), event(5)]) },
    answer: {
      ...ok,
      headers: {
        'sluice-receipt': /^fsync; n=2; events_plugin_ingestion\/\d+@\d+\.\.events_plugin_ingestion\/\d+@\d+$/,
      },
    },
    kept: [kept(4), kept(5)],
  },
  {
    section: 'C6',
    promise: 'a copy is a success to an SDK, and is kept once',
    first: { body: json(event(6)) },
    send: { body: json(event(6)) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=0, duplicate=1', 'sluice-receipt': /^fsync; n=1; / } },
  },
  {
    section: 'C6',
    promise: 'a copy is known on another path, in another writing',
    first: { path: '/batch/', body: gzipSync(aBatch([event(7)])) },
    send: { path: `/track/?data=${Buffer.from(json(event(7))).toString('base64url')}`, method: 'GET' },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=0, duplicate=1' } },
  },
  {
    section: 'C6',
    promise: 'copies within one request are known',
    send: { body: json([event(8), event(8)]) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=1, duplicate=1' } },
    kept: [kept(8)],
  },
  {
    section: 'C6',
    promise: 'without a uuid a copy is known by distinct id, event and timestamp',
    first: { body: json(anEvent({ timestamp: '2026-01-01T00:00:00Z', distinct_id: 'copy' })) },
    send: { body: json(anEvent({ timestamp: '2026-01-01T00:00:00Z', distinct_id: 'copy', properties: { n: 2 } })) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=0, duplicate=1' } },
  },
  {
    section: 'C6',
    promise: 'without a uuid and a timestamp there are no copies',
    first: { body: json(anEvent({ distinct_id: 'twins' })) },
    send: { body: json(anEvent({ distinct_id: 'twins' })) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=1' } },
    kept: [keptAs(anEvent({ distinct_id: 'twins' }), { distinctId: 'twins' })],
  },
  {
    section: 'C9',
    promise: 'strict: a request of copies alone is answered 409, with where the first ones are',
    first: { body: json(event(20, { token: strictToken })) },
    send: { body: json(event(20, { token: strictToken })) },
    answer: {
      status: 409,
      text: /^\{"status":"duplicate","receipts":\[\{"index":0,"uuid":"0190c4a2-0000-7000-a000-000000000014","verdict":"duplicate","position":"events_plugin_ingestion\/\d+@\d+"\}\]\}$/,
      type: 'application/json',
      headers: { 'sluice-verdicts': 'stored=0, duplicate=1', 'retry-after': undefined },
    },
  },
  {
    section: 'C9',
    promise: 'strict: a request that is new in part is a success',
    first: { body: json(event(21, { token: strictToken })) },
    send: { body: json([event(21, { token: strictToken }), event(22, { token: strictToken })]) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=1, duplicate=1' } },
    kept: [kept(22, { token: strictToken }, strictToken)],
  },
  {
    section: 'C4',
    promise: 'strict: one invalid event refuses all, by its index',
    send: { body: json([event(23, { token: strictToken }), anEvent({ token: strictToken, event: '' })]) },
    answer: refused(400, 'event submitted with an empty event name (event 1)'),
  },
  {
    section: 'C9',
    promise: 'strict: an origin is named with a 409 too',
    first: { body: json(event(24, { token: strictToken })) },
    send: { headers: { origin: 'https://a.example' }, body: json(event(24, { token: strictToken })) },
    answer: { status: 409, headers: { 'access-control-allow-origin': 'https://a.example' } },
  },
  {
    section: 'C7',
    promise: 'sdk: an event beyond the quota is a success that says so, and is not kept',
    first: { body: json(event(30, { token: eventsQuotaToken })) },
    send: { body: json(event(31, { token: eventsQuotaToken })) },
    answer: {
      status: 200,
      json: { status: 'Ok', quota_limited: ['events'] },
      headers: { 'sluice-verdicts': 'stored=0, quota_limited=1', 'sluice-receipt': 'fsync; n=0' },
    },
  },
  {
    section: '§10',
    promise: 'sdk: a beacon beyond the quota is told of it, 200',
    send: { path: '/e/?beacon=1', body: json(event(32, { token: eventsQuotaToken })) },
    answer: { status: 200, json: { status: 'Ok', quota_limited: ['events'] } },
  },
  {
    section: '§10',
    promise: 'sdk: a request that met the quota in part says nothing of it',
    send: { body: json([event(33, { token: lastQuotaToken }), event(34, { token: lastQuotaToken })]) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=1, quota_limited=1' } },
    kept: [kept(33, { token: lastQuotaToken }, lastQuotaToken)],
  },
  {
    section: 'C6',
    promise: 'sdk: a copy beyond the quota is a copy',
    send: { body: json(event(33, { token: lastQuotaToken })) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=0, duplicate=1' } },
  },
  {
    section: 'C7',
    promise: 'sdk: the quota of one name is none that SDKs know',
    first: { body: json(event(35, { token: nameQuotaToken })) },
    send: { body: json(event(36, { token: nameQuotaToken })) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=0, quota_limited=1' } },
  },
  {
    section: 'C7',
    promise: 'receipts say which quota it was',
    send: { path: '/e/?receipts=1', body: json(event(37, { token: nameQuotaToken })) },
    answer: {
      status: 200,
      json: {
        status: 'Ok',
        receipts: [{ index: 0, uuid: uuid(37), verdict: 'quota_limited', limited: 'seen' }],
      },
    },
  },
  {
    section: 'C8',
    promise: 'sdk: an event beyond the rate is a success, and is not kept',
    first: { body: json(event(40, { token: rateToken })) },
    send: { body: json(event(41, { token: rateToken })) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=0, rate_limited=1' } },
  },
  {
    section: 'C9',
    promise: 'strict: a request beyond the quota is 429 with the time to wait, and none of it is kept',
    send: { body: json([event(42, { token: strictQuotaToken }), event(43, { token: strictQuotaToken })]) },
    answer: {
      status: 429,
      text: /^\{"status":"quota_limited","receipts":\[/,
      type: 'application/json',
      headers: { 'retry-after': /^\d+$/ },
    },
  },
  {
    section: 'C9',
    promise: 'strict: a request that fits the quota is kept after one that did not',
    send: { body: json(event(44, { token: strictQuotaToken })) },
    answer: ok,
    kept: [kept(44, { token: strictQuotaToken }, strictQuotaToken)],
  },
  {
    section: 'C9',
    promise: 'strict: a request beyond the rate is 429 with the time to wait',
    first: { body: json(event(45, { token: strictRateToken })) },
    send: { body: json(event(46, { token: strictRateToken })) },
    answer: {
      status: 429,
      text: /^\{"status":"rate_limited","receipts":\[\{"index":0,"uuid":"0190c4a2-0000-7000-a000-00000000002e","verdict":"rate_limited","limited":"events"\}\]\}$/,
      type: 'application/json',
      headers: { 'retry-after': /^[1-9]\d*$/ },
    },
  },
  {
    section: 'C18',
    promise: 'a project that wants signatures refuses a request without one',
    send: { body: bySigned(50) },
    answer: refused(401, /sluice-signature is missing/),
  },
  {
    section: 'C18',
    promise: 'a signature that is none is refused',
    send: { headers: { 'sluice-signature': 'v1=abc' }, body: bySigned(51) },
    answer: refused(401, /must read t=/),
  },
  {
    section: 'C18',
    promise: 'a signature by another secret is refused',
    send: signed('/e/', bySigned(52), 0, 'another'),
    answer: refused(401, /does not fit/),
  },
  {
    section: 'C18',
    promise: 'a signature of another path is refused',
    send: { ...signed('/e/', bySigned(53)), path: '/capture/' },
    answer: refused(401, /does not fit/),
  },
  {
    section: 'C18',
    promise: 'a signature of another time is refused',
    send: signed('/e/', bySigned(54), -3_600_000),
    answer: refused(401, /s behind the server's/),
  },
  {
    section: 'C18',
    promise: 'a good signature is taken',
    send: signed('/e/?ip=1', bySigned(55)),
    answer: ok,
    kept: [kept(55, { token: signedToken }, signedToken)],
  },
  {
    section: 'C18',
    promise: 'a signature is good once',
    first: signedTwice,
    send: signedTwice,
    answer: refused(401, /was used before/),
  },
  {
    section: 'C18',
    promise: 'a token that may not write this is refused',
    send: { body: json(event(56, { token: exceptionsOnlyToken })) },
    answer: refused(403, 'this token may not write to events_plugin_ingestion, only to exceptions'),
  },
  {
    section: 'C18',
    promise: 'a token may write what it may',
    send: { body: json(event(57, { token: exceptionsOnlyToken, event: '$exception' })) },
    answer: ok,
    kept: [
      { ...kept(57, { token: exceptionsOnlyToken, event: '$exception' }, exceptionsOnlyToken), lane: 'exceptions' },
    ],
  },
  {
    section: 'C18',
    promise: 'of a batch it may write the part that it may',
    send: {
      body: json([
        event(58, { token: exceptionsOnlyToken, event: '$exception' }),
        event(59, { token: exceptionsOnlyToken }),
      ]),
    },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=1, refused=1' } },
    kept: [
      { ...kept(58, { token: exceptionsOnlyToken, event: '$exception' }, exceptionsOnlyToken), lane: 'exceptions' },
      { ...kept(59, { token: exceptionsOnlyToken }, exceptionsOnlyToken), lane: 'events_plugin_ingestion_dlq' },
    ],
  },
  {
    section: '§10',
    promise: 'a body that stops coming is answered 408, and the connection ends',
    send: Buffer.from('POST /e/ HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{"event"'),
    answer: { ...refused(408, 'client stopped sending data'), headers: { connection: 'close' } },
  },
  firstOf(
    'the query goes before the body',
    { path: '/e/?_=x', body: '' },
    400,
    /^Failed to deserialize query string: /,
  ),
  firstOf(
    'the query goes before the size',
    { path: '/e/?_=x', body: 'x'.repeat(66_000) },
    400,
    /^Failed to deserialize/,
  ),
  firstOf('the size goes before the payload', { path: '/e/', body: 'x'.repeat(66_000) }, 413, /^maximum event size/),
  firstOf(
    'the payload goes before everything in it',
    { path: '/e/', method: 'GET' },
    400,
    'request missing data payload',
  ),
  firstOf(
    'decoding goes before the shape',
    { body: gzipSync('[]').subarray(0, 15), headers: { 'content-encoding': 'gzip' } },
    400,
    'failed to decode request: invalid GZIP data',
  ),
  firstOf(
    'the form goes before the JSON in it',
    { body: 'x=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    400,
    /expected form data/,
  ),
  firstOf(
    'the shape goes before the token',
    { body: json({ properties: 5, token: 'phx_a' }) },
    400,
    /missing event name/,
  ),
  firstOf(
    "an event's shape goes before the token",
    { body: json(anEvent({ token: '', uuid: 'x' })) },
    400,
    /uuid is not/,
  ),
  firstOf('no event goes before no token', { body: '[]' }, 400, 'request holds no event'),
  firstOf('the token goes before the name', { body: json({ event: '', distinct_id: 'a' }) }, 401, /without an api_key/),
  firstOf(
    'several tokens go before a distinct id',
    { body: json([anEvent({ distinct_id: '' }), anEvent({ token: 'phc_other' })]) },
    401,
    /inconsistent/,
  ),
  firstOf(
    'the token goes before the distinct id',
    { body: json(anEvent({ token: ' ', distinct_id: '' })) },
    401,
    'API key is not valid: empty',
  ),
  firstOf(
    'the name goes before the distinct id',
    { body: json(anEvent({ event: '', distinct_id: '' })) },
    400,
    /empty event name/,
  ),
  firstOf(
    'the distinct id goes before the cookieless mode',
    { body: json(anEvent({ distinct_id: '', properties: { $cookieless_mode: 1 } })) },
    400,
    'event submitted without a distinct_id',
  ),
  firstOf(
    'the first invalid event names the refusal of a batch',
    { body: aBatch([anEvent({ distinct_id: '' }), anEvent({ event: '' })]) },
    400,
    'event submitted without a distinct_id (event 0)',
  ),
]
