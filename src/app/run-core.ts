/**
 * The core: turns accepted events into rows and answers questions. Where there are several, each works on the partitions that it is
 * assigned; what one has to do for all of them does whoever has partition 0.
 */
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { flows } from '../event/flows.ts'
import type { FlowName } from '../event/flows.ts'
import type { Offsets } from '../event/position.ts'
import { aborted } from '../kit/aborted.ts'
import { messageOf } from '../kit/failure.ts'
import type { Telemetry } from '../kit/telemetry/telemetry.ts'
import { lowerEngineThreads } from '../kit/thread-priority.ts'
import { isLate } from '../stages/health/freshness.ts'
import * as healthEvents from '../stages/health/health.events.ts'
import { createListDeadLetters } from '../stages/journey/dead-letters.ts'
import { createExplainEvent } from '../stages/journey/explain-event.ts'
import type { FlowBehind } from '../stages/journey/explain-event.ts'
import { createTableRows } from '../stages/journey/table-rows.ts'
import { createQuestions } from '../stages/query/ask-questions.ts'
import { createRecordings } from '../stages/query/ask-recordings.ts'
import { createAskSql } from '../stages/query/ask-sql.ts'
import { describeTables } from '../stages/query/describe-tables.ts'
import { createColumnPolicy } from '../stages/query/property-columns.ts'
import * as queryEvents from '../stages/query/query.events.ts'
import { systemActor, trimAuditLog, writeAuditLine } from '../stores/state/audit-log.ts'
import { createProjectCache } from '../stores/state/project-cache.ts'
import { resetFirstUser } from '../stores/state/users.ts'
import type { WarehouseReader } from '../stores/warehouse/warehouse-reader.ts'
import { healthPath } from './ask-role.ts'
import { canaryToken } from './canary-token.ts'
import { limitsOf } from './config.ts'
import { isConsolePath } from './console-paths.ts'
import { forgetFirstLogin, keepFirstLogin } from './first-login.ts'
import { firstStart } from './first-start.ts'
import { followElsewhere } from './follow-elsewhere.ts'
import { createCoreHttp } from './http/core-http.ts'
import { questionComplaint } from './http/question-complaint.ts'
import { createInstallationCanaries } from './installation-canaries.ts'
import { limitUsesOfDoor } from './limit-uses.ts'
import { closeServer, freeSocket, hostAndPortOf, listenOnPort } from './listen.ts'
import { createInstallationProgress } from './installation-progress.ts'
import { openTracing } from './open-tracing.ts'
import { createPipelineNow } from './pipeline-now.ts'
import { buildFlows } from './pipeline.ts'
import type { RunningFlow } from './pipeline.ts'
import { profileOf } from './profiles/profile-of.ts'
import { runAssigned } from './run-assigned.ts'
import { roleSocket } from './supervisor/data-folder.ts'
import type { RunRole } from './supervisor/role-context.ts'

/** The same for the sources in src/ and for what is built of them in dist/. */
const consoleFolder = fileURLToPath(new URL('../../dist/console', import.meta.url))
const trimEveryMs = 60_000
const coreNiceness = 10
const maintainEveryMs = 60_000
/** Events that wait longer say that the machine has enough to do. */
const maintainWhenWaitingMsMax = 5000
const booksEveryMs = 10_000
const trimAuditEveryMs = 600_000
/** More than anybody changes in the time between. */
const trimAuditLinesMax = 10_000

export const runCore: RunRole = async (config, { telemetry, signal, ready, onSettings }) => {
  // Where both want the same core, the door goes first: clients wait for it, and nobody waits for a merge. Threads inherit it.
  setPriority(coreNiceness)
  lowerEngineThreads(coreNiceness)
  const profile = await profileOf(config)
  const stores = await profile.openCoreStores(config, telemetry)
  const warehouseStores = await profile.openWarehouse(config)
  const { warehouse, tables, reader } = warehouseStores
  const projects = createProjectCache({ sql: stores.sql })
  const { log, derivedBytesMax, search, progress, sql } = stores
  const doorCounts = () => stores.doorCounts()
  const tracing = await openTracing(config, 'core')
  const { running: atWork, live } = buildFlows(
    config,
    { log, derivedBytesMax, projects, tables, progress, mayHaveCopies: stores.mayHaveCopies },
    (stage) => telemetry.of(stage),
    tracing,
  )

  onSettings(async (_, changed) => {
    if (changed.length === 0) return []
    const change = { action: 'settings.reloaded', subject: 'settings', after: { changed } }
    try {
      await sql.transaction((session) => writeAuditLine(session, systemActor, change))
      return []
    } catch (error) {
      return [`The change could not be written into the audit log: ${messageOf(error)}`]
    }
  })

  const flowsAtWork = Object.values(atWork)
  const assigned = runAssigned(
    stores.assignment,
    {
      run: (partitions, over) =>
        together(over, (either) => [
          ...(partitions.length === 0 ? [] : flowsAtWork).flatMap(({ ingestion, warehousing }) => [
            ingestion.run(partitions, either),
            warehousing.run(partitions, either),
          ]),
          followElsewhere(partitions, { flow: flows.events, log, live, telemetry: telemetry.of('live') }, either),
        ]),
    },
    { signal, telemetry },
  )
  const isFirst = (): boolean => assigned.partitions().includes(0)
  // Whatever breaks one stage for good ends the process; the supervisor starts it again.
  const running = [assigned.ended]

  const far = createInstallationProgress({ running: atWork, log, doorCounts })
  running.push(far.run(signal))

  const own = await canaryToken()
  const canaries = createInstallationCanaries({
    config,
    token: own,
    reader,
    doorCounts,
    insertedTo: () => insertedTo(atWork.events),
    signal,
    telemetry: telemetry.of('health'),
  })

  const health = async () => {
    await far.sample()
    const freshness = far.freshness()
    const { oldestWaitingMs, waitingEvents } = freshness
    const { imbalances } = await far.books()
    const canary = canaries.state()
    const healthy = !isLate(freshness, config.health) && canary.failure === undefined && imbalances.length === 0
    return { healthy, oldestWaitingMs, waitingEvents, canary, imbalances }
  }
  running.push(
    repeat(booksEveryMs, signal, telemetry, async () => {
      const { waitingEvents, oldestWaitingMs } = far.freshness()
      healthEvents.progressSeen(waitingEvents, oldestWaitingMs).emit(telemetry)
      const { imbalances } = await far.books()
      if (imbalances.length > 0) healthEvents.booksDoNotBalance(imbalances).emit(telemetry.of('health'))
    }),
    repeat(trimEveryMs, signal, telemetry, () => stores.trim(Date.now())),
    repeat(trimAuditEveryMs, signal, telemetry, async () => {
      if (isFirst()) await trimAuditLog(sql, config.api.auditRetentionDays, trimAuditLinesMax)
    }),
    repeat(maintainEveryMs, signal, telemetry, async () => {
      if (!isFirst() || (far.freshness().oldestWaitingMs ?? 0) > maintainWhenWaitingMsMax) return
      const startedMs = performance.now()
      // A stop does not wait for a merge: closing the warehouse breaks it off.
      const piece = await Promise.race([warehouse.maintain(), aborted(signal)])
      if (piece !== undefined) queryEvents.maintained(piece, performance.now() - startedMs).emit(telemetry.of('query'))
    }),
  )

  const columnPolicy = createColumnPolicy({ warehouse, telemetry: telemetry.of('query'), slowMs: config.query.slowMs })
  const behind = (running: RunningFlow): FlowBehind => ({
    table: running.table,
    tableRows: createTableRows({
      reader,
      timeMsMax: config.journey.searchTimeMsMax,
      flow: running.flow,
      partitionCount: config.intake.partitionCount,
    }),
    decidedTo: async () => (await running.ingestion.states()).map(({ decidedTo }) => decidedTo),
    insertedTo: () => insertedTo(running),
  })
  const http = await createCoreHttp({
    ...stores.api,
    sessions: {
      ageMsMax: config.console.sessionAgeMsMax,
      idleMsMax: config.console.sessionIdleMsMax,
      perUserMax: config.console.sessionsPerUserMax,
    },
    bounds: config.api,
    limits: limitsOf(config),
    limitUses: limitUsesOfDoor,
    passwordChosen: forgetFirstLogin,
    complaintAbout: questionComplaint,
    consoleFolder,
    questions: {
      askSql: createAskSql({ reader, ...config.query }),
      describeTables: (projectId, gone) => describeTables(reader, projectId, gone),
      questionsOf: createQuestions({ reader, ...config.query, noteSlow: columnPolicy.noteSlow }),
      completeness: far.of('events'),
    },
    recordings: {
      recordingsOf: createRecordings({
        reader,
        ...config.query,
        recordingBytesMax: config.capture.recordingInflatedBytesMax,
      }),
      completeness: far.of('recordings'),
    },
    live: { live, pingIntervalMs: config.live.pingIntervalMs },
    journey: {
      explainEvent: createExplainEvent({
        search,
        partitionCount: config.intake.partitionCount,
        flows: {
          events: behind(atWork.events),
          heatmaps: behind(atWork.heatmaps),
          recordings: behind(atWork.recordings),
        },
      }),
      listDeadLetters: createListDeadLetters({ search }),
    },
    pipeline: {
      pipelineNow: createPipelineNow({
        progress: far,
        canaries,
        warehouse,
        lateness: config.health,
        hasEdge: config.profile.roles.includes('edge'),
      }),
    },
    internal: {
      status: async () => ({
        lanes: await far.lanes(),
        books: { ...(await far.books()) },
        partitions: assigned.partitions(),
      }),
      health,
      metrics: () => telemetry.metrics.snapshot(),
      resetLogin: (by) => resetFirstUser(sql, { kind: 'cli', id: by }, keepFirstLogin),
      present: (flow, range) => tables[flow].present(range),
      positionsOf: (flow, uuids) => positionsOf(reader, flow, uuids, signal),
    },
    telemetry: telemetry.of('http'),
  })
  await freeSocket(roleSocket.core)
  await http.listen({ path: roleSocket.core })
  const elsewhere = config.profile.coreListen === '' ? undefined : await listenForEdges(http, config.profile.coreListen)

  running.push(
    firstStart(config, sql, own, signal, telemetry.of('state')).then(() => {
      ready({})
      // Not before their project is there: ingestion would set them aside as nobody's.
      return canaries.run(signal)
    }),
  )
  try {
    await Promise.all(running)
  } finally {
    // Streams have no end of their own, and the server waits for it.
    live.close()
    await search.close()
    if (elsewhere !== undefined) await closeServer(elsewhere, 1000)
    await http.close()
    await warehouseStores.close()
    await stores.close()
    await tracing?.close()
  }
}

/** For edges of other machines: what they pass on, and health alone of what processes of one machine ask each other. */
async function listenForEdges(http: FastifyInstance, address: string): Promise<Server> {
  const server = createServer((request, response) => {
    const [path = '/'] = (request.url ?? '/').split('?', 1)
    // Named, not excluded: a path can be written in many ways that the router reads as one.
    if (path === healthPath || path.startsWith('/api/') || isConsolePath(path)) http.routing(request, response)
    else response.writeHead(404).end()
  })
  const { host, port } = hostAndPortOf(address)
  await listenOnPort(server, port, host)
  return server
}

/** Runs until all have ended; the others end when one of them breaks. */
async function together(signal: AbortSignal, begin: (either: AbortSignal) => readonly Promise<void>[]): Promise<void> {
  const broken = new AbortController()
  const tasks = begin(AbortSignal.any([signal, broken.signal]))
  try {
    await Promise.all(tasks)
  } finally {
    broken.abort()
    await Promise.allSettled(tasks)
  }
}

async function insertedTo({ warehousing }: RunningFlow): Promise<Offsets> {
  return (await warehousing.progress()).map(({ sourceOffset }) => sourceOffset)
}

/** Where the flow's table has rows of these uuids, as rows of partition, offset and uuid. */
async function positionsOf(reader: WarehouseReader, flow: FlowName, uuids: readonly string[], signal: AbortSignal) {
  const { rows } = await reader.ask({
    sql: `SELECT toUInt32(_partition), toString(_offset), toString(uuid) FROM ${reader.tableName(flows[flow].table)} WHERE uuid IN {uuids:Array(UUID)}`,
    parameters: { uuids },
    limits: { timeMs: 60_000, memoryBytes: 512 * 1024 * 1024, rowsMax: 100_000, resultBytesMax: 64 * 1024 * 1024 },
    signal,
  })
  return rows
}

async function repeat(
  everyMs: number,
  signal: AbortSignal,
  telemetry: Telemetry,
  act: () => Promise<void>,
): Promise<void> {
  for (;;) {
    await sleep(everyMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    try {
      await act()
    } catch (error) {
      telemetry.log('warn', 'A recurring task failed and runs again later.', { error })
    }
  }
}
