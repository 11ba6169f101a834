/** The v1 wire over real HTTP, with an admission that a test tells what to say. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { IncomingHttpHeaders, OutgoingHttpHeaders, Server } from 'node:http'
import { after, before, beforeEach, describe, it } from 'node:test'
import * as zlib from 'node:zlib'
import { parseUuid } from '../../../event/uuid.ts'
import { Failure } from '../../../kit/failure.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import type { AdmitRequest } from '../capture.ts'
import { createInflationThread } from '../decode/inflation-thread.ts'
import { createBodyReader } from '../decode/read-body.ts'
import type { ReceiptEvent } from '../receipt.ts'
import { createV1Capture } from './v1-capture.ts'

type Admitted = Awaited<ReturnType<AdmitRequest>>
type Asked = Parameters<AdmitRequest>[0]

const path = '/i/v1/analytics/events'
const token = 'phc_known'
const bodyBytesMax = 64 * 1024
const inflatedBytesMax = 256 * 1024

let asked: Asked[] = []
let said: (request: Asked) => Admitted
let server: Server
let port: number

function storedAll({ events }: Asked): Admitted {
  return { kind: 'admitted', answers: 'sdk', outcomes: events.map((event, n) => outcomeOf(n, event.refusal)) }
}

function outcomeOf(index: number, refusal?: string, own: Partial<ReceiptEvent> = {}): ReceiptEvent {
  const verdict = refusal === undefined ? 'stored' : 'refused'
  const at = { lane: 'events_plugin_ingestion', partition: 3, offset: 10 + index }
  return { index, verdict, ...at, uuid: [0, 0, 0, index], refusal, ...own }
}

before(async () => {
  const capture = createV1Capture(
    {
      v1BodyBytesMax: bodyBytesMax,
      v1InflatedBytesMax: inflatedBytesMax,
      eventBytesMax: 200 * 1024,
      keysPerEventMax: 100,
      depthMax: 32,
      eventNameCharsMax: 200,
      keysPerRequestMax: 10_000,
      eventsPerRequestMax: 1000,
    },
    {
      admit: async (request) => {
        asked.push(request)
        return said(request)
      },
      readBody: createBodyReader({ readingBytesMax: 1024 * 1024, bodyStallMsMax: 10_000 }),
      inflateLarge: createInflationThread({ waitMsMax: 60_000 }),
      durability: 'fsync',
      clientIp: () => '10.1.2.3',
      telemetry: silent,
    },
  )
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://door')
    const answer = capture.at(url.pathname)
    if (answer !== undefined) answer(request, response, url.pathname, url.search.slice(1))
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  port = address.port
})

beforeEach(() => {
  asked = []
  said = storedAll
})

after(() => {
  server.closeAllConnections()
  server.close()
})

interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: unknown
}

interface Sent {
  readonly method?: string
  readonly path?: string
  /** Over those that a well-behaved client sends; undefined takes one away. */
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly body?: Buffer | string
}

const sentAt = '2026-03-19T14:30:00.500Z'
const goodHeaders = {
  Authorization: `Bearer ${token}`,
  'PostHog-Sdk-Info': 'posthog-node/5.70.0',
  'PostHog-Attempt': '1',
  'PostHog-Request-Id': '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b',
  'PostHog-Request-Timestamp': sentAt,
  'Content-Type': 'application/json',
  'User-Agent': 'posthog-node/5.70.0',
}

function ask({ method = 'POST', path: to = path, headers = {}, body = goodBody }: Sent = {}): Promise<Answered> {
  const all = Object.entries<string | undefined>({ ...goodHeaders, ...headers }).filter(
    ([, value]) => value !== undefined,
  )
  const sent: OutgoingHttpHeaders = Object.fromEntries(all)
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', path: to, method, headers: sent, agent: false })
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const body: unknown = text === '' ? undefined : JSON.parse(text)
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
      })
    })
    request.end(method === 'POST' ? body : undefined)
  })
}

const ids = [1, 2, 3].map((n) => `a1b2c3d4-e5f6-4a7b-8c9d-00000000000${String(n)}`)
const [first = '', second = '', third = ''] = ids

function anEvent(uuid: string, own: Readonly<Record<string, unknown>> = {}): unknown {
  return { event: 'e', uuid, distinct_id: 'd', timestamp: sentAt, options: {}, properties: { a: 1 }, ...own }
}

function bodyOf(...batch: readonly unknown[]): string {
  return JSON.stringify({ created_at: sentAt, batch })
}

const goodBody = bodyOf(anEvent(first))

async function refusalOf(sent: Sent): Promise<string> {
  const { status, body } = await ask(sent)
  const { error, error_description, error_uri } = body as Readonly<Record<string, unknown>>
  assert.ok(typeof error === 'string' && typeof error_description === 'string' && typeof error_uri === 'string')
  return `${String(status)} ${error}`
}

describe('a v1 request', () => {
  it('is answered with what became of each event, a receipt and a date', async () => {
    const { status, headers, body } = await ask({ body: bodyOf(anEvent(second), anEvent(first)) })
    assert.equal(status, 200)
    assert.equal(
      JSON.stringify(body),
      `{"results":{"${second}":{"result":"ok"},"${first}":{"result":"ok"}}}`,
      'in the order of the batch',
    )
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(headers['sluice-receipt'], 'fsync; n=2; events_plugin_ingestion/3@10..events_plugin_ingestion/3@11')
    assert.equal(headers['sluice-verdicts'], 'stored=2')
    assert.equal(headers['retry-after'], undefined)
    assert.ok(!Number.isNaN(Date.parse(headers.date ?? '')))
  })

  it('tells admission what its headers say', async () => {
    await ask({ path: `${path}/?x=1`, headers: { 'sluice-signature': 't=1,v1=ff' } })
    const [request] = asked
    assert.ok(request !== undefined)
    assert.equal(request.token, token)
    assert.equal(request.ip, '10.1.2.3')
    assert.equal(request.sentAtMs, Date.parse(sentAt))
    assert.deepEqual(request.signed, {
      method: 'POST',
      target: `${path}/?x=1`,
      signature: 't=1,v1=ff',
      sentBody: Buffer.from(goodBody),
    })
    const [event] = request.events
    assert.ok(event !== undefined)
    const stored: unknown = JSON.parse(request.body.toString('utf8', event.start, event.end))
    assert.deepEqual((stored as { readonly properties: unknown }).properties, {
      a: 1,
      $lib: 'posthog-node',
      $lib_version: '5.70.0',
    })
  })

  const refusals: readonly (readonly [what: string, sent: Sent, refusal: string])[] = [
    ['without Authorization', { headers: { Authorization: undefined } }, '401 invalid_api_token'],
    [
      'without Authorization and all else',
      { headers: { Authorization: undefined, 'PostHog-Attempt': undefined, 'Content-Type': undefined } },
      '401 invalid_api_token',
    ],
    ['with another scheme', { headers: { Authorization: 'Basic cGhjOg==' } }, '400 invalid_header_value'],
    ['with a token alone', { headers: { Authorization: token } }, '400 invalid_header_value'],
    ['with an empty token', { headers: { Authorization: 'Bearer' } }, '401 invalid_api_token'],
    ['with a personal key', { headers: { Authorization: 'Bearer phx_key' } }, '401 invalid_api_token'],
    ['with too long a token', { headers: { Authorization: `Bearer ${'x'.repeat(65)}` } }, '401 invalid_api_token'],
    ['without PostHog-Sdk-Info', { headers: { 'PostHog-Sdk-Info': undefined } }, '400 missing_required_headers'],
    ['without PostHog-Attempt', { headers: { 'PostHog-Attempt': undefined } }, '400 missing_required_headers'],
    ['without PostHog-Request-Id', { headers: { 'PostHog-Request-Id': undefined } }, '400 missing_required_headers'],
    [
      'without PostHog-Request-Timestamp',
      { headers: { 'PostHog-Request-Timestamp': undefined } },
      '400 missing_required_headers',
    ],
    ['without Content-Type', { headers: { 'Content-Type': undefined } }, '400 missing_required_headers'],
    ['without User-Agent', { headers: { 'User-Agent': undefined } }, '400 missing_required_headers'],
    ['with attempt 0', { headers: { 'PostHog-Attempt': '0' } }, '400 invalid_header_value'],
    ['with an attempt of letters', { headers: { 'PostHog-Attempt': 'one' } }, '400 invalid_header_value'],
    ['with an attempt of a fraction', { headers: { 'PostHog-Attempt': '1.5' } }, '400 invalid_header_value'],
    ['with a request id that is no UUID', { headers: { 'PostHog-Request-Id': '42' } }, '400 invalid_header_value'],
    [
      'with a timestamp that is no RFC 3339',
      { headers: { 'PostHog-Request-Timestamp': '1774000000000' } },
      '400 invalid_header_value',
    ],
    ['of text', { headers: { 'Content-Type': 'text/plain' } }, '415 unsupported_content_type'],
    ['of a form', { headers: { 'Content-Type': 'multipart/form-data' } }, '415 unsupported_content_type'],
    [
      'of a type that only begins so',
      { headers: { 'Content-Type': 'application/jsonx' } },
      '415 unsupported_content_type',
    ],
    ['in another encoding', { headers: { 'Content-Encoding': 'lz64' } }, '415 unsupported_encoding'],
    ['in two encodings', { headers: { 'Content-Encoding': 'gzip, br' } }, '415 unsupported_encoding'],
    ['without a body', { body: '' }, '400 empty_body'],
    ['that is not in its encoding', { headers: { 'Content-Encoding': 'gzip' } }, '400 request_decoding_error'],
    ['that is not UTF-8', { body: Buffer.from([0x7b, 0xff, 0x7d]) }, '400 request_decoding_error'],
    ['in gzip without saying so', { body: zlib.gzipSync(goodBody) }, '400 request_decoding_error'],
    ['that is cut short', { body: goodBody.slice(0, -5) }, '400 request_parsing_error'],
    ['with an empty batch', { body: bodyOf() }, '400 empty_batch'],
    ['with a body beyond the bound', { body: ' '.repeat(bodyBytesMax + 1) }, '413 payload_too_large'],
    [
      'with a text beyond the bound',
      { headers: { 'Content-Encoding': 'gzip' }, body: zlib.gzipSync(' '.repeat(inflatedBytesMax + 1)) },
      '413 payload_too_large',
    ],
    [
      'that is a bomb',
      { headers: { 'Content-Encoding': 'br' }, body: zlib.brotliCompressSync(Buffer.alloc(20 * 1024 * 1024)) },
      '413 payload_too_large',
    ],
    ['by PUT', { method: 'PUT' }, '405 method_not_allowed'],
    ['by GET', { method: 'GET' }, '405 method_not_allowed'],
  ]
  for (const [what, sent, refusal] of refusals) {
    it(`${what} is refused: ${refusal}`, async () => {
      assert.equal(await refusalOf(sent), refusal)
      assert.equal(asked.length, 0)
    })
  }

  it('lists all headers that are missing', async () => {
    const { body } = await ask({
      headers: { 'PostHog-Sdk-Info': undefined, 'PostHog-Request-Id': undefined, 'User-Agent': undefined },
    })
    const { error_description } = body as { readonly error_description: string }
    assert.match(error_description, /: PostHog-Sdk-Info, PostHog-Request-Id, User-Agent$/)
  })

  const encodings: readonly (readonly [name: string, header: string, body: Buffer])[] = [
    ['gzip', 'gzip', zlib.gzipSync(goodBody)],
    ['GZIP', 'GZIP', zlib.gzipSync(goodBody)],
    ['deflate in zlib', 'deflate', zlib.deflateSync(goodBody)],
    ['bare deflate', 'Deflate', zlib.deflateRawSync(goodBody)],
    ['Brotli', 'br', zlib.brotliCompressSync(goodBody)],
    ['Zstandard', 'zstd', zlib.zstdCompressSync(goodBody)],
    ['no encoding', 'identity', Buffer.from(goodBody)],
  ]
  for (const [name, header, body] of encodings) {
    it(`is read in ${name}`, async () => {
      const headers = { 'Content-Encoding': header, 'Content-Type': 'Application/JSON; charset=utf-8' }
      assert.equal((await ask({ headers, body })).status, 200)
      assert.deepEqual(asked[0]?.signed.sentBody, body)
    })
  }

  it('names its SDK in its events only when it names both SDK and version', async () => {
    for (const [info, lib, version] of [
      ['posthog-go/1.2', 'posthog-go', '1.2'],
      ['@scope/lib/3.0.0', '@scope/lib', '3.0.0'],
      ['nothing', undefined, undefined],
      ['lib/', undefined, undefined],
      ['/1', undefined, undefined],
      [`${'x'.repeat(200)}/1`, undefined, undefined],
    ] as const) {
      asked = []
      await ask({ headers: { 'PostHog-Sdk-Info': info } })
      const text = asked[0]?.body.toString() ?? ''
      const { properties } = JSON.parse(text) as { readonly properties: Readonly<Record<string, unknown>> }
      assert.deepEqual([properties['$lib'], properties['$lib_version']], [lib, version], info)
    }
  })
})

describe('the results of a v1 request', () => {
  const three = bodyOf(anEvent(first), anEvent(second), anEvent(third))
  const answers = (own: readonly Partial<ReceiptEvent>[], kind: 'sdk' | 'strict' = 'sdk') => {
    said = ({ events }) => ({
      kind: 'admitted',
      answers: kind,
      outcomes: events.map((event, n) => outcomeOf(n, event.refusal, own[n] ?? {})),
    })
  }
  const resultsOf = (body: unknown): unknown => Object.values((body as { readonly results: object }).results)

  it('drop what is invalid and take the rest', async () => {
    const { status, body, headers } = await ask({
      body: bodyOf(anEvent(first, { event: '' }), anEvent(second), anEvent(third, { timestamp: 'x' })),
    })
    assert.equal(status, 200)
    assert.deepEqual(resultsOf(body), [
      { result: 'drop', details: 'missing_event_name' },
      { result: 'ok' },
      { result: 'drop', details: 'invalid_event_timestamp' },
    ])
    assert.equal(headers['sluice-verdicts'], 'stored=1, refused=2')
  })

  it('are 200 when all of it is dropped', async () => {
    const { status, body } = await ask({ body: bodyOf(anEvent(first, { properties: [] })) })
    assert.deepEqual([status, resultsOf(body)], [200, [{ result: 'drop', details: 'malformed_event_properties' }]])
  })

  it('call a copy ok', async () => {
    answers([{ verdict: 'duplicate' }])
    assert.deepEqual(resultsOf((await ask()).body), [{ result: 'ok' }])
  })

  it('drop what is over a quota and what a restriction drops, and say so', async () => {
    answers([{ verdict: 'quota_limited', limited: { resource: 'events', retryAfterMs: 5000 } }, { verdict: 'dropped' }])
    const { status, body, headers } = await ask({ body: three })
    assert.equal(status, 200)
    assert.deepEqual(resultsOf(body), [
      { result: 'drop', details: 'billing_limit_exceeded' },
      { result: 'drop', details: 'event_restriction_drop' },
      { result: 'ok' },
    ])
    assert.equal(headers['retry-after'], undefined)
  })

  it('ask for what is over a rate again, once there is room for all of it', async () => {
    const limited = (retryAfterMs: number) =>
      ({ verdict: 'rate_limited', limited: { resource: 'events', retryAfterMs } }) as const
    answers([limited(200), {}, limited(2100)])
    const { status, body, headers } = await ask({ body: three })
    assert.equal(status, 200)
    assert.deepEqual(resultsOf(body), [
      { result: 'retry', details: 'rate_limited' },
      { result: 'ok' },
      { result: 'retry', details: 'rate_limited' },
    ])
    assert.equal(headers['retry-after'], '3')
  })

  it('say which events have no persons', async () => {
    answers([{}, { isPersonless: true }])
    const { body } = await ask({ body: bodyOf(anEvent(first, { distinct_id: 'null' }), anEvent(second)) })
    const details = 'person_processing_disabled'
    assert.deepEqual(resultsOf(body), [
      { result: 'ok', details },
      { result: 'ok', details },
    ])
    assert.equal((asked[0]?.events[0] as { readonly isPersonless?: boolean }).isPersonless, true)
  })

  it('call what admission refuses by itself rejected', async () => {
    answers([{ verdict: 'refused', refusal: 'not for this lane' }])
    assert.deepEqual(resultsOf((await ask()).body), [{ result: 'drop', details: 'rejected' }])
  })

  it('name each event in lower case with hyphens', async () => {
    const { body } = await ask({ body: bodyOf(anEvent(` ${first.toUpperCase()} `)) })
    assert.deepEqual(Object.keys((body as { readonly results: object }).results), [first])
    assert.deepEqual(parseUuid(first), parseUuid(asked[0]?.events[0]?.uuid ?? ''))
  })

  it('are an error for a strict project that meets a limit, as nothing is stored then', async () => {
    answers([{}, { verdict: 'rate_limited', limited: { resource: 'events', retryAfterMs: 1500 } }], 'strict')
    const rate = await ask({ body: three })
    assert.deepEqual([rate.status, rate.headers['retry-after']], [429, '2'])
    assert.equal((rate.body as { readonly error: string }).error, 'rate_limited')
    answers([{ verdict: 'quota_limited', limited: { resource: 'events', retryAfterMs: 60_000 } }], 'strict')
    const quota = await ask()
    assert.deepEqual([quota.status, quota.headers['retry-after']], [429, '60'])
    assert.equal((quota.body as { readonly error: string }).error, 'billing_limit_exceeded')
  })

  const admissions: readonly (readonly [Admitted, string])[] = [
    [{ kind: 'unknown_token' }, '401 invalid_api_token'],
    [{ kind: 'unsigned', reason: 'no signature' }, '401 invalid_signature'],
    [{ kind: 'forbidden', reason: 'not this lane' }, '403 forbidden_token'],
    [{ kind: 'refused_whole', index: 0, reason: 'missing_event_name' }, '400 invalid_batch'],
  ]
  for (const [admission, refusal] of admissions) {
    it(`are an error when admission says ${admission.kind}: ${refusal}`, async () => {
      said = () => admission
      assert.equal(await refusalOf({}), refusal)
    })
  }

  it('are 503 with a time to come back when nothing could be decided, and 500 when something is broken', async () => {
    said = () => {
      throw new Failure('SLUICE_INTAKE_FULL', 'Too much waits.', { retryable: true })
    }
    const full = await ask()
    assert.deepEqual([full.status, full.headers['retry-after']], [503, '1'])
    assert.equal((full.body as { readonly error: string }).error, 'service_unavailable')
    said = () => {
      throw new Error('broken')
    }
    assert.equal(await refusalOf({}), '500 internal_error')
  })
})

describe('browsers', () => {
  const origin = 'https://shop.example.com'

  it('may send from any origin, with credentials and the headers they name', async () => {
    const headers = { Origin: origin, 'Access-Control-Request-Headers': 'authorization,posthog-attempt' }
    const { status, headers: answered } = await ask({ method: 'OPTIONS', headers })
    assert.equal(status, 200)
    assert.equal(answered['access-control-allow-origin'], origin)
    assert.equal(answered['access-control-allow-credentials'], 'true')
    assert.equal(answered['access-control-allow-methods'], 'POST,OPTIONS')
    assert.equal(answered['access-control-allow-headers'], 'authorization,posthog-attempt')
  })

  it('may read what they are answered, errors too', async () => {
    for (const body of [goodBody, '{']) {
      const { headers } = await ask({ headers: { Origin: origin }, body })
      assert.equal(headers['access-control-allow-origin'], origin)
      assert.equal(headers['access-control-allow-credentials'], 'true')
    }
  })

  it('are told which methods there are', async () => {
    assert.equal((await ask({ method: 'GET' })).headers.allow, 'POST,OPTIONS')
  })
})
