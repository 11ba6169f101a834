/** What browsers ask of other origins before and after they send (capture spec §1.4): any origin, with credentials. */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** The CORS layer answers every OPTIONS request itself: whatever headers the client names are permitted. */
export function answerPreflight(request: IncomingMessage, response: ServerResponse, methods: string): void {
  const { origin } = request.headers
  const wanted = request.headers['access-control-request-headers']
  const headers = origin === undefined ? [] : corsHeaders(origin)
  headers.push('access-control-allow-methods', methods)
  if (wanted !== undefined) headers.push('access-control-allow-headers', wanted)
  headers.push('content-length', '0')
  response.writeHead(200, headers)
  response.end()
}

/** Of an answer to a request that names its origin, be it a success or an error. */
export function corsHeaders(origin: string): string[] {
  return [
    'access-control-allow-origin',
    origin,
    'access-control-allow-credentials',
    'true',
    'vary',
    'origin, access-control-request-method, access-control-request-headers',
  ]
}
