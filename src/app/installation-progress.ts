/** How far all flows are together: freshness, lanes and books. */
import { sumOfBooks } from '../event/derived-batch.ts'
import type { IngestionBooks } from '../event/derived-batch.ts'
import { allFlows } from '../event/flows.ts'
import type { FlowName } from '../event/flows.ts'
import { balance, parkedEvents } from '../stages/health/books.ts'
import type { Books, FlowCounts, IntakeCounts } from '../stages/health/books.ts'
import { freshnessOfAll } from '../stages/health/freshness.ts'
import type { Freshness } from '../stages/health/freshness.ts'
import { createProgressWatch } from '../stages/health/progress-watch.ts'
import type { LaneProgress, ProgressWatch } from '../stages/health/progress-watch.ts'
import type { EventLog } from '../stores/log/event-log.ts'
import type { PartitionProgress } from '../stores/warehouse/insert-progress.ts'
import type { RunningFlow } from './pipeline.ts'
import type { DoorCounts } from './profiles/profile.ts'

export interface InstallationProgress {
  /** Of all flows, as of the last look; `sample` first for an answer about this moment. */
  freshness(): Freshness
  sample(): Promise<void>
  lanes(): Promise<readonly LaneProgress[]>
  books(): Promise<Books>
  /** What an answer about the rows of one flow has seen: no question about events is about a recording that waits. */
  of(flow: FlowName): { freshness(): Promise<Freshness>; parkedEvents(): Promise<number> }
  run(signal: AbortSignal): Promise<void>
}

const sampleEveryMs = 1000

export function createInstallationProgress(deps: {
  readonly running: Readonly<Record<FlowName, RunningFlow>>
  readonly log: EventLog
  doorCounts(): Promise<DoorCounts>
}): InstallationProgress {
  const { running, log } = deps
  const watches: Readonly<Record<FlowName, ProgressWatch>> = {
    events: watchOf(running.events),
    heatmaps: watchOf(running.heatmaps),
    recordings: watchOf(running.recordings),
  }
  const all = allFlows.map(({ name }) => ({ ...running[name], watch: watches[name] }))

  /** Canaries are events, and of the first lane. */
  function watchOf({ flow, ingestion, warehousing }: RunningFlow): ProgressWatch {
    return createProgressWatch({
      flow,
      unread: flow.name === 'events' ? ['events_plugin_ingestion_dlq'] : [],
      log,
      sampleEveryMs,
      async accepted() {
        const door = await deps.doorCounts()
        return { ends: door.endsOf(flow), canaries: flow.name === 'events' ? (await doorBooksOf(door)).canary : 0 }
      },
      decidedTo: async () => (await ingestion.states()).map(({ decidedTo }) => decidedTo),
      async inserted() {
        const inserted = await warehousing.progress()
        return {
          sourceOffsets: inserted.map(({ sourceOffset }) => sourceOffset),
          offsets: inserted.map(({ offset }) => offset),
          throughMs: inserted.map(({ throughMs }) => throughMs),
          canaries: canariesInserted(inserted),
        }
      },
    })
  }

  async function countsOf({ flow, ingestion, warehousing }: RunningFlow, { endsOf }: DoorCounts): Promise<FlowCounts> {
    const decided = await ingestion.states()
    const inserted = await warehousing.progress()
    return {
      name: flow.name,
      sourceRecords: sum(endsOf(flow)),
      ingestion: sumOfBooks(decided.map(({ books }) => books)),
      decidedRecords: sum(decided.map(({ decidedTo }) => decidedTo)),
      insertedRecords: sum(inserted.map(({ sourceOffset }) => sourceOffset)),
      isInserted: decided.every(({ decidedTo }, index) => decidedTo === (inserted[index]?.sourceOffset ?? 0)),
      rowsInserted: sum(inserted.map(({ rowsInserted }) => rowsInserted)),
      canariesInserted: canariesInserted(inserted),
      rowsRefused: sum(inserted.map(({ rowsRefused }) => rowsRefused)),
    }
  }

  async function booksOf({ ingestion }: RunningFlow): Promise<IngestionBooks> {
    return sumOfBooks((await ingestion.states()).map(({ books }) => books))
  }

  /** Where no journal counts at the door, what the lanes hold was stored; of canaries only those count that ingestion met. */
  async function doorBooksOf({ counts, refused, endsOf }: DoorCounts): Promise<IntakeCounts> {
    if (counts !== undefined) return counts
    const { canary } = await booksOf(running.events)
    const stored = sum(all.map(({ flow }) => sum(endsOf(flow)))) - canary
    return { stored, canary, refused, duplicate: 0, quotaLimited: 0, rateLimited: 0, split: 0 }
  }

  const sample = async (): Promise<void> => {
    await Promise.all(all.map(({ watch }) => watch.sample()))
  }
  return {
    sample,
    freshness: () => freshnessOfAll(all.map(({ watch }) => watch.freshness())),
    async lanes() {
      return (await Promise.all(all.map(({ watch }) => watch.lanes()))).flat()
    },
    async books() {
      const door = await deps.doorCounts()
      const counted = await Promise.all(all.map((one) => countsOf(one, door)))
      return balance({ intake: await doorBooksOf(door), flows: counted })
    },
    of: (name) => ({
      async freshness() {
        await watches[name].sample()
        return watches[name].freshness()
      },
      async parkedEvents() {
        const inserted = await running[name].warehousing.progress()
        const rowsRefused = sum(inserted.map((one) => one.rowsRefused))
        return parkedEvents([{ ingestion: await booksOf(running[name]), rowsRefused }])
      },
    }),
    async run(signal) {
      await Promise.all(all.map(({ watch }) => watch.run(signal)))
    },
  }
}

/** Canaries of all partitions; undefined while one of them is not known. */
function canariesInserted(inserted: readonly PartitionProgress[]): number | undefined {
  return inserted.some(({ canaries }) => canaries === null)
    ? undefined
    : sum(inserted.map(({ canaries }) => canaries ?? 0))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
