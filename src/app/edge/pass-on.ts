/** Hands requests to the core and its answers back. */
import { request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { pipeline } from 'node:stream'
import { clientAddressHeader } from '../client-address-header.ts'
import type { EdgeRequest, EdgeResponse } from './exchange.ts'
import { answerProblem, strictTransport } from './own-answers.ts'
import { requestIdHeader, requestIdOf } from './request-id.ts'

export type PassOn = (request: EdgeRequest, response: EdgeResponse, isSecure: boolean) => void

/** Its socket on this machine, or where it listens on another one. */
export type CoreAddress = { readonly socketPath: string } | { readonly host: string; readonly port: number }

export interface PassOnOptions {
  /** All alike: the one that answered last is asked, and another when that one cannot be reached. */
  readonly cores: readonly CoreAddress[]
  /** How long one may take to accept a connection. */
  readonly connectTimeoutMs: number
  /** When it aborts, streams of events are broken off. */
  readonly stopping: AbortSignal
}

/**
 * Nothing of a request is sent before a core has accepted the connection. Once something is, the core may have done what it asks for: then
 * it goes to no other core, unless it only asks for something (GET and HEAD without a body) and no answer has begun.
 *
 * When the client goes away the core is told.
 */
export function createPassOn({ cores, connectTimeoutMs, stopping }: PassOnOptions): PassOn {
  const streams = new Set<IncomingMessage>()
  let preferred = 0
  stopping.addEventListener('abort', () => {
    for (const stream of streams) stream.destroy()
  })

  function answerWith(answer: IncomingMessage, request: EdgeRequest, response: EdgeResponse): void {
    const { connection: _, ...answerHeaders } = answer.headers
    if ('encrypted' in request.socket) answerHeaders[strictTransport.name] = strictTransport.value
    response.writeHead(answer.statusCode ?? 502, answerHeaders)
    if (answer.headers['content-type']?.startsWith('text/event-stream') === true) {
      streams.add(answer)
      // Its first event may be long in coming.
      response.flushHeaders()
    }
    // A stream that breaks on one side ends the other; there is nobody left to tell.
    pipeline(answer, response, () => streams.delete(answer))
  }

  return (request, response, isSecure) => {
    const { method, url } = request
    const headers = onwardHeaders(request, request.clientIp, isSecure)
    const hasBody = 'content-length' in headers || 'transfer-encoding' in headers
    const onlyAsks = (method === 'GET' || method === 'HEAD') && !hasBody
    let onward: ClientRequest | undefined
    let tries = 0
    response.on('close', () => {
      if (!response.writableFinished) onward?.destroy()
    })

    function ask(): void {
      const at = (preferred + tries) % cores.length
      tries++
      const asked = httpRequest({ ...cores[at], method, path: url, headers })
      onward = asked
      let isSent = false
      const patience = setTimeout(() => asked.destroy(new Error('The core accepts no connection.')), connectTimeoutMs)
      asked.on('socket', (socket) => {
        const send = (): void => {
          clearTimeout(patience)
          isSent = true
          if (onlyAsks) asked.end()
          else pipeline(request, asked, () => undefined)
        }
        if (socket.connecting) socket.once('connect', send)
        else send()
      })
      asked.on('response', (answer) => {
        preferred = at
        answerWith(answer, request, response)
      })
      asked.on('error', () => {
        clearTimeout(patience)
        if (response.headersSent || response.destroyed) response.destroy()
        else if ((onlyAsks || !isSent) && tries < cores.length) ask()
        else answerCoreAway(response)
      })
    }
    ask()
  }
}

function answerCoreAway(response: EdgeResponse): void {
  answerProblem(response, 503, {
    code: 'SLUICE_CORE_AWAY',
    detail: 'The core is not there right now; events are accepted all the same.',
    retryAfterSeconds: 2,
  })
}

/**
 * Every request has a connection of its own, but the core does not hear that: told to close, it would do so right after an answer
 * that it gives before it has read the body, and the answer would be lost with what is still on its way.
 * Address and scheme are written over whatever the client calls them: the core counts by the one who tries passwords.
 */
function onwardHeaders(request: EdgeRequest, clientIp: string, isSecure: boolean): OutgoingHttpHeaders {
  return {
    ...request.headers,
    [clientAddressHeader]: clientIp,
    'x-forwarded-proto': isSecure ? 'https' : 'http',
    [requestIdHeader]: requestIdOf(request),
    connection: 'keep-alive',
  }
}
