/**
 * One line for each request that the edge answered, or for those alone that it refused or that failed (C16).
 *
 * A line names no secret: of the query only harmless parameters are shown with their values, tokens are cut short, and
 * whatever looks like a token anywhere is masked by the log itself. A flood fills no disk: beyond `linesPerSecondMax` lines are
 * left out, and the first line of a later second says how many.
 */
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { EdgeResponse } from './exchange.ts'
import { requestIdOf } from './request-id.ts'

export interface AccessLogSettings {
  readonly accessLog: 'off' | 'refused' | 'all'
  readonly accessLogLinesPerSecondMax: number
}

export interface AccessLog {
  /** Called when an answer is out, or nobody is there any more to have it. */
  ended(response: EdgeResponse): void
  /** Holds from the next request on. */
  set(settings: AccessLogSettings): void
}

/** Parameters of SDKs and of the API whose values are nobody's secret; all others may hold events, tokens or names. */
const shownParameters: ReadonlySet<string> = new Set([
  ...['_', 'beacon', 'compression', 'ip', 'lib_version', 'receipts', 'retry_count', 'sent_at', 'v', 'ver', 'version'],
  ...['after', 'before', 'cursor', 'limit'],
])
const parametersMax = 20
const pathCharsMax = 300
const tokenCharsShown = 7
/** `/array/<token>/config.js`: the one path with a token in it. */
const tokenInPath = /^(\/(?:static\/)?array\/)([^/]+)/
/** What a client that has gone before its answer is noted with, as other servers do. */
const goneStatus = 499

export function createAccessLog(
  initial: AccessLogSettings,
  { telemetry, nowMs = () => performance.now() }: { readonly telemetry: Telemetry; readonly nowMs?: () => number },
): AccessLog {
  let settings = initial
  let second = 0
  let lines = 0
  let leftOut = 0

  /** Whether there is room for a line; counts it. */
  const hasRoom = (): boolean => {
    const now = Math.floor(nowMs() / 1000)
    if (now !== second) {
      second = now
      lines = 0
    }
    if (lines >= settings.accessLogLinesPerSecondMax) {
      leftOut++
      return false
    }
    lines++
    return true
  }

  return {
    set(next) {
      settings = next
    },
    ended(response) {
      if (settings.accessLog === 'off') return
      const status = response.writableFinished || response.headersSent ? response.statusCode : goneStatus
      if (settings.accessLog === 'refused' && status < 400) return
      if (!hasRoom()) return
      telemetry.log('info', 'A request was answered.', fieldsOf(response, status))
      if (leftOut > 0) {
        telemetry.log('info', 'Lines about requests were left out: there were too many in a second.', { leftOut })
        leftOut = 0
      }
    },
  }
}

function fieldsOf(response: EdgeResponse, status: number): Record<string, unknown> {
  const request = response.req
  const { token } = request
  return {
    method: request.method,
    path: shownTarget(request.url ?? '/'),
    status,
    bytesIn: bytesOf(request.headers['content-length']),
    bytesOut: bytesOf(response.sentHeader('content-length')),
    durationMs: Math.round((performance.now() - response.startedMs) * 100) / 100,
    client: request.clientIp,
    requestId: requestIdOf(request),
    verdicts: response.sentHeader('sluice-verdicts'),
    // The log cuts fields of this name; one of another shape is shorter than what it shows.
    token: token === undefined ? undefined : token.slice(0, tokenCharsShown + 1),
  }
}

/** What its own header says; undefined for a body that is sent in pieces. */
function bytesOf(header: string | undefined): number | undefined {
  return header === undefined ? undefined : Number(header)
}

/** Path and query without secrets, at most `pathCharsMax` of them. */
export function shownTarget(target: string): string {
  const queryAt = target.indexOf('?')
  const path = (queryAt === -1 ? target : target.slice(0, queryAt))
    .slice(0, pathCharsMax)
    .replace(tokenInPath, (_, before: string, token: string) => `${before}${token.slice(0, tokenCharsShown)}…`)
  if (queryAt === -1) return path
  // A GET may carry its events in the query: no more of it is looked at than is shown.
  const parts = target.slice(queryAt + 1, queryAt + 1 + 4 * pathCharsMax).split('&')
  const shown = parts.slice(0, parametersMax).map((part) => {
    const [name = ''] = part.split('=', 1)
    if (shownParameters.has(name)) return part.slice(0, 64)
    return part.length === name.length ? '…' : `${name.slice(0, 32)}=…`
  })
  return `${path}?${shown.join('&')}${parts.length > parametersMax ? '&…' : ''}`.slice(0, 2 * pathCharsMax)
}
