/** The core's HTTP: management and questions under `/api`, and what the other processes and the command line ask. */
import { Readable } from 'node:stream'
import fastify from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Failure } from '../kit/failure.ts'
import type { MetricsSnapshot } from '../kit/telemetry/metrics.ts'
import type { Telemetry } from '../kit/telemetry/telemetry.ts'
import type { Freshness } from '../stages/health/progress-watch.ts'
import type { AskSql } from '../stages/query/ask-sql.ts'
import { personalKeyByText } from '../stores/state/keys.ts'
import type { PersonalKey } from '../stores/state/keys.ts'
import { listProjects, project, projectTokens } from '../stores/state/projects.ts'
import type { SqlClient } from '../stores/state/sql-client.ts'
import type { PresentRow, RowRange } from '../stores/warehouse/warehouse.ts'
import type { RoleStatus } from './role-status.ts'

export interface CoreHttpDeps {
  readonly sql: SqlClient
  readonly askSql: AskSql
  /** Looked at anew, so that an answer says how complete it was at that moment. */
  freshness(): Promise<Freshness>
  status(): Promise<RoleStatus>
  health(): Promise<{ readonly healthy: boolean }>
  metrics(): Promise<MetricsSnapshot>
  /** `[[partition, offset, uuid], …]` of all rows with these uuids. */
  positionsOf(uuids: readonly string[]): Promise<readonly (readonly unknown[])[]>
  present(range: RowRange): AsyncIterable<readonly PresentRow[]>
  readonly telemetry: Telemetry
}

const bodyBytesMax = 1024 * 1024

export function createCoreHttp(deps: CoreHttpDeps): FastifyInstance {
  const app = fastify({ logger: false, bodyLimit: bodyBytesMax, forceCloseConnections: 'idle' })
  app.setErrorHandler((error, _request, reply) => problem(reply, error, deps.telemetry))
  app.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, 404, 'SLUICE_NOT_FOUND', 'There is nothing at this path.'),
  )

  /**
   * Projects that the personal key may see.
   * Answers `{"projects": [{"id", "name", "tokens": ["phc_…"]}]}`.
   */
  app.get('/api/projects', async (request) => {
    const key = await keyOf(request, deps.sql, 'project:read')
    const projects = await listProjects(deps.sql, key.organizationId)
    return {
      projects: await Promise.all(
        projects.map(async ({ id, name }) => ({ id, name, tokens: await projectTokens(deps.sql, id) })),
      ),
    }
  })

  /**
   * A question in SQL about the project's events: one SELECT over the table `events`.
   * Body `{"query": "…", "parameters"?: {"name": value}}`; parameters are bound as `{name:Type}`.
   * Answers `{"columns": [{"name", "type"}], "rows": [[…]], "complete_through": "<ISO time>", "waiting_events": n}`: every
   * event accepted up to `complete_through` is counted; `waiting_events` were accepted and are not in the table yet.
   */
  app.post('/api/projects/:id/sql', async (request, reply) => {
    const projectId = await projectOf(request, deps.sql)
    const { query, parameters } = questionFrom(request.body)
    const gone = new AbortController()
    reply.raw.on('close', () => {
      if (!reply.raw.writableEnded) gone.abort()
    })
    // Looked at before the question runs: what arrives meanwhile may or may not be counted.
    const { completeThroughMs, waitingEvents } = await deps.freshness()
    const { columns, rows } = await deps.askSql(projectId, query, parameters, gone.signal)
    return {
      columns,
      rows,
      complete_through: new Date(completeThroughMs).toISOString(),
      waiting_events: waitingEvents,
    }
  })

  app.get('/internal/status', () => deps.status())
  app.get('/internal/health', () => deps.health())
  app.get('/internal/metrics', () => deps.metrics())
  /** Rows of a range of source positions, as `[[incarnation, offset, index, uuid], …]`, a JSON line a page. */
  app.get('/internal/rows', (request, reply) => {
    const range = rangeFrom(request.query)
    return reply.type('application/x-ndjson').send(Readable.from(jsonLines(deps.present(range))))
  })
  app.post('/internal/positions', (request) => deps.positionsOf(request.body as readonly string[]))
  return app
}

/** What a personal key may be limited to; `*` stands for all. */
type Scope = 'project:read' | 'query:read'

async function* jsonLines(pages: AsyncIterable<readonly PresentRow[]>): AsyncIterable<string> {
  for await (const page of pages) {
    yield `${JSON.stringify(page.map(({ incarnation, offset, index, uuid }) => [incarnation, offset, index, uuid]))}\n`
  }
}

/** The personal key of the request, which must have the scope. */
async function keyOf(request: FastifyRequest, sql: SqlClient, scope: Scope): Promise<PersonalKey> {
  const text = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1]
  if (text === undefined) {
    throw new HttpRefusal(401, 'Send a personal key (it begins with phx_) in the header "Authorization: Bearer …".')
  }
  if (text.startsWith('phc_')) {
    throw new HttpRefusal(401, 'This is a project token, which may only write. Questions take a personal key (phx_…).')
  }
  const key = await personalKeyByText(sql, text)
  if (key === undefined) throw new HttpRefusal(401, 'Nobody has this personal key, or it was revoked.')
  if (!key.scopes.includes('*') && !key.scopes.includes(scope)) {
    throw new HttpRefusal(403, `This personal key lacks the scope "${scope}".`)
  }
  return key
}

/** The project in the path, if the key may see it; one that it may not see is as if it were not there. */
async function projectOf(request: FastifyRequest, sql: SqlClient): Promise<number> {
  const key = await keyOf(request, sql, 'query:read')
  const { id } = request.params as { readonly id: string }
  const found = /^[1-9]\d{0,14}$/.test(id) ? await project(sql, Number(id)) : undefined
  if (found?.organizationId !== key.organizationId) {
    throw new HttpRefusal(404, `There is no project ${id}; GET /api/projects lists yours.`)
  }
  return found.id
}

interface SqlQuestion {
  readonly query: string
  readonly parameters: Readonly<Record<string, unknown>>
}

function questionFrom(body: unknown): SqlQuestion {
  if (typeof body !== 'object' || body === null || !('query' in body) || typeof body.query !== 'string') {
    throw new HttpRefusal(400, 'Send JSON like {"query": "SELECT count() FROM events"}: "query" is missing or no text.')
  }
  const parameters = 'parameters' in body ? body.parameters : {}
  if (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters)) {
    throw new HttpRefusal(400, '"parameters" is no object like {"name": "value"}.')
  }
  return { query: body.query, parameters: parameters as Record<string, unknown> }
}

function rangeFrom(query: unknown): RowRange {
  const values = query as Readonly<Record<string, string | undefined>>
  const number = (name: string): number => {
    const value = Number(values[name])
    if (!Number.isSafeInteger(value)) throw new HttpRefusal(400, `"${name}" is no whole number.`)
    return value
  }
  return {
    partition: number('partition'),
    fromOffset: number('from'),
    toOffset: number('to'),
    acceptedFromMs: number('accepted_from_ms'),
    acceptedToMs: number('accepted_to_ms'),
  }
}

class HttpRefusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** What a Failure of a question means to who asked it. */
const statusOfCode: Readonly<Record<string, number>> = {
  SLUICE_QUERY_REFUSED: 400,
  SLUICE_QUERY_TIMEOUT: 422,
  SLUICE_QUERY_MEMORY: 422,
  SLUICE_QUERY_TOO_LARGE: 422,
  SLUICE_QUERY_CANCELLED: 499,
}

async function problem(reply: FastifyReply, error: unknown, telemetry: Telemetry): Promise<void> {
  if (error instanceof HttpRefusal) {
    await sendProblem(reply, error.status, 'SLUICE_REQUEST_REFUSED', error.message)
    return
  }
  if (error instanceof Failure) {
    const status = statusOfCode[error.code] ?? (error.retryable ? 503 : 500)
    if (status === 503) void reply.header('retry-after', '2')
    if (status === 500) telemetry.log('error', 'A request failed.', { code: error.code, reason: error.message })
    await sendProblem(reply, status, error.code, error.message)
    return
  }
  if (
    error instanceof Error &&
    'statusCode' in error &&
    typeof error.statusCode === 'number' &&
    error.statusCode < 500
  ) {
    await sendProblem(reply, error.statusCode, 'SLUICE_REQUEST_REFUSED', error.message)
    return
  }
  telemetry.log('error', 'A request failed.', { error })
  await sendProblem(reply, 500, 'SLUICE_INTERNAL', 'Something broke inside of the server; its log says what.')
}

/** Problem details (RFC 9457), with our stable code. */
function sendProblem(reply: FastifyReply, status: number, code: string, detail: string): FastifyReply {
  return reply.code(status).type('application/problem+json').send({ title: detail, status, code })
}
