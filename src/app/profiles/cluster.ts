/**
 * Kafka, Redis, Postgres and ClickHouse that run elsewhere. Any number of edges and of cores, which share the partitions. What an
 * instance keeps in its data folder (secrets, a copy of the list of tokens) it can do without.
 */
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { allFlows, flows } from '../../event/flows.ts'
import type { FlowName } from '../../event/flows.ts'
import type { Lane } from '../../event/position.ts'
import { Failure, messageOf } from '../../kit/failure.ts'
import { secretFile } from '../../kit/secret-file.ts'
import type { ProcessTelemetry } from '../../kit/telemetry/process-telemetry.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import { openRedisConnection } from '../../stores/coordination/redis/redis-connection.ts'
import type { RedisConnection } from '../../stores/coordination/redis/redis-connection.ts'
import { openRedisLimitedTokens } from '../../stores/coordination/redis/redis-limited-tokens.ts'
import { openClusterIntake } from '../../stores/intake/cluster/cluster-intake.ts'
import type { EventLog } from '../../stores/log/event-log.ts'
import { kafkaAssignment } from '../../stores/log/kafka/kafka-assignment.ts'
import { kafkaConnectionDefaults } from '../../stores/log/kafka/kafka-connection.ts'
import type { KafkaConnectionOptions } from '../../stores/log/kafka/kafka-connection.ts'
import { kafkaLogDefaults, openKafkaLog } from '../../stores/log/kafka/kafka-log.ts'
import { kafkaSourceLanesDefaults, openKafkaSourceLanes } from '../../stores/log/kafka/kafka-source-lanes.ts'
import { bufferedRisks, openKafkaTopics } from '../../stores/log/kafka/kafka-topics.ts'
import type { KafkaTopics, TopicRisk } from '../../stores/log/kafka/kafka-topics.ts'
import type { PartitionAssignment } from '../../stores/log/partition-assignment.ts'
import { postgresLogEpochs } from '../../stores/log/postgres-offsets/postgres-log-epochs.ts'
import { postgresLogReaders } from '../../stores/log/postgres-offsets/postgres-log-readers.ts'
import { openReadingSearch } from '../../stores/log/reading-search/reading-search.ts'
import { migrate, readMigrations } from '../../stores/state/migrate.ts'
import { checkServer } from '../../stores/state/postgres/check-server.ts'
import { readDatabaseUrl } from '../../stores/state/postgres/database-url.ts'
import { openPostgresSqlClient } from '../../stores/state/postgres/postgres-sql-client.ts'
import { seeOwnWrites } from '../../stores/state/postgres/own-writes.ts'
import { openReplicaReader } from '../../stores/state/postgres/replica-reader.ts'
import type { SqlClient, SqlSession } from '../../stores/state/sql-client.ts'
import { postgresInsertProgress } from '../../stores/warehouse/postgres-progress/postgres-insert-progress.ts'
import type { ClickhouseServer } from '../../stores/warehouse/clickhouse/clickhouse-server.ts'
import { canaryToken } from '../canary-token.ts'
import type { Config } from '../config.ts'
import { topicName } from '../settings/topics-section.ts'
import type { CoreStores, DoorCounts, EdgeStores, PinnableLog, Profile, WarehouseStores } from './profile.ts'
import { clusterDoor } from './cluster-door.ts'
import { kafkaBatches } from './kafka-batches.ts'
import { kafkaSizes } from './kafka-sizes.ts'
import { shareSecretFiles } from './shared-secret-files.ts'

/** Where lanes end is asked by several, and changes all the time: what was said this long ago is new enough. */
const endsAgeMsMax = 500
/** Keys that Redis is told later, when it was away while their events were stored. */
const owedKeysMax = 100_000
/** What a request debited can be given back for so long: longer than any append takes. */
const debitMs = 15 * 60_000
/** Any number of our own: one installation's cores never migrate the tables at the same time. */
const migrationLock = 7_235_482

export const clusterProfile: Profile = {
  openEdgeStores,
  openCoreStores,
  openWarehouse,
  async openLog(config, telemetry): Promise<PinnableLog> {
    const sql = await openSql(config, 'sluice-reader')
    const log = openLog(config, sql, 'reader', telemetry)
    return {
      log,
      // Kafka keeps records for as long as its topics say, whoever reads them.
      pin: () => Promise.resolve(),
      unpin: () => Promise.resolve(),
      async close() {
        await log.close()
        await sql.close()
      },
    }
  },
}

async function openEdgeStores(config: Config, telemetry: ProcessTelemetry): Promise<EdgeStores> {
  const own = telemetry.of('intake')
  const sql = await openSql(config, 'sluice-edge')
  await prepared(config, sql, own)
  const { durability } = await openTopics(config, 'edge', telemetry.of('log'))
  const { partitionCount, duplicateWindowMs, limitKeysMax, queueBytesMax } = config.intake
  const { compression, deliveryMsMax } = config.kafka
  const lanes = openKafkaSourceLanes({
    ...kafkaSourceLanesDefaults,
    connection: kafkaConnection(config, 'edge'),
    topicOf: topicOf(config),
    partitionCount,
    durability,
    compression,
    ...kafkaBatches(config.kafka),
    messageBytesMax: kafkaSizes(config.kafka).sourceBytesMax,
    waitingBytesMax: config.kafka.queueBytesMax,
    deliveryMsMax,
    telemetry: telemetry.of('log'),
  })
  const redis = await openRedis(config, 'sluice-edge', own)
  const { quotaSetsPrefix, quotaSetsEveryMs, quotaSetTokensMax } = config.redis
  const limitedTokens = await openRedisLimitedTokens({
    redis,
    keyPrefix: quotaSetsPrefix,
    everyMs: quotaSetsEveryMs,
    tokensMax: quotaSetTokensMax,
    telemetry: own,
  })
  const intake = await openClusterIntake({
    lanes,
    redis,
    whenAway: config.redis.whenAway,
    duplicateWindowMs,
    limitKeysMax,
    queueBytesMax,
    owedKeysMax,
    debitMs,
    telemetry: own,
  })
  return {
    intake,
    limitedTokens,
    sql,
    doorCounts: doorCountsOf(openLog(config, sql, 'edge-ends', telemetry.of('log'))),
    health: () => clusterDoor(intake.health()),
    // Kafka removes what its topics say.
    trim: () => Promise.resolve(),
  }
}

async function openCoreStores(config: Config, telemetry: ProcessTelemetry): Promise<CoreStores> {
  const sql = await openSql(config, 'sluice-core')
  await prepared(config, sql, telemetry.of('state'))
  await openTopics(config, 'core', telemetry.of('log'))
  const log = openLog(config, sql, 'core', telemetry.of('log'))
  const { api, ...replica } = await openReplica(config, sql)
  const { recentBlocksMax } = config.warehouse
  const progressOf = (flow: FlowName) => postgresInsertProgress(sql, flow, { recentBlocksMax })
  return {
    log,
    // Redis may forget, and be away.
    mayHaveCopies: true,
    derivedBytesMax: kafkaSizes(config.kafka).derivedBytesMax,
    assignment: await openAssignment(config, telemetry.of('log')),
    // By the log that owns the derived lanes: no other knows where their newest batches end.
    search: openReadingSearch({ log, canaryToken: await canaryToken(), ...config.journey }),
    progress: {
      events: progressOf('events'),
      heatmaps: progressOf('heatmaps'),
      recordings: progressOf('recordings'),
    },
    sql,
    api,
    doorCounts: doorCountsOf(log),
    trim: () => Promise.resolve(),
    async close() {
      await log.close()
      await replica.close()
      await sql.close()
    },
  }
}

async function openWarehouse(config: Config): Promise<WarehouseStores> {
  const { openClickhouseTable, openClickhouseWarehouse } =
    await import('../../stores/warehouse/clickhouse/clickhouse-warehouse.ts')
  const { openClickhouseWarehouseReader } =
    await import('../../stores/warehouse/clickhouse/clickhouse-warehouse-reader.ts')
  const { engineWarehouseDefaults } = await import('../../stores/warehouse/engine-warehouse.ts')
  const { engineReaderDefaults } = await import('../../stores/warehouse/engine-reader.ts')
  const server = await openClickhouse(config)
  const { propertyColumnsMax } = config.warehouse
  const warehouse = await openClickhouseWarehouse(server, { ...engineWarehouseDefaults, propertyColumnsMax })
  const tables = {
    events: warehouse,
    heatmaps: await openClickhouseTable(server, flows.heatmaps.table),
    recordings: await openClickhouseTable(server, flows.recordings.table),
  }
  const questionsAtOnceMax = config.query.concurrentMax
  const reader = openClickhouseWarehouseReader(server, { ...engineReaderDefaults, questionsAtOnceMax })
  return {
    warehouse,
    tables,
    reader,
    async close() {
      await reader.close()
      await Promise.all(Object.values(tables).map((table) => table.close()))
    },
  }
}

/** The server with its tables. */
export async function openClickhouse(config: Config): Promise<ClickhouseServer> {
  const { clickhouseDefaults, clickhouseUrl } = await import('../../stores/warehouse/clickhouse/clickhouse-options.ts')
  const { openClickhouseServer } = await import('../../stores/warehouse/clickhouse/clickhouse-server.ts')
  const { host, offlineHost, database, user, password, secure, trustedCertificateFile, cluster } = config.clickhouse
  const isSecure = secure === 'true'
  const sql = await openSql(config, 'sluice-migrations')
  return await openClickhouseServer(
    {
      ...clickhouseDefaults,
      url: clickhouseUrl(host, isSecure),
      ...(offlineHost === '' ? {} : { offlineUrl: clickhouseUrl(offlineHost, isSecure) }),
      user,
      password: password ?? '',
      ...(trustedCertificateFile === '' ? {} : { ca: await readFile(trustedCertificateFile, 'utf8') }),
      layout: { database, ...(cluster === '' ? {} : { cluster }) },
    },
    (work) => alone(sql, work),
  ).finally(() => sql.close())
}

export async function openSql(config: Config, applicationName: string): Promise<SqlClient> {
  const { url = '', caFile, poolMax, waitingMax, connectTimeoutMs, statementTimeoutMs } = config.postgres
  const bounds = { connectionsMax: poolMax, waitingMax, connectTimeoutMs, statementTimeoutMs }
  const place = await readDatabaseUrl(url, caFile === '' ? {} : { caFile })
  return openPostgresSqlClient({ ...bounds, ...place, applicationName })
}

/** Lists of the API may be read from a standby. */
async function openReplica(
  config: Config,
  primary: SqlClient,
): Promise<{ readonly api: CoreStores['api']; readonly close: () => Promise<void> }> {
  const { readUrl, readLagMsMax, poolMax, waitingMax, connectTimeoutMs, statementTimeoutMs } = config.postgres
  if (readUrl === undefined) return { api: { sql: primary, reading: primary }, close: () => Promise.resolve() }
  const { caFile } = config.postgres
  const place = await readDatabaseUrl(readUrl, { session: 'any', ...(caFile === '' ? {} : { caFile }) })
  const bounds = { connectionsMax: poolMax, waitingMax, connectTimeoutMs, statementTimeoutMs }
  const replica = openPostgresSqlClient({ ...bounds, ...place, applicationName: 'sluice-core-reading' })
  const reader = openReplicaReader({ primary, replica, lagMsMax: readLagMsMax })
  return {
    api: seeOwnWrites(primary, reader),
    async close() {
      await reader.close()
      await replica.close()
    },
  }
}

/** Postgres is safe to use, has our tables, and the secrets of this instance are those of all. Tries for as long as it is away. */
async function prepared(config: Config, sql: SqlClient, telemetry: Telemetry): Promise<void> {
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 2000)) {
    try {
      await checkServer(sql, config.postgres.allowUnsafe)
      await migrate(sql, await readMigrations())
      await shareSecretFiles(sql)
      return
    } catch (error) {
      if (!(error instanceof Failure && error.retryable)) throw error
      telemetry.log(delayMs > 1000 ? 'warn' : 'debug', 'Waiting for Postgres.', { reason: messageOf(error) })
      await sleep(delayMs)
    }
  }
}

async function alone(sql: SqlClient, work: () => Promise<void>): Promise<void> {
  await sql.transaction(
    async (session) => {
      // The work is done elsewhere: this connection has nothing to do meanwhile.
      await session.query("set local idle_in_transaction_session_timeout = '1h'")
      await session.query('select pg_advisory_xact_lock($1)', [migrationLock])
      await work()
    },
    { statementTimeoutMs: 3_600_000 },
  )
}

export function kafkaConnection(config: Config, purpose: string): KafkaConnectionOptions {
  const { hosts, tls, trustedCertificate, clientCertificate, clientKey } = config.kafka
  const { saslMechanism, saslUser, saslPassword, requestTimeoutMs, metadataAgeMs, retries, retryDelayMs } = config.kafka
  const pem = (base64: string | undefined): string | undefined =>
    base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString()
  return {
    ...kafkaConnectionDefaults,
    hosts,
    clientId: `sluice-${purpose}-${hostname()}-${String(process.pid)}`.replaceAll(/\s/g, '_'),
    requestTimeoutMs,
    metadataAgeMs,
    retries,
    retryDelayMs,
    ...(tls === 'off'
      ? {}
      : { tls: { ca: pem(trustedCertificate), cert: pem(clientCertificate), key: pem(clientKey) } }),
    ...(saslMechanism === 'none'
      ? {}
      : { sasl: { mechanism: saslMechanism, username: saslUser, password: saslPassword ?? '' } }),
  }
}

export function topicOf(config: Config): (lane: Lane) => string {
  return (lane) => topicName(config, lane)
}

export function openTopics(
  config: Config,
  purpose: string,
  telemetry: Telemetry,
  alsoAllowed: readonly TopicRisk[] = [],
): Promise<KafkaTopics> {
  const { replicationFactor, minInSyncReplicas, messageBytesMax, allowBuffered } = config.kafka
  const { partitionCount } = config.intake
  return openKafkaTopics({
    connection: kafkaConnection(config, purpose),
    topicOf: topicOf(config),
    partitionCount,
    replicationFactor,
    minInSyncReplicas,
    messageBytesMax,
    retentionMs: config.log.retentionMs,
    allowed: [...(allowBuffered === 'yes' ? bufferedRisks : []), ...alsoAllowed],
    telemetry,
  })
}

export function openLog(config: Config, sql: SqlSession, purpose: string, telemetry: Telemetry): EventLog {
  const { compression, fetchWaitMs, partitionsAtOnceMax, awayMsMax } = config.kafka
  return openKafkaLog({
    ...kafkaLogDefaults,
    connection: kafkaConnection(config, purpose),
    partitionCount: config.intake.partitionCount,
    topicOf: topicOf(config),
    epochs: postgresLogEpochs(sql),
    readers: postgresLogReaders(sql),
    compression,
    fetchWaitMs,
    partitionsAtOnceMax,
    awayMsMax,
    telemetry,
  })
}

/** The cores of an installation are a consumer group of its main lane. Whoever starts again on its data folder is the same member. */
async function openAssignment(config: Config, telemetry: Telemetry): Promise<PartitionAssignment> {
  const { topicPrefix, groupId, groupSessionMs, groupHeartbeatMs, groupHandoverMs } = config.kafka
  return kafkaAssignment({
    connection: kafkaConnection(config, 'share'),
    groupId: groupId === '' ? `${topicPrefix}sluice-core` : groupId,
    memberId: (await secretFile('core-member.key', 16)).toString('hex'),
    topic: topicName(config, 'events_plugin_ingestion'),
    sessionMs: groupSessionMs,
    heartbeatMs: groupHeartbeatMs,
    handoverMs: groupHandoverMs,
    telemetry,
  })
}

export async function openRedis(config: Config, name: string, telemetry: Telemetry): Promise<RedisConnection> {
  const {
    url = '',
    keyPrefix,
    password,
    commandTimeoutMs,
    connectTimeoutMs,
    retryMsMax,
    checkMs,
    callsMax,
  } = config.redis
  const { trustedCertificateFile, clientCertificateFile, clientKeyFile } = config.redis
  const pem = async (part: 'ca' | 'cert' | 'key', file: string) =>
    file === '' ? {} : { [part]: await readFile(file, 'utf8') }
  const tls = {
    ...(await pem('ca', trustedCertificateFile)),
    ...(await pem('cert', clientCertificateFile)),
    ...(await pem('key', clientKeyFile)),
  }
  return openRedisConnection({
    url,
    name,
    keyPrefix,
    ...(password === undefined ? {} : { password }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    commandTimeoutMs,
    connectTimeoutMs,
    retryMsMax,
    checkMs,
    callsMax,
    telemetry,
  })
}

/** No journal counts what any number of edges have decided: what the lanes hold is what was stored. */
function doorCountsOf(log: EventLog): () => Promise<DoorCounts> {
  let askedMs = -Infinity
  let asked: Promise<DoorCounts> | undefined
  const ask = async (): Promise<DoorCounts> => {
    const lanes = allFlows.flatMap(({ sources }) => sources)
    const ends = new Map(
      await Promise.all(lanes.map(async (lane) => [lane, (await log.bounds(lane)).map(({ end }) => end)] as const)),
    )
    const refused = (await log.bounds('events_plugin_ingestion_dlq')).reduce((sum, { end }) => sum + end, 0)
    return { counts: undefined, refused, endsOf: ({ sources }) => sources.flatMap((lane) => ends.get(lane) ?? []) }
  }
  return async () => {
    const nowMs = performance.now()
    if (asked === undefined || nowMs - askedMs > endsAgeMsMax) {
      askedMs = nowMs
      asked = ask()
      asked.catch(() => {
        asked = undefined
      })
    }
    return await asked
  }
}
