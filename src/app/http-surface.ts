/**
 * The one HTTP surface of the edge: capture's paths are answered here, health and metrics are put together here, what lies
 * under `/api/` and the console's pages are the core's and passed on to it. Nothing else of it can be reached from outside.
 *
 * ```
 *  connection ─► budget of its source ─► headers (time, size) ─► request ─► budget ─► capture │ own │ core
 * ```
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Capture } from '../stages/capture/capture.ts'
import { discardRest } from '../stages/capture/discard-rest.ts'
import { isConsolePath } from './console-paths.ts'
import type { AccessLog } from './edge/access-log.ts'
import type { ClientAddress } from './edge/client-address.ts'
import { sourceOf } from './edge/client-address.ts'
import type { EdgeEvents } from './edge/edge.events.ts'
import type { EdgeRequest, EdgeResponse } from './edge/exchange.ts'
import { answerJson, answerProblem } from './edge/own-answers.ts'
import { createPassOn } from './edge/pass-on.ts'
import type { CoreAddress } from './edge/pass-on.ts'
import type { PausedSockets } from './edge/paused-sockets.ts'
import type { SourceBudgets } from './edge/source-budgets.ts'

/** What the edge answers itself, by path. */
export type OwnRoutes = Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>>

/** What answers requests; a reload of the settings makes another one, with the same stores. */
export interface Answering {
  readonly capture: Capture
  readonly clientAddress: ClientAddress
}

export interface SurfaceOptions {
  readonly answering: Answering
  readonly own: OwnRoutes
  readonly cores: readonly CoreAddress[]
  readonly coreConnectTimeoutMs: number
  readonly budgets: SourceBudgets
  readonly paused: PausedSockets
  readonly accessLog: AccessLog
  readonly events: EdgeEvents
  /** When it aborts, streams of events are broken off; all other requests have an end of their own. */
  readonly stopping: AbortSignal
}

export interface Surface {
  readonly listener: (request: EdgeRequest, response: EdgeResponse) => void
  /** By whom requests that come from now on are answered. */
  use(answering: Answering): void
}

export function createSurface(options: SurfaceOptions): Surface {
  const { own, budgets, paused, accessLog, events, stopping } = options
  const { cores, coreConnectTimeoutMs: connectTimeoutMs } = options
  const passOn = createPassOn({ cores, connectTimeoutMs, stopping })
  let answering = options.answering

  // One function for all answers: a closure for each would be garbage for each.
  function ended(this: EdgeResponse): void {
    const { source, statusCode } = this
    if (source !== undefined) {
      if (isRubbish(statusCode)) budgets.chargeRefused(source, statusCode === 413)
      const unreadMs = budgets.unreadMs(source)
      // A proxy's connection is not its client's alone: it goes on for the others.
      if (unreadMs > 0 && !answering.clientAddress.peerOf(this.req.socket).isTrusted)
        paused.pause(this.req.socket, unreadMs)
    }
    accessLog.ended(this)
  }

  const listener = (request: EdgeRequest, response: EdgeResponse): void => {
    const { capture, clientAddress } = answering
    const clientIp = clientAddress.of(request)
    const peer = clientAddress.peerOf(request.socket)
    const source = peer.isTrusted && clientIp === peer.address ? undefined : budgets.of(sourceOf(clientIp))
    request.clientIp = clientIp
    response.on('close', ended)
    response.source = source
    const waitMs = budgets.take(source)
    if (waitMs > 0) {
      events.requestOverBudget()
      answerTooMany(request, response, waitMs)
      return
    }

    const url = request.url ?? '/'
    const queryAt = url.indexOf('?')
    const path = queryAt === -1 ? url : url.slice(0, queryAt)
    const captured = capture.at(path)
    if (captured !== undefined) {
      captured(request, response, path, queryAt === -1 ? '' : url.slice(queryAt + 1))
      return
    }
    const answer = Object.hasOwn(own, path) ? own[path] : undefined
    if (answer !== undefined) answer(request, response)
    // Named, not excluded: a path can be written in many ways (%69nternal, http://host/internal) that the core reads as one.
    else if (isOfTheCore(path, request.method)) passOn(request, response, clientAddress.isSecure(request))
    else answerJson(response, 404, { error: 'There is nothing here.' })
  }

  return {
    listener,
    use(next) {
      answering = next
    },
  }
}

/** The API, and the pages of the console, which are only looked at. */
function isOfTheCore(path: string, method: string | undefined): boolean {
  if (path.startsWith('/api/')) return true
  return isConsolePath(path) && (method === 'GET' || method === 'HEAD')
}

/** What a client should not have sent. A copy and a used-up limit are no fault of his. */
function isRubbish(status: number): boolean {
  return status >= 400 && status < 500 && status !== 409 && status !== 429
}

function answerTooMany(request: EdgeRequest, response: EdgeResponse, waitMs: number): void {
  if (!request.complete) {
    // Also for a client that asked to close: it closes once it has read the answer.
    response.shouldKeepAlive = true
    discardRest(request)
  }
  answerProblem(response, 429, {
    code: 'SLUICE_TOO_MANY_REQUESTS',
    detail: 'This address sends more requests than one may. Send several events in one request, or more slowly.',
    retryAfterSeconds: Math.ceil(waitMs / 1000),
  })
}
