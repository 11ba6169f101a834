/** HTTP as an SDK would do it: kept-alive connections, whole answers; whatever breaks is an error. */
import type { Agent, IncomingHttpHeaders } from 'node:http'
import { request } from 'node:http'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Question {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** Without one each question has a connection of its own, so that none dies with a process that was killed meanwhile. */
  readonly agent?: Agent
  readonly socketPath?: string
  /** Aborted to hang up. */
  readonly signal?: AbortSignal
}

const answerTimeoutMs = 60_000

/** Resolves with the answer once all of it is there; rejects when there is none.  */
export function send(url: string, { body, ...question }: Question = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = { ...question.headers }
    if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body))
    const sent = request(url, { timeout: answerTimeoutMs, agent: false, ...question, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode = 0, headers: answered } = response
        resolve({ status: statusCode, headers: answered, text: Buffer.concat(chunks).toString() })
      })
    })
    sent.on('timeout', () => sent.destroy(new Error(`No answer within ${String(answerTimeoutMs)} ms.`)))
    sent.on('error', reject)
    sent.end(body)
  })
}
