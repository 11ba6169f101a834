/**
 * The one HTTP surface of the edge: capture's paths are answered here, health and metrics are put together here, what lies
 * under `/api/` and the console's pages are the core's and passed on to its socket. Nothing else of it can be reached from outside.
 */
import { createServer, request as httpRequest, STATUS_CODES } from 'node:http'
import type { IncomingMessage, OutgoingHttpHeaders, RequestListener, Server, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { pipeline } from 'node:stream'
import type { Capture } from '../stages/capture/capture.ts'
import { clientAddressHeader } from './client-address-header.ts'
import type { Config } from './config.ts'
import { isConsolePath } from './console-paths.ts'

/** What the edge answers itself, by path. */
export type OwnRoutes = Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>>

/** When `stopping` aborts, streams of events are broken off; all other requests have an end of their own. */
export function createSurface(
  config: Config,
  capture: Capture,
  own: OwnRoutes,
  coreSocket: string,
  stopping: AbortSignal,
): Server {
  const passOn = createPassOn(coreSocket, stopping)
  const listener: RequestListener = (request, response) => {
    const url = request.url ?? '/'
    const queryAt = url.indexOf('?')
    const path = queryAt === -1 ? url : url.slice(0, queryAt)
    const search = queryAt === -1 ? '' : url.slice(queryAt + 1)
    if (capture.serves(path)) {
      capture.answer(request, response, path, search)
      return
    }
    const answer = Object.hasOwn(own, path) ? own[path] : undefined
    if (answer !== undefined) answer(request, response)
    // Named, not excluded: a path can be written in many ways (%69nternal, http://host/internal) that the core reads as one.
    else if (isOfTheCore(path, request.method)) passOn(request, response)
    else answerJson(response, 404, { error: 'There is nothing here.' })
  }
  const server = createServer(
    {
      headersTimeout: config.capture.headersTimeoutMs,
      requestTimeout: config.capture.headersTimeoutMs + config.capture.bodyTimeoutMs,
      // Node looks for requests past their time every 30 s unless told otherwise.
      connectionsCheckingInterval: 1000,
      // Longer than the idle time of usual load balancers, so that they are the ones who close.
      keepAliveTimeout: 75_000,
      noDelay: true,
    },
    listener,
  )
  server.maxConnections = config.capture.connectionsMax
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
    else socket.end(refusalOf(error.code))
  })
  return server
}

/** The API, and the pages of the console, which are only looked at. */
function isOfTheCore(path: string, method: string | undefined): boolean {
  if (path.startsWith('/api/')) return true
  return isConsolePath(path) && (method === 'GET' || method === 'HEAD')
}

export function answerJson(response: ServerResponse, status: number, value: unknown): void {
  const body = `${JSON.stringify(value)}\n`
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

/** Hands a request to the core and its answer back; when the client goes away the core is told. */
function createPassOn(socketPath: string, stopping: AbortSignal): RequestListener {
  const streams = new Set<IncomingMessage>()
  stopping.addEventListener('abort', () => {
    for (const stream of streams) stream.destroy()
  })
  return (request, response) => {
    const { method, url } = request
    const onward = httpRequest({ socketPath, method, path: url, headers: onwardHeaders(request) })
    onward.on('response', (answer) => {
      const { connection: _, ...answerHeaders } = answer.headers
      response.writeHead(answer.statusCode ?? 502, answerHeaders)
      if (answer.headers['content-type']?.startsWith('text/event-stream') === true) {
        streams.add(answer)
        // Its first event may be long in coming.
        response.flushHeaders()
      }
      // A stream that breaks on one side ends the other; there is nobody left to tell.
      pipeline(answer, response, () => streams.delete(answer))
    })
    onward.on('error', () => {
      if (response.headersSent) response.destroy()
      else answerCoreAway(response)
    })
    response.on('close', () => {
      if (!response.writableFinished) onward.destroy()
    })
    pipeline(request, onward, () => undefined)
  }
}

function answerCoreAway(response: ServerResponse): void {
  const detail = 'The core is not there right now; events are accepted all the same.'
  response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '2' })
  response.end(problemText(503, 'SLUICE_CORE_AWAY', detail))
}

/** What Node found wrong before there was a request to answer, as bytes of a response. */
function refusalOf(code: string | undefined): string {
  const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  const body = problemText(
    status,
    'SLUICE_REQUEST_REFUSED',
    `This is no request that can be read (${code ?? 'unknown'}).`,
  )
  const head = [
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${String(Buffer.byteLength(body))}`,
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

/** As the core itself tells of problems. */
function problemText(status: number, code: string, detail: string): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, code })
}

/**
 * Every request has a connection of its own, but the core does not hear that: told to close, it would do so right after an answer
 * that it gives before it has read the body, and the answer would be lost with what is still on its way.
 * The address is written over whatever the client calls itself: the core counts by it who tries passwords.
 */
function onwardHeaders(request: IncomingMessage): OutgoingHttpHeaders {
  return { ...request.headers, [clientAddressHeader]: addressOf(request), connection: 'keep-alive' }
}

/**
 * The peer's address, or, when the peer is a proxy on this machine, what it has added to `X-Forwarded-For`: that stands last, and
 * everything before it may be the client's invention.
 */
function addressOf({ socket, headers }: IncomingMessage): string {
  const peer = (socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '')
  if (!peer.startsWith('127.') && peer !== '::1') return peer
  const last = [headers['x-forwarded-for']].flat().join(',').split(',').at(-1)?.trim() ?? ''
  return isIP(last) === 0 ? peer : last
}
