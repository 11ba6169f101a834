/** An ingestion that runs over a log in memory, and what it must have written. */
import assert from 'node:assert/strict'
import { derivedBatchHead, derivedBatchRows, sumOfBooks } from '../../event/derived-batch.ts'
import type { DerivedBatchHead, IngestionBooks } from '../../event/derived-batch.ts'
import { flows } from '../../event/flows.ts'
import type { Lane } from '../../event/position.ts'
import { silent } from '../../kit/telemetry/telemetry.ts'
import { until } from '../../kit/until.fixtures.ts'
import type { EventLog, LogRecord, Ownership } from '../../stores/log/event-log.ts'
import type { MemoryLog } from '../../stores/log/memory/memory-log.ts'
import type { WarehouseRow } from '../../stores/warehouse/warehouse-row.ts'
import { createDerive } from './derive.ts'
import { createIngestion } from './ingestion.ts'
import type { Ingestion, IngestionDeps } from './ingestion.ts'
import { aNewRecord, nowMs, projectsInMemory } from './ingestion.fixtures.ts'

export const source = 'events_plugin_ingestion'
export const partitionCount = 3
export const config = {
  batchBytesMax: 500,
  lingerMs: 0,
  retryMsMax: 5,
  renewAfterMs: 3_600_000,
  duplicateRebuildRecordsMax: 10_000,
}
export const derive = createDerive({ projects: projectsInMemory() })

export interface Running {
  readonly ingestion: Ingestion
  /** Rejects with what `run` threw. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

type Own = Partial<Pick<IngestionDeps, 'flow' | 'derive' | 'telemetry' | 'decided' | 'copies'>> & {
  readonly renewAfterMs?: number
  readonly partitions?: readonly number[]
  readonly duplicateRebuildRecordsMax?: number
}

export const allOfThem = Array.from({ length: partitionCount }, (_, partition) => partition)

export function start(log: EventLog, own: Own = {}): Running {
  const ingestion = createIngestion(
    {
      ...config,
      renewAfterMs: own.renewAfterMs ?? config.renewAfterMs,
      duplicateRebuildRecordsMax: own.duplicateRebuildRecordsMax ?? config.duplicateRebuildRecordsMax,
    },
    { flow: flows.events, log, derive, telemetry: silent, ...own },
  )
  const stopping = new AbortController()
  const ended = ingestion.run(own.partitions ?? allOfThem, stopping.signal)
  return {
    ingestion,
    ended,
    stop() {
      stopping.abort()
      return ended
    },
  }
}

/** Where the source lanes end, by source index. */
export async function sourceEnds(log: EventLog): Promise<readonly number[]> {
  const ends: number[] = []
  for (const lane of flows.events.sources) ends.push(...(await log.bounds(lane)).map(({ end }) => end))
  return ends
}

export async function decided(log: EventLog, running: Running): Promise<void> {
  const ends = await sourceEnds(log)
  await until('everything is decided', async () => {
    const to = await decidedTo(running)
    return ends.every((end, partition) => (to[partition] ?? 0) >= end)
  })
}

export async function decidedTo({ ingestion }: Running): Promise<readonly number[]> {
  return (await ingestion.states()).map((state) => state.decidedTo)
}

export async function booksOf({ ingestion }: Running): Promise<IngestionBooks> {
  return sumOfBooks((await ingestion.states()).map(({ books }) => books))
}

export function put(
  log: MemoryLog,
  count: number,
  partition = 0,
  headers: Readonly<Record<string, string>> = {},
  lane: Lane = source,
): void {
  for (let n = 0; n < count; n++) log.put(lane, partition, aNewRecord({ event: `e${String(n)}` }, headers), nowMs)
}

interface Written {
  readonly heads: readonly DerivedBatchHead[]
  readonly rows: readonly WarehouseRow[]
}

/** Everything in the derived lane, by partition. */
async function written(log: EventLog): Promise<readonly Written[]> {
  const ends = (await log.bounds('clickhouse_events')).map(({ end }) => end)
  const stopping = new AbortController()
  const records: LogRecord[] = []
  const total = ends.reduce((sum, end) => sum + end, 0)
  const options = { signal: stopping.signal, batchBytesMax: 1_000_000 }
  if (total > 0) {
    for await (const batch of log.read([{ lane: 'clickhouse_events', from: [] }], options)) {
      records.push(...batch)
      if (records.length >= total) break
    }
  }
  stopping.abort()
  return ends.map((_, partition) => {
    const own = records.filter(({ position }) => position.partition === partition)
    return {
      heads: own.map(({ value }) => derivedBatchHead(value)),
      rows: own
        .flatMap(({ value }) => derivedBatchRows(value).toString().split('\n'))
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as WarehouseRow),
    }
  })
}

/** Ranges touch, epochs never fall, books add up, and each offset has one row or one exception. */
export async function assertWhole(log: EventLog, ends: readonly number[]): Promise<readonly Written[]> {
  const partitions = await written(log)
  for (const [partition, { heads, rows }] of partitions.entries()) {
    let at = 0
    let epoch = 0
    for (const head of heads) {
      assert.equal(head.from, at, `partition ${String(partition)} has a gap or a repeat`)
      assert.ok(head.epoch >= epoch)
      at = head.to
      epoch = head.epoch
      const { in: taken, out, dropped, deadLetter, damaged, canary } = head.books
      assert.equal(taken, out + dropped + deadLetter + damaged)
      assert.equal(taken + canary, head.to)
    }
    assert.equal(at, ends[partition] ?? 0)
    const exceptions = heads.flatMap((head) => head.exceptions.map(({ offset }) => offset))
    const offsets = [...exceptions, ...rows.map((row) => row._offset)].sort((a, b) => a - b)
    assert.deepEqual(
      offsets,
      Array.from({ length: ends[partition] ?? 0 }, (_, offset) => offset),
    )
  }
  return partitions
}

/** The log as somebody sees it to whom some things happen; everything else is the memory log's. */
export function disturbed(
  log: EventLog,
  own: {
    readonly read?: (records: readonly LogRecord[]) => readonly LogRecord[]
    readonly append?: (append: Ownership['append']) => Ownership['append']
    readonly remember?: (remember: Ownership['remember']) => Ownership['remember']
  },
): EventLog {
  return {
    ...log,
    async *read(wanted, options) {
      for await (const records of log.read(wanted, options)) yield own.read?.(records) ?? records
    },
    async own(lane, partitions) {
      const ownership = await log.own(lane, partitions)
      return {
        ...ownership,
        append: own.append?.(ownership.append.bind(ownership)) ?? ownership.append.bind(ownership),
        remember: own.remember?.(ownership.remember.bind(ownership)) ?? ownership.remember.bind(ownership),
      }
    },
  }
}
