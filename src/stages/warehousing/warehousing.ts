/**
 * Derived batches of a flow ─► rows in its table, each once. Partitions are those of the derived lane: source indexes.
 *
 * Words: block, token, range: see `stores/warehouse/warehouse.ts`; intent: see `stores/warehouse/insert-progress.ts`; held: see
 * `held-partitions.ts`.
 *
 * One block after the other: gather batches, save the intent, insert, save that it is done. A start takes the partitions over, and
 * finds blocks that are open (they may or may not be in the table; other writers may have begun them, and have rows of other
 * partitions in them). Where the table lacks rows of ours it repeats the whole insert under the same token, then asks the table
 * which rows of ours are missing still, there and in the newest blocks, and inserts those under a new token, because a token outlives
 * the rows it once brought. Whenever the log or the progress is away, that is where it goes on.
 *
 * Two writers may hold partitions of one open block, and an older one may not know yet that it holds none any more. All of them insert
 * the same rows under the same tokens: the block under its own, what is missing of a partition under one made from these rows, and
 * the table takes each token once. It forgets a token after `tokensKeptMin` others; so a writer that was stopped asks, before it
 * inserts, whether the partitions are still its own. What remains: one that is stopped between this question and the table's receipt
 * of its insert, for so long that others insert this many blocks meanwhile; a block that lost or refused rows and is taken over only
 * that late; and two that bring back lost rows of one partition at the same moment, one of them not its owner any more, while the
 * table refuses a row among these. Then rows are in the table twice, and \`sluice verify\` names them.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { DerivedBatchHead } from '../../event/derived-batch.ts'
import { flows, sourceAt, sourceIndexesOf } from '../../event/flows.ts'
import type { Flow } from '../../event/flows.ts'
import type { Lane } from '../../event/position.ts'
import { failpoint } from '../../kit/failpoint.ts'
import { Failure } from '../../kit/failure.ts'
import { KnownParts } from '../../kit/known-parts.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { EventLog, LogRecord } from '../../stores/log/event-log.ts'
import { nothingInserted } from '../../stores/warehouse/insert-progress.ts'
import type { BlockIntent, InsertProgress, PartitionProgress } from '../../stores/warehouse/insert-progress.ts'
import type { WarehouseTable } from '../../stores/warehouse/warehouse.ts'
import { placedIn } from './batch-rows.ts'
import { intentOf } from './block.ts'
import type { ReadBatch } from './block.ts'
import { HeldPartitions, now } from './held-partitions.ts'
import { insertRows } from './insert-rows.ts'
import { missingRows } from './missing-rows.ts'
import { accepted, readBlock, readBytesMax } from './read-block.ts'
import type { Reading } from './read-block.ts'
import * as happened from './warehousing.events.ts'
import { wholeBlocks } from './whole-blocks.ts'

export interface WarehousingConfig {
  /** A block is inserted when it has this many rows … */
  readonly blockRowsMax: number
  /** … or this many bytes of rows … */
  readonly blockBytesMax: number
  /** … or when its first row has waited this long. */
  readonly lingerMs: number
  /** How many of the newest blocks are looked for in the table at a start. */
  readonly recentBlocksMax: number
  /** The longest pause between two tries of an insert, or to begin again after something it needs was away. */
  readonly retryMsMax: number
}

export interface WarehousingDeps {
  readonly flow: Flow
  readonly log: EventLog
  readonly warehouse: WarehouseTable
  readonly progress: InsertProgress
  readonly telemetry: Telemetry
  /** Told of batches whose rows are in the table, for whoever looks on: neither waits nor throws. Not told again after a crash. */
  readonly inserted?: (heads: readonly DerivedBatchHead[]) => void
}

export interface Warehousing {
  /**
   * Inserts the rows of these partitions of the source lanes, one life at a time. Rejects with SLUICE_PROGRESS_FENCED when somebody
   * newer does.
   */
  run(partitions: readonly number[], signal: AbortSignal): Promise<void>
  /** How far the rows of each source index are in the table, inserted here or elsewhere; never rejects because storage is away. */
  progress(): Promise<readonly PartitionProgress[]>
}

/** The name under which the log knows this reader. */
const readerName = 'warehouse'
const readerSavedEveryMs = 10_000
/** How often the same rows may have been lost before the table is not trusted any more. */
const restoreTimesMax = 20

export function createWarehousing(config: WarehousingConfig, deps: WarehousingDeps): Warehousing {
  const { flow, log, warehouse, telemetry } = deps
  const known = new KnownParts({
    count: log.partitionsOf(flow.derived),
    nothing: nothingInserted,
    ask: () => deps.progress.all(),
    progressOf: ({ offset }) => offset,
  })
  const refused = new Set<string>()
  const inserting = { warehouse, telemetry, retryMsMax: config.retryMsMax, refused }
  let readerSavedMs = 0
  /** What the log knows of this reader: each is a file, and most lanes stand still. */
  const readerSaved = new Map<Lane, Map<number, number>>()
  /** How often anything was done. */
  let steps = 0

  async function done(
    held: HeldPartitions,
    block: BlockIntent,
    batches: readonly ReadBatch[],
    refusedIn: readonly number[],
  ): Promise<void> {
    await held.done(block, batches, refusedIn)
    known.own(held.own)
    steps++
  }

  async function insert(held: HeldPartitions, batches: readonly ReadBatch[], signal: AbortSignal): Promise<void> {
    if (batches.length === 0) return
    const intent = intentOf(batches)
    await held.begin(intent)
    failpoint('core:after-intent')
    let refusedIn: readonly number[] = []
    if (intent.rowCount > 0) {
      const startedMs = performance.now()
      refusedIn = await insertRows(intent, batches, inserting, () => held.stillHeld(), signal)
      happened.blockInserted(intent.rowCount - refusedIn.length, performance.now() - startedMs).emit(telemetry)
    }
    failpoint('core:after-insert')
    await done(held, intent, batches, refusedIn)
    deps.inserted?.(batches.map(({ head }) => head))
    if (Date.now() - readerSavedMs > readerSavedEveryMs) {
      readerSavedMs = Date.now()
      await saveReaders(held)
    }
  }

  /** A source record stays until its row is in the table, a batch until its block is no longer looked for. */
  async function saveReaders({ own, recent }: HeldPartitions): Promise<void> {
    const oldest = new Map([...own].map(([partition, { offset }]) => [partition, offset]))
    for (const { ranges } of recent) {
      for (const { partition, from } of ranges) {
        const before = oldest.get(partition)
        if (before !== undefined) oldest.set(partition, Math.min(before, from))
      }
    }
    await saveReader(flow.derived, oldest)
    const sources = [...own].map(([index, { sourceOffset }]) => ({
      ...sourceAt(flow, index, log.partitionCount),
      sourceOffset,
    }))
    for (const [lane, read] of Map.groupBy(sources, ({ lane: source }) => source)) {
      await saveReader(lane, new Map(read.map(({ partition, sourceOffset }) => [partition, sourceOffset])))
    }
  }

  async function saveReader(lane: Lane, offsets: ReadonlyMap<number, number>): Promise<void> {
    const saved = readerSaved.get(lane)
    if (saved !== undefined && [...offsets].every(([partition, offset]) => offset === saved.get(partition))) return
    await log.saveReader(readerName, lane, offsets)
    readerSaved.set(lane, new Map([...(saved ?? []), ...offsets]))
  }

  async function recover(held: HeldPartitions, signal: AbortSignal): Promise<void> {
    const blocks = [...held.recent, ...held.open]
    const whole = await wholeBlocks(blocks, warehouse)
    let restored = 0
    const repeated: (() => Promise<void>)[] = []
    for (const block of held.open) {
      const batches = await readBlock(log, flow.derived, block, telemetry)
      // Not where all is there already: the table may have forgotten the token by now.
      if (!whole.has(block) && (await lacksRows(held, block, batches))) {
        await insertRows(block, batches, inserting, () => held.stillHeld(), signal)
        restored += await restore(held, block, batches, signal)
      }
      // Also those that were refused before the progress was away.
      const refusedIn = placedIn(batches, refused)
      repeated.push(() => done(held, block, batches, refusedIn))
    }
    for (const block of held.recent) {
      if (whole.has(block)) continue
      restored += await restore(held, block, await readBlock(log, flow.derived, block, telemetry), signal)
    }
    // Only now: a step forward pushes the oldest of the newest blocks out of sight.
    for (const step of repeated) await step()
    if (blocks.length > 0) happened.recovered(blocks.length, restored).emit(telemetry)
  }

  async function lacksRows(held: HeldPartitions, block: BlockIntent, batches: readonly ReadBatch[]): Promise<boolean> {
    for (const range of block.ranges) {
      if (!held.own.has(range.partition)) continue
      const missing = await missingRows(block, range, batches, warehouse, Date.now(), refused)
      if (missing.batches.length > 0) return true
    }
    return false
  }

  /**
   * Inserts what the table lacks of our partitions of a block, each under a token of its own: whoever has the others may do the same now.
   * Looks again afterwards: that token, too, may outlive its rows, and rows that were lost twice need yet another one.
   */
  async function restore(
    held: HeldPartitions,
    block: BlockIntent,
    batches: readonly ReadBatch[],
    signal: AbortSignal,
  ): Promise<number> {
    let restored = 0
    for (const range of block.ranges.filter(({ partition }) => held.own.has(partition))) {
      for (let time = 1; ; time++) {
        const missing = await missingRows(block, range, batches, warehouse, Date.now(), refused)
        if (missing.batches.length === 0) break
        if (time > restoreTimesMax) {
          throw new Failure(
            'SLUICE_WAREHOUSE_LOSES_ROWS',
            `The table still lacks rows of the block ${block.token} after they were inserted ${String(restoreTimesMax)} times.`,
          )
        }
        if (time === 1) restored += missing.block.rowCount
        const token = time === 1 ? missing.block.token : `${missing.block.token}-${String(time)}`
        await insertRows({ ...missing.block, token }, missing.batches, inserting, () => held.stillHeld(), signal)
      }
    }
    return restored
  }

  async function follow(held: HeldPartitions, signal: AbortSignal): Promise<void> {
    // Damage anywhere in the journal is noticed once: by the reader of the lane in which most batches are.
    const over = new AbortController()
    const options = {
      signal: AbortSignal.any([signal, over.signal]),
      batchBytesMax: readBytesMax,
      othersUnchecked: flow !== flows.events,
    }
    const from = Array.from(
      { length: log.partitionsOf(flow.derived) },
      (_, partition) => held.own.get(partition)?.offset ?? 0,
    )
    const wanted = { lane: flow.derived, from, partitions: [...held.own.keys()] }
    const source = log.read([wanted], options)[Symbol.asyncIterator]()
    try {
      await insertFrom(source, held, signal)
    } finally {
      // It may wait for more still, for nobody.
      over.abort()
    }
  }

  async function insertFrom(
    source: AsyncIterator<readonly LogRecord[]>,
    held: HeldPartitions,
    signal: AbortSignal,
  ): Promise<void> {
    let next = source.next()
    // Whoever gives up in the middle does not look at it any more.
    next.catch(() => undefined)
    let gathered: ReadBatch[] = []
    let dueMs = Infinity
    const reading: Reading = {
      expected: new Map([...held.own].map(([partition, { sourceOffset }]) => [partition, sourceOffset])),
      epochs: new Map([...held.own].map(([partition, { epoch }]) => [partition, epoch])),
    }
    for (;;) {
      const result = await within(next, dueMs - Date.now())
      if (result === 'late') {
        await insert(held, gathered, signal)
        gathered = []
        dueMs = Infinity
        continue
      }
      if (result.done === true) break
      for (const record of result.value) {
        const batch = accepted(record, reading, telemetry)
        if (batch === undefined) continue
        if (gathered.length > 0 && isFull(gathered, batch, config)) {
          await insert(held, gathered, signal)
          gathered = []
        }
        gathered.push(batch)
      }
      if (gathered.length > 0 && dueMs === Infinity) dueMs = Date.now() + config.lingerMs
      if (gathered.length === 0) dueMs = Infinity
      next = source.next()
      next.catch(() => undefined)
    }
    await insert(held, gathered, signal)
    await saveReaders(held)
  }

  return {
    async run(partitions, signal) {
      const indexes = sourceIndexesOf(flow, partitions, log.partitionCount)
      let stillOurs = (): Promise<void> => Promise.resolve()
      try {
        for (let delayMs = 0; !signal.aborted;) {
          const before = steps
          try {
            // Whoever took them over from us keeps them, until we are assigned them once more.
            await stillOurs()
            stillOurs = () => Promise.resolve()
            const takenAt = now()
            const taken = await deps.progress.take(indexes)
            stillOurs = () => taken.check()
            const held = new HeldPartitions(indexes, taken, takenAt, config.recentBlocksMax)
            known.own(held.own)
            await recover(held, signal)
            // Also of lanes in which nothing ever comes: nobody trims a journal before all its readers have said where they stand.
            await saveReaders(held)
            await follow(held, signal)
            return
          } catch (error) {
            // A save that failed may have been done all the same: what is true is what can be taken over, as after a crash.
            if (!(error instanceof Failure && error.retryable)) throw error
            delayMs = Math.min(before === steps ? Math.max(delayMs * 2, 100) : 100, config.retryMsMax)
            happened.startsAgain(error, delayMs).emit(telemetry)
            await sleep(delayMs, undefined, { signal }).catch(() => undefined)
          }
        }
      } finally {
        known.disown()
      }
    },
    progress: () => known.all(),
  }
}

function isFull(gathered: readonly ReadBatch[], next: ReadBatch, config: WarehousingConfig): boolean {
  let rows = next.head.rowCount
  let bytes = next.value.length
  for (const { head, value } of gathered) {
    rows += head.rowCount
    bytes += value.length
  }
  return rows > config.blockRowsMax || bytes > config.blockBytesMax || gathered[0]?.head.month !== next.head.month
}

/** The promise's value, or 'late' when it takes longer. A timer for a promise that is there already is never set. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | 'late'> {
  if (ms === Infinity) return promise
  if (ms <= 0) return Promise.race([promise, Promise.resolve('late' as const)])
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, ms, 'late')
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
