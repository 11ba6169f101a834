/**
 * Everything on one machine: segment journals, the duplicate index beside the intake's, chDB, and the bundled Postgres.
 * Each opener gives a process the stores it works with, as ports; the folders are below the working directory, which is
 * the data folder.
 */
import { allFlows, flows } from '../../event/flows.ts'
import { laneNumber } from '../../event/position.ts'
import { nodeFiles } from '../../kit/node-files.ts'
import type { ProcessTelemetry } from '../../kit/telemetry/process-telemetry.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import { noLimitedTokens } from '../../stores/coordination/limited-tokens.ts'
import { openEmbeddedIntake } from '../../stores/intake/embedded/embedded-intake.ts'
import type { EventLog } from '../../stores/log/event-log.ts'
import { frameBytesMax } from '../../stores/log/segments/frame.ts'
import { openSegmentsSearch } from '../../stores/log/segments/segments-search.ts'
import { openJournalWriter } from '../../stores/log/segments/journal-writer.ts'
import type { JournalWriter } from '../../stores/log/segments/journal-writer.ts'
import { publishedOf } from '../../stores/log/segments/journal-reader.ts'
import { emptyCounts } from '../../stores/log/segments/segment-files.ts'
import { removeReaderFile, saveReaderFile } from '../../stores/log/segments/reader-files.ts'
import { openSegmentsLog } from '../../stores/log/segments/segments-log.ts'
import { allPartitions } from '../../stores/log/all-partitions/all-partitions.ts'
import { trimJournal } from '../../stores/log/segments/trim-journal.ts'
import { openPostgresSqlClient } from '../../stores/state/postgres/postgres-sql-client.ts'
import type { SqlClient } from '../../stores/state/sql-client.ts'
import { openFileInsertProgress } from '../../stores/warehouse/file-progress/file-insert-progress.ts'
import type { Config } from '../config.ts'
import { readPostgresConnection } from '../supervisor/launch-postgres.ts'
import { createLateSqlClient } from './late-sql-client.ts'
import type { CoreStores, DoorCounts, EdgeStores, PinnableLog, Profile, WarehouseStores } from './profile.ts'

/** Folders of the two journals. */
const journals = { edge: 'edge/journal', core: 'core/journal' } as const

export const journalOfLane = {
  events_plugin_ingestion: journals.edge,
  events_plugin_ingestion_dlq: journals.edge,
  clickhouse_events: journals.core,
  historical_events: journals.edge,
  events_plugin_ingestion_overflow: journals.edge,
  exceptions: journals.edge,
  client_warnings: journals.edge,
  heatmaps_ingestion: journals.edge,
  events_plugin_ingestion_ai: journals.edge,
  session_recording_snapshot_item_events: journals.edge,
  clickhouse_session_recording_events: journals.core,
  clickhouse_heatmap_events: journals.core,
} as const

/** A reader that misses the file system's sign looks again after this. */
const pollMs = 1000

export const embeddedProfile: Profile = {
  openEdgeStores,
  openCoreStores,
  openWarehouse,
  openLog: (config, telemetry) => Promise.resolve(openPinnableLog(config, telemetry)),
}

async function openEdgeStores(config: Config, telemetry: ProcessTelemetry): Promise<EdgeStores> {
  const { partitionCount, duplicateWindowMs } = config.intake
  const own = telemetry.of('intake')
  const writer = await openWriter('edge', config, telemetry)
  const intake = await openEmbeddedIntake({
    files: nodeFiles,
    folder: journals.edge,
    indexFolder: 'edge/duplicates',
    writer,
    partitionCount,
    duplicateWindowMs,
    limitKeysMax: config.intake.limitKeysMax,
    telemetry: own,
  })
  return {
    intake,
    limitedTokens: noLimitedTokens,
    sql: openSql('sluice-edge'),
    doorCounts,
    // What its journal cannot take it says itself, request by request.
    health: () => ({ takesEvents: true, trouble: [] }),
    async trim(nowMs) {
      await trimJournal({
        files: nodeFiles,
        folder: journals.edge,
        retentionMs: Math.max(config.log.retentionMs, duplicateWindowMs),
        readers: allFlows.flatMap(({ sources }) => sources.map((lane) => ({ reader: 'warehouse', lane }))),
        telemetry: own,
        nowMs,
      })
    },
  }
}

/** Of a frame of 512 MiB, with room for all else. */
const derivedBytesMax = frameBytesMax - 1024 * 1024

async function openCoreStores(config: Config, telemetry: ProcessTelemetry): Promise<CoreStores> {
  const { partitionCount } = config.intake
  const own = telemetry.of('log')
  const writer = await openWriter('core', config, telemetry)
  const sql = openSql('sluice-core')
  return {
    log: openLog(config, own, new Map([[journals.core, writer]])),
    // The door's index is as durable as its journal.
    mayHaveCopies: false,
    derivedBytesMax,
    assignment: allPartitions(partitionCount),
    search: openSegmentsSearch({ files: nodeFiles, partitionCount, folders: journalOfLane, ...config.journey }),
    progress: {
      events: await openFileInsertProgress(nodeFiles, 'core/inserting', config.warehouse),
      heatmaps: await openFileInsertProgress(nodeFiles, 'core/inserting-heatmaps', config.warehouse),
      recordings: await openFileInsertProgress(nodeFiles, 'core/inserting-recordings', config.warehouse),
    },
    sql,
    api: { sql, reading: sql },
    doorCounts,
    async trim(nowMs) {
      await trimJournal({
        files: nodeFiles,
        folder: journals.core,
        retentionMs: config.log.retentionMs,
        readers: allFlows.flatMap(({ derived: lane }) => [
          { reader: 'warehouse', lane },
          { reader: 'ingestion', lane },
        ]),
        telemetry: own,
        nowMs,
      })
    },
    async close() {
      await writer.close()
      await sql.close()
    },
  }
}

/** ClickHouse comes as a library of half a gigabyte: only the process that opens it loads it. */
async function openWarehouse(config: Config): Promise<WarehouseStores> {
  const { chdbEngineDefaults } = await import('../../stores/warehouse/chdb/chdb-engine.config.ts')
  const { openChdbEngine } = await import('../../stores/warehouse/chdb/chdb-engine.ts')
  const { openChdbWarehouse } = await import('../../stores/warehouse/chdb/chdb-warehouse.ts')
  const { engineWarehouseDefaults } = await import('../../stores/warehouse/engine-warehouse.ts')
  const { openChdbTable } = await import('../../stores/warehouse/chdb/chdb-table.ts')
  const { openChdbWarehouseReader } = await import('../../stores/warehouse/chdb/chdb-warehouse-reader.ts')
  const { engineReaderDefaults } = await import('../../stores/warehouse/engine-reader.ts')
  const { memoryBytesMax, propertyColumnsMax } = config.warehouse
  const engine = await openChdbEngine({ ...chdbEngineDefaults, folder: 'core/warehouse', memoryBytesMax })
  const warehouse = await openChdbWarehouse(engine, { ...engineWarehouseDefaults, propertyColumnsMax })
  const tables = {
    events: warehouse,
    heatmaps: await openChdbTable(engine, flows.heatmaps.table),
    recordings: await openChdbTable(engine, flows.recordings.table),
  }
  const reader = openChdbWarehouseReader(engine, {
    ...engineReaderDefaults,
    questionsAtOnceMax: config.query.concurrentMax,
  })
  return {
    warehouse,
    tables,
    reader,
    async close() {
      await reader.close()
      await Promise.all(Object.values(tables).map((table) => table.close()))
      await engine.close()
    },
  }
}

function openPinnableLog(config: Config, telemetry: Telemetry): PinnableLog {
  const log = openLog(config, telemetry, new Map())
  return {
    log,
    pin: (name, lane, offsets, expiresAtMs) =>
      saveReaderFile(nodeFiles, journalOfLane[lane], name, lane, { offsets, expiresAtMs }),
    unpin: (name, lane) => removeReaderFile(nodeFiles, journalOfLane[lane], name, lane),
    close: () => log.close(),
  }
}

function openLog(config: Config, telemetry: Telemetry, writers: ReadonlyMap<string, JournalWriter>): EventLog {
  return openSegmentsLog({
    files: nodeFiles,
    partitionCount: config.intake.partitionCount,
    folders: journalOfLane,
    writers,
    pollMs,
    telemetry,
  })
}

/** What the door has written, as its journal says; there also while the edge is away. */
async function doorCounts(): Promise<DoorCounts> {
  const published = await publishedOf(nodeFiles, journals.edge)
  const counts = published?.state.counts ?? emptyCounts()
  return {
    counts,
    refused: counts.refused,
    endsOf: ({ sources }) => sources.flatMap((lane) => published?.state.next[laneNumber(lane)] ?? []),
  }
}

export function openWriter(role: 'edge' | 'core', config: Config, telemetry: ProcessTelemetry): Promise<JournalWriter> {
  const { intake } = config
  return openJournalWriter({
    role,
    files: nodeFiles,
    folder: journals[role],
    partitionCount: intake.partitionCount,
    segmentBytesMax: intake.segmentBytesMax,
    segmentEntriesMax: intake.segmentEntriesMax,
    segmentAgeMsMax: intake.segmentAgeMsMax,
    queueBytesMax: intake.queueBytesMax,
    reserveBytes: intake.reserveBytes,
    telemetry: telemetry.of('log'),
  })
}

function openSql(applicationName: string): SqlClient {
  return createLateSqlClient(() => {
    const connection = readPostgresConnection('.')
    return connection === undefined ? undefined : openPostgresSqlClient({ connection, applicationName })
  })
}
