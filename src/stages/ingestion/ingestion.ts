/**
 * Log ─► steps ─► derived batches. One owner reads all partitions, decides a range of each, and appends one batch for each
 * range; the batch is the commit. It begins where the last batch ended, so a crash at any point repeats at most the work,
 * never the effect.
 *
 * ```
 *  events_plugin_ingestion ─► ranges by partition ─► derive (steps) ─► clickhouse_events
 * ```
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { addSetAside, derivedBatchHead, emptyBooks } from '../../event/derived-batch.ts'
import type { IngestionBooks, SetAsideCount } from '../../event/derived-batch.ts'
import { failpoint } from '../../kit/failpoint.ts'
import { Failure } from '../../kit/failure.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { EventLog, LogRecord, Ownership } from '../../stores/log/event-log.ts'
import { deriveBatches } from './derive-batches.ts'
import type { Derive, DerivedPartition, PartitionState } from './derive-batches.ts'
import * as happened from './ingestion.events.ts'

export interface IngestionConfig {
  /** About how many bytes of events are read, decided and committed at once. */
  readonly batchBytesMax: number
  /** How long to let events gather when little waits; bounds how often batches are written at low load. */
  readonly lingerMs: number
  /** The longest pause between two tries when a store is away. */
  readonly retryMsMax: number
}

export interface IngestionDeps {
  readonly log: EventLog
  readonly derive: Derive
  readonly telemetry: Telemetry
  /** Told of derived batches once they are durable, for whoever looks on: neither waits nor throws. Not told again after a crash. */
  readonly decided?: (batches: readonly DerivedPartition[]) => void
}

export interface Ingestion {
  /** Runs until the signal aborts; throws only what cannot be survived in this process. */
  run(signal: AbortSignal): Promise<void>
  /** How far each partition of the source lane is decided. */
  decidedTo(): readonly number[]
  /** The partitions' books added up. */
  books(): IngestionBooks
}

/** The name under which the log knows that the newest batch of each partition is still needed, to resume from. */
const readerName = 'ingestion'
const readerSavedEveryMs = 10_000

export function createIngestion(
  config: IngestionConfig,
  { log, derive, telemetry, decided }: IngestionDeps,
): Ingestion {
  let states: PartitionState[] = []
  /** Offset of each partition's newest batch. */
  let newest: number[] = []
  let readerSavedMs = 0

  /** One life of an owner: takes over, then decides range after range. */
  async function own(signal: AbortSignal): Promise<void> {
    const ownership = await log.own('clickhouse_events')
    ;({ states, newest } = await resumeFrom(ownership, log.partitionCount))
    const bounds = await log.bounds('events_plugin_ingestion')
    const waiting = bounds.reduce((sum, { end }, partition) => sum + end - (states[partition]?.decidedTo ?? 0), 0)
    happened.ownershipTaken(ownership.epoch, waiting).emit(telemetry)
    const from = states.map(({ decidedTo }) => decidedTo)
    for await (const records of log.read('events_plugin_ingestion', {
      from,
      signal,
      batchBytesMax: config.batchBytesMax,
    })) {
      await commit(records, ownership, signal)
      if (bytesOf(records) < config.batchBytesMax / 4)
        await sleep(config.lingerMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async function commit(records: readonly LogRecord[], ownership: Ownership, signal: AbortSignal): Promise<void> {
    const batches = await retrying(() => deriveBatches(records, states, ownership.epoch, derive), signal)
    if (batches === undefined) return
    failpoint('core:before-derived-append')
    const positions = await Promise.all(
      batches.map(({ partition, value }) => ownership.append(partition, { headers: {}, value })),
    )
    failpoint('core:after-derived-append')
    for (const { partition, offset } of positions) newest[partition] = offset
    let rows = 0
    for (const { partition, head } of batches) {
      states[partition] = { decidedTo: head.to, books: head.books }
      rows += head.rowCount
      if (head.exceptions.length > 0) happened.recordsSetAside(partition, head.exceptions).emit(telemetry)
    }
    decided?.(batches)
    happened.rangesCommitted(records.length, rows).emit(telemetry)
    if (Date.now() - readerSavedMs > readerSavedEveryMs) {
      readerSavedMs = Date.now()
      await log.saveReader(readerName, 'clickhouse_events', newest)
    }
  }

  /** Tries again while a store is away; undefined when told to stop meanwhile. */
  async function retrying<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    for (
      let delayMs = Math.min(100, config.retryMsMax);
      !signal.aborted;
      delayMs = Math.min(delayMs * 2, config.retryMsMax)
    ) {
      try {
        return await act()
      } catch (error) {
        if (!(error instanceof Failure && error.retryable)) throw error
        happened.ingestionRetries(error, delayMs).emit(telemetry)
        await sleep(delayMs, undefined, { signal }).catch(() => undefined)
      }
    }
    return undefined
  }

  return {
    async run(signal) {
      // An append that failed may or may not be there: only a new owner, who reads what is, can go on.
      while (!signal.aborted) await retrying(() => own(signal), signal)
    },
    decidedTo: () => states.map(({ decidedTo }) => decidedTo),
    books: () => addedUp(states.map(({ books }) => books)),
  }
}

/** Where each partition stands is what its newest batch says. */
async function resumeFrom(
  ownership: Ownership,
  partitionCount: number,
): Promise<{ readonly states: PartitionState[]; readonly newest: number[] }> {
  const states: PartitionState[] = []
  const newest: number[] = []
  for (let partition = 0; partition < partitionCount; partition++) {
    const last = await ownership.last(partition)
    const head = last === undefined ? undefined : derivedBatchHead(last.value)
    states.push({ decidedTo: head?.to ?? 0, books: head?.books ?? emptyBooks })
    newest.push(last?.position.offset ?? 0)
  }
  return { states, newest }
}

function addedUp(books: readonly IngestionBooks[]): IngestionBooks {
  const sum = (pick: (one: IngestionBooks) => number): number => books.reduce((total, one) => total + pick(one), 0)
  const setAside = books.reduce<readonly SetAsideCount[]>((all, one) => addSetAside(all, one.setAside ?? []), [])
  return {
    in: sum((one) => one.in),
    out: sum((one) => one.out),
    dropped: sum((one) => one.dropped),
    deadLetter: sum((one) => one.deadLetter),
    damaged: sum((one) => one.damaged),
    canary: sum((one) => one.canary),
    ...(setAside.length === 0 ? {} : { setAside }),
  }
}

function bytesOf(records: readonly LogRecord[]): number {
  return records.reduce((sum, { value }) => sum + value.length, 0)
}
