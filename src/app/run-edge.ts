/** The edge: answers requests, and is the only writer of the intake's journal. Needs nobody else to acknowledge. */
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import { flows } from '../event/flows.ts'
import { aborted } from '../kit/aborted.ts'
import { secretFile } from '../kit/secret-file.ts'
import type { MetricsSnapshot } from '../kit/telemetry/metrics.ts'
import { lowerEngineThreads } from '../kit/thread-priority.ts'
import { openTokenDirectory } from '../stores/state/token-directory.ts'
import { answerOfRole, healthPath } from './ask-role.ts'
import type { Config } from './config.ts'
import { canaryToken } from './canary-token.ts'
import * as happened from './edge/edge.events.ts'
import { openEdgeFront } from './edge/edge-front.ts'
import type { CoreAddress } from './edge/pass-on.ts'
import { ofRequest } from './edge/exchange.ts'
import { answerJson } from './edge/own-answers.ts'
import type { OwnRoutes } from './http-surface.ts'
import { closeServer, freeSocket, hostAndPortOf } from './listen.ts'
import { openTracing } from './open-tracing.ts'
import { buildDoor } from './pipeline.ts'
import { profileOf } from './profiles/profile-of.ts'
import type { RoleStatus } from './role-status.ts'
import { roleSocket } from './supervisor/data-folder.ts'
import type { RunRole } from './supervisor/role-context.ts'

const trimEveryMs = 60_000
/** Whoever asks for health or metrics has little patience himself. */
const coreTimeoutMs = 2000
const limitsShownMax = 1000
/** Better code for what it does often can wait until it has done what it is asked for. */
const compilerNiceness = 10

export const runEdge: RunRole = async (config, { telemetry, signal, ready, onSettings, askReload }) => {
  lowerEngineThreads(compilerNiceness)
  const stores = await (await profileOf(config)).openEdgeStores(config, telemetry)
  const tokens = await openTokenDirectory({
    sql: stores.sql,
    listener: stores.sql,
    snapshotFile: 'edge/tokens.json',
    telemetry: telemetry.of('tokens'),
    // The first requests need not wait for Postgres: what is not known yet is let in.
    firstRefreshTimeoutMs: 200,
  })
  const tracing = await openTracing(config, 'edge')
  const buildCapture = buildDoor(
    config,
    {
      intake: stores.intake,
      tokens,
      limitedTokens: stores.limitedTokens,
      duplicateKeySecret: await secretFile('edge/duplicates.key', 32),
      canaryToken: await canaryToken(),
    },
    ofRequest,
    (stage) => telemetry.of(stage),
    tracing,
  )

  const health = async (response: ServerResponse): Promise<void> => {
    const core = await healthOfCore(config)
    const { takesEvents, trouble } = stores.health()
    const isHealthy = takesEvents && core?.healthy === true
    const body = {
      status: isHealthy ? 'ok' : 'unhealthy',
      edge: { healthy: takesEvents, ...(trouble.length === 0 ? {} : { trouble }) },
      core: core ?? unreachable,
    }
    answerJson(response, isHealthy ? 200 : 503, body)
  }
  const metrics = async (response: ServerResponse): Promise<void> => {
    const core = await answerOfRole<MetricsSnapshot>('core', { path: '/internal/metrics', timeoutMs: coreTimeoutMs })
    const { endsOf } = await stores.doorCounts()
    happened.partitionsSeen(endsOf(flows.events)).emit(telemetry)
    const text = await telemetry.metrics.exposition(core === undefined ? [] : [core])
    response.writeHead(200, { 'content-type': telemetry.metrics.contentType })
    response.end(text)
  }
  /** `/internal/status?limits=<prefix>`: of the limits only those whose keys begin so. */
  const status = async (response: ServerResponse, query: URLSearchParams): Promise<void> => {
    // While Redis is away nobody knows what is used; all else is known.
    const limits = await stores.intake.limitUses(query.get('limits') ?? '', limitsShownMax).catch(() => undefined)
    const { trouble } = stores.health()
    const books = { door: stores.intake.books() }
    answerJson(response, 200, { books, trouble, ...(limits === undefined ? {} : { limits }) } satisfies RoleStatus)
  }
  const later =
    (answer: (response: ServerResponse) => Promise<void>) =>
    (_: unknown, response: ServerResponse): void => {
      answer(response).catch(() => response.destroy())
    }
  const alive = (_: unknown, response: ServerResponse): void => {
    answerJson(response, 200, { status: 'ok' })
  }
  const routes: OwnRoutes = {
    '/_liveness': alive,
    '/_readiness': later(health),
    '/_ready': later(health),
    '/_health': later(health),
    '/health': later(health),
    '/metrics': later(metrics),
  }

  const front = await openEdgeFront({
    config,
    buildCapture,
    own: routes,
    cores: coresOf(config),
    stopping: signal,
    telemetry: telemetry.of('http'),
  })
  const reload = async (response: ServerResponse): Promise<void> => {
    answerJson(response, 200, await askReload())
  }
  const internal = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://edge')
    if (pathname === '/internal/status') status(response, searchParams).catch(() => response.destroy())
    else if (pathname === '/internal/reload' && request.method === 'POST') later(reload)(request, response)
    else answerJson(response, 404, { error: 'There is nothing here.' })
  })
  await freeSocket(roleSocket.edge)
  internal.listen(roleSocket.edge)
  onSettings((next, changed) => front.take(next, changed))
  ready({ port: front.port })

  const trimming = setInterval(() => {
    stores.trim(Date.now()).catch((error: unknown) => {
      telemetry.log('warn', 'Old segments could not be removed.', { error })
    })
  }, trimEveryMs)
  await aborted(signal)
  clearInterval(trimming)
  await front.close(config.supervisor.stopTimeoutMs / 2)
  await closeServer(internal, 100)
  await tokens.close()
  stores.limitedTokens.close()
  await stores.intake.close()
  await stores.sql.close()
  await tracing?.close()
}

/** On this machine by its socket; on others where the setting says. */
function coresOf({ profile }: Config): readonly CoreAddress[] {
  const { coreAddresses, roles } = profile
  return coreAddresses.length === 0 || roles.includes('core')
    ? [{ socketPath: roleSocket.core }]
    : coreAddresses.map(hostAndPortOf)
}

/** As the first healthy one says; otherwise as one says that answers at all. */
async function healthOfCore(config: Config): Promise<Health | undefined> {
  const answers = await Promise.all(coresOf(config).map(healthOfCoreAt))
  return answers.find((answer) => answer?.healthy === true) ?? answers.find((answer) => answer !== undefined)
}

interface Health {
  readonly healthy: boolean
}

async function healthOfCoreAt(core: CoreAddress): Promise<Health | undefined> {
  if ('socketPath' in core) return await answerOfRole('core', { path: healthPath, timeoutMs: coreTimeoutMs })
  try {
    const url = `http://${core.host.includes(':') ? `[${core.host}]` : core.host}:${String(core.port)}${healthPath}`
    const answer = await fetch(url, { signal: AbortSignal.timeout(coreTimeoutMs) })
    // The core is this program too.
    return answer.ok ? ((await answer.json()) as Health) : undefined
  } catch {
    return undefined
  }
}

const unreachable = { healthy: false, reason: 'The core does not answer.' }
