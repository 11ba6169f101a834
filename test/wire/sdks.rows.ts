/** What the SDKs really send (capture spec §17). */
import { gzipSync } from 'node:zlib'
import { formType, json, keptAs, ok, token } from './row.ts'
import type { Row } from './row.ts'

const origin = 'https://shop.example'
const browserHeaders = { origin, referer: `${origin}/`, 'user-agent': 'Mozilla/5.0', cookie: 'a=b' }
const uuid = (number: number): string => `0190c4a2-0000-7000-9000-${number.toString(16).padStart(12, '0')}`
const browserEvent = (number: number): Readonly<Record<string, unknown>> => ({
  uuid: uuid(number),
  event: '$autocapture',
  properties: { token, distinct_id: 'browser-1', $lib: 'web', $session_id: uuid(4095), $insert_id: 'abc' },
  timestamp: '2026-03-10T12:00:00.123Z',
})
const keptBrowser = (number: number) => keptAs(browserEvent(number), { distinctId: 'browser-1', uuid: uuid(number) })
const nodeEvent = (number: number, own: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({
  distinct_id: 'node-1',
  event: 'ordered',
  properties: { $lib: 'posthog-node', $lib_version: '5.0.0', $geoip_disable: true },
  timestamp: '2026-03-10T12:00:00.123Z',
  uuid: uuid(number),
  ...own,
})
const keptNode = (number: number, own: Readonly<Record<string, unknown>> = {}) =>
  keptAs(nodeEvent(number, own), { distinctId: 'node-1', uuid: uuid(number) })
const base64 = (value: string): string => Buffer.from(value).toString('base64')
const batch = (events: readonly unknown[], own: Readonly<Record<string, unknown>> = {}): string =>
  json({ api_key: token, batch: events, ...own })
const cors = { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' }

export const sdks: readonly Row[] = [
  {
    section: '§17',
    promise: 'posthog-js sends an array in gzip as text/plain to /e/',
    send: {
      path: '/e/?ip=0&_=1770000000000&ver=1.275.1&compression=gzip-js',
      headers: { ...browserHeaders, 'content-type': 'text/plain' },
      body: gzipSync(json([browserEvent(1), browserEvent(2)])),
    },
    answer: { ...ok, headers: cors },
    kept: [keptBrowser(1), keptBrowser(2)],
  },
  {
    section: '§17',
    promise: 'posthog-js sends a single event in gzip to /i/v0/e/',
    send: {
      path: '/i/v0/e/?ip=1&_=1770000000000&ver=1.275.1&compression=gzip-js',
      headers: { ...browserHeaders, 'content-type': 'text/plain' },
      body: gzipSync(json(browserEvent(3))),
    },
    answer: { ...ok, headers: cors },
    kept: [{ ...keptBrowser(3), headers: { sent_at: '1770000000000' } }],
  },
  {
    section: '§17',
    promise: 'posthog-js sends base64 in a form',
    send: {
      path: '/e/?compression=base64&ip=1&_=1770000000000&ver=1.0.0',
      headers: { ...browserHeaders, 'content-type': formType },
      body: `data=${encodeURIComponent(base64(json(browserEvent(4))))}`,
    },
    answer: { ...ok, headers: cors },
    kept: [keptBrowser(4)],
  },
  {
    section: '§17',
    promise: 'posthog-js sends base64 in a form to /i/v0/e/ too',
    send: {
      path: '/i/v0/e/?compression=base64&ip=1&_=1770000000000&ver=1.0.0',
      headers: { ...browserHeaders, 'content-type': formType },
      body: `data=${encodeURIComponent(base64(json(browserEvent(5))))}`,
    },
    answer: ok,
    kept: [keptBrowser(5)],
  },
  {
    section: '§17',
    promise: 'posthog-js sends JSON when compression is switched off',
    send: {
      path: '/e/?ip=1&_=1770000000000&ver=1.0.0',
      headers: { ...browserHeaders, 'content-type': 'application/json' },
      body: json(browserEvent(6)),
    },
    answer: ok,
    kept: [keptBrowser(6)],
  },
  {
    section: '§17',
    promise: 'posthog-js sends its last words as a beacon of gzip without a type',
    send: {
      path: '/e/?compression=gzip-js&ip=1&_=1770000000000&ver=1.0.0&beacon=1',
      headers: browserHeaders,
      body: gzipSync(json([browserEvent(7)])),
    },
    answer: { status: 204, text: '', headers: { ...cors, 'content-type': undefined, 'content-length': undefined } },
    kept: [keptBrowser(7)],
  },
  {
    section: '§17',
    promise: 'posthog-js sends its last words as a beacon of a form',
    send: {
      path: '/e/?beacon=1&compression=base64',
      headers: { ...browserHeaders, 'content-type': `${formType};charset=UTF-8` },
      body: `data=${encodeURIComponent(base64(json(browserEvent(8))))}`,
    },
    answer: { status: 204, text: '' },
    kept: [keptBrowser(8)],
  },
  {
    section: '§17',
    promise: 'posthog-js sends offset in place of a timestamp',
    send: { path: '/e/', body: json({ ...browserEvent(9), timestamp: undefined, offset: 3000 }) },
    answer: ok,
    kept: [
      keptAs({ ...browserEvent(9), timestamp: undefined, offset: 3000 }, { distinctId: 'browser-1', uuid: uuid(9) }),
    ],
  },
  {
    section: '§17',
    promise: 'posthog-js sends again with retry_count, and the copy is known',
    first: { path: '/e/?ip=0', body: json([browserEvent(10)]) },
    send: { path: '/e/?ip=0&retry_count=1', body: json([browserEvent(10)]) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=0, duplicate=1' } },
  },
  {
    section: '§17',
    promise: 'posthog-node sends a batch of JSON',
    send: {
      path: '/batch/',
      headers: { 'content-type': 'application/json', 'user-agent': 'posthog-node/5.0.0' },
      body: batch([nodeEvent(11), nodeEvent(12)], { sent_at: '2026-03-10T12:00:01.000Z' }),
    },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=2' } },
    kept: [keptNode(11), keptNode(12)],
  },
  {
    section: '§17',
    promise: 'posthog-node sends a batch in gzip with Content-Encoding',
    send: {
      path: '/batch/',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: gzipSync(batch([nodeEvent(13)], { sent_at: '2026-03-10T12:00:01.000Z' })),
    },
    answer: ok,
    kept: [keptNode(13)],
  },
  {
    section: '§17',
    promise: 'older posthog-node sends type, library and library_version',
    send: {
      path: '/batch/',
      body: batch([nodeEvent(14, { type: 'capture', library: 'posthog-node', library_version: '2.0.0' })]),
    },
    answer: ok,
    kept: [keptNode(14, { type: 'capture', library: 'posthog-node', library_version: '2.0.0' })],
  },
  {
    section: '§17',
    promise: 'posthog-node says that it is no migration',
    send: { path: '/batch/', body: batch([nodeEvent(15)], { historical_migration: false }) },
    answer: ok,
    kept: [keptNode(15)],
  },
  {
    section: '§17',
    promise: 'posthog-python sends sentAt and gzip',
    send: {
      path: '/batch/',
      headers: {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'user-agent': 'posthog-python/6.0.0',
      },
      body: gzipSync(
        batch([nodeEvent(16, { messageId: 'm' })], { sentAt: '2026-03-10T12:00:01+00:00', historical_migration: null }),
      ),
    },
    answer: { ...ok, headers: { 'content-type': 'application/json' } },
    kept: [keptNode(16, { messageId: 'm' })],
  },
  {
    section: '§17',
    promise: 'a mobile SDK sends gzip to /batch without a slash',
    send: {
      path: '/batch',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'content-encoding': 'gzip',
        'user-agent': 'posthog-ios/3.0.0',
      },
      body: gzipSync(batch([nodeEvent(17)], { sent_at: '2026-03-10T12:00:01Z' })),
    },
    answer: ok,
    kept: [keptNode(17)],
  },
  {
    section: '§17',
    promise: 'a script of Mixpanel sends a form to /track/',
    send: {
      path: '/track/',
      headers: { 'content-type': formType },
      body: `data=${base64(json({ event: 'signed up', properties: { token, distinct_id: 'mix-1' } }))}`,
    },
    answer: ok,
    kept: [keptAs({ event: 'signed up', properties: { token, distinct_id: 'mix-1' } }, { distinctId: 'mix-1' })],
  },
  {
    section: '§17',
    promise: 'a script of Mixpanel asks for a picture of /track/ with its event in the query',
    send: {
      method: 'GET',
      path: `/track/?ip=1&data=${encodeURIComponent(base64(json({ event: 'seen', properties: { token, distinct_id: 'mix-2' } })))}`,
    },
    answer: ok,
    kept: [keptAs({ event: 'seen', properties: { token, distinct_id: 'mix-2' } }, { distinctId: 'mix-2' })],
  },
  {
    section: '§17',
    promise: 'a script of Mixpanel sends a profile to /engage/',
    send: {
      path: '/engage/',
      headers: { 'content-type': formType },
      body: `data=${base64(json({ $token: token, $distinct_id: 'mix-3', $set: { plan: 'free' } }))}`,
    },
    answer: ok,
    kept: [keptAs({ $token: token, $distinct_id: 'mix-3', $set: { plan: 'free' } }, { distinctId: 'mix-3' })],
  },
  {
    section: '§17',
    promise: 'curl -d sends JSON that it calls a form',
    send: {
      path: '/capture/',
      headers: { 'content-type': formType, 'user-agent': 'curl/8.0', accept: '*/*' },
      body: json({ api_key: token, event: 'from a shell', distinct_id: 'curl-1' }),
    },
    answer: ok,
    kept: [keptAs({ api_key: token, event: 'from a shell', distinct_id: 'curl-1' }, { distinctId: 'curl-1' })],
  },
]
