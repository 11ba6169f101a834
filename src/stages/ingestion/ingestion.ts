/**
 * Log ─► steps ─► derived batches. The owner of some partitions reads them in all source lanes of a flow, decides a range of each,
 * and appends one batch for each range; the batch is the commit. It begins where the last batch ended, so a crash at any point
 * repeats at most the work, never the effect. Other processes own the other partitions; who owns which is not decided here.
 *
 * ```
 *  urgent lanes  ─┐
 *                 ├─(take turns)─► ranges by source index ─► derive (steps) ─► derived lane
 *  patient lanes ─┘
 * ```
 *
 * Where ingestion stands is what the newest batch of each source index says, so that batch must stay in the log, and with it
 * everything behind it. Of a lane that is used rarely it would hold back retention for ever: it is renewed by a batch that
 * decides nothing and says the same. The log remembers which batch is the newest, and what it says for those who ask elsewhere.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { derivedBatchHead } from '../../event/derived-batch.ts'
import { ofLane, sourceIndex, sourceIndexesOf } from '../../event/flows.ts'
import type { Flow } from '../../event/flows.ts'
import type { Lane } from '../../event/position.ts'
import { aborted } from '../../kit/aborted.ts'
import { failpoint } from '../../kit/failpoint.ts'
import { Failure } from '../../kit/failure.ts'
import { KnownParts } from '../../kit/known-parts.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { EventLog, LogRecord, Ownership, Remembered } from '../../stores/log/event-log.ts'
import type { CopyIndex } from './copy-index.ts'
import { deriveBatches, renewedBatch } from './derive-batches.ts'
import type { Derive, DerivedPartition } from './derive-batches.ts'
import * as happened from './ingestion.events.ts'
import { aboutState, nothingDecided, stateAfter, stateFrom } from './partition-state.ts'
import type { PartitionState } from './partition-state.ts'
import { rebuildCopies } from './rebuild-copies.ts'
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
  /** How many records are read back at most to know the keys of partitions that are taken over. */
  readonly duplicateRebuildRecordsMax: number
}

export interface IngestionDeps {
  readonly flow: Flow
  readonly log: EventLog
  readonly derive: Derive
  readonly telemetry: Telemetry
  /** By which copies are found that the door let in; absent where it lets none in. Shared by all flows. */
  readonly copies?: CopyIndex
  /** As `Deriving` says. */
  readonly derivedBytesMax?: number
  /** Told of derived batches once they are durable, for whoever looks on: neither waits nor throws. Not told again after a crash. */
  readonly decided?: (batches: readonly DerivedPartition[]) => void
}

export interface Ingestion {
  /**
   * Works on these partitions of the flow's source lanes until the signal aborts; again with others once it has ended. Rejects with
   * SLUICE_LOG_FENCED when somebody newer owns one of them, and with what else cannot be survived in this process.
   */
  run(partitions: readonly number[], signal: AbortSignal): Promise<void>
  /** How far each partition is decided, here or elsewhere, by source index. What others say may be a second old, more while the log is away. */
  states(): Promise<readonly PartitionState[]>
}

const rememberedEveryMs = 1_000
/** Batches of urgent lanes in a row, while patient ones wait. */
const urgentTurnsMax = 4

/** The newest batch of a source index. */
interface Newest {
  readonly offset: number
  /** When it was written. */
  readonly atMs: number
}

export function createIngestion(
  config: IngestionConfig,
  { flow, log, derive, telemetry, copies, derivedBytesMax = Infinity, decided }: IngestionDeps,
): Ingestion {
  const urgent = flow.sources.filter((lane) => !flow.patient.includes(lane))
  const known = new KnownParts({
    count: log.partitionsOf(flow.derived),
    nothing: nothingDecided,
    ask: rememberedStates,
    progressOf: ({ decidedTo }) => decidedTo,
  })
  const isCopy = copies === undefined ? {} : { isCopy: (record: LogRecord) => copies.isCopy(record) }

  /** As their owners have had them remembered. */
  async function rememberedStates(): Promise<ReadonlyMap<number, PartitionState>> {
    const states = new Map<number, PartitionState>()
    for (const [index, { about }] of await log.remembered(flow.derived)) {
      const state = stateFrom(about)
      if (state !== undefined) states.set(index, state)
    }
    return states
  }

  /** One life of an owner: takes over, then decides range after range. */
  async function own(partitions: readonly number[], signal: AbortSignal): Promise<void> {
    const ownership = await log.own(flow.derived, sourceIndexesOf(flow, partitions, log.partitionCount))
    const { resumed, newest } = await resumeFrom(ownership)
    known.own(resumed)
    // Before anything else is written: whoever comes next need not read what was there before.
    await ownership.remember(whatIsNew(newest, newest.keys()))
    happened.ownershipTaken(flow.name, partitions, await countWaiting(partitions)).emit(telemetry)
    if (copies !== undefined) {
      const { batchBytesMax, duplicateRebuildRecordsMax: recordsMax } = config
      const states = known.now()
      await rebuildCopies(copies, { flow, log, partitions, states, recordsMax, batchBytesMax, telemetry, signal })
    }
    const turns = takeTurns(reading(urgent, partitions), reading(flow.patient, partitions), {
      urgentTurnsMax,
      lingerMs: config.lingerMs,
      isSmall: (records) => bytesOf(records) < config.batchBytesMax / 4,
      signal,
    })
    const remembering = rememberRegularly(ownership, newest)
    const note = (partition: number, offset: number): void => {
      newest.set(partition, { offset, atMs: Date.now() })
      remembering.changed(partition)
    }
    // One at a time: a batch that renews must not come behind one that went further.
    let working = Promise.resolve()
    const renewing = setInterval(() => {
      working = working.then(() => renew(ownership, newest, note))
    }, config.renewAfterMs / 4)
    try {
      for await (const records of turns) {
        const committing = working.then(() => commit(records, ownership, note, signal))
        working = committing.catch(() => undefined)
        await committing
      }
      await working
      await remembering.flush()
    } finally {
      clearInterval(renewing)
      await working
      await remembering.end()
      known.disown()
    }
  }

  /** Never throws: whether such a batch is there or not changes nothing, and what is wrong with the log the next commit meets. */
  async function renew(
    ownership: Ownership,
    newest: ReadonlyMap<number, Newest>,
    note: (partition: number, offset: number) => void,
  ): Promise<void> {
    const nowMs = Date.now()
    const old = [...newest].filter(([, { atMs }]) => atMs <= nowMs - config.renewAfterMs)
    try {
      for (const [partition] of old) {
        const state = known.now()[partition]
        if (state === undefined || state.decidedTo === 0) continue
        const value = renewedBatch(partition, state, ownership.epochOf(partition), nowMs)
        const { offset } = await ownership.append(partition, { headers: {}, value })
        note(partition, offset)
      }
    } catch (error) {
      happened.renewalFailed(error).emit(telemetry)
    }
  }

  async function countWaiting(partitions: readonly number[]): Promise<number> {
    const states = known.now()
    let waiting = 0
    for (const lane of flow.sources) {
      const bounds = await log.bounds(lane)
      for (const partition of partitions) {
        const { decidedTo = 0 } = states[sourceIndex(flow, lane, partition, log.partitionCount)] ?? {}
        waiting += (bounds[partition]?.end ?? 0) - decidedTo
      }
    }
    return waiting
  }

  /** Reads the lanes from where they are decided on. */
  function reading(lanes: readonly Lane[], partitions: readonly number[]) {
    const decidedTo = known.now().map((state) => state.decidedTo)
    const wanted = lanes.map((lane) => {
      const from = ofLane(flow, lane, decidedTo, log.partitionCount)
      return { lane, from, partitions }
    })
    // Damage anywhere in the journal is noticed once: by the reader of the lane in which most records are.
    const othersUnchecked = !lanes.includes('events_plugin_ingestion')
    const options = { batchBytesMax: config.batchBytesMax, othersUnchecked }
    return (signal: AbortSignal): AsyncIterable<readonly LogRecord[]> =>
      lanes.length === 0 ? nothing() : log.read(wanted, { ...options, signal })
  }

  async function commit(
    records: readonly LogRecord[],
    ownership: Ownership,
    note: (partition: number, offset: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const epochOf = (partition: number): number => ownership.epochOf(partition)
    const { partitionCount } = log
    const deriving = { flow, partitionCount, epochOf, derive, derivedBytesMax, ...isCopy }
    const batches = await retrying(() => deriveBatches(records, known.now(), deriving), signal)
    if (batches === undefined) return
    failpoint('core:before-derived-append')
    const positions = await Promise.all(
      batches.map(({ partition, value }) => ownership.append(partition, { headers: {}, value })),
    )
    failpoint('core:after-derived-append')
    for (const { partition, offset } of positions) note(partition, offset)
    let rows = 0
    for (const { partition, head } of batches) {
      known.set(partition, stateAfter(head))
      rows += head.rowCount
      if (head.exceptions.length > 0) happened.recordsSetAside(partition, head.exceptions).emit(telemetry)
    }
    decided?.(batches)
    happened.rangesCommitted(records.length, rows).emit(telemetry)
    copies?.tell()
  }

  function whatIsNew(
    newest: ReadonlyMap<number, Newest>,
    partitions: Iterable<number>,
  ): ReadonlyMap<number, Remembered> {
    const states = known.now()
    const remembered = new Map<number, Remembered>()
    for (const partition of partitions) {
      const state = states[partition]
      const offset = newest.get(partition)?.offset
      if (state !== undefined && offset !== undefined) remembered.set(partition, { offset, about: aboutState(state) })
    }
    return remembered
  }

  /** Has what changed remembered every second. A log that does not is told again; nobody waits for it but the end. */
  function rememberRegularly(ownership: Ownership, newest: ReadonlyMap<number, Newest>) {
    let changed = new Set<number>()
    let working: Promise<void> | undefined
    const remember = async (): Promise<void> => {
      const now = changed
      if (now.size === 0) return
      changed = new Set()
      try {
        await ownership.remember(whatIsNew(newest, now))
      } catch (error) {
        changed = changed.union(now)
        happened.rememberingFailed(error).emit(telemetry)
      }
    }
    const timer = setInterval(() => {
      working ??= remember().finally(() => (working = undefined))
    }, rememberedEveryMs)
    return {
      changed: (partition: number) => changed.add(partition),
      async flush() {
        await working
        await remember()
      },
      async end() {
        clearInterval(timer)
        await working
      },
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
    async run(partitions, signal) {
      if (partitions.length === 0) await aborted(signal)
      // An append that failed may or may not be there: only a new owner, who reads what is, can go on.
      while (!signal.aborted) await retrying(() => own(partitions, signal), signal)
    },
    states: () => known.all(),
  }
}

async function* nothing(): AsyncGenerator<never> {
  // A flow without patient lanes.
}

/** Where each source index stands is what its newest batch says. */
async function resumeFrom(
  ownership: Ownership,
): Promise<{ readonly resumed: Map<number, PartitionState>; readonly newest: Map<number, Newest> }> {
  const resumed = new Map<number, PartitionState>()
  const newest = new Map<number, Newest>()
  for (const partition of ownership.partitions) {
    const last = await ownership.last(partition)
    if (last === undefined) {
      resumed.set(partition, nothingDecided)
      continue
    }
    resumed.set(partition, stateAfter(derivedBatchHead(last.value)))
    newest.set(partition, { offset: last.position.offset, atMs: last.timeMs })
  }
  return { resumed, newest }
}

function bytesOf(records: readonly LogRecord[]): number {
  return records.reduce((sum, { value }) => sum + value.length, 0)
}
