/**
 * The edge's front as a whole: servers, budgets, access log and certificates in front of what answers requests; and how it takes
 * settings that change while it runs. Connections stay open over a change, and requests that have begun end as they began.
 */
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { Config } from '../config.ts'
import { createSurface } from '../http-surface.ts'
import type { Answering, OwnRoutes } from '../http-surface.ts'
import { closeServer, listenOnPort } from '../listen.ts'
import type { BuildCapture } from '../pipeline.ts'
import { createAccessLog } from './access-log.ts'
import { openCertificates } from './certificates.ts'
import { createClientAddress } from './client-address.ts'
import * as happened from './edge.events.ts'
import type { CoreAddress } from './pass-on.ts'
import { createPausedSockets } from './paused-sockets.ts'
import { createEdgeServers } from './servers.ts'
import { SourceBudgets } from './source-budgets.ts'

export interface EdgeFront {
  /** The port that people are told: of plain HTTP, or of HTTPS where that is off. */
  readonly port: number
  /** Resolves with what could not be taken. */
  take(config: Config, changed: readonly string[]): Promise<readonly string[]>
  /** Takes no new connection, lets running requests end, at the latest after `timeoutMs`. */
  close(timeoutMs: number): Promise<void>
}

export interface EdgeFrontOptions {
  readonly config: Config
  readonly buildCapture: BuildCapture
  readonly own: OwnRoutes
  readonly cores: readonly CoreAddress[]
  readonly stopping: AbortSignal
  readonly telemetry: Telemetry
}

const loadTellMs = 10_000

/** Resolves once everything listens. */
export async function openEdgeFront(options: EdgeFrontOptions): Promise<EdgeFront> {
  const { config, buildCapture, stopping, telemetry } = options
  const events = happened.createEdgeEvents(telemetry)
  const budgets = new SourceBudgets(budgetsOf(config))
  const paused = createPausedSockets(stopping)
  const accessLog = createAccessLog(config.edge, { telemetry })
  const certificates = await openCertificates(config.tls, { telemetry })
  const answeringBy = (settings: Config): Answering => ({
    clientAddress: createClientAddress(settings.edge.trustedProxies),
    capture: buildCapture(settings),
  })
  let answering = answeringBy(config)
  const { own, cores } = options
  const { coreConnectTimeoutMs } = config.profile
  const surface = createSurface({
    answering,
    own,
    cores,
    coreConnectTimeoutMs,
    budgets,
    paused,
    accessLog,
    events,
    stopping,
  })
  const servers = createEdgeServers({
    config,
    tlsFiles: certificates.first,
    listener: surface.listener,
    clientAddress: () => answering.clientAddress,
    budgets,
    paused,
    events,
  })
  budgets.watchLoad(stopping, () => servers.takeBytes())
  certificates.follow((files) => servers.setCertificate(files), stopping)

  const ports: number[] = []
  if (servers.plain !== undefined)
    ports.push(await listenOnPort(servers.plain, config.edge.port ?? 0, config.edge.host))
  if (servers.tls !== undefined) ports.push(await listenOnPort(servers.tls, config.tls.port, config.edge.host))
  const [port = 0] = ports

  const telling = setInterval(() => {
    const { openConnections, size, isOverloaded } = budgets
    happened.loadSeen({ connections: openConnections, sources: size, isOverloaded }).emit(telemetry)
  }, loadTellMs)
  telling.unref()

  return {
    port,
    async take(next, changed) {
      // As a whole, before anything is swapped: who cannot build it keeps the old.
      const nextAnswering = answeringBy(next)
      const problems = await certificates.reread(next.tls)
      answering = nextAnswering
      surface.use(nextAnswering)
      budgets.set(budgetsOf(next))
      accessLog.set(next.edge)
      servers.set(next)
      if (changed.length > 0) happened.settingsTaken(changed).emit(telemetry)
      return problems
    },
    async close(timeoutMs) {
      clearInterval(telling)
      const open = [servers.plain, servers.tls].filter((server) => server !== undefined)
      await Promise.all(open.map((server) => closeServer(server, timeoutMs)))
    },
  }
}

function budgetsOf({ edge, capture }: Config) {
  const { connectionsPerSourceMax, requestsPerSecondPerSourceMax } = edge
  return { connectionsMax: capture.connectionsMax, connectionsPerSourceMax, requestsPerSecondPerSourceMax }
}
