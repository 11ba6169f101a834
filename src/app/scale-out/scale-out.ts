/**
 * Moves an embedded installation, which is stopped, to the engines of the cluster profile (ADR 0026). Every step can be killed at any
 * point and begun again: it looks how far it came, on the target or in the move's file.
 *
 * Steps: check ─► drain ─► state ─► lanes ─► tables ─► compare ─► switch; see `docs/run/scale-out.md` for what each does.
 */
import { randomUUID } from 'node:crypto'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { allFlows } from '../../event/flows.ts'
import type { Flow } from '../../event/flows.ts'
import { failpoint } from '../../kit/failpoint.ts'
import { Failure } from '../../kit/failure.ts'
import type { FolderLock } from '../../kit/folder-lock.ts'
import { FolderLocked, lockFolder } from '../../kit/folder-lock.ts'
import { nodeFiles } from '../../kit/node-files.ts'
import type { ProcessTelemetry } from '../../kit/telemetry/process-telemetry.ts'
import { silent } from '../../kit/telemetry/telemetry.ts'
import { duplicateKeyFrom } from '../../stores/intake/duplicate-key-header.ts'
import { keepEvents, keepMeters } from '../../stores/intake/cluster/filled-door.ts'
import type { EventLog, LogRecord } from '../../stores/log/event-log.ts'
import { beginCopying, endCopying, openKafkaCopy, readTopicSettings } from '../../stores/log/kafka/kafka-copy.ts'
import { kafkaLogDefaults } from '../../stores/log/kafka/kafka-log.ts'
import { openSegmentsLog } from '../../stores/log/segments/segments-log.ts'
import { openPostgresServer } from '../../stores/state/embedded-postgres/postgres-server.ts'
import { migrate, readMigrations } from '../../stores/state/migrate.ts'
import { checkServer } from '../../stores/state/postgres/check-server.ts'
import { openPostgresSqlClient } from '../../stores/state/postgres/postgres-sql-client.ts'
import type { SqlClient } from '../../stores/state/sql-client.ts'
import { embeddedLayout } from '../../stores/warehouse/layout.ts'
import { postgresInsertProgress } from '../../stores/warehouse/postgres-progress/postgres-insert-progress.ts'
import { readPropertyColumns } from '../../stores/warehouse/read-property-columns.ts'
import { canaryToken } from '../canary-token.ts'
import type { Config } from '../config.ts'
import {
  kafkaConnection,
  openClickhouse,
  openLog,
  openRedis,
  openSql,
  openTopics,
  topicOf,
} from '../profiles/cluster.ts'
import { journalOfLane, openWriter } from '../profiles/embedded.ts'
import { shareSecretFiles } from '../profiles/shared-secret-files.ts'
import { makeLayout } from '../supervisor/data-folder.ts'
import { compareRows, compareSources } from './compare-sides.ts'
import { beginsOf, copyDerivedLane, copySourceLanes, countsOf, movedBatches, sourceLanes } from './copy-lanes.ts'
import type { MovedEnd, Retained } from './copy-lanes.ts'
import { copyState } from './copy-state.ts'
import { copyTables, writeLedger } from './copy-tables.ts'
import { drain } from './drain.ts'
import { readMove, removeMove, writeMove } from './move-file.ts'
import type { Move, MoveStep } from './move-file.ts'

export interface ScaleOutOptions {
  /** The settings of both sides; its profile does not count. */
  readonly config: Config
  readonly entryFile: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly telemetry: ProcessTelemetry
  /** Gets a line for whoever watches. */
  readonly say: (line: string) => void
}

/** At work on one move. The working directory is the data folder. */
interface Work extends ScaleOutOptions {
  readonly old: Config
  readonly target: Config
  readonly folder: string
  move: Move
}

const pollMs = 1000
const batchBytesMax = 1024 * 1024
const readBytesMax = 4 * 1024 * 1024
const lockWaitMs = 1000
/** Nobody waits for an answer here, and this process has more to do than to listen for it. */
const redisTimeoutMsMin = 30_000

export async function scaleOut(options: ScaleOutOptions): Promise<void> {
  await withFolder(options, async (folder) => {
    const known = await readMove(folder)
    if (known?.phase === 'finished' || known?.phase === 'moved') {
      options.say(`This installation was moved to ${known.target} already. Start the cluster.`)
      return
    }
    const work: Work = { ...sidesOf(options.config), ...options, folder, move: known ?? aMove(options.config) }
    const sql = await openSql(work.target, 'sluice-scale-out')
    try {
      await timed(work, 'check', () => check(work, sql))
      await step(work, 'drain', () => drained(work))
      await step(work, 'state', () => moveState(work, sql))
      await step(work, 'lanes', () => moveLanes(work, sql))
      await step(work, 'tables', () => moveTables(work))
      await step(work, 'compare', () => compareAll(work, sql))
      await step(work, 'switch', () => switchOver(work, sql))
    } finally {
      await sql.close()
    }
    options.say('Moved: both sides hold the same. Start the cluster; it goes on from here.')
    options.say('Until `sluice scale-out finish`, `sluice scale-out back` returns to this folder.')
  })
}

/** Undefined where nothing was moved. */
export async function moveOf(config: Config): Promise<Move | undefined> {
  return await readMove(config.data.dir)
}

/** The embedded installation may start again. Rejects while the cluster has accepted events that would be left there. */
export async function goBack(options: ScaleOutOptions, leavesEvents: boolean): Promise<void> {
  await withFolder(options, async (folder) => {
    const move = await readMove(folder)
    if (move === undefined) throw new Failure('SLUICE_NOT_MOVED', `Nothing was moved out of ${folder}.`)
    if (move.phase === 'finished') {
      throw new Failure('SLUICE_MOVE_FINISHED', 'The move was finished: there is no way back any more.')
    }
    const { target } = sidesOf(options.config)
    const sql = await openSql(target, 'sluice-scale-out')
    try {
      if (move.phase === 'moved' && !leavesEvents) await refuseNewEvents(target, sql, move.retained ?? {})
      if (move.topics !== undefined && move.phase === 'moving') {
        await endCopying(kafkaConnection(target, 'scale-out'), move.topics)
      }
      await saidOnTarget(sql, move.id, 'given_up')
      await removeMove(folder)
    } finally {
      await sql.close()
    }
    options.say(`The installation in ${folder} starts again as it was. A later move needs an empty target.`)
  })
}

/** There is no way back from here: the old folder may be removed. */
export async function finish(options: ScaleOutOptions): Promise<void> {
  await withFolder(options, async (folder) => {
    const move = await readMove(folder)
    if (move?.phase === 'finished') return
    if (move?.phase !== 'moved') {
      throw new Failure(
        'SLUICE_NOT_MOVED',
        'There is no move that is done. `sluice scale-out status` says how far it is.',
      )
    }
    const sql = await openSql(sidesOf(options.config).target, 'sluice-scale-out')
    await saidOnTarget(sql, move.id, 'finished').finally(() => sql.close())
    await writeMove(folder, { ...move, phase: 'finished' })
    options.say(`Finished. ${folder} is not needed any more.`)
  })
}

function sidesOf(config: Config): { readonly old: Config; readonly target: Config } {
  const { postgres, redis, kafka, clickhouse } = config
  if (postgres.url === undefined || redis.url === undefined || kafka.hosts.length === 0 || clickhouse.host === '') {
    throw new Failure(
      'SLUICE_SCALE_OUT_SETTINGS',
      'Set DATABASE_URL, REDIS_URL, KAFKA_HOSTS and CLICKHOUSE_HOST: they say where this installation is to be moved.',
    )
  }
  const roles = ['edge', 'core']
  return {
    old: { ...config, profile: { ...config.profile, engines: 'embedded', roles } },
    target: {
      ...config,
      profile: { ...config.profile, engines: 'cluster', roles },
      redis: { ...redis, commandTimeoutMs: Math.max(redis.commandTimeoutMs, redisTimeoutMsMin) },
    },
  }
}

function aMove({ kafka, clickhouse }: Config): Move {
  const target = `${kafka.hosts.join(',')}, topics ${kafka.topicPrefix}*, ClickHouse database ${clickhouse.database}`
  return { id: randomUUID(), phase: 'moving', startedAt: new Date().toISOString(), target, done: [] }
}

/** One at a time on a folder, and nothing runs on it. */
async function withFolder(options: ScaleOutOptions, work: (folder: string) => Promise<void>): Promise<void> {
  const folder = options.config.data.dir
  await access(join(folder, 'edge', 'journal')).catch((cause: unknown) => {
    throw new Failure('SLUICE_NOT_INSTALLED', `There is no installation in ${folder}: set SLUICE_DATA_DIR.`, { cause })
  })
  process.chdir(folder)
  const lock = await locked('.', 'scale-out', `Another \`sluice scale-out\` works on ${folder}.`)
  try {
    const others = await folderLocks(folder)
    for (const one of others) one.release()
    await work(folder)
  } finally {
    lock.release()
  }
}

/** As if the installation ran: nobody else may write. */
async function folderLocks(folder: string): Promise<readonly FolderLock[]> {
  makeLayout(folder)
  const taken: FolderLock[] = []
  const complaint = `Sluice runs on ${folder}. Stop it first.`
  try {
    taken.push(await locked('.', 'sluice', complaint))
    for (const role of ['edge', 'core']) taken.push(await locked('run', role, complaint))
    return taken
  } catch (error) {
    for (const one of taken) one.release()
    throw error
  }
}

async function locked(folder: string, name: string, complaint: string): Promise<FolderLock> {
  try {
    return await lockFolder(folder, name, { waitMs: lockWaitMs })
  } catch (cause) {
    if (!(cause instanceof FolderLocked)) throw cause
    throw new Failure('SLUICE_ALREADY_RUNNING', complaint, { cause })
  }
}

async function timed(work: Work, name: string, act: () => Promise<void>): Promise<void> {
  const startMs = performance.now()
  await act()
  work.say(`${name.padEnd(8)} done in ${((performance.now() - startMs) / 1000).toFixed(1)} s`)
}

async function step(work: Work, name: MoveStep, act: () => Promise<void>): Promise<void> {
  if (work.move.done.includes(name)) return
  await timed(work, name, async () => {
    if (name === 'drain') {
      await act()
    } else {
      const locks = await folderLocks(work.folder)
      await act().finally(() => {
        for (const lock of locks) lock.release()
      })
    }
    failpoint(`scale-out:${name}-done`)
    await save(work, { done: [...work.move.done, name], ...(name === 'switch' ? { phase: 'moved' } : {}) })
  })
}

async function save(work: Work, change: Partial<Move>): Promise<void> {
  work.move = { ...work.move, ...change }
  await writeMove(work.folder, work.move)
}

/** The target is usable, and empty but for this very move. */
async function check(work: Work, sql: SqlClient): Promise<void> {
  const { target, telemetry, move } = work
  await checkServer(sql, target.postgres.allowUnsafe)
  await migrate(sql, await readMigrations())
  await openTopics(target, 'scale-out', telemetry.of('log'), ['own-times'])
  const redis = await openRedis(target, 'sluice-scale-out', telemetry.of('intake'))
  await redis.command('PING').finally(() => redis.close())
  const server = await openClickhouse(target)
  const [found] = await sql.query<{ readonly id: string; readonly phase: string }>(
    'select id, phase from sluice.scale_out',
  )
  if (found === undefined) {
    const link = server.connect()
    const rows = await Promise.all(
      allFlows.map(({ table }) => link.rows(`SELECT count() FROM ${server.layout.database}.${table}`)),
    ).finally(() => link.close())
    const [made] = await sql.query<{ readonly count: number }>(
      `select (select count(*) from sluice.projects where id > 0) + (select count(*) from sluice.shared_secrets) as count`,
    )
    const log = openLog(target, sql, 'scale-out', silent)
    const records = await Promise.all(sourceLanes.map((lane) => log.bounds(lane))).finally(() => log.close())
    const isUsed =
      rows.some(([row]) => Number(row?.[0]) > 0) ||
      Number(made?.count) > 0 ||
      records.some((lane) => lane.some(({ end }) => end > 0))
    if (isUsed) throw notEmpty('has projects, records or rows')
  } else if (found.id !== move.id) {
    throw notEmpty('was filled by another move')
  }
  // The fence stands before the target knows of it: an installation that starts in between could write what is not copied.
  await writeMove(work.folder, move)
  await sql.query("insert into sluice.scale_out (id, phase) values ($1, 'moving') on conflict do nothing", [move.id])
  failpoint('scale-out:check-done')
}

function notEmpty(why: string): Failure {
  return new Failure(
    'SLUICE_SCALE_OUT_NOT_EMPTY',
    `The target ${why}. Name an empty one: another database in DATABASE_URL, SLUICE_KAFKA_TOPIC_PREFIX, SLUICE_REDIS_KEY_PREFIX and CLICKHOUSE_DATABASE.`,
  )
}

async function saidOnTarget(sql: SqlClient, id: string, phase: string): Promise<void> {
  await sql.query('update sluice.scale_out set phase = $2, changed_at = now() where id = $1', [id, phase])
}

async function drained(work: Work): Promise<void> {
  const { old, entryFile, environment, say, telemetry } = work
  const locks = await folderLocks(work.folder)
  try {
    // What a killed edge had on disk and not published yet was acknowledged too.
    await (await openWriter('edge', old, telemetry)).close()
  } finally {
    for (const lock of locks) lock.release()
  }
  await drain({ config: old, entryFile, environment, say })
  const log = oldLog(old)
  const retained: Record<string, Awaited<ReturnType<EventLog['bounds']>>> = {}
  for (const lane of sourceLanes) retained[lane] = await log.bounds(lane)
  await log.close()
  work.move = { ...work.move, retained }
}

function oldLog({ intake }: Config, withDuplicateKeys = false): EventLog {
  return openSegmentsLog({
    files: nodeFiles,
    partitionCount: intake.partitionCount,
    folders: journalOfLane,
    writers: new Map(),
    pollMs,
    withDuplicateKeys,
    telemetry: silent,
  })
}

async function moveState(work: Work, sql: SqlClient): Promise<void> {
  const { old, target, telemetry } = work
  const server = await openPostgresServer({
    folder: join(work.folder, 'postgres'),
    stopTimeoutMs: old.supervisor.stopTimeoutMs,
    logLine: () => undefined,
  })
  const from = openPostgresSqlClient({ connection: server.connection(), applicationName: 'sluice-scale-out' })
  try {
    const counts = await copyState(from, sql)
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
    work.say(`  ${String(total)} rows of ${String(counts.size)} tables`)
  } finally {
    await from.close()
    await server.stop()
  }
  failpoint('scale-out:state-copied')
  await shareSecretFiles(sql)
  const redis = await openRedis(target, 'sluice-scale-out', telemetry.of('intake'))
  const writer = await openWriter('edge', old, telemetry)
  try {
    await keepMeters(redis, writer.limits.values(), Date.now())
  } finally {
    await writer.close()
    await redis.close()
  }
}

async function moveLanes(work: Work, sql: SqlClient): Promise<void> {
  const { old, target, telemetry } = work
  const retained = work.move.retained ?? {}
  const connection = kafkaConnection(target, 'scale-out')
  const topics = sourceLanes.map(topicOf(target))
  if (work.move.topics === undefined) await save(work, { topics: await readTopicSettings(connection, topics) })
  await beginCopying(connection, topics)
  const redis = await openRedis(target, 'sluice-scale-out', telemetry.of('intake'))
  const from = oldLog(old, true)
  const to = openKafkaCopy({
    ...kafkaLogDefaults,
    connection,
    topicOf: topicOf(target),
    compression: target.kafka.compression,
    batchBytesMax,
    telemetry: telemetry.of('log'),
  })
  const { duplicateWindowMs } = target.intake
  const placed = async (records: readonly LogRecord[]): Promise<void> => {
    const nowMs = Date.now()
    await keepEvents(
      redis,
      records.flatMap(({ lane, position: { partition, offset }, timeMs, headers }) => {
        const { token, duplicate_key: header = '' } = headers
        const duplicateKey = duplicateKeyFrom(header)
        const expiresInMs = timeMs + duplicateWindowMs - nowMs
        if (token === undefined || duplicateKey === undefined || expiresInMs < 1) return []
        return [{ token, duplicateKey, lane, partition, offset, expiresInMs }]
      }),
    )
  }
  try {
    await copySourceLanes({ from, to, retained, placed })
  } finally {
    await to.close()
    await redis.close()
  }
  const log = openLog(target, sql, 'scale-out', telemetry.of('log'))
  try {
    for (const flow of allFlows) {
      const ends = await copyDerivedLane({ flow, from, to: log, retained })
      await sayInserted(sql, flow, ends, work.move.id)
    }
  } finally {
    await log.close()
    await from.close()
  }
}

/** What the derived batches say is in the table, or will be before the cluster starts: nothing of it is inserted by the cluster. */
async function sayInserted(sql: SqlClient, flow: Flow, ends: readonly MovedEnd[], id: string): Promise<void> {
  const moved = new Map(
    [...ends.entries()].flatMap(([partition, { offset, epoch, decidedTo, books, acceptedToMs }]) => {
      if (offset < 0) return []
      const rowsInserted = books.out + books.canary
      const at = { offset: offset + 1, sourceOffset: decidedTo, epoch, throughMs: acceptedToMs }
      return [[partition, { ...at, canaries: books.canary, rowsInserted, rowsRefused: 0 }] as const]
    }),
  )
  const progress = postgresInsertProgress(sql, flow.name, { recentBlocksMax: 1 })
  const taken = await progress.take([...moved.keys()])
  // No block of the cluster's: it was never begun there, so nobody looks for it.
  await taken.done({ token: id, month: 0, rowCount: 0, ranges: [] }, moved)
}

async function moveTables(work: Work): Promise<void> {
  const { old, target, move } = work
  const retained = move.retained ?? {}
  const { chdb, link } = await openOldTables(old)
  const server = await openClickhouse(target)
  const to = server.connect()
  try {
    const { openClickhouseWarehouse } = await import('../../stores/warehouse/clickhouse/clickhouse-warehouse.ts')
    const { engineWarehouseDefaults } = await import('../../stores/warehouse/engine-warehouse.ts')
    const columns = await readPropertyColumns(link, embeddedLayout)
    const warehouse = await openClickhouseWarehouse(server, {
      ...engineWarehouseDefaults,
      propertyColumnsMax: columns.size + engineWarehouseDefaults.propertyColumnsMax,
    })
    for (const property of columns.keys()) await warehouse.addPropertyColumn(property)
    await warehouse.close()
    await copyTables({
      id: move.id,
      from: link,
      to,
      layout: server.layout,
      beginsOf: (flow) => beginsOf(flow, retained),
      known: move.tables ?? {},
      save: (tables) => save(work, { tables }),
    })
    failpoint('scale-out:rows-copied')
    const from = oldLog(old)
    for (const flow of allFlows) {
      for await (const batches of movedBatches({ flow, from, retained }, [], () => 0)) {
        await writeLedger({ to, layout: server.layout, id: move.id }, flow, batches)
      }
    }
    await from.close()
  } finally {
    await to.close()
    await link.close()
    await chdb.close()
  }
}

/** With nothing merged, so that parts stay as they are. */
async function openOldTables(old: Config) {
  const { chdbEngineDefaults } = await import('../../stores/warehouse/chdb/chdb-engine.config.ts')
  const { openChdbEngine } = await import('../../stores/warehouse/chdb/chdb-engine.ts')
  const { memoryBytesMax } = old.warehouse
  const chdb = await openChdbEngine({ ...chdbEngineDefaults, folder: 'core/warehouse', memoryBytesMax })
  const link = chdb.connect()
  for (const { table } of allFlows) await link.command(`SYSTEM STOP MERGES sluice.${table}`)
  return { chdb, link }
}

async function compareAll(work: Work, sql: SqlClient): Promise<void> {
  const { old, target, telemetry, move } = work
  const retained = move.retained ?? {}
  const from = oldLog(old)
  const log = openLog(target, sql, 'scale-out', telemetry.of('log'))
  const differences: string[] = []
  try {
    differences.push(...(await compareSources(from, log, retained, sourceLanes)))
  } finally {
    await log.close()
    await from.close()
  }
  const { chdb, link } = await openOldTables(old)
  const server = await openClickhouse(target)
  const to = server.connect()
  try {
    for (const flow of allFlows) {
      const compared = { flow, old: link, moved: to, layout: server.layout, begins: beginsOf(flow, retained) }
      differences.push(...(await compareRows(compared)))
    }
  } finally {
    await to.close()
    await link.close()
    await chdb.close()
  }
  if (differences.length === 0) return
  throw new Failure(
    'SLUICE_SCALE_OUT_DIFFERS',
    `The two sides differ, so nothing was switched:\n${differences.map((one) => `  - ${one}`).join('\n')}\nGive this move up with \`sluice scale-out back\` and begin another one to an empty target.`,
  )
}

async function switchOver(work: Work, sql: SqlClient): Promise<void> {
  const { target, move } = work
  await endCopying(kafkaConnection(target, 'scale-out'), move.topics ?? {})
  await saidOnTarget(sql, move.id, 'moved')
}

/** Events that the cluster accepted, other than the health check's own. */
async function refuseNewEvents(target: Config, sql: SqlClient, retained: Retained): Promise<void> {
  const canary = await canaryToken()
  const log = openLog(target, sql, 'scale-out', silent)
  let count = 0
  try {
    const wanted = await Promise.all(
      sourceLanes.map(async (lane) => {
        const to = (await log.bounds(lane)).map(({ end }) => end)
        return { lane, from: countsOf(lane, retained), to }
      }),
    )
    for await (const records of log.read(wanted, {
      signal: new AbortController().signal,
      batchBytesMax: readBytesMax,
    })) {
      count += records.filter(({ headers }) => headers['token'] !== canary).length
    }
  } finally {
    await log.close()
  }
  if (count === 0) return
  throw new Failure(
    'SLUICE_SCALE_OUT_NEW_EVENTS',
    `The cluster has accepted ${String(count)} events since the move, which this folder does not have. Stay with the cluster (\`sluice scale-out finish\`), or leave them there: \`sluice scale-out back --leave-events\`.`,
  )
}
