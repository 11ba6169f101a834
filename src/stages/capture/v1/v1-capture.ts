/**
 * The v1 wire of PostHog's newer SDKs: one path, everything said in headers, and an answer for each event by itself (capture
 * spec §15).
 *
 * ```
 *  headers ─► body (capped) ─► inflate ─► read, write anew as ordinary events ─► admit ─► results
 * ```
 *
 * All that is wrong with a request is told as JSON. Of a signed request the bytes as they were sent are what is signed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { failpoint } from '../../../kit/failpoint.ts'
import { codeOf, Failure } from '../../../kit/failure.ts'
import type { Capture, CaptureDeps } from '../capture.ts'
import * as happened from '../capture.events.ts'
import { answerPreflight, corsHeaders } from '../cors.ts'
import type { BodyRead } from '../decode/read-body.ts'
import { discardRest } from '../discard-rest.ts'
import { receiptHeader, verdictsHeader } from '../receipt.ts'
import type { ReceiptEvent } from '../receipt.ts'
import { createInflater } from './inflate.ts'
import type { V1CaptureConfig } from './v1-capture.config.ts'
import { createV1Reader } from './v1-events.ts'
import type { V1Event } from './v1-events.ts'
import { readV1Headers } from './v1-headers.ts'
import { problemBody, v1Problem } from './v1-problem.ts'
import type { V1Problem } from './v1-problem.ts'
import { v1ResultsFrom } from './v1-results.ts'

const paths = new Set(['/i/v1/analytics/events', '/i/v1/analytics/events/'])
const methods = 'POST,OPTIONS'

interface Answer {
  readonly kind: 'answer'
  readonly body: string
  readonly retryAfterSeconds: number | undefined
  readonly outcomes: readonly ReceiptEvent[]
}

export function createV1Capture(config: V1CaptureConfig, deps: CaptureDeps): Capture {
  const { admit, readBody, inflateLarge, durability, clientIp, noteToken, telemetry } = deps
  const inflate = createInflater({ inflatedBytesMax: config.v1InflatedBytesMax }, inflateLarge)
  const readEvents = createV1Reader({
    depthMax: config.depthMax,
    eventBytesMax: config.eventBytesMax,
    eventKeysMax: config.keysPerEventMax,
    eventNameCharactersMax: config.eventNameCharsMax,
    requestKeysMax: config.keysPerRequestMax,
    requestEventsMax: config.eventsPerRequestMax,
  })

  async function answered(request: IncomingMessage): Promise<Answer | V1Problem> {
    const headers = readV1Headers(request.headers)
    if (headers.kind === 'problem') return headers
    noteToken?.(request, headers.token)
    const sent = await readBody(request, config.v1BodyBytesMax)
    if (sent.kind === 'refused') return unreadable(sent)
    if (sent.body.length === 0) return v1Problem('empty_body', 'request body is empty')
    const client = clientIp(request)
    const inflated = await inflate(sent.body, headers.encoding, client)
    if (inflated.kind === 'problem') return inflated
    const read = readEvents(inflated.body, headers.sdk)
    if (read.kind === 'problem') return read
    const signature = request.headers['sluice-signature']
    const admission = await admit({
      kind: 'events',
      body: read.body,
      hasLargeValues: read.hasLargeValues,
      token: headers.token,
      ip: client,
      nowMs: Date.now(),
      sentAtMs: headers.sentAtMs,
      historicalMigration: read.historicalMigration,
      signed: {
        method: request.method ?? 'POST',
        target: request.url ?? '',
        signature: typeof signature === 'string' ? signature : undefined,
        sentBody: sent.body,
      },
      events: read.events,
    })
    failpoint('edge:before-answer')
    switch (admission.kind) {
      case 'unknown_token':
        return v1Problem('invalid_api_token', unknownToken)
      case 'unsigned':
        return v1Problem('invalid_signature', admission.reason)
      case 'forbidden':
        return v1Problem('forbidden_token', admission.reason)
      case 'refused_whole':
        return v1Problem('invalid_batch', `invalid batch: ${admission.reason} (event ${String(admission.index)})`)
      case 'admitted':
        return resultOf(read.events, admission.outcomes, admission.answers === 'strict')
    }
  }

  /** A strict project has all or nothing of a request that meets a limit; what it is told then is told about the request. */
  function resultOf(
    events: readonly V1Event[],
    outcomes: readonly ReceiptEvent[],
    isStrict: boolean,
  ): Answer | V1Problem {
    const limited = outcomes.find(({ verdict }) => verdict === 'quota_limited' || verdict === 'rate_limited')
    if (isStrict && limited !== undefined) {
      const tag = limited.verdict === 'rate_limited' ? 'rate_limited' : 'billing_limit_exceeded'
      const resource = limited.limited?.resource ?? 'events'
      return v1Problem(tag, `There is no more room for ${resource}.`, limited.limited?.retryAfterMs)
    }
    return { kind: 'answer', ...v1ResultsFrom(events, outcomes), outcomes }
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = performance.now()
    try {
      const answer = await answered(request).catch(failureAnswer)
      const isProblem = answer.kind === 'problem'
      if (isProblem) happened.requestRefused(answer.status, answer.tag, clientIp(request)).emit(telemetry)
      const events = isProblem ? 0 : answer.outcomes.length
      const status = isProblem ? answer.status : 200
      happened.requestAnswered(status, performance.now() - startedMs, events).emit(telemetry)
      send(request, response, answer, durability)
    } catch (error) {
      happened.requestFailed(error).emit(telemetry)
      response.destroy()
    }
  }

  function failureAnswer(error: unknown): V1Problem {
    if (error instanceof Failure && error.retryable) return v1Problem('service_unavailable', error.message)
    if (codeOf(error) === 'SLUICE_RECORD_TOO_LARGE')
      return v1Problem('payload_too_large', 'An event of it is larger than can be stored.')
    happened.requestFailed(error).emit(telemetry)
    return v1Problem('internal_error', 'Internal Server Error')
  }

  function begin(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === 'POST') void respond(request, response)
    else if (request.method === 'OPTIONS') answerPreflight(request, response, methods)
    else send(request, response, v1Problem('method_not_allowed', 'Events are sent by POST.'), durability)
  }

  return { at: (path) => (paths.has(path) ? begin : undefined) }
}

const unknownToken =
  'API token is not valid: no project has it. Send the project token (it begins with phc_; "npm start" prints it, GET /api/projects lists it), not a personal key.'

function unreadable({ status, message }: Extract<BodyRead, { kind: 'refused' }>): V1Problem {
  if (status === 413) return v1Problem('payload_too_large', message)
  return status === 408 ? v1Problem('body_read_timeout', message) : v1Problem('service_unavailable', message)
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer | V1Problem,
  durability: string,
): void {
  if (response.destroyed) return
  const { origin } = request.headers
  const headers = origin === undefined ? [] : corsHeaders(origin)
  const isProblem = answer.kind === 'problem'
  if (!isProblem) {
    headers.push('sluice-receipt', receiptHeader(durability, answer.outcomes))
    headers.push('sluice-verdicts', verdictsHeader(answer.outcomes))
  } else if (answer.tag === 'method_not_allowed') headers.push('allow', methods)
  if (answer.retryAfterSeconds !== undefined) headers.push('retry-after', String(answer.retryAfterSeconds))
  const body = isProblem ? problemBody(answer) : answer.body
  headers.push('content-type', 'application/json', 'content-length', String(Buffer.byteLength(body)))
  if (!request.complete) {
    // Also for a client that asked to close: it closes once it has read the answer.
    response.shouldKeepAlive = true
    discardRest(request)
  }
  response.writeHead(isProblem ? answer.status : 200, headers)
  response.end(body)
}
