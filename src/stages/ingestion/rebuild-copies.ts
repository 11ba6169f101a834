/**
 * Shows the copy index what it has not seen of partitions that were just taken over: of each source lane's partition the records before
 * the first one to decide, as far as the window goes and no more than `recordsMax` in all. Those are shared evenly: a partition that
 * needs less leaves the rest to the others, and each gets its newest. What the log has no more does not stop it.
 *
 * A partition that this process has had before is read from where it is whole, so a change of owners that leaves partitions
 * where they were costs nothing.
 */
import { sourceIndex } from '../../event/flows.ts'
import type { Flow } from '../../event/flows.ts'
import type { Lane } from '../../event/position.ts'
import { codeOf } from '../../kit/failure.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { EventLog } from '../../stores/log/event-log.ts'
import type { CopyIndex } from './copy-index.ts'
import type { PartitionState } from './partition-state.ts'
import * as happened from './ingestion.events.ts'

export interface RebuildOptions {
  readonly flow: Flow
  readonly log: EventLog
  readonly partitions: readonly number[]
  /** Where the partitions are decided, by source index. */
  readonly states: readonly PartitionState[]
  readonly recordsMax: number
  readonly batchBytesMax: number
  readonly telemetry: Telemetry
  readonly signal: AbortSignal
}

/** Where retention removes what is being read, over and over, something is wrong with it; copies of that time are let go. */
const triesMax = 5

/** Of one lane's partition: the records from `from` up to `to`. */
interface Missing {
  readonly lane: Lane
  readonly partition: number
  readonly from: number
  readonly to: number
}

export async function rebuildCopies(copies: CopyIndex, options: RebuildOptions): Promise<void> {
  const { flow, signal, telemetry, recordsMax } = options
  const startedMs = performance.now()
  let shown = 0
  for (let tries = 0; tries < triesMax && !signal.aborted; tries++) {
    const missing = newestOf(await missingIn(copies, options), Math.max(0, recordsMax - shown))
    try {
      for await (const count of show(copies, missing, options)) shown += count
      break
    } catch (error) {
      if (codeOf(error) !== 'SLUICE_LOG_TRIMMED') throw error
    }
  }
  if (signal.aborted) return
  for (const { lane, partition, decidedTo } of sourcesOf(options)) copies.isWholeTo(lane, partition, decidedTo)
  if (shown > 0) happened.copiesRebuilt(flow.name, shown, performance.now() - startedMs).emit(telemetry)
}

function sourcesOf({ flow, log, partitions, states }: RebuildOptions) {
  return flow.sources.flatMap((lane) =>
    partitions.map((partition) => {
      const { decidedTo = 0 } = states[sourceIndex(flow, lane, partition, log.partitionCount)] ?? {}
      return { lane, partition, decidedTo }
    }),
  )
}

async function missingIn(copies: CopyIndex, options: RebuildOptions): Promise<readonly Missing[]> {
  const { flow, log } = options
  const windowBeginMs = Date.now() - copies.windowMs
  const sources = sourcesOf(options).filter(
    ({ lane, partition, decidedTo }) => copies.wholeTo(lane, partition) < decidedTo,
  )
  const missing: Missing[] = []
  for (const lane of flow.sources) {
    const own = sources.filter((source) => source.lane === lane)
    if (own.length === 0) continue
    const bounds = await log.bounds(lane)
    const begins = await log.offsetsAt(lane, windowBeginMs)
    for (const { partition, decidedTo: to } of own) {
      const from = Math.max(copies.wholeTo(lane, partition), bounds[partition]?.begin ?? 0, begins[partition] ?? 0)
      if (from < to) missing.push({ lane, partition, from, to })
    }
  }
  return missing
}

/** The newest of each, `recordsMax` in all. */
function newestOf(missing: readonly Missing[], recordsMax: number): readonly Missing[] {
  let left = recordsMax
  const smallestFirst = missing.toSorted((one, other) => one.to - one.from - (other.to - other.from))
  return smallestFirst.map((one, at) => {
    const records = Math.min(one.to - one.from, Math.floor(left / (missing.length - at)))
    left -= records
    return { ...one, from: one.to - records }
  })
}

/** Yields how many records were shown, batch by batch. */
async function* show(
  copies: CopyIndex,
  missing: readonly Missing[],
  { flow, log, batchBytesMax, signal }: RebuildOptions,
): AsyncGenerator<number> {
  const wanted = flow.sources.flatMap((lane) => {
    const own = missing.filter((one) => one.lane === lane && one.from < one.to)
    if (own.length === 0) return []
    const from = Array.from({ length: log.partitionCount }, () => 0)
    const to = from.slice()
    for (const one of own) {
      from[one.partition] = one.from
      to[one.partition] = one.to
    }
    return [{ lane, from, to, partitions: own.map(({ partition }) => partition) }]
  })
  if (wanted.length === 0) return
  // Others check the whole journal.
  for await (const records of log.read(wanted, { signal, batchBytesMax, othersUnchecked: true })) {
    for (const record of records) copies.isCopy(record)
    yield records.length
  }
}
