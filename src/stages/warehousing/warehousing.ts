/**
 * Derived batches of a flow ─► rows in its table, each once. Partitions are those of the derived lane: source indexes.
 *
 * Words: block, token, range: see `stores/warehouse/warehouse.ts`; intent: see `stores/warehouse/insert-progress.ts`.
 *
 * One block after the other: gather batches, save the intent, insert, save that it is done. A start finds either no intent
 * (the last block is done) or one (it may or may not be in the table): it repeats the insert under the same token, then
 * asks the table which rows of the intent and of the newest blocks are missing, and inserts those under a new token,
 * because a token outlives the rows it once brought. Whenever the log or the progress is away, that is where it goes on.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { derivedBatchHead } from '../../event/derived-batch.ts'
import type { DerivedBatchHead } from '../../event/derived-batch.ts'
import { flows, ofLane } from '../../event/flows.ts'
import type { Flow } from '../../event/flows.ts'
import type { Lane, Offsets } from '../../event/position.ts'
import { failpoint } from '../../kit/failpoint.ts'
import { codeOf, Failure } from '../../kit/failure.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { EventLog, LogRecord } from '../../stores/log/event-log.ts'
import type { BlockIntent, InsertProgress, Progress } from '../../stores/warehouse/insert-progress.ts'
import type { WarehouseTable } from '../../stores/warehouse/warehouse.ts'
import { halvesOf, placeOf, withRows } from './batch-rows.ts'
import { insertBlockOf, intentOf, rowCountOf } from './block.ts'
import type { ReadBatch } from './block.ts'
import { missingRows } from './missing-rows.ts'
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
  run(signal: AbortSignal): Promise<void>
  /** Where the writer stands; undefined until `run` has loaded it. */
  progress(): Progress | undefined
}

/** The name under which the log knows this reader. */
const readerName = 'warehouse'
const readBytesMax = 4 * 1024 * 1024
const readerSavedEveryMs = 10_000
/** How often the same rows may have been lost before the table is not trusted any more. */
const restoreTimesMax = 20

export function createWarehousing(config: WarehousingConfig, deps: WarehousingDeps): Warehousing {
  const { flow, log, warehouse, telemetry } = deps
  let progress: Progress | undefined
  let readerSavedMs = 0
  /** What the log knows of this reader: each is a file, and most lanes stand still. */
  const readerSaved = new Map<Lane, Offsets>()
  /** Places of rows that the table refused in this life of the process. */
  const refused = new Set<string>()

  async function save(next: Progress): Promise<void> {
    await deps.progress.save(next)
    progress = next
  }

  async function insert(batches: readonly ReadBatch[], signal: AbortSignal): Promise<void> {
    if (progress === undefined || batches.length === 0) return
    const intent = intentOf(batches)
    await save({ ...progress, intent })
    failpoint('core:after-intent')
    let refusedRows = 0
    if (intent.rowCount > 0) {
      const startedMs = performance.now()
      refusedRows = await insertWithRetry(intent, batches, signal)
      happened.blockInserted(intent.rowCount - refusedRows, performance.now() - startedMs).emit(telemetry)
    }
    failpoint('core:after-insert')
    await save(advanced(progress, intent, batches, refusedRows, config.recentBlocksMax))
    deps.inserted?.(batches.map(({ head }) => head))
    if (Date.now() - readerSavedMs > readerSavedEveryMs) {
      readerSavedMs = Date.now()
      await saveReaders(progress)
    }
  }

  /** A source record stays until its row is in the table, a batch until its block is no longer looked for. */
  async function saveReaders({ offsets, sourceOffsets, recent }: Progress): Promise<void> {
    const oldest = [...offsets]
    for (const { ranges } of recent) {
      for (const { partition, from } of ranges) oldest[partition] = Math.min(oldest[partition] ?? from, from)
    }
    await saveReader(flow.derived, oldest)
    for (const lane of flow.sources) await saveReader(lane, ofLane(flow, lane, sourceOffsets, log.partitionCount))
  }

  async function saveReader(lane: Lane, offsets: Offsets): Promise<void> {
    const saved = readerSaved.get(lane)
    if (saved !== undefined && offsets.every((offset, partition) => offset === saved[partition])) return
    await log.saveReader(readerName, lane, offsets)
    readerSaved.set(lane, offsets)
  }

  /**
   * Resolves with how many rows the table refused for good. Such a row must not hold up all others: the block is cut in
   * halves until it stands alone, then it is left out and said so. `verify` names it as lost.
   */
  async function insertWithRetry(
    intent: BlockIntent,
    batches: readonly ReadBatch[],
    signal: AbortSignal,
  ): Promise<number> {
    for (let delayMs = Math.min(100, config.retryMsMax); ; delayMs = Math.min(delayMs * 2, config.retryMsMax)) {
      try {
        await warehouse.insert(insertBlockOf(intent, batches))
        return 0
      } catch (error) {
        if (codeOf(error) === 'SLUICE_WAREHOUSE_ROW') return await insertHalves(intent, batches, error, signal)
        if (!(error instanceof Failure && error.retryable) || signal.aborted) throw error
        happened.insertRetries(error, delayMs).emit(telemetry)
        await sleep(delayMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  async function insertHalves(
    intent: BlockIntent,
    batches: readonly ReadBatch[],
    refusal: unknown,
    signal: AbortSignal,
  ): Promise<number> {
    if (intent.rowCount <= 1) {
      for (const batch of batches) withRows(batch, (row) => refused.add(placeOf(row)).size > 0)
      happened.rowRefused([...refused].at(-1) ?? '', refusal).emit(telemetry)
      return intent.rowCount
    }
    let refusedRows = 0
    for (const [index, half] of halvesOf(batches).entries()) {
      const part = { ...intent, token: `${intent.token}-${String(index)}`, rowCount: rowCountOf(half) }
      refusedRows += await insertWithRetry(part, half, signal)
    }
    return refusedRows
  }

  async function recover(loaded: Progress, signal: AbortSignal): Promise<void> {
    const { intent, recent } = loaded
    progress = loaded
    const batches = intent === undefined ? [] : await readBlock(log, flow.derived, intent, telemetry)
    const refusedRows = intent !== undefined && intent.rowCount > 0 ? await insertWithRetry(intent, batches, signal) : 0
    // Before anything advances: a step forward would push the oldest of the newest blocks out of sight.
    const blocks = intent === undefined ? recent : [...recent, intent]
    const whole = await wholeBlocks(blocks, warehouse)
    let restored = 0
    for (const block of blocks) if (!whole.has(block)) restored += await restore(block, signal)
    if (intent !== undefined) await save(advanced(loaded, intent, batches, refusedRows, config.recentBlocksMax))
    if (blocks.length > 0) happened.recovered(blocks.length, restored).emit(telemetry)
  }

  /**
   * Inserts what the table lacks of a block, under a token of its own. Looks again afterwards: that token, too, may
   * outlive its rows, and rows that were lost twice need yet another one.
   */
  async function restore(block: BlockIntent, signal: AbortSignal): Promise<number> {
    const batches = await readBlock(log, flow.derived, block, telemetry)
    let restored = 0
    for (let time = 1; time <= restoreTimesMax; time++) {
      const missing = await missingRows(block, batches, warehouse, Date.now(), refused)
      if (missing.rowCount === 0) return restored
      const token = time === 1 ? missing.token : `${missing.token}-${String(time)}`
      await insertWithRetry({ ...block, token, rowCount: missing.rowCount }, missing.batches, signal)
      restored = missing.rowCount
    }
    throw new Failure(
      'SLUICE_WAREHOUSE_LOSES_ROWS',
      `The table still lacks rows of the block ${block.token} after they were inserted ${String(restoreTimesMax)} times.`,
    )
  }

  async function follow(from: Progress, signal: AbortSignal): Promise<void> {
    // Damage anywhere in the journal is noticed once: by the reader of the lane in which most batches are.
    const over = new AbortController()
    const options = {
      signal: AbortSignal.any([signal, over.signal]),
      batchBytesMax: readBytesMax,
      othersUnchecked: flow !== flows.events,
    }
    const source = log.read([{ lane: flow.derived, from: from.offsets }], options)[Symbol.asyncIterator]()
    try {
      await insertFrom(source, from, signal)
    } finally {
      // It may wait for more still, for nobody.
      over.abort()
    }
  }

  async function insertFrom(
    source: AsyncIterator<readonly LogRecord[]>,
    from: Progress,
    signal: AbortSignal,
  ): Promise<void> {
    let next = source.next()
    // Whoever gives up in the middle does not look at it any more.
    next.catch(() => undefined)
    let gathered: ReadBatch[] = []
    let dueMs = Infinity
    const expected = [...from.sourceOffsets]
    const epochs = [...from.epochs]
    for (;;) {
      const result = await within(next, dueMs - Date.now())
      if (result === 'late') {
        await insert(gathered, signal)
        gathered = []
        dueMs = Infinity
        continue
      }
      if (result.done === true) break
      for (const record of result.value) {
        const batch = accepted(record, expected, epochs, telemetry)
        if (batch === undefined) continue
        if (gathered.length > 0 && isFull(gathered, batch, config)) {
          await insert(gathered, signal)
          gathered = []
        }
        gathered.push(batch)
      }
      if (gathered.length > 0 && dueMs === Infinity) dueMs = Date.now() + config.lingerMs
      if (gathered.length === 0) dueMs = Infinity
      next = source.next()
      next.catch(() => undefined)
    }
    await insert(gathered, signal)
    if (progress !== undefined) await saveReaders(progress)
  }

  async function runOnce(signal: AbortSignal): Promise<void> {
    await recover(widened(await deps.progress.load(), log.partitionsOf(flow.derived)), signal)
    if (progress === undefined) return
    // Also of lanes in which nothing ever comes: nobody trims a journal before all its readers have said where they stand.
    await saveReaders(progress)
    await follow(progress, signal)
  }

  return {
    async run(signal) {
      for (let delayMs = 0; !signal.aborted;) {
        const before = progress
        try {
          await runOnce(signal)
          return
        } catch (error) {
          // A save that failed may have been done all the same: what is true is what can be loaded, as after a crash.
          if (!(error instanceof Failure && error.retryable)) throw error
          delayMs = Math.min(before === progress ? Math.max(delayMs * 2, 100) : 100, config.retryMsMax)
          happened.startsAgain(error, delayMs).emit(telemetry)
          await sleep(delayMs, undefined, { signal }).catch(() => undefined)
        }
      }
    },
    progress: () => progress,
  }
}

const beginning: Progress = {
  offsets: [],
  sourceOffsets: [],
  epochs: [],
  throughMs: [],
  canaries: [],
  rowsInserted: 0,
  rowsRefused: 0,
  recent: [],
}

/** What was saved says nothing of lanes that came later: they are at their beginning. */
function widened(saved: Progress = beginning, length: number): Progress {
  const wide = <T>(some: readonly T[]): readonly (T | 0)[] => [
    ...some,
    ...Array.from({ length: Math.max(0, length - some.length) }, () => 0 as const),
  ]
  return {
    ...saved,
    offsets: wide(saved.offsets),
    sourceOffsets: wide(saved.sourceOffsets),
    epochs: wide(saved.epochs),
    throughMs: wide(saved.throughMs),
    ...(saved.canaries === undefined ? {} : { canaries: wide(saved.canaries) }),
  }
}

/** Where the writer stands once the block is in the table. */
function advanced(
  progress: Progress,
  intent: BlockIntent,
  batches: readonly ReadBatch[],
  refusedRows: number,
  recentMax: number,
): Progress {
  const offsets = [...progress.offsets]
  const sourceOffsets = [...progress.sourceOffsets]
  const throughMs = [...progress.throughMs]
  const epochs = [...progress.epochs]
  // A partition of which nothing was inserted has none; what an earlier release inserted, the next batch counts.
  const canaries = [...(progress.canaries ?? sourceOffsets.map((offset) => (offset === 0 ? 0 : null)))]
  for (const { offset, head } of batches) {
    offsets[head.partition] = offset + 1
    sourceOffsets[head.partition] = head.to
    throughMs[head.partition] = head.acceptedToMs
    epochs[head.partition] = head.epoch
    canaries[head.partition] = head.books.canary
  }
  const recent = [...progress.recent, intent].slice(-recentMax)
  const rowsInserted = progress.rowsInserted + intent.rowCount - refusedRows
  const rowsRefused = progress.rowsRefused + refusedRows
  return { offsets, sourceOffsets, epochs, throughMs, canaries, rowsInserted, rowsRefused, recent }
}

/**
 * Accepts a batch only when its range begins where the reader stands and no newer owner was seen: repeats and what a
 * replaced owner still wrote are passed over; a gap means that something was lost and must not be hidden.
 */
function accepted(
  record: LogRecord,
  expected: number[],
  epochs: number[],
  telemetry: Telemetry,
): ReadBatch | undefined {
  const { partition, offset } = record.position
  const head = derivedBatchHead(record.value)
  const from = expected[partition] ?? 0
  if (head.epoch < (epochs[partition] ?? 0)) {
    happened.batchPassedOver(partition, 'older epoch').emit(telemetry)
    return undefined
  }
  const epochBefore = epochs[partition] ?? 0
  epochs[partition] = head.epoch
  // One that renews an older batch begins and ends where the reader stands: nothing is inserted, and yet it is read.
  const isRenewal = head.from === from && head.to === from
  if (head.to <= from && !isRenewal) {
    happened.batchPassedOver(partition, 'repeat').emit(telemetry)
    return undefined
  }
  if (head.from !== from) {
    throw gapFailure(partition, head.from, from)
  }
  expected[partition] = head.to
  return { offset, head, value: record.value, epochBefore }
}

function gapFailure(partition: number, found: number, due: number | undefined): Failure {
  return new Failure(
    'SLUICE_DERIVED_GAP',
    `Partition ${String(partition)} of the derived lane goes on at source offset ${String(found)} where ${String(due)} was due. Nothing is inserted past it; run "sluice verify" to see what is missing.`,
  )
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

/** Reads the batches of a block again, accepting and passing over what was accepted and passed over the first time. */
async function readBlock(
  log: EventLog,
  lane: Lane,
  block: BlockIntent,
  telemetry: Telemetry,
): Promise<readonly ReadBatch[]> {
  const from = Array.from({ length: log.partitionsOf(lane) }, () => Number.MAX_SAFE_INTEGER)
  const expected = from.map(() => 0)
  const epochs = from.map(() => 0)
  const unread = new Set<number>()
  for (const range of block.ranges) {
    from[range.partition] = range.from
    expected[range.partition] = range.sourceFrom
    epochs[range.partition] = range.epoch
    unread.add(range.partition)
  }
  const batches: ReadBatch[] = []
  const stop = new AbortController()
  const options = { signal: stop.signal, batchBytesMax: readBytesMax }
  for await (const records of log.read([{ lane, from }], options)) {
    for (const record of records) {
      const range = block.ranges.find(({ partition }) => partition === record.position.partition)
      // Not counted: damage may have taken records away, and what comes behind them ends the wait.
      if (range !== undefined && record.position.offset >= range.to - 1) unread.delete(range.partition)
      if (range === undefined || record.position.offset >= range.to) continue
      const batch = accepted(record, expected, epochs, telemetry)
      if (batch !== undefined) batches.push(batch)
    }
    if (unread.size === 0) break
  }
  stop.abort()
  for (const { partition, sourceTo } of block.ranges) {
    if (expected[partition] !== sourceTo) throw gapFailure(partition, sourceTo, expected[partition])
  }
  return batches
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
