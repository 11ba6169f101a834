/** What the other processes and the command line ask over the core's socket. The edge passes none of it on. */
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { MetricsSnapshot } from '../../../kit/telemetry/metrics.ts'
import type { FlowName } from '../../../event/flows.ts'
import type { PresentRow, RowRange } from '../../../stores/warehouse/warehouse.ts'
import type { RoleStatus } from '../../role-status.ts'
import type { HttpApp } from '../http-app.ts'

export interface InternalDeps {
  status(): Promise<RoleStatus>
  health(): Promise<{ readonly healthy: boolean }>
  metrics(): Promise<MetricsSnapshot>
  /** `[[partition, offset, uuid], …]` of all rows with these uuids. */
  positionsOf(flow: FlowName, uuids: readonly string[]): Promise<readonly (readonly unknown[])[]>
  /** Gives the console's first user a new one-time password; `by` is the name of who runs the command. */
  resetLogin(by: string): Promise<{ readonly login: string; readonly password: string }>
  present(flow: FlowName, range: RowRange): AsyncIterable<readonly PresentRow[]>
}

/** `events` when not said. */
const flowName = Type.Optional(Type.Enum(['events', 'heatmaps', 'recordings']))

const RangeQuery = Type.Object({
  flow: flowName,
  partition: Type.Integer(),
  from: Type.Integer(),
  to: Type.Integer(),
  accepted_from_ms: Type.Integer(),
  accepted_to_ms: Type.Integer(),
})

const ResetLogin = Type.Object({ by: Type.String({ minLength: 1, maxLength: 200 }) })

export function internalRoutes(app: HttpApp, deps: InternalDeps): void {
  const hidden = { hide: true }
  app.get('/internal/status', { schema: hidden }, () => deps.status())
  app.get('/internal/health', { schema: hidden }, () => deps.health())
  app.get('/internal/metrics', { schema: hidden }, () => deps.metrics())

  /** Rows of a range of source positions, as `[[incarnation, offset, index, uuid], …]`, a JSON line a page. */
  app.get('/internal/rows', { schema: { ...hidden, querystring: RangeQuery } }, (request, reply) => {
    const {
      flow = 'events',
      partition,
      from,
      to,
      accepted_from_ms: acceptedFromMs,
      accepted_to_ms: acceptedToMs,
    } = request.query
    const range = { partition, fromOffset: from, toOffset: to, acceptedFromMs, acceptedToMs }
    return reply.type('application/x-ndjson').send(Readable.from(jsonLines(deps.present(flow, range))))
  })

  app.post('/internal/reset-login', { schema: { ...hidden, body: ResetLogin } }, (request) =>
    deps.resetLogin(request.body.by),
  )

  const positions = { ...hidden, querystring: Type.Object({ flow: flowName }), body: Type.Array(Type.String()) }
  app.post('/internal/positions', { schema: positions }, (request) =>
    deps.positionsOf(request.query.flow ?? 'events', request.body),
  )
}

async function* jsonLines(pages: AsyncIterable<readonly PresentRow[]>): AsyncIterable<string> {
  for await (const page of pages) {
    yield `${JSON.stringify(page.map(({ incarnation, offset, index, uuid }) => [incarnation, offset, index, uuid]))}\n`
  }
}
