/** What the API says when it does not answer (RFC 9457), and what the console says when there is no API to be reached. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  /** 0 when no answer came. */
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly fields: readonly FieldProblem[]
  readonly retryAfterSeconds: number | undefined

  constructor(problem: {
    readonly title: string
    readonly status: number
    readonly code: string
    readonly detail: string
    readonly fields?: readonly FieldProblem[]
    readonly retryAfterSeconds?: number | undefined
    readonly cause?: unknown
  }) {
    super(problem.title, { cause: problem.cause })
    this.status = problem.status
    this.code = problem.code
    this.detail = problem.detail
    this.fields = problem.fields ?? []
    this.retryAfterSeconds = problem.retryAfterSeconds
  }
}

export interface FieldProblem {
  readonly field: string
  readonly message: string
}

export function unreachable(cause: unknown): ApiProblem {
  return new ApiProblem({
    title: 'Sluice cannot be reached',
    status: 0,
    code: 'SLUICE_UNREACHABLE',
    detail: 'No answer came. Is Sluice running, and is this computer connected to it?',
    cause,
  })
}

/** Also makes sense of answers that are no problem document: a proxy between may have written them. */
export function problemFrom(status: number, body: unknown, retryAfter: string | null): ApiProblem {
  const document = isRecord(body) ? body : {}
  const text = (name: string): string | undefined => {
    const value = document[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const seconds = retryAfter === null ? Number.NaN : Number(retryAfter)
  return new ApiProblem({
    title: text('title') ?? titleOf(status),
    status,
    code: text('code') ?? `HTTP_${String(status)}`,
    detail: text('detail') ?? text('error') ?? `Sluice answered with status ${String(status)} and gave no reason.`,
    fields: fieldsFrom(document['errors']),
    retryAfterSeconds: Number.isFinite(seconds) ? seconds : undefined,
  })
}

function titleOf(status: number): string {
  if (status === 404) return 'Not found'
  if (status === 429) return 'Too many requests'
  if (status === 503) return 'Not available right now'
  return status >= 500 ? 'Something broke in Sluice' : 'The request was refused'
}

function fieldsFrom(raw: unknown): FieldProblem[] {
  if (!Array.isArray(raw)) return []
  return raw.flatMap((entry: unknown) =>
    isRecord(entry) && typeof entry['field'] === 'string' && typeof entry['message'] === 'string'
      ? [{ field: entry['field'], message: entry['message'] }]
      : [],
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
