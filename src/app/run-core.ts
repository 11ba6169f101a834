/** The core: turns accepted events into rows and answers questions. Only writer of its journal and of the warehouse. */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { aborted } from '../kit/aborted.ts'
import type { Telemetry } from '../kit/telemetry/telemetry.ts'
import { balance, parkedEvents } from '../stages/health/books.ts'
import type { Books } from '../stages/health/books.ts'
import * as healthEvents from '../stages/health/health.events.ts'
import { createProgressWatch } from '../stages/health/progress-watch.ts'
import { createListDeadLetters } from '../stages/journey/dead-letters.ts'
import { createExplainEvent } from '../stages/journey/explain-event.ts'
import { createTableRows } from '../stages/journey/table-rows.ts'
import { createQuestions } from '../stages/query/ask-questions.ts'
import { createAskSql } from '../stages/query/ask-sql.ts'
import { describeTables } from '../stages/query/describe-tables.ts'
import { createColumnPolicy } from '../stages/query/property-columns.ts'
import * as queryEvents from '../stages/query/query.events.ts'
import { trimAuditLog } from '../stores/state/audit-log.ts'
import { createProjectCache } from '../stores/state/project-cache.ts'
import { resetFirstUser } from '../stores/state/users.ts'
import { canariesInserted } from '../stores/warehouse/insert-progress.ts'
import type { WarehouseReader } from '../stores/warehouse/warehouse-reader.ts'
import { canaryToken } from './canary-token.ts'
import { limitsOf } from './config.ts'
import { forgetFirstLogin, keepFirstLogin } from './first-login.ts'
import { firstStart } from './first-start.ts'
import { createCoreHttp } from './http/core-http.ts'
import { questionComplaint } from './http/question-complaint.ts'
import { createInstallationCanaries } from './installation-canaries.ts'
import { limitUsesOfDoor } from './limit-uses.ts'
import { freeSocket } from './listen.ts'
import { createPipelineNow } from './pipeline-now.ts'
import { buildFlow } from './pipeline.ts'
import { intakeCounts, openCoreStores, openLogSearch, openWarehouse } from './profiles/embedded.ts'
import { roleSocket } from './supervisor/data-folder.ts'
import type { RunRole } from './supervisor/role-context.ts'

/** The same for the sources in src/ and for what is built of them in dist/. */
const consoleFolder = fileURLToPath(new URL('../../dist/console', import.meta.url))
const sampleEveryMs = 1000
const trimEveryMs = 60_000
const maintainEveryMs = 60_000
/** Events that wait longer say that the machine has enough to do. */
const maintainWhenWaitingMsMax = 5000
const booksEveryMs = 10_000
const trimAuditEveryMs = 600_000
/** More than anybody changes in the time between. */
const trimAuditLinesMax = 10_000

export const runCore: RunRole = async (config, { telemetry, signal, ready }) => {
  const stores = await openCoreStores(config, telemetry)
  const warehouseStores = await openWarehouse(config)
  const { warehouse, reader } = warehouseStores
  const projects = createProjectCache({ sql: stores.sql })
  const { log, progress, sql } = stores
  const flow = buildFlow(config, { log, projects, warehouse, progress }, (stage) => telemetry.of(stage))
  const { ingestion, warehousing, live } = flow

  // Whatever breaks one stage for good ends the process; the supervisor starts it again.
  const running = [ingestion.run(signal), warehousing.run(signal)]

  const watch = createProgressWatch({
    log,
    sampleEveryMs,
    async accepted() {
      const { ends, counts } = await intakeCounts()
      return { ends, canaries: counts.canary }
    },
    decidedTo: () => ingestion.decidedTo(),
    inserted() {
      const inserted = warehousing.progress()
      return inserted === undefined ? undefined : { ...inserted, canaries: canariesInserted(inserted) }
    },
  })
  running.push(watch.run(signal))

  const own = await canaryToken()
  const canaries = createInstallationCanaries({
    config,
    token: own,
    reader,
    insertedTo: () => warehousing.progress()?.sourceOffsets ?? [],
    signal,
    telemetry: telemetry.of('health'),
  })

  const books = async (): Promise<Books> => {
    const counts = await intakeCounts()
    const inserted = warehousing.progress()
    const decidedTo = ingestion.decidedTo()
    return balance({
      intake: counts.counts,
      sourceRecords: sum(counts.ends),
      ingestion: ingestion.books(),
      decidedRecords: sum(decidedTo),
      insertedRecords: sum(inserted?.sourceOffsets ?? []),
      rowsInserted: inserted?.rowsInserted ?? 0,
      canariesInserted: inserted === undefined ? undefined : canariesInserted(inserted),
      rowsRefused: inserted?.rowsRefused ?? 0,
    })
  }
  const health = async () => {
    await watch.sample()
    const { oldestWaitingMs, waitingEvents } = watch.freshness()
    const { imbalances } = await books()
    const canary = canaries.state()
    const isLate = (oldestWaitingMs ?? 0) > config.health.oldestWaitingMsMax
    const healthy = !isLate && canary.failure === undefined && imbalances.length === 0
    return { healthy, oldestWaitingMs, waitingEvents, canary, imbalances }
  }
  running.push(
    repeat(booksEveryMs, signal, telemetry, async () => {
      const { waitingEvents, oldestWaitingMs } = watch.freshness()
      healthEvents.progressSeen(waitingEvents, oldestWaitingMs).emit(telemetry)
      const { imbalances } = await books()
      if (imbalances.length > 0) healthEvents.booksDoNotBalance(imbalances).emit(telemetry.of('health'))
    }),
    repeat(trimEveryMs, signal, telemetry, () => stores.trim(Date.now())),
    repeat(trimAuditEveryMs, signal, telemetry, async () => {
      await trimAuditLog(sql, config.api.auditRetentionDays, trimAuditLinesMax)
    }),
    repeat(maintainEveryMs, signal, telemetry, async () => {
      if ((watch.freshness().oldestWaitingMs ?? 0) > maintainWhenWaitingMsMax) return
      const startedMs = performance.now()
      // A stop does not wait for a merge: closing the warehouse breaks it off.
      const piece = await Promise.race([warehouse.maintain(), aborted(signal)])
      if (piece !== undefined) queryEvents.maintained(piece, performance.now() - startedMs).emit(telemetry.of('query'))
    }),
  )

  const columnPolicy = createColumnPolicy({ warehouse, telemetry: telemetry.of('query'), slowMs: config.query.slowMs })
  const completeness = {
    async freshness() {
      await watch.sample()
      return watch.freshness()
    },
    parkedEvents: () =>
      parkedEvents({ ingestion: ingestion.books(), rowsRefused: warehousing.progress()?.rowsRefused ?? 0 }),
  }
  const search = openLogSearch(config)
  const http = await createCoreHttp({
    sql,
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
      completeness,
    },
    live: { live, pingIntervalMs: config.live.pingIntervalMs },
    journey: {
      explainEvent: createExplainEvent({
        search,
        warehouse,
        tableRows: createTableRows({ reader, timeMsMax: config.journey.searchTimeMsMax }),
        decidedTo: () => ingestion.decidedTo(),
        insertedTo: () => warehousing.progress()?.sourceOffsets ?? [],
      }),
      listDeadLetters: createListDeadLetters({ search }),
    },
    pipeline: {
      pipelineNow: createPipelineNow({
        watch,
        canaries,
        warehouse,
        books,
        oldestWaitingMsMax: config.health.oldestWaitingMsMax,
      }),
    },
    internal: {
      status: async () => ({ lanes: await watch.lanes(), books: { ...(await books()) } }),
      health,
      metrics: () => telemetry.metrics.snapshot(),
      resetLogin: (by) => resetFirstUser(sql, { kind: 'cli', id: by }, keepFirstLogin),
      present: (range) => warehouse.present(range),
      positionsOf: (uuids) => positionsOf(reader, uuids, signal),
    },
    telemetry: telemetry.of('http'),
  })
  await freeSocket(roleSocket.core)
  await http.listen({ path: roleSocket.core })

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
    await http.close()
    await warehouseStores.close()
    await stores.close()
  }
}

/** Where the table has events of these uuids, as rows of partition, offset and uuid. */
async function positionsOf(reader: WarehouseReader, uuids: readonly string[], signal: AbortSignal) {
  const { rows } = await reader.ask({
    sql: 'SELECT toUInt32(_partition), toString(_offset), toString(uuid) FROM sluice.events WHERE uuid IN {uuids:Array(UUID)}',
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
