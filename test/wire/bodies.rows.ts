/** How bodies may be written: query, forms, base64, gzip, lz-string, and all of them in each other (capture spec §3, §23, C2). */
import { deflateSync, gzipSync } from 'node:zlib'
import lzString from 'lz-string'
import { aBatch, anEvent, formType, json, keptAs, ok, refused, token } from './row.ts'
import type { Row } from './row.ts'

const event = anEvent({ properties: { text: 'é?>~ 中😀', plus: 'a+b c' } })
const text = json(event)
const kept = [keptAs(event)]
const form = { 'content-type': formType }
const base64 = (value: Buffer | string): string => Buffer.from(value).toString('base64')
const inForm = (value: string): string => `data=${encodeURIComponent(value)}`
const padded = (value: string, bytes: number): string => value + ' '.repeat(bytes - Buffer.byteLength(value))
const lz = lzString.compressToBase64

/** A way to write a body; the path does not matter to any of them. */
const ways: readonly (readonly [way: string, send: Omit<Exclude<Row['send'], Buffer>, 'path'>, query?: string])[] = [
  ['gzip without a word about it', { body: gzipSync(text) }],
  ['gzip with Content-Encoding: gzip', { body: gzipSync(text), headers: { 'content-encoding': 'gzip' } }],
  [
    'gzip with compression=gzip-js as text/plain',
    { body: gzipSync(text), headers: { 'content-type': 'text/plain' } },
    'compression=gzip-js',
  ],
  ['gzip with compression=GZIP', { body: gzipSync(text) }, 'compression=GZIP'],
  ['base64 alone', { body: base64(text) }],
  ['base64 with compression=base64', { body: base64(text) }, 'compression=base64'],
  ['base64 in a form', { body: inForm(base64(text)), headers: form }],
  ['base64 in a form whose + is not escaped', { body: `data=${base64(text)}`, headers: form }],
  [
    'base64 in a form with a charset',
    { body: inForm(base64(text)), headers: { 'content-type': `${formType}; charset=UTF-8` } },
  ],
  [
    'base64 in a form that is called JSON',
    { body: inForm(base64(text)), headers: { 'content-type': 'application/json' } },
  ],
  ['plain JSON in a form', { body: inForm(text), headers: form }],
  ['gzip in base64 in a form', { body: inForm(base64(gzipSync(text))), headers: form }],
  ['gzip in base64', { body: base64(gzipSync(text)) }],
  ['base64 in gzip', { body: gzipSync(base64(text)) }],
  ['a form in gzip', { body: gzipSync(inForm(base64(text))), headers: form }],
  ['gzip in gzip', { body: gzipSync(gzipSync(text)) }],
  ['lz-string with compression=lz64', { body: lz(text) }, 'compression=lz64'],
  ['lz-string without a word about it', { body: lz(text) }],
  ['lz-string in a form with its own hint', { body: `compression=lz64&${inForm(lz(text))}`, headers: form }],
  ['base64 in ?data= of a POST', { body: '' }, inForm(base64(text))],
]

const paths = ['/e/', '/i/v0/e/', '/batch/']

export const bodies: readonly Row[] = [
  ...ways.flatMap(([way, send, query = '']): Row[] =>
    paths.map((path) => ({
      section: '§3.5',
      promise: `${path} reads ${way}`,
      send: { ...send, path: query === '' ? path : `${path}?${query}` },
      answer: ok,
      kept,
    })),
  ),
  {
    section: '§3.2',
    promise: '?data= counts before the body',
    send: { path: `/e/?data=${encodeURIComponent(text)}`, body: json(anEvent({ event: 'not this' })) },
    answer: ok,
    kept,
  },
  {
    section: '§3.2',
    promise: 'an empty ?data= leaves the body to count',
    send: { path: '/e/?data=', body: text },
    answer: ok,
    kept,
  },
  {
    section: '§3.2',
    promise: 'no payload is refused, whatever the query says',
    send: { method: 'GET', path: '/e/?compression=gzip&ver=1' },
    answer: refused(400, 'request missing data payload'),
  },
  {
    section: '§3.2',
    promise: 'an empty body is refused',
    send: { path: '/batch/', headers: { 'content-length': '0' } },
    answer: refused(400, 'request missing data payload'),
  },
  {
    section: '§3.2',
    promise: 'lz-string in ?data= is read',
    send: { method: 'GET', path: `/e/?compression=lz64&data=${encodeURIComponent(lz(text))}` },
    answer: ok,
    kept,
  },
  {
    section: '§3.2',
    promise: 'gzip in base64 in ?data= is read',
    send: { method: 'GET', path: `/e/?compression=gzip-js&data=${encodeURIComponent(base64(gzipSync(text)))}` },
    answer: ok,
    kept,
  },
  {
    section: '§3.2',
    promise: 'base64 in ?data= whose + became spaces is read',
    send: { method: 'GET', path: `/track/?ip=1&data=${base64(text)}` },
    answer: ok,
    kept,
  },
  ...['deflate', 'br', 'lz64', 'base64', 'identity', 'gzip-js', 'gzip', 'GZIP', 'nonsense'].map((encoding): Row => ({
    section: '§23',
    promise: `plain JSON survives Content-Encoding: ${encoding}`,
    send: { headers: { 'content-encoding': encoding }, body: text },
    answer: ok,
    kept,
  })),
  ...['gzip', 'gzip-js', 'lz64', 'lz-string', 'base64', 'b64', '', 'zip'].map((compression): Row => ({
    section: '§3.1',
    promise: `plain JSON survives compression=${compression}`,
    send: { path: `/e/?compression=${compression}`, body: text },
    answer: ok,
    kept,
  })),
  {
    section: '§23',
    promise: 'a form survives compression=gzip-js',
    send: { path: '/e/?compression=gzip-js', headers: form, body: inForm(base64(text)) },
    answer: ok,
    kept,
  },
  {
    section: '§23',
    promise: 'gzip survives a hint of lz-string',
    send: { path: '/e/?compression=lz64', body: gzipSync(text) },
    answer: ok,
    kept,
  },
  {
    section: '§3.3',
    promise: 'base64 without its padding is read',
    send: { body: base64(text).replace(/=+$/, '') },
    answer: ok,
    kept,
  },
  {
    section: '§3.3',
    promise: 'base64 for addresses is read',
    send: { body: Buffer.from(text).toString('base64url') },
    answer: ok,
    kept,
  },
  { section: '§3.3', promise: 'base64 with a line end is read', send: { body: `${base64(text)}\n` }, answer: ok, kept },
  {
    section: '§3.3',
    promise: 'base64 of a batch is read',
    send: { path: '/batch', body: base64(aBatch([event])) },
    answer: ok,
    kept,
  },
  {
    section: '§3.3',
    promise: 'a word that could be base64 is refused as the JSON that it is not',
    send: { body: 'abcd' },
    answer: refused(400, /^failed to parse request: /),
  },
  {
    section: '§3.3',
    promise: 'base64 of broken JSON is refused for the JSON',
    send: { body: base64('{"event":') },
    answer: refused(400, /^failed to parse request: .*byte 9/),
  },
  {
    section: '§3.4',
    promise: 'a form without data is refused as the JSON that it is not',
    send: { headers: form, body: 'ip=1&_=123' },
    answer: refused(400, /^failed to parse request: /),
  },
  {
    section: '§3.4',
    promise: 'a form with empty data is refused',
    send: { headers: form, body: 'data=' },
    answer: refused(400, /^failed to parse request: /),
  },
  {
    section: '§3.4',
    promise: 'what is called a form and is none is refused',
    send: { headers: form, body: 'hello, world' },
    answer: refused(400, 'failed to decode request: expected form data in POST request payload'),
  },
  {
    section: '§3.4',
    promise: 'what is called a form with a charset and is none is refused likewise',
    send: { headers: { 'content-type': `${formType};charset=utf-8` }, body: 'hello, world' },
    answer: refused(400, 'failed to decode request: expected form data in POST request payload'),
  },
  {
    section: '§3.4',
    promise: 'a form with data twice is refused',
    send: { headers: form, body: `${inForm(text)}&${inForm(text)}` },
    answer: refused(400, 'failed to decode request: invalid urlencoded form data'),
  },
  {
    section: '§3.4',
    promise: 'data need not be the first field, nor the last',
    send: { headers: form, body: `ip=1&lib_version=1.2&${inForm(base64(text))}&ver=3` },
    answer: ok,
    kept,
  },
  {
    section: '§3.4',
    promise: 'a form whose data is 130 bytes in is found by its first field',
    send: { headers: form, body: `_=${'1'.repeat(130)}&${inForm(base64(text))}` },
    answer: ok,
    kept,
  },
  {
    section: '§3.4',
    promise: 'a + in a form is a space in JSON',
    send: { headers: form, body: `data=${encodeURIComponent(text).replaceAll('%20', '+')}` },
    answer: ok,
    kept,
  },
  {
    section: '§3.4',
    promise: 'a percent sign that begins no escape is itself',
    send: { headers: form, body: `data=${json(anEvent({ event: '100%', properties: { a: '5%zz' } }))}` },
    answer: ok,
    kept: [keptAs(anEvent({ event: '100%', properties: { a: '5%zz' } }))],
  },
  ...[
    ['cut short', gzipSync(text).subarray(0, 12)],
    ['without its end', gzipSync(text).subarray(0, -1)],
    ['of a wrong checksum', Buffer.concat([gzipSync(text).subarray(0, -8), Buffer.alloc(8, 1)])],
    ['followed by other bytes', Buffer.concat([gzipSync(text), Buffer.from('more')])],
    ['of two bytes', Buffer.from([0x1f, 0x8b])],
  ].map(([what, body]): Row => ({
    section: '§3.5',
    promise: `gzip ${String(what)} is refused`,
    send: { headers: { 'content-encoding': 'gzip' }, body: body ?? '' },
    answer: refused(400, 'failed to decode request: invalid GZIP data'),
  })),
  {
    section: '§3.5',
    promise: 'what is called gzip and is deflate is refused as broken gzip',
    send: { headers: { 'content-encoding': 'gzip' }, body: deflateSync(text) },
    answer: refused(400, 'failed to decode request: invalid GZIP data'),
  },
  {
    section: '§3.5',
    promise: 'gzip of what is no UTF-8 is refused',
    send: { body: gzipSync(Buffer.from([0x7b, 0xff, 0x7d])) },
    answer: refused(400, 'failed to decode request: invalid gzip data'),
  },
  {
    section: '§3.5',
    promise: 'what is no UTF-8 is refused',
    send: { body: Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d]) },
    answer: refused(400, 'failed to decode request: invalid UTF8 in request payload'),
  },
  {
    section: '§3.5',
    promise: 'a surrogate in UTF-8 is refused',
    send: { body: Buffer.from('7b22eda080227d', 'hex') },
    answer: refused(400, 'failed to decode request: invalid UTF8 in request payload'),
  },
  {
    section: '§3.5',
    promise: 'what is called lz-string and is nothing of the sort is refused',
    send: { path: '/e/?compression=lz64', body: 'hello, world' },
    answer: refused(400, 'failed to decode request: invalid LZ64 data'),
  },
  {
    section: '§3.5',
    promise: 'lz-string cut short is refused',
    send: { path: '/e/?compression=lz64', body: lz(text).slice(0, 40) },
    answer: refused(400, 'failed to decode request: invalid LZ64 data'),
  },
  {
    section: '§3.5',
    promise: 'lz-string beyond the bound of a text is refused before it is made',
    send: { path: '/e/?compression=lz64', body: lz(json(anEvent({ properties: { a: 'a'.repeat(300_000) } }))) },
    answer: refused(413, /^maximum event size exceeded: /),
  },
  {
    section: '§3.5',
    promise: 'a byte order mark is passed over',
    send: { body: `\ufeff${text}` },
    answer: ok,
    kept,
  },
  {
    section: '§3.5',
    promise: 'a byte order mark in gzip is passed over',
    send: { body: gzipSync(`\ufeff${text}`) },
    answer: ok,
    kept,
  },
  {
    section: '§3.5',
    promise: 'UTF-16 is refused',
    send: { body: Buffer.from(`\ufeff${text}`, 'utf16le') },
    answer: refused(400, 'failed to decode request: invalid UTF8 in request payload'),
  },
  {
    section: '§3.5',
    promise: 'five layers are taken off',
    send: { headers: form, body: inForm(base64(gzipSync(base64(gzipSync(text))))) },
    answer: ok,
    kept,
  },
  {
    section: '§3.5',
    promise: 'seven layers are not',
    send: { body: base64(base64(base64(base64(base64(base64(base64(text))))))) },
    answer: refused(400, /^failed to parse request: /),
  },
  {
    section: '§3.5',
    promise: 'white space around JSON is none of its matter',
    send: { body: `\r\n\t ${text}\n` },
    answer: ok,
    kept: [keptAs(event, { bytes: text })],
  },
  {
    section: '§2',
    promise: 'a body of exactly the cap is taken',
    send: { body: padded(text, 65_536) },
    answer: ok,
    kept: [keptAs(event, { bytes: text })],
  },
  {
    section: '§2',
    promise: 'a body of one byte more is refused',
    send: { body: padded(text, 65_537) },
    answer: refused(413, 'maximum event size exceeded: the request body is larger than 65536 bytes'),
  },
  {
    section: '§2',
    promise: 'a body that says it is far beyond the cap is refused before it comes',
    send: Buffer.from('POST /e/ HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 99999999\r\n\r\n{'),
    answer: refused(413, /the request body is larger than 65536 bytes$/),
  },
  {
    section: '§2',
    promise: 'a body in chunks beyond the cap is refused',
    send: {
      headers: { 'transfer-encoding': 'chunked' },
      body: `10001\r\n${'x'.repeat(65_537)}\r\n0\r\n\r\n`,
    },
    answer: refused(413, /the request body is larger than 65536 bytes$/),
  },
  {
    section: '§2',
    promise: 'gzip of exactly the cap of a text is taken',
    send: { body: gzipSync(padded(text, 262_144)) },
    answer: ok,
    kept: [keptAs(event, { bytes: text })],
  },
  {
    section: '§2',
    promise: 'gzip of one byte more is refused',
    send: { body: gzipSync(padded(text, 262_145)) },
    answer: refused(413, "maximum event size exceeded: the request's text is larger than 262144 bytes"),
  },
  {
    section: '§2',
    promise: 'a bomb of 20 MB in 20 kB is refused',
    send: { body: gzipSync(Buffer.alloc(20_000_000, ' ')) },
    answer: refused(413, /^maximum event size exceeded: /),
  },
  {
    section: '§2',
    promise: 'a bomb in base64 in a form is refused',
    send: { headers: form, body: inForm(base64(gzipSync(Buffer.alloc(20_000_000, ' ')))) },
    answer: refused(413, /^maximum event size exceeded: /),
  },
  {
    section: 'C4',
    promise: 'one event beyond its cap is refused',
    send: { body: json(anEvent({ properties: { a: 'x'.repeat(33_000) } })) },
    answer: refused(413, /^maximum event size exceeded: event of 33\d+ bytes, at most 32768 are accepted$/),
  },
  {
    section: 'C5',
    promise: 'a token in a header counts for a body in base64 too',
    send: { headers: { authorization: `bearer ${token}` }, body: base64(json(anEvent({ token: undefined }))) },
    answer: ok,
    kept: [keptAs(anEvent({ token: undefined }))],
  },
]
