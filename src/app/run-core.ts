/** The core: turns accepted events into rows and answers questions. Only writer of its journal and of the warehouse. */
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { aborted } from '../kit/aborted.ts'
import { codeOf, Failure, messageOf } from '../kit/failure.ts'
import type { Telemetry } from '../kit/telemetry/telemetry.ts'
import { partitionOf } from '../event/murmur2.ts'
import { balance, parkedEvents } from '../stages/health/books.ts'
import type { Books } from '../stages/health/books.ts'
import { createCanaries } from '../stages/health/canaries.ts'
import type { CanaryEvent } from '../stages/health/canaries.ts'
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
import { ensureFirstProject } from '../stores/state/first-project.ts'
import { migrate, readMigrations } from '../stores/state/migrate.ts'
import { createProjectCache } from '../stores/state/project-cache.ts'
import type { SqlClient } from '../stores/state/sql-client.ts'
import { ensureFirstUser, resetFirstUser } from '../stores/state/users.ts'
import { canariesInserted } from '../stores/warehouse/insert-progress.ts'
import type { WarehouseReader } from '../stores/warehouse/warehouse-reader.ts'
import type { Config } from './config.ts'
import { canaryToken } from './canary-token.ts'
import { limitsOf } from './config.ts'
import { forgetFirstLogin, keepFirstLogin } from './first-login.ts'
import { createCoreHttp } from './http/core-http.ts'
import { questionComplaint } from './http/question-complaint.ts'
import { freeSocket } from './listen.ts'
import { createPipelineNow } from './pipeline-now.ts'
import { buildFlow } from './pipeline.ts'
import { intakeCounts, openCoreStores, openLogSearch, openWarehouse } from './profiles/embedded.ts'
import { roleSocket } from './supervisor/data-folder.ts'
import { readProcessesFile } from './supervisor/processes-file.ts'
import type { RunRole } from './supervisor/role-context.ts'

/** The same for the sources in src/ and for what is built of them in dist/. */
const consoleFolder = fileURLToPath(new URL('../../dist/console', import.meta.url))
const sampleEveryMs = 1000
const trimEveryMs = 60_000
const maintainEveryMs = 60_000
/** Events that wait longer say that the machine has enough to do. */
const maintainWhenWaitingMsMax = 5000
const canaryTimeoutMs = 30_000
const booksEveryMs = 10_000

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
  /** Where the intake's lane ended when the canaries were in: until the writer is there, asking the table is in vain. */
  let canariesEndAt: readonly number[] = []
  const canaries = createCanaries({
    async send(events) {
      await sendCanaries(config, own, events)
      canariesEndAt = (await intakeCounts()).ends
    },
    async seen(uuids) {
      const inserted = warehousing.progress()?.sourceOffsets ?? []
      if (!canariesEndAt.every((end, partition) => (inserted[partition] ?? 0) >= end)) return 0
      const { rows } = await reader.ask({
        sql: 'SELECT count() FROM sluice.events WHERE team_id = 0 AND uuid IN {uuids:Array(UUID)} AND accepted_at > now() - INTERVAL 1 HOUR',
        parameters: { uuids },
        limits: { timeMs: 5000, memoryBytes: 256 * 1024 * 1024, rowsMax: 1, resultBytesMax: 1000 },
        signal,
      })
      return Number(rows[0]?.[0] ?? 0)
    },
    distinctIds: onePerPartition(own, config.intake.partitionCount),
    intervalMs: config.health.canaryIntervalMs,
    timeoutMs: canaryTimeoutMs,
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
      resetLogin: () => resetFirstUser(sql, keepFirstLogin),
      present: (range) => warehouse.present(range),
      positionsOf: (uuids) => positionsOf(reader, uuids, signal),
    },
    telemetry: telemetry.of('http'),
  })
  await freeSocket(roleSocket.core)
  await http.listen({ path: roleSocket.core })

  running.push(
    bootstrap(config, sql, own, signal, telemetry.of('state')).then(() => {
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

/** Brings Postgres up to date and makes sure that there is a project; tries until Postgres is there. */
async function bootstrap(
  config: Config,
  sql: SqlClient,
  canary: string,
  signal: AbortSignal,
  telemetry: Telemetry,
): Promise<void> {
  const { token, personalKey } = config.firstProject
  for (let delayMs = 50; !signal.aborted; delayMs = Math.min(delayMs * 2, 2000)) {
    try {
      await migrate(sql, await readMigrations())
      const first = await ensureFirstProject(sql, {
        canaryToken: canary,
        ...(token === undefined ? {} : { projectToken: token }),
        ...(personalKey === undefined ? {} : { personalKey }),
      })
      // Only who reads this folder can read it, and he could read everything else here as well.
      if (first.personalKey !== undefined) await keepFirstProject(first.projectId, first.token, first.personalKey)
      const { password } = config.console
      const { oneTime } = await ensureFirstUser(sql, first.organizationId, {
        ...(password === undefined ? {} : { password }),
        keep: keepFirstLogin,
      })
      if (!oneTime) await forgetFirstLogin()
      return
    } catch (error) {
      if (!(error instanceof Failure && error.retryable)) throw error
      telemetry.log(delayMs > 1000 ? 'warn' : 'debug', 'Waiting for Postgres.', {
        reason: messageOf(error),
        code: codeOf(error),
      })
      await sleep(delayMs, undefined, { signal }).catch(() => undefined)
    }
  }
}

async function keepFirstProject(projectId: number, token: string, personalKey: string): Promise<void> {
  await mkdir('run', { recursive: true })
  await writeFile('run/first-project.json.next', JSON.stringify({ projectId, token, personalKey }), { mode: 0o600 })
  await rename('run/first-project.json.next', 'run/first-project.json')
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

/** Through the front door, as any client would. */
function sendCanaries(config: Config, token: string, events: readonly CanaryEvent[]): Promise<void> {
  const port = readProcessesFile('.')?.processes.find(({ role }) => role === 'edge')?.port ?? undefined
  if (port === undefined)
    return Promise.reject(
      new Failure('SLUICE_EDGE_AWAY', 'The edge has not said where it listens.', { retryable: true }),
    )
  const host = config.edge.host === '0.0.0.0' || config.edge.host === '::' ? '127.0.0.1' : config.edge.host
  const body = JSON.stringify({ api_key: token, batch: events })
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host, port, path: '/batch/', method: 'POST', timeout: 10_000, headers: { 'content-type': 'application/json' } },
      (response) => {
        response.resume()
        if (response.statusCode === 200) resolve()
        else
          reject(
            new Failure('SLUICE_CANARY_REFUSED', `The door answered ${String(response.statusCode)}.`, {
              retryable: true,
            }),
          )
      },
    )
    request.on('timeout', () => request.destroy(new Error('The door did not answer in time.')))
    request.on('error', reject)
    request.end(body)
  })
}

/** A distinct id for each partition, found by trying. */
function onePerPartition(token: string, partitionCount: number): string[] {
  const found = new Map<number, string>()
  for (let n = 0; found.size < partitionCount; n++) {
    const distinctId = `canary-${String(n)}`
    const partition = partitionOf(`${token}:${distinctId}`, partitionCount)
    if (!found.has(partition)) found.set(partition, distinctId)
  }
  return [...found.values()]
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
