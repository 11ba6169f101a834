/** Hands requests to the core and its answers back. */
import { request as httpRequest } from 'node:http'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { pipeline } from 'node:stream'
import { clientAddressHeader } from '../client-address-header.ts'
import type { EdgeRequest, EdgeResponse } from './exchange.ts'
import { answerProblem, strictTransport } from './own-answers.ts'
import { requestIdHeader, requestIdOf } from './request-id.ts'

export type PassOn = (request: EdgeRequest, response: EdgeResponse, isSecure: boolean) => void

/** Its socket on this machine, or where it listens on another one. */
export type CoreAddress = { readonly socketPath: string } | { readonly host: string; readonly port: number }

/** When the client goes away the core is told. When `stopping` aborts, streams of events are broken off. */
export function createPassOn(core: CoreAddress, stopping: AbortSignal): PassOn {
  const streams = new Set<IncomingMessage>()
  stopping.addEventListener('abort', () => {
    for (const stream of streams) stream.destroy()
  })
  return (request, response, isSecure) => {
    const { method, url } = request
    const headers = onwardHeaders(request, request.clientIp, isSecure)
    const onward = httpRequest({ ...core, method, path: url, headers })
    onward.on('response', (answer) => {
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
