/** How everything runs, put together for people: stages, lanes, dead letters and what is wrong, in words. */
import type { Books } from './books.ts'
import type { CanaryState } from './canaries.ts'
import { isLate, olderOf } from './freshness.ts'
import type { Freshness, Lateness } from './freshness.ts'
import type { LaneProgress } from './progress-watch.ts'

export interface PipelineParts {
  readonly books: Books
  readonly freshness: Freshness
  readonly lanes: readonly LaneProgress[]
  readonly canary: CanaryState
  readonly lateness: Lateness
  readonly processes: readonly ProcessSeen[]
  /** Why the edge does not answer; undefined when it does. */
  readonly edgeSilence: string | undefined
  /** What the edge says is wrong with its stores, in sentences. */
  readonly edgeTrouble: readonly string[]
}

export interface ProcessSeen {
  readonly role: string
  readonly state: string
  readonly pid: number | null
  readonly startedAt: string
  readonly restarts: number
}

export interface PipelineView {
  readonly problems: readonly string[]
  readonly stages: readonly StageView[]
  readonly lanes: readonly LaneView[]
  readonly deadLetters: readonly DeadLetterCount[]
}

/** Why an event that came to a stage did not go on; canaries are in no other count. */
export const countNames = [
  'duplicate',
  'refused',
  'quota_limited',
  'rate_limited',
  'dropped',
  'dead_letter',
  'damaged',
  'canary',
] as const
export type CountName = (typeof countNames)[number]

export interface StageView {
  readonly name: 'door' | 'ingestion' | 'warehouse'
  readonly in: number
  readonly out: number
  readonly counts: readonly { readonly name: CountName; readonly count: number }[]
  readonly waiting: number
  readonly oldestWaitingMs: number | null
}

export interface LaneView {
  readonly lane: string
  readonly records: number
  readonly readers: readonly { readonly name: string; readonly lag: number; readonly oldestWaitingMs: number | null }[]
  readonly partitions: readonly { readonly partition: number; readonly end: number; readonly lag: number }[]
}

export interface DeadLetterCount {
  readonly stage: 'door' | 'ingestion'
  readonly step: string
  readonly reason: string
  readonly count: number
}

/** What finds out what is wrong with an event at the door. */
const doorStep = 'capture'
/** Counts that an earlier release did not keep by reason. */
const unrecorded = 'not recorded'

export function pipelineViewOf(parts: PipelineParts): PipelineView {
  const { books, lanes } = parts
  return {
    problems: problemsOf(parts),
    stages: stagesOf(books, lanes),
    lanes: lanes.map(laneView),
    deadLetters: deadLetterCounts(books),
  }
}

/** Empty when everything is well. */
function problemsOf({
  books,
  freshness,
  canary,
  lateness,
  processes,
  edgeSilence,
  edgeTrouble,
}: Omit<PipelineParts, 'lanes'>): readonly string[] {
  const problems: string[] = []
  const { oldestWaitingMs, oldestUrgentWaitingMs, waitingEvents } = freshness
  if (isLate(freshness, lateness)) {
    const isUrgent = (oldestUrgentWaitingMs ?? 0) > lateness.oldestWaitingMsMax
    const waited = `the oldest for ${seconds((isUrgent ? oldestUrgentWaitingMs : oldestWaitingMs) ?? 0)}`
    const who = waitingEvents === 0 ? 'The canary events' : `${String(waitingEvents)} accepted events`
    problems.push(`${who} wait for the table, ${waited}.`)
  }
  if (canary.failure !== undefined) problems.push(`The canary events do not come through: ${canary.failure}`)
  for (const imbalance of books.imbalances) problems.push(`The books do not balance: ${imbalance}.`)
  if (books.warehouse.refused > 0) {
    problems.push(`The table refused ${String(books.warehouse.refused)} rows for good; "sluice verify" names them.`)
  }
  if (edgeSilence !== undefined) problems.push(`The edge does not answer, so no event comes in: ${edgeSilence}`)
  problems.push(...edgeTrouble)
  for (const { role, state } of processes) {
    if (state === 'waiting' || state === 'stopped') problems.push(`The process ${role} is not running.`)
  }
  return problems
}

function stagesOf({ intake, ingestion, warehouse }: Books, lanes: readonly LaneProgress[]): readonly StageView[] {
  return [
    {
      name: 'door',
      in: intake.received,
      out: intake.stored,
      counts: counted({
        duplicate: intake.duplicate,
        refused: intake.refused,
        quota_limited: intake.quotaLimited,
        rate_limited: intake.rateLimited,
        canary: intake.canary,
      }),
      // What is not on disk was not accepted.
      waiting: 0,
      oldestWaitingMs: null,
    },
    {
      name: 'ingestion',
      in: ingestion.in,
      out: ingestion.out,
      counts: counted({
        dropped: ingestion.dropped,
        dead_letter: ingestion.deadLetter,
        damaged: ingestion.damaged,
        canary: ingestion.canary,
      }),
      waiting: ingestion.waiting,
      oldestWaitingMs: oldestOf(lanes, 'ingestion'),
    },
    {
      name: 'warehouse',
      in: ingestion.out,
      out: warehouse.rows,
      counts: counted({ refused: warehouse.refused, canary: warehouse.canary }),
      waiting: warehouse.waiting,
      oldestWaitingMs: oldestOf(lanes, 'warehouse'),
    },
  ]
}

function counted(counts: Readonly<Partial<Record<CountName, number>>>): StageView['counts'] {
  return countNames.flatMap((name) => {
    const count = counts[name]
    return count === undefined ? [] : [{ name, count }]
  })
}

/** Over the lanes of accepted events, whose waiting times alone are known. */
function oldestOf(lanes: readonly LaneProgress[], reader: string): number | null {
  const readers = lanes.flatMap(({ partitions }) => partitions.flatMap((partition) => partition.readers))
  return olderOf(readers.filter(({ name }) => name === reader).map(({ oldestWaitingMs }) => oldestWaitingMs))
}

function laneView({ lane, partitions }: LaneProgress): LaneView {
  const names = [...new Set(partitions.flatMap(({ readers }) => readers.map(({ name }) => name)))]
  return {
    lane,
    records: partitions.reduce((sum, { end }) => sum + end, 0),
    readers: names.map((name) => {
      const own = partitions.flatMap(({ readers }) => readers.filter((reader) => reader.name === name))
      return {
        name,
        lag: own.reduce((sum, { lag }) => sum + lag, 0),
        oldestWaitingMs: olderOf(own.map(({ oldestWaitingMs }) => oldestWaitingMs)),
      }
    }),
    partitions: partitions.map(({ partition, end, readers }) => ({
      partition,
      end,
      lag: Math.max(0, ...readers.map(({ lag }) => lag)),
    })),
  }
}

/** Most frequent first. Adds up to what the door refused and to what ingestion set aside as dead letters. */
function deadLetterCounts({ intake, ingestion }: Books): readonly DeadLetterCount[] {
  const door = Object.entries(intake.reasons ?? {}).map(([reason, count]): DeadLetterCount => ({
    stage: 'door',
    step: doorStep,
    reason,
    count,
  }))
  const parked = (ingestion.setAside ?? [])
    .filter(({ kind }) => kind === 'dead_letter')
    .map(({ step, reason, count }): DeadLetterCount => ({ stage: 'ingestion', step, reason, count }))
  const rest = [
    { stage: 'door' as const, step: doorStep, reason: unrecorded, count: intake.refused - total(door) },
    { stage: 'ingestion' as const, step: unrecorded, reason: unrecorded, count: ingestion.deadLetter - total(parked) },
  ]
  return [...door, ...parked, ...rest].filter(({ count }) => count > 0).sort((a, b) => b.count - a.count)
}

function total(counts: readonly DeadLetterCount[]): number {
  return counts.reduce((sum, { count }) => sum + count, 0)
}

function seconds(ms: number): string {
  return `${String(Math.round(ms / 1000))} s`
}
