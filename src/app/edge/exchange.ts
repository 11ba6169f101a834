/** Request and answer as the edge's servers make them: with room for what its log and its budgets want to know at the end. */
import { IncomingMessage, ServerResponse } from 'node:http'
import type { OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http'
import type { Source } from './source-budgets.ts'

type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[]

export class EdgeRequest extends IncomingMessage {
  /** Of its client, whatever proxies are between. */
  clientIp = 'unknown'
  /** Of the project that it is for, once somebody has read it. */
  token: string | undefined
}

export class EdgeResponse extends ServerResponse<EdgeRequest> {
  readonly startedMs = performance.now()
  /** Who is charged for it; undefined for whoever has no budget. */
  source: Source | undefined
  #headers: Headers | undefined

  override writeHead(status: number, reason?: string | Headers, headers?: Headers): this {
    this.#headers = typeof reason === 'string' ? headers : reason
    return typeof reason === 'string' ? super.writeHead(status, reason, headers) : super.writeHead(status, reason)
  }

  /** A header that was given to `writeHead`, which keeps none of them itself. */
  sentHeader(name: string): string | undefined {
    const headers = this.#headers
    const value = Array.isArray(headers) ? headers[headers.indexOf(name) + 1 || headers.length] : headers?.[name]
    return value === undefined ? undefined : String(value)
  }
}

/** What capture, which knows no more than that requests are Node's, is handed for them. */
export const ofRequest = {
  clientIp: (request: IncomingMessage): string => (request instanceof EdgeRequest ? request.clientIp : 'unknown'),
  noteToken(request: IncomingMessage, token: string): void {
    if (request instanceof EdgeRequest) request.token = token
  },
}
