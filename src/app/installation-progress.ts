/** How far all flows are together: freshness, lanes and books. */
import { allFlows } from '../event/flows.ts'
import type { FlowName } from '../event/flows.ts'
import { balance, parkedEvents } from '../stages/health/books.ts'
import type { Books, FlowCounts, IntakeCounts } from '../stages/health/books.ts'
import { freshnessOfAll } from '../stages/health/freshness.ts'
import type { Freshness } from '../stages/health/freshness.ts'
import { createProgressWatch } from '../stages/health/progress-watch.ts'
import type { LaneProgress, ProgressWatch } from '../stages/health/progress-watch.ts'
import type { EventLog } from '../stores/log/event-log.ts'
import { canariesInserted } from '../stores/warehouse/insert-progress.ts'
import type { RunningFlow } from './pipeline.ts'
import type { DoorCounts } from './profiles/profile.ts'

export interface InstallationProgress {
  /** Of all flows, as of the last look; `sample` first for an answer about this moment. */
  freshness(): Freshness
  sample(): Promise<void>
  lanes(): Promise<readonly LaneProgress[]>
  books(): Promise<Books>
  /** What an answer about the rows of one flow has seen: no question about events is about a recording that waits. */
  of(flow: FlowName): { freshness(): Promise<Freshness>; parkedEvents(): number }
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
        return { ends: door.endsOf(flow), canaries: flow.name === 'events' ? doorBooksOf(door).canary : 0 }
      },
      decidedTo: () => ingestion.decidedTo(),
      inserted() {
        const inserted = warehousing.progress()
        return inserted === undefined ? undefined : { ...inserted, canaries: canariesInserted(inserted) }
      },
    })
  }

  function countsOf({ flow, ingestion, warehousing }: RunningFlow, { endsOf }: DoorCounts): FlowCounts {
    const inserted = warehousing.progress()
    return {
      name: flow.name,
      sourceRecords: sum(endsOf(flow)),
      ingestion: ingestion.books(),
      decidedRecords: sum(ingestion.decidedTo()),
      insertedRecords: sum(inserted?.sourceOffsets ?? []),
      rowsInserted: inserted?.rowsInserted ?? 0,
      canariesInserted: inserted === undefined ? undefined : canariesInserted(inserted),
      rowsRefused: inserted?.rowsRefused ?? 0,
    }
  }

  /** Where no journal counts at the door, what the lanes hold was stored; of canaries only those count that ingestion met. */
  function doorBooksOf({ counts, refused, endsOf }: DoorCounts): IntakeCounts {
    if (counts !== undefined) return counts
    const canary = running.events.ingestion.books().canary
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
      return balance({ intake: doorBooksOf(door), flows: all.map((one) => countsOf(one, door)) })
    },
    of: (name) => ({
      async freshness() {
        await watches[name].sample()
        return watches[name].freshness()
      },
      parkedEvents() {
        const { ingestion, warehousing } = running[name]
        return parkedEvents([{ ingestion: ingestion.books(), rowsRefused: warehousing.progress()?.rowsRefused ?? 0 }])
      },
    }),
    async run(signal) {
      await Promise.all(all.map(({ watch }) => watch.run(signal)))
    },
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
