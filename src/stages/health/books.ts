/** The books of every stage (N4): what came in is what went out, was set aside for a reason, or still waits. */
import { sumOfBooks } from '../../event/derived-batch.ts'
import type { IngestionBooks } from '../../event/derived-batch.ts'
import type { FlowName } from '../../event/flows.ts'

/** What the door wrote into its journal, by verdict; canaries apart. */
export interface IntakeCounts {
  readonly stored: number
  readonly duplicate: number
  readonly refused: number
  /** Events that met a limit: no record has them. */
  readonly quotaLimited: number
  readonly rateLimited: number
  readonly canary: number
  /** Records that the door made of a part of an event, for another table. */
  readonly split: number
  /** How `refused` came together, as far as it was counted. */
  readonly reasons?: Readonly<Record<string, number>>
}

export interface StageCounts {
  readonly intake: IntakeCounts
  readonly flows: readonly FlowCounts[]
}

/** How far one flow is. */
export interface FlowCounts {
  readonly name: FlowName
  /** Records of its source lanes, all partitions up to their ends. */
  readonly sourceRecords: number
  readonly ingestion: IngestionBooks
  /** Source records that ingestion decided. */
  readonly decidedRecords: number
  /** Source records whose rows are in the table. */
  readonly insertedRecords: number
  /** Whether everything that was decided is in the table, in each partition. */
  readonly isInserted: boolean
  /** Rows in the table, canaries too. */
  readonly rowsInserted: number
  /** Canaries among them; undefined while the warehouse writer does not know (see `insert-progress.ts`). */
  readonly canariesInserted: number | undefined
  /** Rows that the table refused for good. */
  readonly rowsRefused: number
}

/** Canaries stand in `canary` of each stage, and in no other count. */
export interface Books {
  readonly intake: IntakeCounts & { readonly received: number }
  readonly ingestion: IngestionBooks & { readonly waiting: number }
  readonly warehouse: {
    readonly rows: number
    readonly refused: number
    readonly canary: number
    readonly waiting: number
  }
  /** What does not add up, in words; empty when all does. Anything here is an alarm. */
  readonly imbalances: readonly string[]
}

export function balance({ intake, flows }: StageCounts): Books {
  const imbalances: string[] = []
  const total = (pick: (flow: FlowCounts) => number): number => sumOf(flows.map(pick))
  const sourceRecords = total((flow) => flow.sourceRecords)
  const accepted = intake.stored + intake.canary + intake.split
  if (accepted !== sourceRecords) {
    imbalances.push(differing('events stored at the door, against records in the lanes', accepted, sourceRecords))
  }
  // Less is no alarm: earlier releases did not count reasons.
  const reasons = sumOf(Object.values(intake.reasons ?? {}))
  if (reasons > intake.refused) {
    imbalances.push(differing('reasons of the door, against what it refused', reasons, intake.refused))
  }
  for (const flow of flows) for (const text of imbalancesOf(flow)) imbalances.push(`${flow.name}: ${text}`)
  const ingestion = sumOfBooks(flows.map((flow) => flow.ingestion))
  const canariesInTable = total(canariesIn)
  const decidedRecords = total((flow) => flow.decidedRecords)
  const received = intake.stored + intake.duplicate + intake.refused + intake.quotaLimited + intake.rateLimited
  return {
    intake: { ...intake, received },
    ingestion: { ...ingestion, waiting: eventsAmong(sourceRecords - decidedRecords, intake.canary - ingestion.canary) },
    warehouse: {
      rows: total((flow) => flow.rowsInserted) - canariesInTable,
      refused: total((flow) => flow.rowsRefused),
      canary: canariesInTable,
      waiting: eventsAmong(decidedRecords - total((flow) => flow.insertedRecords), ingestion.canary - canariesInTable),
    },
    imbalances,
  }
}

/** What does not add up behind the door. */
function imbalancesOf(flow: FlowCounts): readonly string[] {
  const { ingestion, decidedRecords, isInserted, rowsInserted, rowsRefused } = flow
  const { out, dropped, deadLetter, damaged, canary } = ingestion
  const imbalances: string[] = []
  const expect = (what: string, left: number, right: number): void => {
    if (left !== right) imbalances.push(differing(what, left, right))
  }
  expect('records that ingestion decided, against its books', decidedRecords, ingestion.in + canary)
  expect('ingestion in, against out and set aside', ingestion.in, out + dropped + deadLetter + damaged)
  const setAside = sumOf((ingestion.setAside ?? []).map(({ count }) => count))
  if (setAside > dropped + deadLetter + damaged) {
    imbalances.push(
      differing('reasons of ingestion, against what it set aside', setAside, dropped + deadLetter + damaged),
    )
  }
  // Between two blocks only: while rows wait, nobody has counted them.
  if (isInserted) {
    expect('rows that ingestion derived, against rows inserted', out + canary, rowsInserted + rowsRefused)
    expect('canaries that ingestion derived, against canaries inserted', canary, canariesIn(flow))
  }
  return imbalances
}

/** In the table. As many as ingestion made: off by those that wait, and not for longer than until the next canaries. */
function canariesIn({ canariesInserted, ingestion, rowsInserted }: FlowCounts): number {
  return canariesInserted ?? Math.min(ingestion.canary, rowsInserted)
}

function differing(what: string, left: number, right: number): string {
  return `${what}: ${String(left)} against ${String(right)}`
}

/**
 * Events that were acknowledged and will not come into the table by themselves. What the door refused is not among them: its
 * sender was told.
 */
export function parkedEvents(flows: readonly Pick<FlowCounts, 'ingestion' | 'rowsRefused'>[]): number {
  return sumOf(flows.map(({ ingestion, rowsRefused }) => ingestion.deadLetter + rowsRefused))
}

/** Events among records that wait. A canary that was damaged is one at the door and none behind it, and waits nowhere. */
export function eventsAmong(recordsWaiting: number, canariesWaiting: number): number {
  return Math.max(0, recordsWaiting - Math.max(0, canariesWaiting))
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0)
}
