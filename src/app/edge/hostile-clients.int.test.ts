/** What clients send that mean no good, or are broken: byte by byte over real sockets. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { OutgoingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { silent } from '../../kit/telemetry/telemetry.ts'
import { until } from '../../kit/until.fixtures.ts'
import type { Capture } from '../../stages/capture/capture.ts'
import { createBodyReader } from '../../stages/capture/decode/read-body.ts'
import { configFrom } from '../config.ts'
import { openEdgeFront } from './edge-front.ts'
import type { EdgeFront } from './edge-front.ts'
import { answerJson } from './own-answers.ts'

/** 127.0.0.1 is a trusted proxy by default, and has no budget; here it is anybody. */
const anybody = { SLUICE_PORT: '0', SLUICE_EDGE_TRUSTED_PROXIES: 'none' }
const event = 'POST /e HTTP/1.1\r\nHost: a\r\n'

interface Front {
  readonly front: EdgeFront
  /** Opens a connection that keeps what it hears. */
  readonly open: (localAddress?: string) => Heard
  /** An ordinary request by an ordinary client. */
  readonly ask: (headers?: OutgoingHttpHeaders, localAddress?: string) => Promise<number>
}

interface Heard {
  readonly socket: Socket
  text(): string
  /** Statuses in the order of the answers. */
  statuses(): readonly number[]
  readonly closed: Promise<unknown>
}

async function aFront(test: TestContext, environment: Readonly<Record<string, string>> = {}): Promise<Front> {
  const read = configFrom({ environment: { ...anybody, ...environment }, file: undefined, workingFolder: '/' })
  if (read.kind === 'problems') return assert.fail(read.problems.join('\n'))
  const stopping = new AbortController()
  const front = await openEdgeFront({
    config: read.config,
    buildCapture: ({ capture }) => aCapture(capture),
    own: {},
    cores: [{ socketPath: '/nowhere' }],
    stopping: stopping.signal,
    telemetry: silent,
  })
  const opened: Heard[] = []
  const open = (localAddress = '127.0.0.1'): Heard => {
    const socket = connect({ port: front.port, host: '127.0.0.1', localAddress })
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
    // Being reset is what many of these clients earn.
    socket.on('error', () => undefined)
    const heard: Heard = {
      socket,
      text: () => text,
      statuses: () => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status)),
      closed: new Promise((resolve) => socket.once('close', resolve)),
    }
    opened.push(heard)
    return heard
  }
  const ask: Front['ask'] = async (headers = {}, localAddress = '127.0.0.1') => {
    const request = httpRequest({
      port: front.port,
      host: '127.0.0.1',
      localAddress,
      path: '/e',
      method: 'POST',
      headers,
    })
    request.end('{}')
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream & { readonly statusCode: number }]
    response.resume()
    return response.statusCode
  }
  test.after(async () => {
    for (const { socket } of opened) socket.destroy()
    stopping.abort()
    await front.close(0)
  })
  return { front, open, ask }
}

/** Reads the body as the real ones do, and answers. */
function aCapture(settings: Parameters<typeof createBodyReader>[0] & { readonly bodyBytesMax: number }): Capture {
  const readBody = createBodyReader(settings)
  return {
    at: () => (request, response) => {
      void readBody(request, settings.bodyBytesMax).then((read) => {
        if (!request.complete) response.shouldKeepAlive = false
        answerJson(response, read.kind === 'body' ? 200 : read.status, {})
      })
    },
  }
}

const smallBodies = { SLUICE_CAPTURE_BODY_BYTES_MAX: '65536', SLUICE_CAPTURE_RECORDING_BODY_BYTES_MAX: '65536' }
const fewRequests = { SLUICE_EDGE_REQUESTS_PER_SECOND_PER_SOURCE_MAX: '5' }
const slow = { SLUICE_CAPTURE_HEADERS_TIMEOUT_MS: '300', SLUICE_CAPTURE_BODY_TIMEOUT_MS: '700' }

describe('a client that is slow on purpose', () => {
  it('is answered 408 when its headers take too long, however diligently it goes on', async (test) => {
    const { open } = await aFront(test, slow)
    const client = open()
    client.socket.write(event)
    const drip = setInterval(() => client.socket.write('x-more: of it\r\n'), 50)
    await client.closed
    clearInterval(drip)
    assert.deepEqual(client.statuses(), [408])
  })

  it('is answered 408 on each of its connections, however many are too late together', async (test) => {
    const { open } = await aFront(test, slow)
    const clients = Array.from({ length: 60 }, () => open())
    for (const { socket } of clients) socket.write(event)
    await Promise.all(clients.map(({ closed }) => closed))
    for (const client of clients) assert.deepEqual(client.statuses(), [408])
  })

  it('is let go when it says nothing at all, and owes nothing for it', async (test) => {
    const { open, ask } = await aFront(test, { ...slow, ...fewRequests })
    const client = open()
    await client.closed
    assert.deepEqual(client.statuses(), [408])
    assert.equal(await ask(), 200)
  })

  it('pays for what it began as for a request that nobody can accept', async (test) => {
    const { open, ask } = await aFront(test, { ...slow, ...fewRequests })
    const client = open()
    client.socket.write(event)
    await client.closed
    assert.deepEqual(client.statuses(), [408])
    assert.equal(await ask(), 429)
    assert.equal(await ask({}, '127.0.0.2'), 200)
  })

  it('is answered 408 when it stops within a body', async (test) => {
    const { open } = await aFront(test, { SLUICE_CAPTURE_BODY_STALL_MS_MAX: '100' })
    const client = open()
    client.socket.write(`${event}Content-Length: 100\r\n\r\n{`)
    await until('the answer is there', () => client.statuses().length > 0)
    assert.deepEqual(client.statuses(), [408])
  })

  it('is cut off when its body drips for too long', async (test) => {
    const { open } = await aFront(test, slow)
    const client = open()
    client.socket.write(`${event}Content-Length: 100000\r\n\r\n`)
    const drip = setInterval(() => client.socket.write('x'), 20)
    await client.closed
    clearInterval(drip)
    assert.notDeepEqual(client.statuses(), [200])
  })

  it('is cut off when its body has no end', async (test) => {
    const { open, ask } = await aFront(test, {
      ...smallBodies,
      SLUICE_CAPTURE_READING_BYTES_MAX: '1 MiB',
    })
    const client = open()
    client.socket.write(`${event}Transfer-Encoding: chunked\r\n\r\n`)
    const chunk = `1000\r\n${'x'.repeat(4096)}\r\n`
    const flood = setInterval(() => client.socket.write(chunk.repeat(16)), 1)
    await client.closed
    clearInterval(flood)
    assert.deepEqual(client.statuses(), [413])
    assert.equal(await ask(), 200)
  })

  it('leaves memory for the bodies of others', async (test) => {
    const { open, ask } = await aFront(test, {
      ...smallBodies,
      SLUICE_CAPTURE_READING_BYTES_MAX: '131072',
    })
    const clients = Array.from({ length: 20 }, () => open())
    for (const { socket } of clients) socket.write(`${event}Content-Length: 60000\r\n\r\n${'x'.repeat(59_000)}`)
    await until('some were refused', () => clients.some((client) => client.statuses().includes(503)))
    assert.equal(await ask(), 200)
  })
})

describe('a request of two meanings', () => {
  for (const [what, head] of [
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 6\r\n'],
    ['a length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'],
    ['chunks and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n'],
    ['an encoding that ends in no chunks', 'Transfer-Encoding: chunked, identity\r\n'],
    ['an encoding in disguise', 'Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n'],
    ['a space before the colon', 'Content-Length : 5\r\n'],
    ['a length with a sign', 'Content-Length: +5\r\n'],
    ['a length that is no number', 'Content-Length: 5, 5\r\n'],
    ['a header that goes on in the next line', 'x-a: b\r\n Content-Length: 5\r\n'],
    ['a bare line feed', 'x-a: b\nContent-Length: 5\r\n'],
    ['a NUL', 'x-a: \0\r\n'],
    ['no host', ''],
  ] as const) {
    it(`is refused with 400, and nothing behind it is read: ${what}`, async (test) => {
      const { open } = await aFront(test)
      const client = open()
      const begin = what === 'no host' ? 'POST /e HTTP/1.1\r\n' : event
      client.socket.write(`${begin}${head}\r\nhello${event}Content-Length: 2\r\n\r\n{}`)
      await client.closed
      assert.equal(client.statuses()[0], 400)
      assert.ok(!client.statuses().includes(200))
    })
  }

  it('is refused when a chunk has no honest length', async (test) => {
    for (const chunk of ['-1\r\n', 'zz\r\n', '0x5\r\nhello\r\n', '5\r\nhelloX', 'fffffffffffffffff\r\n']) {
      const { open } = await aFront(test)
      const client = open()
      client.socket.write(`${event}Transfer-Encoding: chunked\r\n\r\n${chunk}`)
      await client.closed
      assert.ok(!client.statuses().includes(200), chunk)
    }
  })
})

describe('a request that is too much', () => {
  it('is refused with 431 when its headers are too long', async (test) => {
    const { open } = await aFront(test)
    const client = open()
    client.socket.write(`${event}x-long: ${'x'.repeat(20_000)}\r\n\r\n`)
    await client.closed
    assert.deepEqual(client.statuses(), [431])
  })

  it('is refused with 431 when its target is too long', async (test) => {
    const { open } = await aFront(test)
    const client = open()
    client.socket.write(`GET /e?data=${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`)
    await client.closed
    assert.deepEqual(client.statuses(), [431])
  })

  it('gets an answer each when ten thousand come at once on one connection', async (test) => {
    const { open } = await aFront(test, { SLUICE_EDGE_REQUESTS_PER_SECOND_PER_SOURCE_MAX: '1000000' })
    const client = open()
    client.socket.write(`${event}Content-Length: 2\r\n\r\n{}`.repeat(10_000))
    await until('all are answered', () => client.statuses().length === 10_000)
    assert.ok(client.statuses().every((status) => status === 200))
  })
})

describe('a source beyond its budget', () => {
  it('is answered 429 with the time to wait, and not read from meanwhile', async (test) => {
    const { open, ask } = await aFront(test, { SLUICE_EDGE_REQUESTS_PER_SECOND_PER_SOURCE_MAX: '20' })
    const client = open('127.0.0.2')
    const one = `${event}Content-Length: 2\r\n\r\n{}`
    client.socket.write(one.repeat(100_000))
    await until('it was refused', () => client.statuses().includes(429))
    assert.match(client.text(), /retry-after: 1\r\n/)
    assert.match(client.text(), /x-content-type-options: nosniff/)
    assert.equal(await ask(), 200)
    await until('it is heard again', () => client.statuses().lastIndexOf(200) > client.statuses().indexOf(429))
    // What was read at once before the pause, and not all that waits.
    assert.ok(client.statuses().length < 10_000, String(client.statuses().length))
  })

  it('has a new connection that waits until it is heard again', async (test) => {
    const { open } = await aFront(test, { SLUICE_EDGE_REQUESTS_PER_SECOND_PER_SOURCE_MAX: '20' })
    const first = open('127.0.0.6')
    const one = `${event}Content-Length: 2\r\n\r\n{}`
    first.socket.write(one.repeat(30))
    await until('it was refused', () => first.statuses().includes(429))
    const second = open('127.0.0.6')
    second.socket.write(one)
    await until('it is answered', () => second.statuses().length > 0)
    assert.deepEqual(second.statuses(), [200])
  })

  it('gets no more connections than its maximum, while others get theirs', async (test) => {
    const { open, ask } = await aFront(test, { SLUICE_EDGE_CONNECTIONS_PER_SOURCE_MAX: '5' })
    const clients = Array.from({ length: 8 }, () => open('127.0.0.3'))
    const gone = new Set<Heard>()
    for (const client of clients) void client.closed.then(() => gone.add(client))
    await until('three are refused', () => gone.size === 3)
    assert.equal(await ask({}, '127.0.0.4'), 200)
    for (const { socket } of clients) socket.destroy()
    await until('there is room again', async () => (await ask({}, '127.0.0.3').catch(() => 0)) === 200)
  })

  it('is the client behind a trusted proxy, not the proxy', async (test) => {
    const { ask } = await aFront(test, {
      SLUICE_EDGE_TRUSTED_PROXIES: '127.0.0.1',
      SLUICE_EDGE_REQUESTS_PER_SECOND_PER_SOURCE_MAX: '5',
    })
    const statuses: number[] = []
    for (let n = 0; n < 10; n++) statuses.push(await ask({ 'x-forwarded-for': '203.0.113.9' }))
    assert.ok(statuses.includes(429))
    assert.equal(await ask({ 'x-forwarded-for': '203.0.113.10' }), 200)
    for (let n = 0; n < 10; n++) assert.equal(await ask(), 200)
  })
})

describe('a change of the settings', () => {
  it('acts on the next request, and leaves open connections open', async (test) => {
    const { front, open } = await aFront(test)
    const client = open('127.0.0.5')
    const one = `${event}Content-Length: 2\r\n\r\n{}`
    client.socket.write(one)
    await until('it is answered', () => client.statuses().length === 1)
    const next = configFrom({
      environment: { ...anybody, SLUICE_EDGE_REQUESTS_PER_SECOND_PER_SOURCE_MAX: '1' },
      file: undefined,
      workingFolder: '/',
    })
    assert.equal(next.kind, 'config')
    assert.deepEqual(await front.take(next.config, ['edge.requestsPerSecondPerSourceMax']), [])
    client.socket.write(one.repeat(3))
    await until('the new budget holds', () => client.statuses().includes(429))
  })
})
