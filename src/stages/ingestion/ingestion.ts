/**
 * Log ─► steps ─► derived batches. One owner reads all source lanes of a flow, decides a range of each partition, and appends
 * one batch for each range; the batch is the commit. It begins where the last batch ended, so a crash at any point repeats
 * at most the work, never the effect.
 *
 * ```
 *  urgent lanes  ─┐
 *                 ├─(take turns)─► ranges by source index ─► derive (steps) ─► derived lane
 *  patient lanes ─┘
 * ```
 *
 * Where ingestion stands is what the newest batch of each source index says, so that batch must stay in the log, and with it
 * everything behind it. Of a lane that is used rarely it would hold back retention for ever: it is renewed by a batch that
 * decides nothing and says the same.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { derivedBatchHead, emptyBooks, sumOfBooks } from '../../event/derived-batch.ts'
import type { IngestionBooks } from '../../event/derived-batch.ts'
import { ofLane, sourceIndex } from '../../event/flows.ts'
import type { Flow } from '../../event/flows.ts'
import type { Lane } from '../../event/position.ts'
import { failpoint } from '../../kit/failpoint.ts'
import { Failure } from '../../kit/failure.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { EventLog, LogRecord, Ownership } from '../../stores/log/event-log.ts'
import { deriveBatches, renewedBatch } from './derive-batches.ts'
import type { Derive, DerivedPartition, PartitionState } from './derive-batches.ts'
import * as happened from './ingestion.events.ts'
import { takeTurns } from './take-turns.ts'

export interface IngestionConfig {
  /** About how many bytes of events are read, decided and committed at once. */
  readonly batchBytesMax: number
  /** How long to let events gather when little waits; bounds how often batches are written at low load. */
  readonly lingerMs: number
  /** The longest pause between two tries when a store is away. */
  readonly retryMsMax: number
  /** How old the newest batch of a source index may become before it is renewed. */
  readonly renewAfterMs: number
}

export interface IngestionDeps {
  readonly flow: Flow
  readonly log: EventLog
  readonly derive: Derive
  readonly telemetry: Telemetry
  /** Told of derived batches once they are durable, for whoever looks on: neither waits nor throws. Not told again after a crash. */
  readonly decided?: (batches: readonly DerivedPartition[]) => void
}

export interface Ingestion {
  /** Runs until the signal aborts; throws only what cannot be survived in this process. */
  run(signal: AbortSignal): Promise<void>
  /** How far each partition is decided, by source index; empty until the derived lane is owned. */
  decidedTo(): readonly number[]
  /** The books of all source indexes added up. */
  books(): IngestionBooks
}

/** The name under which the log knows that the newest batch of each partition is still needed, to resume from. */
const readerName = 'ingestion'
const readerSavedEveryMs = 10_000
/** Batches of urgent lanes in a row, while patient ones wait. */
const urgentTurnsMax = 4

export function createIngestion(
  config: IngestionConfig,
  { flow, log, derive, telemetry, decided }: IngestionDeps,
): Ingestion {
  const urgent = flow.sources.filter((lane) => !flow.patient.includes(lane))
  let states: PartitionState[] = []
  /** Offset of the newest batch of each source index. */
  let newest: number[] = []
  /** When it was written. */
  let newestMs: number[] = []
  let readerSavedMs = 0

  /** One life of an owner: takes over, then decides range after range. */
  async function own(signal: AbortSignal): Promise<void> {
    const ownership = await log.own(flow.derived)
    ;({ states, newest, newestMs } = await resumeFrom(ownership, log.partitionsOf(flow.derived)))
    // Also of a lane in which nothing ever comes: nobody trims a journal before all its readers have said where they stand.
    await log.saveReader(readerName, flow.derived, newest)
    happened.ownershipTaken(flow.name, ownership.epoch, await countWaiting()).emit(telemetry)
    const turns = takeTurns(reading(urgent), reading(flow.patient), {
      urgentTurnsMax,
      lingerMs: config.lingerMs,
      isSmall: (records) => bytesOf(records) < config.batchBytesMax / 4,
      signal,
    })
    // One at a time: a batch that renews must not come behind one that went further.
    let working = Promise.resolve()
    const renewing = setInterval(() => {
      working = working.then(() => renew(ownership))
    }, config.renewAfterMs / 4)
    try {
      for await (const records of turns) {
        const committing = working.then(() => commit(records, ownership, signal))
        working = committing.catch(() => undefined)
        await committing
      }
    } finally {
      clearInterval(renewing)
      await working
    }
  }

  /** Never throws: whether such a batch is there or not changes nothing, and what is wrong with the log the next commit meets. */
  async function renew(ownership: Ownership): Promise<void> {
    const nowMs = Date.now()
    const old = states.keys().filter((partition) => {
      const isUsed = (states[partition]?.decidedTo ?? 0) > 0
      return isUsed && (newestMs[partition] ?? 0) <= nowMs - config.renewAfterMs
    })
    try {
      for (const partition of old) {
        const state = states[partition]
        if (state === undefined) continue
        const value = renewedBatch(partition, state, ownership.epoch, nowMs)
        const { offset } = await ownership.append(partition, { headers: {}, value })
        newest[partition] = offset
        newestMs[partition] = nowMs
      }
      await saveReader()
    } catch (error) {
      happened.renewalFailed(error).emit(telemetry)
    }
  }

  async function countWaiting(): Promise<number> {
    let waiting = 0
    for (const lane of flow.sources) {
      for (const [partition, { end }] of (await log.bounds(lane)).entries()) {
        waiting += end - (states[sourceIndex(flow, lane, partition, log.partitionCount)]?.decidedTo ?? 0)
      }
    }
    return waiting
  }

  /** Reads the lanes from where they are decided on. */
  function reading(lanes: readonly Lane[]) {
    const decidedTo = states.map((state) => state.decidedTo)
    const wanted = lanes.map((lane) => ({ lane, from: ofLane(flow, lane, decidedTo, log.partitionCount) }))
    // Damage anywhere in the journal is noticed once: by the reader of the lane in which most records are.
    const othersUnchecked = !lanes.includes('events_plugin_ingestion')
    const options = { batchBytesMax: config.batchBytesMax, othersUnchecked }
    return (signal: AbortSignal): AsyncIterable<readonly LogRecord[]> =>
      lanes.length === 0 ? nothing() : log.read(wanted, { ...options, signal })
  }

  async function commit(records: readonly LogRecord[], ownership: Ownership, signal: AbortSignal): Promise<void> {
    const source = { flow, partitionCount: log.partitionCount }
    const batches = await retrying(() => deriveBatches(records, source, states, ownership.epoch, derive), signal)
    if (batches === undefined) return
    failpoint('core:before-derived-append')
    const positions = await Promise.all(
      batches.map(({ partition, value }) => ownership.append(partition, { headers: {}, value })),
    )
    failpoint('core:after-derived-append')
    for (const { partition, offset } of positions) {
      newest[partition] = offset
      newestMs[partition] = Date.now()
    }
    let rows = 0
    for (const { partition, head } of batches) {
      states[partition] = { decidedTo: head.to, books: head.books, acceptedToMs: head.acceptedToMs }
      rows += head.rowCount
      if (head.exceptions.length > 0) happened.recordsSetAside(partition, head.exceptions).emit(telemetry)
    }
    decided?.(batches)
    happened.rangesCommitted(records.length, rows).emit(telemetry)
    await saveReader()
  }

  async function saveReader(): Promise<void> {
    if (Date.now() - readerSavedMs <= readerSavedEveryMs) return
    readerSavedMs = Date.now()
    await log.saveReader(readerName, flow.derived, newest)
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
    books: () => sumOfBooks(states.map(({ books }) => books)),
  }
}

async function* nothing(): AsyncGenerator<never> {
  // A flow without patient lanes.
}

/** Where each source index stands is what its newest batch says. */
async function resumeFrom(
  ownership: Ownership,
  partitionCount: number,
): Promise<{ readonly states: PartitionState[]; readonly newest: number[]; readonly newestMs: number[] }> {
  const states: PartitionState[] = []
  const newest: number[] = []
  const newestMs: number[] = []
  for (let partition = 0; partition < partitionCount; partition++) {
    const last = await ownership.last(partition)
    const head = last === undefined ? undefined : derivedBatchHead(last.value)
    const { to = 0, books = emptyBooks, acceptedToMs = 0 } = head ?? {}
    states.push({ decidedTo: to, books, acceptedToMs })
    newest.push(last?.position.offset ?? 0)
    newestMs.push(last?.timeMs ?? 0)
  }
  return { states, newest, newestMs }
}

function bytesOf(records: readonly LogRecord[]): number {
  return records.reduce((sum, { value }) => sum + value.length, 0)
}
