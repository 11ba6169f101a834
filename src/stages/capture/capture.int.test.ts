/** The whole door over real HTTP, with the intake in memory: what clients see (capture spec §1, §3, §10). */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { IncomingHttpHeaders, OutgoingHttpHeaders, Server } from 'node:http'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { Failure } from '../../kit/failure.ts'
import type { Lane } from '../../event/position.ts'
import { silent } from '../../kit/telemetry/telemetry.ts'
import type { Intake, IntakeRequest } from '../../stores/intake/intake.ts'
import { createMemoryIntake } from '../../stores/intake/memory/memory-intake.ts'
import { createCapture } from './capture.ts'
import { createInflationThread } from './decode/inflation-thread.ts'
import { createBodyReader } from './decode/read-body.ts'
import type { AdmitRequest } from './capture.ts'
import type { CaptureConfig } from './capture.config.ts'

const config: CaptureConfig = {
  bodyBytesMax: 64 * 1024,
  inflatedBytesMax: 256 * 1024,
  readingBytesMax: 1024 * 1024,
  bodyStallMsMax: 200,
  eventBytesMax: 32 * 1024,
  keysPerEventMax: 100,
  depthMax: 32,
  eventNameCharsMax: 200,
  keysPerRequestMax: 10_000,
  eventsPerRequestMax: 1000,
  headersTimeoutMs: 10_000,
  bodyTimeoutMs: 10_000,
  connectionsMax: 100,
  recordingBodyBytesMax: 128 * 1024,
  recordingInflatedBytesMax: 512 * 1024,
  recordingDepthMax: 64,
}

let intake: Intake
let submitted: IntakeRequest[] = []
let failure: Error | undefined
let server: Server
let port: number

/** As admission does it, with what this stage can see of it. */
const admit: AdmitRequest = async ({ events, ...request }) => {
  if (failure !== undefined) throw failure
  if (request.token === 'phc_unknown') return { kind: 'unknown_token' }
  const bad = events.find(({ refusal }) => refusal !== undefined)
  if (request.token === 'phc_strict' && bad?.refusal !== undefined) {
    return { kind: 'refused_whole', index: bad.index, reason: bad.refusal }
  }
  const uuid = [1, 2, 3, 4] as const
  const prepared = events.map(({ start, end, distinctId, uuid: text, refusal }) => {
    const duplicateKey = text === undefined ? undefined : ([Number.parseInt(text.slice(-8), 16), 0, 0, 0] as const)
    const lane: Lane = 'events_plugin_ingestion'
    const partitionKey = `${request.token}:${distinctId}`
    return {
      start,
      end,
      distinctId,
      uuid,
      lane,
      partitionKey,
      duplicateKey,
      ...(refusal === undefined ? {} : { refusal }),
    }
  })
  const submission = { ...request, isCanary: false, events: prepared }
  submitted.push(submission)
  const outcomes = await intake.submit(submission)
  return {
    kind: 'admitted',
    answers: 'sdk',
    outcomes: outcomes.map((outcome, at) => {
      const { index = at, refusal } = events[at] ?? {}
      return { ...outcome, index, uuid, refusal }
    }),
  }
}

before(async () => {
  const capture = createCapture(config, {
    admit,
    readBody: createBodyReader(config),
    inflateLarge: createInflationThread({ waitMsMax: 60_000 }),
    durability: 'fsync',
    clientIp: ({ headers }) => String(headers['x-test-address']),
    telemetry: silent,
  })
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

after(() => {
  server.closeAllConnections()
  server.close()
})

interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

interface Sent {
  readonly path?: string
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: unknown
}

function ask({ path = '/batch/', method = 'POST', headers = {}, body }: Sent): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        })
      })
    })
    request.on('error', reject)
    if (body === undefined) request.end()
    else request.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body))
  })
}

let uuids = 0
function anEvent(own: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  uuids++
  const uuid = `0190c4a2-0000-7000-8000-${uuids.toString(16).padStart(12, '0')}`
  return { event: 'e', distinct_id: 'ada', uuid, properties: {}, ...own }
}

function aBatch(...batch: unknown[]): Record<string, unknown> {
  return { api_key: 'phc_a', batch }
}

function reset(): void {
  intake = createMemoryIntake(1)
  submitted = []
  failure = undefined
}

describe('a request that is good', () => {
  it('is answered 200 with {"status":"Ok"} on every path, with and without a slash at the end', async () => {
    reset()
    for (const path of ['/e', '/i/v0/e', '/capture', '/track', '/engage', '/batch'].flatMap((one) => [
      one,
      `${one}/`,
    ])) {
      const { status, headers, text } = await ask({ path, body: aBatch(anEvent()) })
      assert.deepEqual([status, headers['content-type'], text], [200, 'application/json', '{"status":"Ok"}'], path)
    }
    assert.equal(intake.books().stored, 12)
    assert.equal((await ask({ path: '/e/more', body: aBatch(anEvent()) })).status, 404)
  })

  it('says where one event, several, and copies are', async () => {
    reset()
    const [one, two, three] = [anEvent(), anEvent(), anEvent()]
    const first = await ask({ body: aBatch(one) })
    assert.equal(first.headers['sluice-receipt'], 'fsync; n=1; events_plugin_ingestion/0@0')
    assert.equal(first.headers['sluice-verdicts'], 'stored=1')
    const several = await ask({ body: aBatch(one, two, three) })
    assert.equal(
      several.headers['sluice-receipt'],
      'fsync; n=3; events_plugin_ingestion/0@0..events_plugin_ingestion/0@2',
    )
    assert.equal(several.headers['sluice-verdicts'], 'stored=2, duplicate=1')
    const again = await ask({ body: aBatch(one, two, three) })
    assert.equal(again.headers['sluice-receipt'], several.headers['sluice-receipt'])
    assert.equal(again.headers['sluice-verdicts'], 'stored=0, duplicate=3')
  })

  it('lists what became of each event when it asks for receipts', async () => {
    reset()
    const { text } = await ask({ path: '/batch/?receipts=1', body: aBatch(anEvent(), { event: 'e' }, anEvent()) })
    const { status, receipts } = JSON.parse(text) as { status: string; receipts: Record<string, unknown>[] }
    assert.equal(status, 'Ok')
    assert.deepEqual(
      receipts.map(({ index, verdict, position, reason }) => [index, verdict, position, reason]),
      [
        [0, 'stored', 'events_plugin_ingestion/0@0', undefined],
        [1, 'refused', 'events_plugin_ingestion_dlq/0@0', 'event submitted without a distinct_id'],
        [2, 'stored', 'events_plugin_ingestion/0@1', undefined],
      ],
    )
  })

  it('is answered 204 without a body when it is a beacon, with a receipt all the same', async () => {
    reset()
    const { status, text, headers } = await ask({ path: '/e/?beacon=1', body: anEvent({ api_key: 'phc_a' }) })
    assert.deepEqual([status, text], [204, ''])
    assert.equal(headers['sluice-verdicts'], 'stored=1')
  })

  it('is read when it is gzip, whether or not anything says so', async () => {
    reset()
    for (const sent of [
      { path: '/e/?compression=gzip-js' },
      { headers: { 'content-encoding': 'gzip' } },
      { path: '/e/' },
      { headers: { 'content-type': 'text/plain' } },
    ]) {
      const { status } = await ask({ ...sent, body: gzipSync(JSON.stringify(aBatch(anEvent()))) })
      assert.equal(status, 200)
    }
    assert.equal(intake.books().stored, 4)
  })

  it('takes its token from the header when the body has none', async () => {
    reset()
    const { status } = await ask({ path: '/e/', headers: { authorization: 'Bearer phc_header' }, body: anEvent() })
    assert.equal(status, 200)
    await ask({ headers: { authorization: 'Bearer phc_header' }, body: aBatch(anEvent()) })
    assert.deepEqual(
      submitted.map(({ token }) => token),
      ['phc_header', 'phc_a'],
    )
  })

  it('hands on when it was sent: what the body says goes before the query', async () => {
    reset()
    const sentAt = Date.UTC(2026, 2, 10)
    await ask({ path: `/e/?_=${String(sentAt)}`, body: anEvent({ api_key: 'phc_a' }) })
    await ask({
      path: `/batch/?_=${String(sentAt)}`,
      body: { ...aBatch(anEvent()), sent_at: new Date(sentAt + 5).toISOString() },
    })
    assert.deepEqual(
      submitted.map(({ sentAtMs }) => sentAtMs),
      [sentAt, sentAt + 5],
    )
  })

  it('has the address that is told of its client', async () => {
    reset()
    await ask({ headers: { 'x-test-address': '198.51.100.7' }, body: aBatch(anEvent()) })
    assert.deepEqual(
      submitted.map(({ ip }) => ip),
      ['198.51.100.7'],
    )
  })

  it('stores nothing and is answered 200 when nothing is left of it', async () => {
    reset()
    const body = aBatch(anEvent({ event: '$performance_event' }))
    const { status, text, headers } = await ask({ body })
    assert.deepEqual([status, text, headers['sluice-receipt']], [200, '{"status":"Ok"}', undefined])
    assert.equal(submitted.length, 0)
  })
})

describe('a request that is refused', () => {
  const cases: readonly (readonly [string, Sent, number, string | RegExp])[] = [
    ['a query of wrong types', { path: '/e/?_=x', body: '{}' }, 400, /^Failed to deserialize query string: /],
    ['no payload', { body: '' }, 400, 'request missing data payload'],
    ['no payload with GET', { method: 'GET' }, 400, 'request missing data payload'],
    ['bytes that are no UTF-8', { body: Buffer.from([0xff, 0xfe]) }, 400, /^failed to decode request: /],
    ['broken gzip', { body: Buffer.from([0x1f, 0x8b, 8, 0, 1]) }, 400, /^failed to decode request: /],
    ['no JSON', { body: '{"event":' }, 400, /^failed to parse request: /],
    ['no known shape', { body: '"text"' }, 400, /^failed to parse request: /],
    [
      'an event without a name',
      { path: '/e/', body: { api_key: 'phc_a', distinct_id: 'a' } },
      400,
      'failed to hydrate events from request: non-engage request missing event name attribute',
    ],
    ['an empty batch', { body: aBatch() }, 400, 'request holds no event'],
    ['an empty array', { body: [] }, 400, 'request holds no event'],
    [
      'an empty name',
      { path: '/e/', body: { api_key: 'phc_a', event: '', distinct_id: 'a' } },
      400,
      'event submitted with an empty event name',
    ],
    [
      'no distinct id',
      { path: '/e/', body: { api_key: 'phc_a', event: 'e' } },
      400,
      'event submitted without a distinct_id',
    ],
    ['no token', { path: '/e/', body: { event: 'e', distinct_id: 'a' } }, 401, 'event submitted without an api_key'],
    [
      'several tokens',
      { body: [anEvent({ api_key: 'phc_a' }), anEvent({ api_key: 'phc_b' })] },
      401,
      'batch submitted with inconsistent api_key values',
    ],
    [
      'a personal key',
      { body: { api_key: 'phx_secret', batch: [anEvent()] } },
      401,
      'API key is not valid: personal_api_key',
    ],
    ['an empty token', { body: { api_key: ' ', batch: [anEvent()] } }, 401, 'API key is not valid: empty'],
    [
      'a token nobody has',
      { body: { api_key: 'phc_unknown', batch: [anEvent()] } },
      401,
      /^API key is not valid: unknown: .*phc_/,
    ],
    [
      'a strict project with one bad event',
      { body: { api_key: 'phc_strict', batch: [anEvent(), { event: 'e' }] } },
      400,
      'event submitted without a distinct_id (event 1)',
    ],
    [
      'an event that is too large',
      { path: '/e/', body: anEvent({ api_key: 'phc_a', properties: { text: 'x'.repeat(40_000) } }) },
      413,
      /^maximum event size exceeded: /,
    ],
    [
      'a body that grows too large',
      { body: gzipSync(Buffer.alloc(300 * 1024, 0x20)) },
      413,
      /^maximum event size exceeded: /,
    ],
  ]
  for (const [what, sent, wantedStatus, wantedText] of cases) {
    it(`gets ${String(wantedStatus)} as plain text for ${what}`, async () => {
      reset()
      const { status, text, headers } = await ask(sent)
      assert.equal(status, wantedStatus, text)
      if (typeof wantedText === 'string') assert.equal(text, wantedText)
      else assert.match(text, wantedText)
      assert.equal(headers['content-type'], 'text/plain; charset=utf-8')
      assert.equal(submitted.length, 0)
    })
  }

  it('gets 503 with Retry-After when a store is away, 413 when it takes no event so large, and 500 without details when something broke', async () => {
    reset()
    failure = new Failure('SLUICE_INTAKE_FULL', 'Too much waits.', { retryable: true })
    const away = await ask({ body: aBatch(anEvent()) })
    assert.deepEqual([away.status, away.headers['retry-after']], [503, '2'])
    assert.match(away.text, /^transient error, please retry/)
    failure = new Failure('SLUICE_RECORD_TOO_LARGE', 'A message is larger than it may be.')
    const large = await ask({ body: aBatch(anEvent()) })
    assert.deepEqual([large.status, large.headers['retry-after']], [413, undefined])
    assert.match(large.text, /^maximum event size exceeded/)
    failure = new Error('a secret of the inside')
    const broken = await ask({ body: aBatch(anEvent()) })
    assert.deepEqual(
      [broken.status, broken.headers['retry-after'], broken.text],
      [500, undefined, 'internal server error'],
    )
  })

  it('gets 405 with what is allowed for any other method', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      const { status, headers, text } = await ask({ method, body: 'x' })
      assert.deepEqual([status, headers.allow, text], [405, 'GET,HEAD,POST,OPTIONS', 'method not allowed'])
    }
  })

  it('gets for HEAD what GET gets, without the text', async () => {
    const { status, text } = await ask({ method: 'HEAD' })
    assert.deepEqual([status, text], [400, ''])
  })
})

describe('a body beyond the cap', () => {
  const large = Buffer.alloc(config.bodyBytesMax * 2 - 1000, 0x20)

  it('is answered 413, not with a reset, when its length is announced', async () => {
    const { status, text } = await ask({ body: large })
    assert.equal(status, 413)
    assert.match(text, /^maximum event size exceeded: .* 65536 bytes/)
  })

  it('is answered 413, not with a reset, when it comes in chunks', async () => {
    const { status } = await ask({ headers: { 'transfer-encoding': 'chunked' }, body: large })
    assert.equal(status, 413)
  })

  it('is answered 413 before it is sent when the client announces far more', async () => {
    const headers = { 'content-length': 50_000_000, expect: '100-continue' }
    const request = httpRequest({ port, host: '127.0.0.1', path: '/e/', method: 'POST', headers, agent: false })
    request.flushHeaders()
    const [response] = (await once(request, 'response')) as [{ statusCode: number; resume(): void }]
    assert.equal(response.statusCode, 413)
    response.resume()
    request.on('error', () => undefined)
    request.destroy()
  })

  it('without an end is answered 413, and the connection is cut off soon after', async () => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    socket.write('POST /e/ HTTP/1.1\r\nHost: door\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`
    const pouring = setInterval(() => socket.write(chunk), 1)
    // Not `once`: being cut off while pouring is an error of the socket, and that is as it should be.
    await new Promise((resolve) => {
      socket.on('close', resolve)
    })
    clearInterval(pouring)
    assert.match(text, /^HTTP\/1\.1 413 /)
  })
})

describe('cross-origin requests', () => {
  const vary = 'origin, access-control-request-method, access-control-request-headers'

  it('are permitted to anybody, with credentials and any header', async () => {
    const { status, headers, text } = await ask({
      method: 'OPTIONS',
      headers: { origin: 'https://shop.example', 'access-control-request-headers': 'content-type,x-own' },
    })
    assert.deepEqual([status, text], [200, ''])
    assert.equal(headers['access-control-allow-origin'], 'https://shop.example')
    assert.equal(headers['access-control-allow-credentials'], 'true')
    assert.equal(headers['access-control-allow-methods'], 'GET,POST,OPTIONS')
    assert.equal(headers['access-control-allow-headers'], 'content-type,x-own')
    assert.equal(headers.vary, vary)
  })

  it('read their answer, a refusal too', async () => {
    reset()
    for (const body of [aBatch(anEvent()), '{']) {
      const { headers } = await ask({ headers: { origin: 'null' }, body })
      assert.deepEqual(
        [headers['access-control-allow-origin'], headers['access-control-allow-credentials'], headers.vary],
        ['null', 'true', vary],
      )
    }
  })

  it('are not spoken of when the request has no origin', async () => {
    reset()
    const { headers } = await ask({ body: aBatch(anEvent()) })
    assert.equal(headers['access-control-allow-origin'], undefined)
  })
})

describe('a client that goes away in the middle of its body', () => {
  it('leaves nothing behind, and the next one is served', async () => {
    reset()
    const socket = connect(port, '127.0.0.1')
    socket.write('POST /e/ HTTP/1.1\r\nHost: door\r\nContent-Length: 1000\r\n\r\n{"event"')
    await once(socket, 'connect')
    socket.destroy()
    await once(socket, 'close')
    assert.equal((await ask({ body: aBatch(anEvent()) })).status, 200)
    assert.equal(submitted.length, 1)
  })
})

describe('bodies that come slowly', () => {
  const slowBody = (bytes: number) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    const closed = new Promise<void>((resolve) => {
      socket.on('close', () => {
        resolve()
      })
    })
    socket.write(`POST /e/ HTTP/1.1\r\nHost: door\r\nContent-Length: ${String(64 * 1024)}\r\n\r\n${' '.repeat(bytes)}`)
    return { socket, closed, text: () => text }
  }

  it('are answered 408 when nothing comes any more, and the connection ends', async () => {
    reset()
    const slow = slowBody(10)
    await slow.closed
    assert.match(slow.text(), /^HTTP\/1\.1 408 [^]*connection: close[^]*\r\n\r\nclient stopped sending data$/)
  })

  it('are read to their end as long as something comes', async () => {
    reset()
    const body = JSON.stringify(aBatch(anEvent()))
    const socket = connect(port, '127.0.0.1')
    const answered = new Promise<string>((resolve) => {
      socket.once('data', (chunk: Buffer) => {
        resolve(chunk.toString())
      })
    })
    socket.write(`POST /e/ HTTP/1.1\r\nHost: door\r\nContent-Length: ${String(body.length)}\r\n\r\n`)
    const letters = Array.from(body)
    const dripping = setInterval(() => {
      const letter = letters.shift()
      if (letter !== undefined) socket.write(letter)
    }, config.bodyStallMsMax / 40)
    assert.match(await answered, /^HTTP\/1\.1 200 /)
    clearInterval(dripping)
    socket.destroy()
  })

  it('take no more memory together than is permitted: one more is answered 503, and room is there again afterwards', async () => {
    reset()
    const count = config.readingBytesMax / (32 * 1024)
    const slow = Array.from({ length: count + 1 }, () => slowBody(32 * 1024))
    const refused = await Promise.race(
      slow.map(async ({ socket, text }) => {
        await once(socket, 'data')
        return text()
      }),
    )
    assert.match(refused, /^HTTP\/1\.1 503 [^]*retry-after: 2[^]*transient error, please retry: too much is being sent/)
    for (const { socket, closed } of slow) {
      socket.destroy()
      await closed
    }
    let again = await ask({ body: aBatch(anEvent()) })
    for (; again.status === 503; again = await ask({ body: aBatch(anEvent()) })) await sleep(5)
    assert.equal(again.status, 200)
  })
})
