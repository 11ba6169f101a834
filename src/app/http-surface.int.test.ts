import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import type {
  ClientRequest,
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  RequestListener,
  Server,
} from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { until } from '../kit/until.fixtures.ts'
import type { Capture } from '../stages/capture/capture.ts'
import { silent } from '../kit/telemetry/telemetry.ts'
import { configFrom } from './config.ts'
import { openEdgeFront } from './edge/edge-front.ts'
import { answerJson } from './edge/own-answers.ts'
import type { OwnRoutes } from './http-surface.ts'
import { closeServer } from './listen.ts'

const capture: Capture = {
  at: (served) =>
    served === '/e' ? (_, response, path, search) => answerJson(response, 200, { door: path, search }) : undefined,
}
const own: OwnRoutes = { '/_health': (_, response) => answerJson(response, 200, { own: true }) }

interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

interface Surface {
  readonly port: number
  readonly core: Server
  readonly ask: (
    path: string,
    options?: { method?: string; headers?: OutgoingHttpHeaders; body?: string },
  ) => Promise<Answered>
  readonly open: (path: string) => ClientRequest
  /** Tells the edge to stop. */
  readonly stop: () => void
}

const read = configFrom({ environment: { SLUICE_PORT: '0' }, file: undefined, workingFolder: '/' })

async function surfaced(listener: RequestListener, check: (surface: Surface) => Promise<void>): Promise<void> {
  assert.equal(read.kind, 'config')
  const folder = await mkdtemp(join(tmpdir(), 'sluice-surface-'))
  const socketPath = join(folder, 'core.sock')
  const core = createServer(listener)
  core.listen(socketPath)
  await once(core, 'listening')
  const stopping = new AbortController()
  const front = await openEdgeFront({
    config: read.config,
    buildCapture: () => capture,
    own,
    cores: [{ socketPath }],
    stopping: stopping.signal,
    telemetry: silent,
  })
  const { port } = front
  const open = (path: string, options: { method?: string; headers?: OutgoingHttpHeaders } = {}) =>
    httpRequest({ host: '127.0.0.1', port, path, agent: false, ...options })
  const ask: Surface['ask'] = async (path, { body = '', ...options } = {}) => {
    const request = open(path, options)
    request.end(body)
    const [response] = (await once(request, 'response')) as [
      AsyncIterable<Buffer> & { statusCode: number; headers: IncomingHttpHeaders },
    ]
    let text = ''
    for await (const chunk of response) text += chunk.toString()
    return { status: response.statusCode, headers: response.headers, text }
  }
  try {
    await check({ port, core, ask, open, stop: () => stopping.abort() })
  } finally {
    await front.close(0)
    await closeServer(core, 0)
    await rm(folder, { recursive: true, force: true })
  }
}

/** Tells what reached the core. */
const echo: RequestListener = (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { method, url, headers } = request
    response.writeHead(207, { 'x-core': 'yes', 'content-type': 'application/json' })
    response.end(JSON.stringify({ method, url, key: headers.authorization, body: Buffer.concat(chunks).toString() }))
  })
}

describe('the surface of the edge', () => {
  it("answers capture's paths and its own by itself, with the query apart", async () => {
    await surfaced(echo, async ({ ask }) => {
      assert.deepEqual(JSON.parse((await ask('/e?a=1?b')).text), { door: '/e', search: 'a=1?b' })
      assert.deepEqual(JSON.parse((await ask('/_health?x')).text), { own: true })
    })
  })

  it('passes what is under /api/ on to the core and its answer back: method, path, headers, bodies, status', async () => {
    await surfaced(echo, async ({ ask }) => {
      const body = 'x'.repeat(300_000)
      const answer = await ask('/api/projects/1/sql?a=%20b', {
        method: 'POST',
        headers: { authorization: 'Bearer k' },
        body,
      })
      assert.deepEqual([answer.status, answer.headers['x-core']], [207, 'yes'])
      assert.deepEqual(JSON.parse(answer.text), {
        method: 'POST',
        url: '/api/projects/1/sql?a=%20b',
        key: 'Bearer k',
        body,
      })
    })
  })

  it('passes on an answer that the core gives before it has read the body', async () => {
    const hasty: RequestListener = (_, response) => {
      response.writeHead(404)
      response.end()
    }
    await surfaced(hasty, async ({ ask }) => {
      for (let n = 0; n < 100; n++) {
        const body = 'x'.repeat(n % 2 === 0 ? 10 : 1_000_000)
        assert.equal((await ask('/api/unknown', { method: 'PUT', body })).status, 404, String(n))
      }
    })
  })

  it("tells the core the client's own address, whatever the client says", async () => {
    const addressed: RequestListener = (request, response) => response.end(request.headers['sluice-client-address'])
    await surfaced(addressed, async ({ ask }) => {
      const headers = { 'sluice-client-address': '203.0.113.1', 'Sluice-Client-Address': '203.0.113.2' }
      assert.equal((await ask('/api/session', { headers })).text, '127.0.0.1')
      const forwarded = { ...headers, 'x-forwarded-for': '203.0.113.3, 198.51.100.7' }
      assert.equal((await ask('/api/session', { headers: forwarded })).text, '198.51.100.7')
    })
  })

  it("passes on the console's pages, to be looked at and no more", async () => {
    await surfaced(echo, async ({ ask }) => {
      for (const path of ['/', '/?a', '/icon.svg', '/scheme.js', '/assets/app.js']) {
        assert.equal((await ask(path)).status, 207, path)
        assert.equal((await ask(path, { method: 'POST', body: 'x' })).status, 404, path)
      }
    })
  })

  it('lets nobody reach the inside of the core, however the path is written', async () => {
    let reached = 0
    const counted: RequestListener = (_, response) => {
      reached++
      response.end('inside')
    }
    await surfaced(counted, async ({ ask }) => {
      for (const path of [
        '/internal/status',
        '/internal',
        '/%69nternal/status',
        '//internal/status',
        '/./internal/status',
        '/e/../internal/status',
        'http://127.0.0.1/internal/status',
        '/constructor',
        '/__proto__',
        '/anything',
      ]) {
        assert.equal((await ask(path)).status, 404, path)
      }
      assert.equal(reached, 0)
    })
  })

  it('answers 503 while the core is away, and passes on again when it is back', async () => {
    await surfaced(echo, async ({ ask, core }) => {
      const address = core.address()
      await closeServer(core, 0)
      const { status, text } = await ask('/api/projects')
      assert.equal(status, 503)
      assert.match(text, /The core is not there right now/)
      assert.equal((await ask('/e')).status, 200)
      core.listen(address)
      await once(core, 'listening')
      assert.equal((await ask('/api/projects')).status, 207)
    })
  })

  it('tells the core when the client goes away before the answer', async () => {
    let gone = false
    let reached = false
    const slow: RequestListener = (_, response) => {
      reached = true
      response.on('close', () => {
        gone = true
      })
    }
    await surfaced(slow, async ({ open }) => {
      const request = open('/api/slow')
      request.on('error', () => undefined)
      request.end()
      await until('the core has it', () => reached)
      request.destroy()
      await until('the core knows', () => gone)
    })
  })

  it('ends the answer when the core breaks off in the middle of it', async () => {
    const breaking: RequestListener = (_, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('half')
      setImmediate(() => response.destroy())
    }
    await surfaced(breaking, async ({ ask }) => {
      await assert.rejects(ask('/api/half'), (error) => error instanceof Error)
    })
  })

  it('passes a stream of events on as it comes, and breaks it off at a stop', async () => {
    let write: ((text: string) => void) | undefined
    let isOver = false
    const streaming: RequestListener = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
      response.flushHeaders()
      write = (text) => void response.write(text)
      response.on('close', () => {
        isOver = true
      })
    }
    await surfaced(streaming, async ({ open, stop }) => {
      const request = open('/api/stream')
      request.end()
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      let text = ''
      let isBroken = false
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      response.on('error', () => {
        isBroken = true
      })
      for (const part of ['one', 'two']) {
        write?.(part)
        await until(`${part} is there`, () => text.endsWith(part))
      }
      stop()
      await until('the stream is broken off on both sides', () => isBroken && isOver)
    })
  })

  it('tells of headers that are too long as of any problem', async () => {
    await surfaced(echo, async ({ ask }) => {
      const { status, headers, text } = await ask(`/api/projects?a=${'x'.repeat(20_000)}`)
      assert.equal(status, 431)
      assert.equal(headers['content-type'], 'application/problem+json')
      assert.equal((JSON.parse(text) as { code: string }).code, 'SLUICE_REQUEST_REFUSED')
    })
  })

  it('survives what is no HTTP', async () => {
    await surfaced(echo, async ({ port, ask }) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      let text = ''
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      socket.write('POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n')
      await once(socket, 'close')
      assert.match(text, /^HTTP\/1\.1 400 /)
      assert.equal((await ask('/e')).status, 200)
    })
  })
})
