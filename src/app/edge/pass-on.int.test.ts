import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { after, describe, it } from 'node:test'
import { freePort } from '../../kit/free-port.fixtures.ts'
import { until } from '../../kit/until.fixtures.ts'
import { EdgeRequest, EdgeResponse } from './exchange.ts'
import { createPassOn } from './pass-on.ts'
import type { CoreAddress } from './pass-on.ts'

const open: { close(): void; closeAllConnections?(): void }[] = []
after(() => {
  for (const server of open) {
    server.closeAllConnections?.()
    server.close()
  }
})

async function listening(server: Server): Promise<number> {
  open.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A core that says its name, and what it was asked. */
function saying(name: string, asked: string[]): RequestListener {
  return (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      asked.push(`${request.method ?? ''} ${body}`)
      response.end(name)
    })
  }
}

async function anEdge(ports: readonly number[]): Promise<number> {
  return await anEdgeOf(ports.map((port) => ({ host: '127.0.0.1', port })))
}

async function anEdgeOf(cores: readonly CoreAddress[], connectTimeoutMs = 10_000): Promise<number> {
  const passOn = createPassOn({ cores, connectTimeoutMs, stopping: new AbortController().signal })
  const common = { IncomingMessage: EdgeRequest, ServerResponse: EdgeResponse }
  return await listening(createServer(common, (request, response) => passOn(request, response, false)))
}

interface Answer {
  readonly status: number
  readonly text: string
}

async function ask(port: number, method: string, body?: string): Promise<Answer> {
  const request = httpRequest({ host: '127.0.0.1', port, method, agent: false })
  request.end(body)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { status: response.statusCode ?? 0, text }
}

describe('passing on to one of several cores', () => {
  it('asks the next when one cannot be reached, whatever is asked, and goes on with the one that answered', async () => {
    const asked: string[] = []
    const first = await freePort()
    const second = await listening(createServer(saying('second', asked)))
    const third = await listening(createServer(saying('third', asked)))
    const edge = await anEdge([first, second, third])
    const body = 'x'.repeat(300_000)
    assert.deepEqual(await ask(edge, 'POST', body), { status: 200, text: 'second' })
    assert.deepEqual(await ask(edge, 'GET'), { status: 200, text: 'second' })
    assert.deepEqual(asked, [`POST ${body}`, 'GET '])
  })

  it('comes back to the first when the others are gone', async () => {
    const asked: string[] = []
    const second = createServer(saying('second', asked))
    const first = createServer(saying('first', asked))
    const ports = [await freePort(), await listening(second), await listening(first)]
    const edge = await anEdge(ports)
    assert.equal((await ask(edge, 'POST', 'a')).text, 'second')
    second.closeAllConnections()
    second.close()
    await once(second, 'close')
    assert.equal((await ask(edge, 'POST', 'b')).text, 'first')
    assert.deepEqual(asked, ['POST a', 'POST b'])
  })

  it('sends what changes something to one core alone, once it has begun to send it', async () => {
    const asked: string[] = []
    const breaks = await listening(createServer((request) => request.socket.destroy()))
    const second = await listening(createServer(saying('second', asked)))
    const edge = await anEdge([breaks, second])
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const { status, text } = await ask(edge, method)
      assert.equal(status, 503)
      assert.match(text, /SLUICE_CORE_AWAY/)
    }
    assert.deepEqual(asked, [])
  })

  it('asks the next for what only asks when one breaks off before it answers', async () => {
    const asked: string[] = []
    const breaks = await listening(createServer((request) => request.socket.destroy()))
    const second = await listening(createServer(saying('second', asked)))
    const edge = await anEdge([breaks, second])
    assert.deepEqual(await ask(edge, 'GET'), { status: 200, text: 'second' })
    const other = await anEdge([breaks, second])
    assert.deepEqual(await ask(other, 'HEAD'), { status: 200, text: '' })
    assert.deepEqual(asked, ['GET ', 'HEAD '])
  })

  it('asks nobody else when an answer has begun', async () => {
    const asked: string[] = []
    const stops = await listening(
      createServer((_, response) => {
        response.writeHead(200, { 'content-length': '10' })
        response.write('half', () => response.destroy())
      }),
    )
    const second = await listening(createServer(saying('second', asked)))
    const edge = await anEdge([stops, second])
    await assert.rejects(ask(edge, 'GET'), /aborted/)
    assert.deepEqual(asked, [])
  })

  it('asks the next when a machine says nothing at all', async () => {
    const asked: string[] = []
    const port = await listening(createServer(saying('second', asked)))
    // Kept for documentation: nobody has this address.
    const edge = await anEdgeOf(
      [
        { host: '192.0.2.1', port },
        { host: '127.0.0.1', port },
      ],
      50,
    )
    assert.deepEqual(await ask(edge, 'POST', 'a'), { status: 200, text: 'second' })
    assert.deepEqual(asked, ['POST a'])
  })

  it('answers 503 when none can be reached', async () => {
    const edge = await anEdge([await freePort(), await freePort()])
    for (const method of ['GET', 'POST']) assert.equal((await ask(edge, method)).status, 503)
  })

  it('asks nobody any more when the client has gone', async () => {
    const asked: string[] = []
    let held: IncomingMessage | undefined
    const holds = await listening(createServer((request) => (held = request)))
    const second = await listening(createServer(saying('second', asked)))
    const edge = await anEdge([holds, second])
    const client = connect(edge, '127.0.0.1')
    client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await until('the core is asked', () => held !== undefined)
    client.destroy()
    await until('the core is told', () => held?.destroyed === true)
    await ask(second, 'POST', 'of ours')
    assert.deepEqual(asked, ['POST of ours'])
  })
})
