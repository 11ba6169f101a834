/**
 * The stages joined in flow order; the one place that knows them all.
 *
 * ```
 *  edge:  HTTP ─► capture ─► admission ─► intake
 *  core:  source lanes ─► ingestion ─► derived batches ─► warehousing ─► ClickHouse ◄─ query ◄─ HTTP     (each flow)
 *                              └─(decided, of events)─► live feed ─► HTTP streams
 * ```
 */
import { flows } from '../event/flows.ts'
import type { Flow, FlowName } from '../event/flows.ts'
import type { Telemetry } from '../kit/telemetry/telemetry.ts'
import type { Tracing } from '../kit/telemetry/tracing.ts'
import { createAdmission } from '../stages/admission/admission.ts'
import { createCapture } from '../stages/capture/capture.ts'
import type { Capture, CaptureDeps } from '../stages/capture/capture.ts'
import { createInflationThread } from '../stages/capture/decode/inflation-thread.ts'
import { createBodyReader } from '../stages/capture/decode/read-body.ts'
import { createSdkSetup } from '../stages/capture/sdk-setup/sdk-setup.ts'
import { createV1Capture } from '../stages/capture/v1/v1-capture.ts'
import { CopyIndex } from '../stages/ingestion/copy-index.ts'
import { createDerive } from '../stages/ingestion/derive.ts'
import type { Derive } from '../stages/ingestion/derive-batches.ts'
import { createDeriveHeatmap } from '../stages/ingestion/derive-heatmap.ts'
import { createDeriveRecording } from '../stages/ingestion/derive-recording.ts'
import { createIngestion } from '../stages/ingestion/ingestion.ts'
import type { Ingestion, IngestionDeps } from '../stages/ingestion/ingestion.ts'
import { createLiveFeed } from '../stages/live/live-feed.ts'
import type { LiveFeed } from '../stages/live/live-feed.ts'
import { createWarehousing } from '../stages/warehousing/warehousing.ts'
import type { Warehousing } from '../stages/warehousing/warehousing.ts'
import type { LimitedTokens } from '../stores/coordination/limited-tokens.ts'
import type { Intake } from '../stores/intake/intake.ts'
import type { EventLog } from '../stores/log/event-log.ts'
import type { ProjectCache } from '../stores/state/project-cache.ts'
import type { TokenDirectory } from '../stores/state/token-directory.ts'
import type { InsertProgress } from '../stores/warehouse/insert-progress.ts'
import type { WarehouseTable } from '../stores/warehouse/warehouse.ts'
import type { Config } from './config.ts'
import { publishedScripts } from './published-scripts.ts'
import { createDoorTracing } from './traced-door.ts'
import { traceFlow } from './traced-flow.ts'

/** Makes captures by other settings, in front of the same admission: what that remembers stays. */
export type BuildCapture = (config: Config) => Capture

/** The door: from a request's bytes to the durable decision about its events. */
export function buildDoor(
  config: Config,
  stores: {
    readonly intake: Intake
    readonly tokens: TokenDirectory
    readonly limitedTokens: LimitedTokens
    readonly duplicateKeySecret: Buffer
    readonly canaryToken: string
  },
  ofRequest: Pick<CaptureDeps, 'clientIp' | 'noteToken'>,
  telemetry: (stage: string) => Telemetry,
  tracing?: Tracing,
): BuildCapture {
  const traced = tracing === undefined ? undefined : createDoorTracing(tracing)
  const intake = traced?.intake(stores.intake) ?? stores.intake
  const admission = createAdmission(config.admission, { ...stores, intake, telemetry: telemetry('admission') })
  const admit = traced?.admission(admission) ?? admission
  const { durability } = intake.books()
  const scripts = publishedScripts()
  const inflateLarge = createInflationThread()
  return ({ capture: settings, sdks }) => {
    const readBody = createBodyReader(settings)
    const deps = { ...ofRequest, admit, readBody, inflateLarge, durability, telemetry: telemetry('capture') }
    const capture = oneOf([
      createCapture(settings, deps),
      createV1Capture(settings, deps),
      createSdkSetup({
        scripts,
        recordsSessions: sdks.sessionRecording === 'on',
        telemetry: telemetry('capture'),
      }),
    ])
    return traced?.capture(capture) ?? capture
  }
}

/** Several wires as one; no path is served by two of them. */
function oneOf(captures: readonly Capture[]): Capture {
  return {
    at(path) {
      for (const capture of captures) {
        const answer = capture.at(path)
        if (answer !== undefined) return answer
      }
      return undefined
    },
  }
}

/** One flow at work. */
export interface RunningFlow {
  readonly flow: Flow
  readonly ingestion: Ingestion
  readonly warehousing: Warehousing
  readonly table: WarehouseTable
}

/** From the durable decision to rows: one instance of the same stages for each flow. */
export function buildFlows(
  config: Config,
  stores: {
    readonly log: EventLog
    readonly mayHaveCopies: boolean
    readonly derivedBytesMax: number
    readonly projects: ProjectCache
    readonly tables: Readonly<Record<FlowName, WarehouseTable>>
    readonly progress: Readonly<Record<FlowName, InsertProgress>>
  },
  telemetry: (stage: string) => Telemetry,
  tracing?: Tracing,
): { readonly running: Readonly<Record<FlowName, RunningFlow>>; readonly live: LiveFeed } {
  const { log, derivedBytesMax, projects, tables, progress } = stores
  const { duplicateKeysMax: keysMax } = config.ingestion
  const { duplicateWindowMs: windowMs } = config.intake
  // One for all flows, so that a flow with many events has what others do not need.
  const copies = stores.mayHaveCopies
    ? { copies: new CopyIndex({ keysMax, windowMs, telemetry: telemetry('ingestion') }) }
    : {}
  const live = createLiveFeed(config.live, { telemetry: telemetry('live') })
  const run = (flow: Flow, derive: Derive, shown?: IngestionDeps['decided']): RunningFlow => {
    const table = tables[flow.name]
    const traced = tracing === undefined ? undefined : traceFlow(tracing, flow)
    const decided = bothOf(shown, traced?.decided)
    const ingestion = {
      flow,
      log,
      derive,
      derivedBytesMax,
      telemetry: telemetry('ingestion'),
      ...copies,
      ...(decided === undefined ? {} : { decided }),
    }
    const warehousing = {
      flow,
      log,
      warehouse: table,
      progress: progress[flow.name],
      telemetry: telemetry('warehousing'),
      ...(traced === undefined ? {} : { inserted: traced.inserted }),
    }
    return {
      flow,
      table,
      ingestion: createIngestion(config.ingestion, ingestion),
      warehousing: createWarehousing({ ...config.warehouse, lingerMs: lingerMs(config, flow) }, warehousing),
    }
  }
  return {
    live,
    running: {
      events: run(flows.events, createDerive({ projects }), (batches) => live.decided(batches)),
      heatmaps: run(flows.heatmaps, createDeriveHeatmap({ projects })),
      recordings: run(flows.recordings, createDeriveRecording({ projects })),
    },
  }
}

/** Nobody looks at a recording while it is made: it may wait for company, and the table has fewer parts to merge. */
function lingerMs({ warehouse }: Config, { name }: Flow): number {
  return name === 'events' ? warehouse.lingerMs : warehouse.recordingsLingerMs
}

function bothOf<T>(first: ((value: T) => void) | undefined, second: ((value: T) => void) | undefined) {
  if (first === undefined || second === undefined) return first ?? second
  return (value: T): void => {
    first(value)
    second(value)
  }
}
