/** What the edge says itself, beside capture's answers and the core's. */
import { STATUS_CODES } from 'node:http'
import type { ServerResponse } from 'node:http'

/** A browser shall take an answer for what it says to be, and nothing of ours belongs into a frame or a script's hands. */
const secureHeaders = ['x-content-type-options', 'nosniff', 'cache-control', 'no-store'] as const
/** Who came by TLS once shall not be led back to plain text. */
export const strictTransport = { name: 'strict-transport-security', value: 'max-age=31536000' } as const

export function answerJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json', `${JSON.stringify(value)}\n`)
}

export function answerProblem(
  response: ServerResponse,
  status: number,
  problem: { readonly code: string; readonly detail: string; readonly retryAfterSeconds?: number },
): void {
  const more = problem.retryAfterSeconds === undefined ? [] : ['retry-after', String(problem.retryAfterSeconds)]
  send(response, status, 'application/problem+json', problemText(status, problem.code, problem.detail), more)
}

function send(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string,
  more: readonly string[] = [],
): void {
  const headers = ['content-type', contentType, 'content-length', String(Buffer.byteLength(body)), ...secureHeaders]
  if ('encrypted' in response.req.socket) headers.push(strictTransport.name, strictTransport.value)
  headers.push(...more)
  response.writeHead(status, headers)
  response.end(body)
}

/** What Node found wrong before there was a request to answer, as bytes of a response. */
export function refusalOf(code: string | undefined): string {
  const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  const detail = `This is no request that can be read (${code ?? 'unknown'}).`
  const body = problemText(status, 'SLUICE_REQUEST_REFUSED', detail)
  const head = [
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    'X-Content-Type-Options: nosniff',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

/** As the core itself tells of problems. */
function problemText(status: number, code: string, detail: string): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, code })
}
