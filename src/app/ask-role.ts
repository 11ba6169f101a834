/**
 * Asks a role over its socket: the other processes and the command line do. The working directory is the data folder,
 * because a socket's path may have 107 bytes, and from inside of it is always short.
 */
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { Failure, messageOf } from '../kit/failure.ts'
import { roleSocket } from './supervisor/data-folder.ts'

/** Of the core; also for edges of other machines. */
export const healthPath = '/internal/health'

export type AskedRole = keyof typeof roleSocket

export interface RoleQuestion {
  readonly path: string
  /** Sent as JSON by POST; without it the path is read by GET. */
  readonly body?: unknown
  /** How long the whole answer may take; Infinity for one that is streamed. */
  readonly timeoutMs?: number
}

const timeoutMsUsual = 5000
const answerBytesMax = 64 * 1024 * 1024

/**
 * The role's JSON answer. Rejects with SLUICE_NOT_RUNNING (retryable) when it does not answer in time, and with
 * SLUICE_ROLE_REFUSED (retryable) when it answers no.
 */
export async function askRole<T>(role: AskedRole, question: RoleQuestion): Promise<T> {
  const response = await streamFromRole(role, { timeoutMs: timeoutMsUsual, ...question })
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response) {
      const part = chunk as Buffer
      bytes += part.length
      if (bytes > answerBytesMax) throw new Error('its answer is too long')
      chunks.push(part)
    }
    // The roles are this program too, in the same version.
    return JSON.parse(Buffer.concat(chunks).toString()) as T
  } catch (cause) {
    throw away(role, cause)
  }
}

/** As `askRole`, but whoever reads the answer bounds it. */
export function streamFromRole(role: AskedRole, question: RoleQuestion): Promise<IncomingMessage> {
  const { path, body, timeoutMs = Infinity } = question
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        socketPath: roleSocket[role],
        path,
        method: body === undefined ? 'GET' : 'POST',
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        ...(timeoutMs === Infinity ? {} : { signal: AbortSignal.timeout(timeoutMs) }),
      },
      (response) => {
        if (response.statusCode === 200) {
          resolve(response)
          return
        }
        refusalOf(response).then((detail) => {
          const said = `The ${role} answered ${String(response.statusCode)} to ${path}${detail}`
          reject(new Failure('SLUICE_ROLE_REFUSED', said, { retryable: true }))
        }, reject)
      },
    )
    sent.on('error', (cause) => reject(away(role, cause)))
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** As `askRole`; undefined when there is no answer, for whoever can go on without one. */
export async function answerOfRole<T>(role: AskedRole, question: RoleQuestion): Promise<T | undefined> {
  return await askRole<T>(role, question).catch(() => undefined)
}

const detailBytesMax = 4096

/** What the role says about why. */
async function refusalOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response) {
    if (text.length < detailBytesMax) text += String(chunk as Buffer)
  }
  try {
    const problem: unknown = JSON.parse(text)
    if (typeof problem === 'object' && problem !== null && 'detail' in problem) return `: ${String(problem.detail)}`
  } catch {
    // It said nothing that is meant for people.
  }
  return '.'
}

function away(role: AskedRole, cause: unknown): Failure {
  const why = messageOf(cause)
  return new Failure('SLUICE_NOT_RUNNING', `The ${role} does not answer (${why}). Is Sluice running on this folder?`, {
    retryable: true,
    cause,
  })
}
