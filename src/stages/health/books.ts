/** The books of every stage (N4): what came in is what went out, was set aside for a reason, or still waits. */
import type { IngestionBooks } from '../../event/derived-batch.ts'

/** What the door wrote into its journal, by verdict; canaries apart. */
export interface IntakeCounts {
  readonly stored: number
  readonly duplicate: number
  readonly refused: number
  readonly canary: number
  /** How `refused` came together, as far as it was counted. */
  readonly reasons?: Readonly<Record<string, number>>
}

export interface StageCounts {
  readonly intake: IntakeCounts
  /** Source records of all partitions up to the lane's ends. */
  readonly sourceRecords: number
  readonly ingestion: IngestionBooks
  /** Source records that ingestion decided. */
  readonly decidedRecords: number
  /** Source records whose rows are in the table. */
  readonly insertedRecords: number
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

export function balance(counts: StageCounts): Books {
  const { intake, ingestion, sourceRecords, decidedRecords, insertedRecords, rowsInserted, rowsRefused } = counts
  // As many as ingestion made: off by those that wait, and not for longer than until the next canaries.
  const canariesInTable = counts.canariesInserted ?? Math.min(ingestion.canary, rowsInserted)
  const imbalances: string[] = []
  const expect = (what: string, left: number, right: number): void => {
    if (left !== right) imbalances.push(`${what}: ${String(left)} against ${String(right)}`)
  }
  expect('events stored at the door, against records in the lane', intake.stored + intake.canary, sourceRecords)
  expect('records that ingestion decided, against its books', decidedRecords, ingestion.in + ingestion.canary)
  const { out, dropped, deadLetter, damaged } = ingestion
  expect('ingestion in, against out and set aside', ingestion.in, out + dropped + deadLetter + damaged)
  const atMost = (what: string, part: number, whole: number): void => {
    if (part > whole) imbalances.push(`${what}: ${String(part)} against ${String(whole)}`)
  }
  // Less is no alarm: earlier releases did not count reasons.
  atMost('reasons of the door, against what it refused', sumOf(Object.values(intake.reasons ?? {})), intake.refused)
  const setAside = sumOf((ingestion.setAside ?? []).map(({ count }) => count))
  atMost('reasons of ingestion, against what it set aside', setAside, dropped + deadLetter + damaged)
  // Between two blocks only: while rows wait, nobody has counted them.
  if (insertedRecords === decidedRecords) {
    expect('rows that ingestion derived, against rows inserted', out + ingestion.canary, rowsInserted + rowsRefused)
    expect('canaries that ingestion derived, against canaries inserted', ingestion.canary, canariesInTable)
  }
  return {
    intake: { ...intake, received: intake.stored + intake.duplicate + intake.refused },
    ingestion: { ...ingestion, waiting: eventsAmong(sourceRecords - decidedRecords, intake.canary - ingestion.canary) },
    warehouse: {
      rows: rowsInserted - canariesInTable,
      refused: rowsRefused,
      canary: canariesInTable,
      waiting: eventsAmong(decidedRecords - insertedRecords, ingestion.canary - canariesInTable),
    },
    imbalances,
  }
}

/**
 * Events that were acknowledged and will not come into the table by themselves. What the door refused is not among them: its
 * sender was told.
 */
export function parkedEvents({ ingestion, rowsRefused }: Pick<StageCounts, 'ingestion' | 'rowsRefused'>): number {
  return ingestion.deadLetter + rowsRefused
}

/** Events among records that wait. A canary that was damaged is one at the door and none behind it, and waits nowhere. */
export function eventsAmong(recordsWaiting: number, canariesWaiting: number): number {
  return Math.max(0, recordsWaiting - Math.max(0, canariesWaiting))
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0)
}
