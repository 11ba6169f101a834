/**
 * Every answer that is not what was asked for is a problem (RFC 9457) with a stable `code`: a refusal by a route, a Failure from
 * below, a request that does not fit its schema, or something broken, of which nothing is told but that it is.
 */
import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Failure } from '../../kit/failure.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import { RefusedQuestion } from '../../stages/query/questions/refused-question.ts'

export const Problem = Type.Object(
  {
    type: Type.String({ description: 'Always about:blank; `code` says which problem it is.' }),
    title: Type.String({ description: 'What the status means.' }),
    status: Type.Integer(),
    detail: Type.String({ description: 'What is wrong and what to do, for people.' }),
    code: Type.String({ pattern: '^SLUICE_[A-Z_]+$', description: 'Stable, for programs.' }),
    errors: Type.Optional(
      Type.Array(Type.Object({ field: Type.String(), message: Type.String() }), {
        description: 'What is wrong with the fields of the request.',
      }),
    ),
  },
  { title: 'Problem', description: 'Why a request was not answered (RFC 9457).' },
)
export type Problem = Static<typeof Problem>

/** A route says no. Thrown, because it may be found out anywhere below a handler. */
export class HttpRefusal extends Error {
  readonly status: number
  readonly code: string
  readonly retryAfterSeconds: number | undefined
  /** Which field of the request is to blame. */
  readonly field: string | undefined

  constructor(
    status: number,
    detail: string,
    options: { readonly code?: string; readonly retryAfterSeconds?: number; readonly field?: string } = {},
  ) {
    super(detail)
    this.status = status
    this.code = options.code ?? 'SLUICE_REQUEST_REFUSED'
    this.field = options.field
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** What a Failure means to who asked. One that is not named here is 503 when trying again helps, else 500. */
const statusOfCode: Readonly<Record<string, number>> = {
  SLUICE_QUERY_REFUSED: 400,
  SLUICE_QUERY_TIMEOUT: 422,
  SLUICE_QUERY_MEMORY: 422,
  SLUICE_QUERY_TOO_LARGE: 422,
  SLUICE_QUERY_CANCELLED: 499,
  SLUICE_SEARCH_CANCELLED: 499,
}

const retryAfterSeconds = 2

/** The error handler of the application. */
export function createAnswerProblem(telemetry: Telemetry) {
  return async function answerProblem(
    error: FastifyError,
    _request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const { headers, problem } = answerTo(error, telemetry)
    await reply.code(problem.status).headers(headers).type('application/problem+json').send(problem)
  }
}

interface ProblemAnswer {
  readonly headers: Readonly<Record<string, string>>
  readonly problem: Problem
}

function answerTo(error: unknown, telemetry: Telemetry): ProblemAnswer {
  if (error instanceof HttpRefusal) {
    const headers = error.retryAfterSeconds === undefined ? {} : { 'retry-after': String(error.retryAfterSeconds) }
    const { field, message } = error
    return {
      headers,
      problem: {
        ...problemOf(error.status, error.code, message),
        ...(field === undefined ? {} : { errors: [{ field, message }] }),
      },
    }
  }
  if (error instanceof Failure) {
    const status = statusOfCode[error.code] ?? (error.retryable ? 503 : 500)
    if (status === 500) telemetry.log('error', 'A request failed.', { code: error.code, reason: error.message })
    return {
      headers: status === 503 ? { 'retry-after': String(retryAfterSeconds) } : {},
      problem: {
        ...problemOf(status, error.code, error.message),
        ...(error instanceof RefusedQuestion ? { errors: [{ field: error.field, message: error.reason }] } : {}),
      },
    }
  }
  if (isRequestError(error)) {
    const errors = fieldErrors(error)
    const detail =
      errors === undefined ? error.message : errors.map(({ field, message }) => `${field} ${message}`).join('; ')
    return {
      headers: {},
      problem: {
        ...problemOf(error.statusCode, 'SLUICE_REQUEST_REFUSED', detail),
        ...(errors === undefined ? {} : { errors }),
      },
    }
  }
  telemetry.log('error', 'A request failed.', { error })
  const detail = 'Something broke inside of the server; its log says what.'
  return { headers: {}, problem: problemOf(500, 'SLUICE_INTERNAL', detail) }
}

function problemOf(status: number, code: string, detail: string): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Client Closed Request', status, detail, code }
}

/** What Fastify found wrong with a request before any of our code ran. */
function isRequestError(error: unknown): error is FastifyError & { readonly statusCode: number } {
  return (
    error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500
  )
}

const errorsMax = 20

function fieldErrors(error: FastifyError): Problem['errors'] {
  return error.validation?.slice(0, errorsMax).map(({ instancePath, message }) => {
    const field = [error.validationContext, ...instancePath.split('/').filter((part) => part !== '')].join('.')
    return { field, message: message ?? 'is wrong' }
  })
}
