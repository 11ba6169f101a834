/**
 * How far a flow is, and since when what waits has waited (N5). Everything is kept by source index (`event/flows.ts`). Looks at the ends of the lanes every `sampleEveryMs` and
 * remembers when an end was first seen, so that the age of the oldest waiting record is known without reading it.
 *
 * Words:
 * - mark: "at this time the partition ended here": every record behind it was accepted later.
 * - canary: an event of the health check itself. Canaries wait like all others, and their age counts; but they are nobody's events,
 *   and so not among those that are said to wait.
 * - reader: who follows a lane; `decided` is ingestion, `inserted` the warehouse writer.
 */
import { sourceIndex } from '../../event/flows.ts'
import type { Flow } from '../../event/flows.ts'
import type { Lane, Offsets } from '../../event/position.ts'
import type { EventLog } from '../../stores/log/event-log.ts'
import { eventsAmong } from './books.ts'
import { olderOf } from './freshness.ts'
import type { Freshness } from './freshness.ts'

export interface ProgressWatchOptions {
  readonly flow: Flow
  /** Lanes that nobody takes further, told beside those of the flow. */
  readonly unread?: readonly Lane[]
  readonly log: EventLog
  readonly sampleEveryMs: number
  /** Where the source lanes end, and how many canaries are before that; of one moment. */
  accepted(): Promise<{ readonly ends: Offsets; readonly canaries: number }>
  /** Next source offset that ingestion decides, whichever process does. */
  decidedTo(): Promise<Offsets>
  /** Where the warehouse writers stand. */
  inserted(): Promise<Inserted>
}

interface Inserted {
  readonly sourceOffsets: Offsets
  readonly offsets: Offsets
  readonly throughMs: readonly number[]
  /** Canaries that were passed; undefined while that is not known: then those that wait count as events. */
  readonly canaries: number | undefined
}

export interface ReaderPosition {
  readonly name: string
  readonly offset: number
  readonly lag: number
  readonly oldestWaitingMs: number | null
}

export interface LaneProgress {
  readonly lane: Lane
  readonly partitions: readonly {
    readonly partition: number
    readonly end: number
    readonly readers: readonly ReaderPosition[]
  }[]
}

export interface ProgressWatch {
  /** Looks now. */
  sample(): Promise<void>
  /** As of the last look; `sample` first for an answer about this moment. */
  freshness(): Freshness
  lanes(): Promise<readonly LaneProgress[]>
  /** Looks again and again until the signal aborts. */
  run(signal: AbortSignal): Promise<void>
}

interface Mark {
  readonly end: number
  readonly firstSeenMs: number
  readonly lastSeenMs: number
}

function position(name: string, end: number, offset: number): ReaderPosition {
  return { name, offset, lag: Math.max(0, end - offset), oldestWaitingMs: null }
}

function isSame(some: Offsets, others: Offsets): boolean {
  return some.length === others.length && some.every((offset, partition) => offset === others[partition])
}

/** Marks kept a partition; beyond it the second oldest goes, so that the age of the oldest stays exact. */
const marksMax = 4096

export function createProgressWatch(options: ProgressWatchOptions): ProgressWatch {
  const { log, flow } = options
  const { partitionCount } = log
  const patientFrom = flow.sources.map((lane) => flow.patient.includes(lane))
  const marks: Mark[][] = Array.from({ length: log.partitionsOf(flow.derived) }, () => [
    // Nobody saw the partition end here: it may have been longer already when this process began to look.
    { end: 0, firstSeenMs: 0, lastSeenMs: 0 },
  ])
  let sampledAtMs = Date.now()
  let canariesAccepted = 0
  /** As of the last look; undefined before the first. */
  let inserted: Inserted | undefined
  /** Canaries that the door counted and nobody behind it (their records were damaged): seen when nothing waits. */
  let canariesLost = 0

  async function sample(): Promise<void> {
    const atMs = Date.now()
    const accepted = await options.accepted()
    const now = await options.inserted()
    sampledAtMs = atMs
    canariesAccepted = accepted.canaries
    inserted = now
    if (now.canaries !== undefined && isSame(accepted.ends, now.sourceOffsets)) {
      canariesLost = canariesAccepted - now.canaries
    }
    for (const [partition, own] of marks.entries()) {
      const end = accepted.ends[partition] ?? 0
      const newest = own.at(-1)
      if (newest?.end === end) own[own.length - 1] = { ...newest, lastSeenMs: atMs }
      else own.push({ end, firstSeenMs: atMs, lastSeenMs: atMs })
      // The newest mark that is reached says how far the table is complete; those before it say nothing any more.
      while ((own[1]?.end ?? Infinity) <= (now.sourceOffsets[partition] ?? 0)) own.shift()
      if (own.length > marksMax) own.splice(1, 1)
    }
  }

  /** When the first record behind `offset` was seen to wait; undefined when nothing waits. */
  function waitingSince(partition: number, offset: number): number | undefined {
    return marks[partition]?.find(({ end }) => end > offset)?.firstSeenMs
  }

  function ageAt(partition: number, offset: number): number | null {
    const sinceMs = waitingSince(partition, offset)
    return sinceMs === undefined ? null : Math.max(0, sampledAtMs - sinceMs)
  }

  return {
    sample,

    freshness() {
      let waitingRecords = 0
      let completeThroughMs = sampledAtMs
      const ages: (number | null)[] = []
      const urgentAges: (number | null)[] = []
      for (const [partition, own] of marks.entries()) {
        const offset = inserted?.sourceOffsets[partition] ?? 0
        const waiting = Math.max(0, (own.at(-1)?.end ?? 0) - offset)
        if (waiting === 0) continue
        waitingRecords += waiting
        const reached = own.findLast(({ end }) => end <= offset)
        // What waits may have been accepted in the same millisecond as the last row.
        const throughMs = Math.max(0, (inserted?.throughMs[partition] ?? 0) - 1)
        completeThroughMs = Math.min(completeThroughMs, Math.max(reached?.lastSeenMs ?? 0, throughMs))
        const age = ageAt(partition, offset) ?? 0
        ages.push(age)
        if (patientFrom[Math.floor(partition / partitionCount)] !== true) urgentAges.push(age)
      }
      const canariesWaiting = inserted?.canaries === undefined ? 0 : canariesAccepted - inserted.canaries - canariesLost
      const waitingEvents = eventsAmong(waitingRecords, canariesWaiting)
      return {
        completeThroughMs,
        waitingEvents,
        oldestWaitingMs: olderOf(ages),
        oldestUrgentWaitingMs: olderOf(urgentAges),
      }
    },

    async lanes() {
      await sample()
      const decided = await options.decidedTo()
      const lanes: LaneProgress[] = []
      for (const lane of flow.sources) {
        const bounds = await log.bounds(lane)
        const partitions = bounds.map(({ end }, partition) => {
          const index = sourceIndex(flow, lane, partition, partitionCount)
          const at = (name: string, offset = 0): ReaderPosition => ({
            ...position(name, end, offset),
            oldestWaitingMs: ageAt(index, offset),
          })
          const readers = [at('ingestion', decided[index]), at('warehouse', inserted?.sourceOffsets[index])]
          return { partition, end, readers }
        })
        lanes.push({ lane, partitions })
      }
      const derived = (await log.bounds(flow.derived)).map(({ end }, partition) => ({
        partition,
        end,
        readers: [position('warehouse', end, inserted?.offsets[partition] ?? 0)],
      }))
      lanes.push({ lane: flow.derived, partitions: derived })
      for (const lane of options.unread ?? []) {
        const bounds = await log.bounds(lane)
        lanes.push({ lane, partitions: bounds.map(({ end }, partition) => ({ partition, end, readers: [] })) })
      }
      return lanes
    },

    async run(signal) {
      while (!signal.aborted) {
        await sample()
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, options.sampleEveryMs)
          signal.addEventListener(
            'abort',
            () => {
              clearTimeout(timer)
              resolve()
            },
            { once: true },
          )
        })
      }
    },
  }
}
