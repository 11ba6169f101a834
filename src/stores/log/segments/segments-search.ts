/**
 * Searches the journals' segments in a thread of its own, one search at a time, so that neither the event loop nor the disk
 * serves two of them. The thread lives as long as its search; a search that nobody waits for any more ends with it.
 */
import { allFlows, sourceIndex } from '../../../event/flows.ts'
import type { Flow } from '../../../event/flows.ts'
import type { Lane } from '../../../event/position.ts'
import { Failure, messageOf } from '../../../kit/failure.ts'
import type { Files } from '../../../kit/files.ts'
import { startLoweredWorker } from '../../../kit/thread-priority.ts'
import type { Decision, DoorEntry, Found, LogSearch } from '../log-search.ts'
import { createSearchTurns, searchCancelled } from '../search-turns.ts'
import type { SearchAnswer, SearchOrder, SearchTask } from './search-tasks.ts'
import { stretchesOf } from './stretches.ts'
import type { Stretch } from './stretches.ts'

export interface SegmentsSearchOptions {
  readonly files: Files
  readonly partitionCount: number
  /** Which journal's folder holds which lane. */
  readonly folders: Readonly<Record<Lane, string>>
  /** Bytes that one search may read. */
  readonly searchBytesMax: number
  /** How long one search may take. */
  readonly searchTimeMsMax: number
  /** Searches that may wait for their turn; one more is refused with SLUICE_SEARCH_BUSY. */
  readonly searchesWaitingMax: number
}

/** Of the search thread. */
const niceness = 10
/** An event is rarely accepted before this long ahead of, or this long behind, the time in its own uuid. */
const aroundBeforeMs = 3_600_000
const aroundAfterMs = 24 * 3_600_000

export function openSegmentsSearch(options: SegmentsSearchOptions): LogSearch {
  const { files, partitionCount, folders, searchBytesMax, searchTimeMsMax, searchesWaitingMax } = options
  const turns = createSearchTurns(searchesWaitingMax)

  async function search(
    lane: Lane,
    task: SearchTask,
    signal: AbortSignal,
    inOrder: (stretches: readonly Stretch[]) => readonly Stretch[],
  ): Promise<SearchAnswer> {
    return await turns.inTurn(signal, async (given) => {
      const stretches = inOrder(await stretchesOf(files, folders[lane]))
      return await runSearch({ task, stretches, bytesMax: searchBytesMax, timeMsMax: searchTimeMsMax }, given)
    })
  }

  const entries = async (...wanted: Parameters<typeof search>): Promise<Found<DoorEntry>> => {
    const answer = await search(...wanted)
    if (answer.outcome !== 'entries') throw searchFailed(answer)
    return answer.found
  }
  const decisions = async (...wanted: Parameters<typeof search>): Promise<Found<Decision>> => {
    const answer = await search(...wanted)
    if (answer.outcome !== 'decisions') throw searchFailed(answer)
    return answer.found
  }
  const newestFirst = (stretches: readonly Stretch[]): readonly Stretch[] => stretches.toReversed()

  return {
    entriesOf: (uuid, signal) =>
      entries('events_plugin_ingestion', { kind: 'uuid', uuid }, signal, (stretches) => likelyFirst(stretches, uuid)),
    // All lanes of the door are in one journal.
    entriesAt: (places, signal) => entries('events_plugin_ingestion', { kind: 'places', places }, signal, newestFirst),
    refused: (limit, tokens, signal) =>
      entries('events_plugin_ingestion_dlq', { kind: 'refused', limit, tokens }, signal, newestFirst),
    decisionsAt: (places, signal) =>
      ofEachFlow(async (flow) => {
        const slots = places
          .filter(({ lane }) => flow.sources.includes(lane))
          .map(({ lane, partition, offset }) => ({
            partition: sourceIndex(flow, lane, partition, partitionCount),
            offset,
          }))
        if (slots.length === 0) return undefined
        const task = { kind: 'decisions' as const, derived: { flow: flow.name, partitionCount }, slots }
        return await decisions(flow.derived, task, signal, (stretches) => stretches)
      }),
    async parked(limit, signal) {
      const { items, searched } = await ofEachFlow((flow) => {
        const task = { kind: 'parked' as const, derived: { flow: flow.name, partitionCount }, limit }
        return decisions(flow.derived, task, signal, newestFirst)
      })
      return { items: items.toSorted((a, b) => b.timeMs - a.timeMs).slice(0, limit), searched }
    },
    close() {
      turns.close()
      return Promise.resolve()
    },
  }
}

/** What was found in each flow, as one; `undefined` of those in which there was nothing to look for. */
async function ofEachFlow(find: (flow: Flow) => Promise<Found<Decision> | undefined>): Promise<Found<Decision>> {
  const found: Found<Decision>[] = []
  for (const flow of allFlows) {
    const one = await find(flow)
    if (one !== undefined) found.push(one)
  }
  const begins = found.flatMap(({ searched }) => searched.fromMs ?? [])
  return {
    items: found.flatMap(({ items }) => items),
    searched: {
      // What one search did not look at was not looked at.
      fromMs: begins.length === 0 ? undefined : Math.max(...begins),
      throughMs: found.length === 0 ? 0 : Math.min(...found.map(({ searched }) => searched.throughMs)),
      complete: found.every(({ searched }) => searched.complete),
    },
  }
}

/** Newest first, but those around the time in a version 7 uuid before all others: a hint, should the search be cut short. */
export function likelyFirst(stretches: readonly Stretch[], uuid: string): readonly Stretch[] {
  const newestFirst = stretches.toReversed()
  if (uuid[14] !== '7') return newestFirst
  const madeMs = Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)
  const isNear = ({ fromMs, toMs }: Stretch): boolean =>
    toMs >= madeMs - aroundBeforeMs && fromMs <= madeMs + aroundAfterMs
  return [...stretches.filter(isNear), ...newestFirst.filter((stretch) => !isNear(stretch))]
}

function runSearch(order: SearchOrder, signal: AbortSignal): Promise<SearchAnswer> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(searchCancelled())
      return
    }
    const worker = startLoweredWorker('search-worker', import.meta.url, niceness, order)
    const leave = (): void => {
      void worker.terminate()
      reject(searchCancelled())
    }
    const settle = (act: () => void): void => {
      signal.removeEventListener('abort', leave)
      act()
    }
    signal.addEventListener('abort', leave, { once: true })
    worker.on('message', (answer: SearchAnswer) => settle(() => resolve(answer)))
    worker.on('error', (error: unknown) =>
      settle(() => reject(searchFailed({ outcome: 'failed', reason: messageOf(error) }))),
    )
    worker.on('exit', () => settle(() => reject(searchFailed({ outcome: 'failed', reason: 'its thread ended' }))))
  })
}

function searchFailed(answer: SearchAnswer): Failure {
  const reason = answer.outcome === 'failed' ? answer.reason : 'it answered something else'
  return new Failure('SLUICE_SEARCH_FAILED', `The log could not be searched: ${reason}.`, { retryable: true })
}
