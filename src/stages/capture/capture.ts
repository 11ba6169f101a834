/**
 * Bytes in, answer out: PostHog's v0 wire for events (capture spec §1 to §10) and for recordings (§14). Decides nothing about
 * the events; that is admission's.
 *
 * ```
 *  route ─► query ─► body (capped) ─► decode ─► read events ─► admit ─► answer
 * ```
 *
 * Errors are plain text with the texts of the spec, because SDKs and their users know them; a refused token says what to do.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { failpoint } from '../../kit/failpoint.ts'
import { codeOf, Failure } from '../../kit/failure.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import * as happened from './capture.events.ts'
import type { CaptureConfig } from './capture.config.ts'
import { answerPreflight, corsHeaders } from './cors.ts'
import { discardRest } from './discard-rest.ts'
import { bearerToken, readQuery } from './request-facts.ts'
import { createBodyDecoder } from './decode/body.ts'
import type { InflateLarge } from './decode/inflation-thread.ts'
import type { ReadBody } from './decode/read-body.ts'
import { createEventReader } from './posthog-events.ts'
import type { ReadEvents } from './posthog-events.ts'
import { createRecordingReader } from './recordings.ts'
import { answerFor, okBody, refused } from './answer.ts'
import type { Answer } from './answer.ts'
import { receiptHeader, verdictsHeader } from './receipt.ts'
import type { ReceiptEvent } from './receipt.ts'

/** What capture needs of admission: handed over in `app/pipeline.ts`. Its words are explained in `admission.ts`. */
export type AdmitRequest = (request: {
  readonly kind: 'events' | 'recording'
  readonly body: Buffer
  readonly sentBody?: { readonly encoding: 'gzip'; readonly bytes: Buffer } | undefined
  readonly hasLargeValues?: boolean
  readonly token: string
  readonly ip: string
  readonly nowMs: number
  readonly sentAtMs: number | undefined
  readonly historicalMigration: boolean
  readonly signed: {
    readonly method: string
    readonly target: string
    readonly signature: string | undefined
    readonly sentBody: Buffer
  }
  readonly headers?: Readonly<Record<string, string>>
  readonly events: ReadEvents['events']
}) => Promise<
  | { readonly kind: 'admitted'; readonly answers: 'sdk' | 'strict'; readonly outcomes: readonly ReceiptEvent[] }
  | { readonly kind: 'unknown_token' }
  | { readonly kind: 'unsigned'; readonly reason: string }
  | { readonly kind: 'forbidden'; readonly reason: string }
  | { readonly kind: 'refused_whole'; readonly index: number; readonly reason: string }
>

export interface CaptureDeps {
  readonly admit: AdmitRequest
  /** Both are one for all captures of a process, because their bounds are the process's. */
  readonly readBody: ReadBody
  readonly inflateLarge: InflateLarge
  /** How durable a stored event is, for the receipt. */
  readonly durability: string
  /** The address of whoever sent a request, whatever proxies are between. */
  readonly clientIp: (request: IncomingMessage) => string
  /** Told the token of a request once it is read, for the access log. */
  readonly noteToken?: (request: IncomingMessage, token: string) => void
  readonly telemetry: Telemetry
}

/** `search`: what follows the question mark. */
export type AnswerRequest = (request: IncomingMessage, response: ServerResponse, path: string, search: string) => void

export interface Capture {
  /** What answers requests to this path; undefined when it is none of this wire's. */
  at(path: string): AnswerRequest | undefined
}

/** C1. Each with and without a trailing slash; nothing below them. */
const eventPaths = new Set(
  ['/e', '/i/v0/e', '/capture', '/track', '/engage', '/batch'].flatMap((path) => [path, `${path}/`]),
)

/** What was recorded of sessions (§14). */
const recordingPaths = new Set(['/s', '/s/'])

/** Takes what it is sent and keeps nothing of it, for whoever measures (§1.2). */
const discardPaths = new Set(['/test/black_hole', '/test/black_hole/'])

const paths = new Set([...eventPaths, ...recordingPaths, ...discardPaths])

const ok: Answer = { status: 200, body: okBody, isText: false }
const wrongMethod: Answer = {
  status: 405,
  body: 'method not allowed',
  isText: true,
  allow: 'GET,HEAD,POST,OPTIONS',
}
const unknownTokenText =
  'API key is not valid: unknown: no project has this token. Send the project token (it begins with phc_; "npm start" prints it, GET /api/projects lists it), not a personal key.'

export function createCapture(config: CaptureConfig, deps: CaptureDeps): Capture {
  const { admit, readBody, inflateLarge, durability, clientIp, noteToken, telemetry } = deps
  const decode = createBodyDecoder({ inflatedBytesMax: config.inflatedBytesMax }, inflateLarge)
  const readEvents = createEventReader({
    depthMax: config.depthMax,
    eventBytesMax: config.eventBytesMax,
    eventKeysMax: config.keysPerEventMax,
    eventNameCharactersMax: config.eventNameCharsMax,
    requestKeysMax: config.keysPerRequestMax,
    requestEventsMax: config.eventsPerRequestMax,
  })
  const decodeRecording = createBodyDecoder({ inflatedBytesMax: config.recordingInflatedBytesMax }, inflateLarge)
  const readRecording = createRecordingReader({
    depthMax: config.recordingDepthMax,
    requestKeysMax: config.keysPerRequestMax,
    requestEventsMax: config.eventsPerRequestMax,
  })

  /** The whole of a request, from its body to what is answered. */
  async function answered(request: IncomingMessage, path: string, search: string): Promise<Answer> {
    const query = readQuery(search)
    if (query.kind === 'refused') return refused(400, query.message)
    const isRecording = recordingPaths.has(path)
    const sent = await readBody(request, isRecording ? config.recordingBodyBytesMax : config.bodyBytesMax)
    if (sent.kind === 'refused') return refused(sent.status, sent.message)
    if (discardPaths.has(path)) return ok
    const payload = query.data ?? sent.body
    if (payload.length === 0) return refused(400, 'request missing data payload')
    const { headers } = request
    const client = clientIp(request)
    const hints = {
      contentEncoding: headers['content-encoding'],
      compression: query.compression,
      contentType: headers['content-type'],
    }
    const decoding = (isRecording ? decodeRecording : decode)(payload, hints, client)
    const decoded = decoding instanceof Promise ? await decoding : decoding
    if (decoded.kind === 'refused') return refused(decoded.status, decoded.message)
    const headerToken = bearerToken(headers.authorization)
    const read = isRecording
      ? readRecording(decoded.body, { headerToken, userAgent: headers['user-agent'] })
      : readEvents(decoded.body, { headerToken, isEngage: path.startsWith('/engage') })
    if (read.kind === 'refused') return refused(read.status, read.message)
    if (read.kind === 'nothing') return ok
    noteToken?.(request, read.token)
    const signature = headers['sluice-signature']
    const admission = await admit({
      ...(read.kind === 'recording'
        ? {
            kind: read.kind,
            historicalMigration: false,
            sentAtMs: query.sentAtMs ?? read.sentAtMs,
            headers: read.headers,
            events: [read.event],
          }
        : {
            kind: read.kind,
            historicalMigration: read.historicalMigration,
            sentAtMs: read.sentAtMs ?? query.sentAtMs,
            events: read.events,
          }),
      signed: {
        method: request.method ?? 'POST',
        target: request.url ?? path,
        signature: typeof signature === 'string' ? signature : undefined,
        sentBody: sent.body,
      },
      body: decoded.body,
      sentBody: decoded.sent === undefined ? undefined : { encoding: 'gzip', bytes: decoded.sent },
      hasLargeValues: read.hasLargeValues,
      token: read.token,
      ip: client,
      nowMs: Date.now(),
    })
    failpoint('edge:before-answer')
    if (admission.kind === 'unknown_token') return refused(401, unknownTokenText)
    if (admission.kind === 'unsigned') return refused(401, admission.reason)
    if (admission.kind === 'forbidden') return refused(403, admission.reason)
    if (admission.kind === 'refused_whole')
      return refused(400, `${admission.reason} (event ${String(admission.index)})`)
    const { outcomes } = admission
    const bad = outcomes.find(({ refusal }) => refusal !== undefined)
    if (bad?.refusal !== undefined) {
      const count = outcomes.filter(({ refusal }) => refusal !== undefined).length
      happened.eventsRefused(count, bad.refusal, read.token).emit(telemetry)
    }
    return answerFor(admission.answers, outcomes, query)
  }

  async function respond(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    search: string,
  ): Promise<void> {
    const startedMs = performance.now()
    try {
      const answer = await answered(request, path, search).catch(failureAnswer)
      if (answer.isText)
        happened
          .requestRefused(answer.status, answer.body, clientIp(request), request.headers['x-request-id'])
          .emit(telemetry)
      const events = answer.outcomes?.length ?? 0
      happened.requestAnswered(answer.status, performance.now() - startedMs, events).emit(telemetry)
      send(request, response, answer, durability)
    } catch (error) {
      happened.requestFailed(error).emit(telemetry)
      response.destroy()
    }
  }

  function failureAnswer(error: unknown): Answer {
    if (error instanceof Failure && error.retryable)
      return refused(503, `transient error, please retry: ${error.message}`)
    // Sent again it would be as large: SDKs send less at once, or give it up.
    if (codeOf(error) === 'SLUICE_RECORD_TOO_LARGE')
      return refused(413, 'maximum event size exceeded: an event is larger than can be stored')
    happened.requestFailed(error).emit(telemetry)
    return refused(500, 'internal server error')
  }

  function begin(request: IncomingMessage, response: ServerResponse, path: string, search: string): void {
    const { method } = request
    // HEAD is GET whose answer's text is left out, which the server sees to.
    if (method === 'POST' || method === 'GET' || method === 'HEAD') void respond(request, response, path, search)
    else if (method === 'OPTIONS') answerPreflight(request, response, 'GET,POST,OPTIONS')
    else send(request, response, wrongMethod, durability)
  }

  return { at: (path) => (paths.has(path) ? begin : undefined) }
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer, durability: string): void {
  if (response.destroyed) return
  const headers: string[] = []
  const { origin } = request.headers
  if (origin !== undefined) headers.push(...corsHeaders(origin))
  if (answer.outcomes !== undefined) {
    headers.push('sluice-receipt', receiptHeader(durability, answer.outcomes))
    headers.push('sluice-verdicts', verdictsHeader(answer.outcomes))
  }
  if (answer.retryAfterSeconds !== undefined) headers.push('retry-after', String(answer.retryAfterSeconds))
  if (answer.allow !== undefined) headers.push('allow', answer.allow)
  if (answer.status !== 204) {
    headers.push('content-type', answer.isText ? 'text/plain; charset=utf-8' : 'application/json')
    headers.push('content-length', String(Buffer.byteLength(answer.body)))
  }
  if (answer.status === 408) headers.push('connection', 'close')
  else if (!request.complete) {
    // Also for a client that asked to close: it closes once it has read the answer.
    response.shouldKeepAlive = true
    discardRest(request)
  }
  response.writeHead(answer.status, headers)
  response.end(answer.body)
}
