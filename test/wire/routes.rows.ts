/** Paths, methods and what browsers ask of other origins (capture spec §1, C1). */
import { formType, aBatch, anEvent, json, keptAs, ok, refused, token } from './row.ts'
import type { Row } from './row.ts'

const paths = ['/e', '/i/v0/e', '/capture', '/track', '/engage', '/batch'].flatMap((path) => [path, `${path}/`])
const origin = 'https://shop.example'
const cors = {
  'access-control-allow-origin': origin,
  'access-control-allow-credentials': 'true',
  vary: 'origin, access-control-request-method, access-control-request-headers',
}
const event = anEvent()

export const routes: readonly Row[] = [
  ...paths.flatMap((path): Row[] => [
    {
      section: '§1.2',
      promise: `POST ${path} takes a single event`,
      send: { path, body: json(event) },
      answer: { ...ok, headers: { 'sluice-receipt': /^fsync; n=1; events_plugin_ingestion\/\d+@\d+$/ } },
      kept: [keptAs(event)],
    },
    {
      section: '§1.2',
      promise: `POST ${path} takes a batch`,
      send: { path, body: aBatch([event, anEvent({ event: 'again' })]) },
      answer: { ...ok, headers: { 'sluice-verdicts': 'stored=2' } },
      kept: [keptAs(event), keptAs(anEvent({ event: 'again' }))],
    },
    {
      section: '§1.2',
      promise: `GET ${path} takes an event in its query`,
      send: { method: 'GET', path: `${path}?data=${encodeURIComponent(json(event))}` },
      answer: ok,
      kept: [keptAs(event)],
    },
    {
      section: '§1.4',
      promise: `OPTIONS ${path} is answered at once`,
      send: { method: 'OPTIONS', path, headers: { origin, 'access-control-request-method': 'POST' } },
      answer: { status: 200, text: '', headers: { ...cors, 'access-control-allow-methods': 'GET,POST,OPTIONS' } },
    },
  ]),
  ...['/e/', '/engage', '/batch/'].map((path): Row => ({
    section: '§1.2',
    promise: `POST ${path} takes an array`,
    send: { path, body: json([event, event]) },
    answer: ok,
    kept: [keptAs(event), keptAs(event)],
  })),
  ...['/e/foo', '/batch/x', '/i/v0/e/1', '/capture/a/', '/E/', '/e//', '/track.json', '/%65/'].map((path): Row => ({
    section: '§1.2',
    promise: `nothing is at ${path}`,
    send: { path, body: json(event) },
    answer: { status: 404 },
  })),
  ...['PUT', 'DELETE', 'PATCH'].flatMap((method): Row[] =>
    ['/e/', '/batch'].map((path) => ({
      section: '§1.2',
      promise: `${method} ${path} is told which methods there are`,
      send: { method, path, headers: { origin }, body: json(event) },
      answer: { ...refused(405, 'method not allowed'), headers: { ...cors, allow: 'GET,HEAD,POST,OPTIONS' } },
    })),
  ),
  {
    section: '§1.2',
    promise: 'HEAD is answered as GET, without the text',
    send: { method: 'HEAD', path: '/e/' },
    answer: { status: 400, text: '', type: 'text/plain; charset=utf-8', headers: { 'content-length': '28' } },
  },
  {
    section: '§1.2',
    promise: 'HEAD with data keeps it as GET does',
    send: { method: 'HEAD', path: `/e/?data=${encodeURIComponent(json(event))}` },
    answer: { status: 200, text: '', type: 'application/json' },
    kept: [keptAs(event)],
  },
  ...['/test/black_hole', '/test/black_hole/'].flatMap((path): Row[] => [
    {
      section: '§1.2',
      promise: `POST ${path} takes anything and keeps nothing`,
      send: { path, body: 'what ever' },
      answer: ok,
    },
    { section: '§1.2', promise: `GET ${path} is fine`, send: { method: 'GET', path }, answer: ok },
    {
      section: '§1.2',
      promise: `OPTIONS ${path} is answered as everywhere`,
      send: { method: 'OPTIONS', path, headers: { origin } },
      answer: { status: 200, text: '', headers: cors },
    },
  ]),
  {
    section: '§1.4',
    promise: 'a preflight gets back the headers it names',
    send: {
      method: 'OPTIONS',
      path: '/e/?ip=0',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type, x-posthog-x',
      },
    },
    answer: {
      status: 200,
      text: '',
      headers: {
        ...cors,
        'access-control-allow-headers': 'content-type, x-posthog-x',
        'access-control-max-age': undefined,
        'content-type': undefined,
      },
    },
  },
  {
    section: '§1.4',
    promise: 'a preflight without an origin gets none',
    send: { method: 'OPTIONS', path: '/batch/' },
    answer: {
      status: 200,
      text: '',
      headers: { 'access-control-allow-origin': undefined, 'access-control-allow-headers': undefined },
    },
  },
  {
    section: '§1.4',
    promise: 'a success names the origin, with credentials',
    send: { headers: { origin }, body: json(event) },
    answer: { ...ok, headers: cors },
    kept: [keptAs(event)],
  },
  {
    section: '§1.4',
    promise: 'the origin "null" of a sandboxed page is named too',
    send: { headers: { origin: 'null' }, body: json(event) },
    answer: { ...ok, headers: { ...cors, 'access-control-allow-origin': 'null' } },
    kept: [keptAs(event)],
  },
  {
    section: '§1.4',
    promise: 'a success without an origin names none',
    send: { body: json(event) },
    answer: { ...ok, headers: { 'access-control-allow-origin': undefined, vary: undefined } },
    kept: [keptAs(event)],
  },
  {
    section: '§1.4',
    promise: 'a refusal of the body names the origin as well',
    send: { headers: { origin }, body: '{' },
    answer: { ...refused(400, /^failed to parse request: /), headers: cors },
  },
  {
    section: '§1.4',
    promise: 'a refused token names the origin as well',
    send: { headers: { origin }, body: json(anEvent({ token: 'phc_unknown' })) },
    answer: { ...refused(401, /^API key is not valid: unknown/), headers: cors },
  },
  {
    section: '§1.4',
    promise: 'a body that is too large names the origin as well',
    send: { headers: { origin }, body: 'x'.repeat(70_000) },
    answer: { ...refused(413, /^maximum event size exceeded: /), headers: cors },
  },
  {
    section: '§1.4',
    promise: 'a refused query names the origin as well',
    send: { headers: { origin }, path: '/e/?beacon=x', body: json(event) },
    answer: { ...refused(400, /^Failed to deserialize query string/), headers: cors },
  },
  {
    section: '§1.4',
    promise: 'an answer without content names the origin as well',
    send: { headers: { origin }, path: '/e/?beacon=1', body: json(event) },
    answer: { status: 204, text: '', headers: cors },
    kept: [keptAs(event)],
  },
  {
    section: '§1.5',
    promise: 'X-CAPTURE-DEBUG and X-Request-Id change nothing',
    send: { headers: { 'x-capture-debug': '1', 'x-request-id': 'abc' }, body: json(event) },
    answer: ok,
    kept: [keptAs(event)],
  },
  {
    section: '§1.5',
    promise: 'a body in chunks is put together',
    send: {
      headers: { 'transfer-encoding': 'chunked' },
      body:
        Array.from(json(event))
          .map((letter) => `1\r\n${letter}\r\n`)
          .join('') + '0\r\n\r\n',
    },
    answer: ok,
    kept: [keptAs(event)],
  },
  {
    section: '§1.5',
    promise: 'HTTP/1.0 is understood',
    send: Buffer.from(`POST /e/ HTTP/1.0\r\ncontent-length: ${String(json(event).length)}\r\n\r\n${json(event)}`),
    answer: ok,
    kept: [keptAs(event)],
  },
  {
    section: '§1.5',
    promise: 'what is no HTTP is refused',
    send: Buffer.from('this is not HTTP\r\n\r\n'),
    answer: { status: 400 },
  },
  {
    section: '§1.5',
    promise: 'a request with two lengths is refused',
    send: Buffer.from('POST /e/ HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'),
    answer: { status: 400 },
  },
  {
    section: '§1.5',
    promise: 'a request with a length and chunks is refused',
    send: Buffer.from(
      'POST /e/ HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ),
    answer: { status: 400 },
  },
  {
    section: '§1.5',
    promise: 'a path with headers beyond their bound is refused',
    send: { method: 'GET', path: `/e/?data=${'x'.repeat(20_000)}` },
    answer: { status: 431 },
  },
  {
    section: '§3.4',
    promise: 'the type of the content does not matter: none',
    send: { body: json(event) },
    answer: ok,
    kept: [keptAs(event)],
  },
  ...[
    'application/json',
    'application/json; charset=utf-8',
    'text/plain',
    'text/plain;charset=UTF-8',
    'application/octet-stream',
    'image/png',
    '',
    formType,
    `${formType}; charset=UTF-8`,
    'multipart/form-data; boundary=x',
  ].map((type): Row => ({
    section: '§3.4',
    promise: `the type of the content does not matter: ${type}`,
    send: { headers: { 'content-type': type }, body: json(event) },
    answer: ok,
    kept: [keptAs(event)],
  })),
  {
    section: '§3.2',
    promise: 'no Authorization is needed, and one that is no bearer is passed over',
    send: { headers: { authorization: 'Basic YTpi' }, body: json(event) },
    answer: ok,
    kept: [keptAs(event)],
  },
  {
    section: 'C5',
    promise: 'a token in the header counts when the body has none',
    send: { headers: { authorization: `Bearer ${token}` }, body: json(anEvent({ token: undefined })) },
    answer: ok,
    kept: [keptAs(anEvent({ token: undefined }))],
  },
  ...['POST', 'GET', 'OPTIONS'].flatMap((method): Row[] =>
    ['/e/', '/nothing'].map((path) => ({
      section: 'N1',
      promise: `an expectation that nobody knows is passed over: ${method} ${path}`,
      send: { method, path, headers: { expect: 'the worst' } },
      answer: { status: path === '/nothing' ? 404 : method === 'OPTIONS' ? 200 : 400 },
    })),
  ),
  {
    section: 'N1',
    promise: 'who asks whether to go on is told so, and his event is taken',
    send: { headers: { expect: '100-continue' }, body: json(event) },
    answer: ok,
    kept: [keptAs(event)],
  },
]
