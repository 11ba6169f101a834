/**
 * The core's HTTP: management and questions under `/api`, and what the other processes and the command line ask.
 *
 * An area of the API is a file in `routes/`: a function `<area>Routes(app, deps)` that adds its routes, with their schemas beside
 * them and with what they need, and no more, as `deps`. A route names its access in `config` (`access.ts`), throws an
 * `HttpRefusal` or a `Failure` for whatever is no answer (`problem.ts`), and is in the document with its schema (`api-document.ts`).
 */
import cookie from '@fastify/cookie'
import swagger from '@fastify/swagger'
import fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { Config, NamedLimit } from '../config.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { SessionLimits } from '../../stores/state/sessions.ts'
import type { SqlClient, SqlSession } from '../../stores/state/sql-client.ts'
import { guardRoutes, isStillAdmitted } from './access.ts'
import { apiDocument, describeRoutes, documentOptions } from './api-document.ts'
import type { HttpApp } from './http-app.ts'
import { consolePages, referencePages, securePages } from './pages.ts'
import { createAnswerProblem, HttpRefusal } from './problem.ts'
import { createRequestRates } from './request-rates.ts'
import { auditRoutes } from './routes/audit.ts'
import { eventsRoutes } from './routes/events.ts'
import { internalRoutes } from './routes/internal.ts'
import type { InternalDeps } from './routes/internal.ts'
import { insightRoutes } from './routes/insights.ts'
import type { InsightDeps } from './routes/insights.ts'
import { keyRoutes } from './routes/keys.ts'
import { limitRoutes } from './routes/limits.ts'
import { liveRoutes } from './routes/live.ts'
import type { LiveDeps } from './routes/live.ts'
import { internalJourneyRoutes, journeyRoutes } from './routes/journey.ts'
import type { JourneyRoutesDeps } from './routes/journey.ts'
import { pipelineRoutes } from './routes/pipeline.ts'
import type { PipelineRoutesDeps } from './routes/pipeline.ts'
import { internalLimitRoutes, projectLimitRoutes } from './routes/project-limits.ts'
import type { ProjectLimitDeps } from './routes/project-limits.ts'
import { projectRoutes } from './routes/projects.ts'
import { restrictionRoutes } from './routes/restrictions.ts'
import { recordingRoutes } from './routes/recordings.ts'
import type { RecordingsDeps } from './routes/recordings.ts'
import { sessionRoutes } from './routes/session.ts'
import type { SessionDeps } from './routes/session.ts'
import { signingSecretRoutes } from './routes/signing-secrets.ts'
import { questionRoutes } from './routes/questions.ts'
import type { QuestionsDeps } from './routes/questions.ts'
import { sqlRoutes } from './routes/sql.ts'
import type { SqlDeps } from './routes/sql.ts'
import { compileValidator } from './validate.ts'

export interface CoreHttpDeps {
  readonly sql: SqlClient
  /** For lists that may be a little old; `sql` where it is absent. */
  readonly reading?: SqlSession
  readonly sessions: SessionLimits
  /** Bounds of what is managed, and how often. */
  readonly bounds: Config['api']
  /** What `GET /api/limits` shows. */
  readonly limits: readonly NamedLimit[]
  readonly limitUses: ProjectLimitDeps['limitUses']
  readonly passwordChosen: SessionDeps['passwordChosen']
  readonly complaintAbout: InsightDeps['complaintAbout']
  readonly internal: InternalDeps
  readonly questions: SqlDeps & QuestionsDeps
  readonly recordings: RecordingsDeps
  readonly live: Omit<LiveDeps, 'isStillAdmitted'>
  /** Where the built console is, or will be. */
  readonly consoleFolder: string
  readonly journey: JourneyRoutesDeps
  readonly pipeline: PipelineRoutesDeps
  readonly telemetry: Telemetry
}

const bodyBytesMax = 1024 * 1024
const headerBytesMax = 32 * 1024

/** Ready to listen, or to be asked for its document. */
export async function createCoreHttp(deps: CoreHttpDeps): Promise<FastifyInstance> {
  const answerProblem = createAnswerProblem(deps.telemetry)
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    forceCloseConnections: 'idle',
    // More than the edge takes, which adds some of its own.
    http: { maxHeaderSize: headerBytesMax },
    // What is wrong with a path before it has a route.
    frameworkErrors: (error, request, reply) => void answerProblem(error, request, reply),
  })
  app.setValidatorCompiler(compileValidator)
  app.setErrorHandler(answerProblem)
  app.setNotFoundHandler(() => {
    throw new HttpRefusal(404, 'There is nothing at this path.', { code: 'SLUICE_NOT_FOUND' })
  })
  // Fastify closes the connection when it refuses a large body, and the edge would lose the answer.
  app.addHook('onSend', async (_, reply) => {
    reply.removeHeader('connection')
  })
  await securePages(app)
  await app.register(swagger, documentOptions)
  await app.register((inner, _, done) => {
    internalRoutes(inner.withTypeProvider<TypeBoxTypeProvider>(), deps.internal)
    internalJourneyRoutes(inner.withTypeProvider<TypeBoxTypeProvider>(), deps.journey)
    internalLimitRoutes(inner.withTypeProvider<TypeBoxTypeProvider>(), { ...deps, ...deps.bounds })
    done()
  })
  await app.register((inner) => apiRoutes(inner.withTypeProvider<TypeBoxTypeProvider>(), deps))
  await consolePages(app, deps.consoleFolder)
  await referencePages(app)
  await app.ready()
  return app
}

async function apiRoutes(api: HttpApp, deps: CoreHttpDeps): Promise<void> {
  const { sql, reading = sql, sessions, bounds } = deps
  await api.register(cookie)
  takeEmptyBodies(api)
  const rates = await createRequestRates(api, bounds)
  guardRoutes(api, { sql, sessions, rates })
  describeRoutes(api)
  api.get('/api/openapi.json', { config: { access: 'everyone' }, schema: { hide: true } }, () => apiDocument(api))

  sessionRoutes(api, { sql, sessions, rates, passwordChosen: deps.passwordChosen })
  projectRoutes(api, { sql, reading, ...bounds })
  keyRoutes(api, { sql, ...bounds })
  limitRoutes(api, deps)
  projectLimitRoutes(api, { ...deps, ...bounds, reading })
  restrictionRoutes(api, { sql, ...bounds })
  signingSecretRoutes(api, { sql, ...bounds })
  auditRoutes(api, { sql: reading })
  insightRoutes(api, { sql, ...bounds, complaintAbout: deps.complaintAbout })
  eventsRoutes(api, deps.questions)
  questionRoutes(api, deps.questions)
  sqlRoutes(api, deps.questions)
  recordingRoutes(api, deps.recordings)
  journeyRoutes(api, { ...deps.journey, sql: reading })
  pipelineRoutes(api, deps.pipeline)
  liveRoutes(api, { ...deps.live, isStillAdmitted: (request) => isStillAdmitted(request, deps) })
}

/** Clients name the type of a body that they then leave out, as with DELETE: that is none. */
function takeEmptyBodies(api: HttpApp): void {
  const parse = api.getDefaultJsonParser('error', 'error')
  api.removeContentTypeParser('application/json')
  api.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else void parse(request, body, done)
  })
}
