/**
 * Searches a log by reading it from where it begins, for logs that have no other way in. One search at a time, within bytes and time; a
 * search that is cut short says how far it came.
 */
import { derivedBatchHead } from '../../../event/derived-batch.ts'
import type { DerivedBatchHead } from '../../../event/derived-batch.ts'
import { eventMarks } from '../../../event/event-marks.ts'
import { allFlows, flowFrom, sourceIndex } from '../../../event/flows.ts'
import type { Flow } from '../../../event/flows.ts'
import type { Lane } from '../../../event/position.ts'
import type { EventLog, LogRecord } from '../event-log.ts'
import { decisionOn } from '../decision-on.ts'
import { entriesMax, rawCharsMax } from '../log-search.ts'
import type { Decision, DoorEntry, Found, LogSearch, Place } from '../log-search.ts'
import { createSearchTurns } from '../search-turns.ts'

export interface ReadingSearchOptions {
  readonly log: EventLog
  /** The health check's own token: its events are told apart by it. */
  readonly canaryToken: string
  /** Bytes that one search may read. */
  readonly searchBytesMax: number
  /** How long one search may take. */
  readonly searchTimeMsMax: number
  /** Searches that may wait for their turn; one more is refused with SLUICE_SEARCH_BUSY. */
  readonly searchesWaitingMax: number
}

const refusedLane: Lane = 'events_plugin_ingestion_dlq'
const doorLanes: readonly Lane[] = [...allFlows.flatMap(({ sources }) => sources), refusedLane]
const marks = Object.keys(eventMarks)
const readBytesMax = 4 * 1024 * 1024

/** Which partitions of which lanes a search reads. */
type SearchedPartitions = ReadonlyMap<Lane, 'all' | ReadonlySet<number>>

export function openReadingSearch(options: ReadingSearchOptions): LogSearch {
  const { log, canaryToken } = options
  const turns = createSearchTurns(options.searchesWaitingMax)

  /** Shows every record of the partitions that is there now to `visit`, until that says no. */
  async function readThrough(
    searched: SearchedPartitions,
    signal: AbortSignal,
    visit: (record: LogRecord) => boolean,
  ): Promise<Found<never>['searched']> {
    const deadlineMs = performance.now() + options.searchTimeMsMax
    const wanted = await Promise.all(
      [...searched].map(async ([lane, partitions]) => {
        const from = (await log.bounds(lane)).map(({ begin }) => begin)
        const range = { lane, from, to: await log.offsetsAt(lane, Infinity) }
        return partitions === 'all' ? range : { ...range, partitions: [...partitions] }
      }),
    )
    let fromMs: number | undefined
    let throughMs = 0
    let bytesLeft = options.searchBytesMax
    const stop = new AbortController()
    const reading = {
      signal: AbortSignal.any([signal, stop.signal]),
      batchBytesMax: Math.min(readBytesMax, options.searchBytesMax),
    }
    const timer = setTimeout(() => stop.abort(), options.searchTimeMsMax)
    try {
      for await (const records of log.read(wanted, reading)) {
        if (bytesLeft < 0 || performance.now() > deadlineMs) return { fromMs, throughMs, complete: false }
        for (const record of records) {
          const { timeMs, value } = record
          fromMs = Math.min(fromMs ?? timeMs, timeMs)
          throughMs = Math.max(throughMs, timeMs)
          bytesLeft -= value.length
          if (!visit(record)) return { fromMs, throughMs, complete: true }
        }
      }
      return { fromMs, throughMs, complete: !reading.signal.aborted }
    } finally {
      clearTimeout(timer)
      stop.abort()
    }
  }

  function entryOf({ lane, position, timeMs, headers, value }: LogRecord): DoorEntry {
    const token = headers['token'] ?? ''
    return {
      uuid: headers['uuid'] ?? '',
      verdict: lane === refusedLane ? 'refused' : 'stored',
      position: { lane, ...position },
      timeMs,
      token,
      distinctId: headers['distinct_id'] ?? '',
      reason: headers['reason'] ?? '',
      isCanary: token === canaryToken,
      isErased: false,
      marks: marks.filter((name) => headers[name] === 'true'),
      raw: value.toString().slice(0, rawCharsMax),
    }
  }

  const decisionOf = (record: LogRecord, head: DerivedBatchHead, offset: number): Decision => {
    const { position, timeMs, value, lane } = record
    const { incarnation, offset: batchOffset } = position
    return decisionOn(
      offset,
      { head, value, timeMs, incarnation, offset: batchOffset },
      flowOf(lane),
      log.partitionCount,
    )
  }

  return {
    entriesOf: (uuid, signal) =>
      turns.inTurn(signal, async (given) => {
        const items: DoorEntry[] = []
        const searched = await readThrough(allOf(doorLanes), given, (record) => {
          if (record.headers['uuid'] === uuid) items.push(entryOf(record))
          return items.length < entriesMax
        })
        items.sort((a, b) => a.timeMs - b.timeMs || a.position.offset - b.position.offset)
        return { items, searched: { ...searched, complete: searched.complete && items.length < entriesMax } }
      }),

    entriesAt: (places, signal) =>
      turns.inTurn(signal, async (given) => {
        const open = new Set(places.map((place) => placeKey(place)))
        const items: DoorEntry[] = []
        const wanted = new Map<Lane, Set<number>>()
        for (const { lane, partition } of places) add(wanted, lane, partition)
        const searched = await readThrough(wanted, given, (record) => {
          if (open.delete(placeKey({ lane: record.lane, ...record.position }))) items.push(entryOf(record))
          return open.size > 0
        })
        return { items, searched }
      }),

    refused: (limit, tokens, signal) =>
      turns.inTurn(signal, async (given) => {
        const items: DoorEntry[] = []
        const searched = await readThrough(allOf([refusedLane]), given, (record) => {
          if (tokens?.includes(record.headers['token'] ?? '') ?? true) items.push(entryOf(record))
          if (items.length > limit * 2) items.splice(0, items.length - limit)
          return true
        })
        return { items: items.toSorted((a, b) => b.timeMs - a.timeMs).slice(0, limit), searched }
      }),

    decisionsAt: (places, signal) =>
      turns.inTurn(signal, async (given) => {
        const open = new Map<string, Place>()
        const derived = new Map<Lane, Set<number>>()
        for (const place of places) {
          const flow = flowFrom(place.lane)
          if (flow === undefined) continue
          add(derived, flow.derived, sourceIndex(flow, place.lane, place.partition, log.partitionCount))
          open.set(placeKey(place), place)
        }
        const items: Decision[] = []
        const searched = await readThrough(derived, given, (record) => {
          const flow = flowOf(record.lane)
          const head = derivedBatchHead(record.value)
          for (const [key, place] of open) {
            if (flowFrom(place.lane) !== flow || !covers(flow, head, place, log.partitionCount)) continue
            open.delete(key)
            items.push(decisionOf(record, head, place.offset))
          }
          return open.size > 0
        })
        return { items, searched }
      }),

    parked: (limit, signal) =>
      turns.inTurn(signal, async (given) => {
        const items: Decision[] = []
        const lanes = allFlows.map(({ derived }) => derived)
        const searched = await readThrough(allOf(lanes), given, (record) => {
          const head = derivedBatchHead(record.value)
          for (const { kind, offset } of head.exceptions)
            if (kind === 'dead_letter') items.push(decisionOf(record, head, offset))
          if (items.length > limit * 2) items.splice(0, items.length - limit)
          return true
        })
        return {
          items: items.toSorted((a, b) => b.timeMs - a.timeMs || b.place.offset - a.place.offset).slice(0, limit),
          searched,
        }
      }),

    close() {
      turns.close()
      return Promise.resolve()
    },
  }
}

function allOf(lanes: readonly Lane[]): SearchedPartitions {
  return new Map(lanes.map((lane) => [lane, 'all']))
}

function add(searched: Map<Lane, Set<number>>, lane: Lane, partition: number): void {
  const known = searched.get(lane) ?? new Set<number>()
  searched.set(lane, known.add(partition))
}

function placeKey({ lane, partition, offset }: Place): string {
  return `${lane}/${String(partition)}@${String(offset)}`
}

function flowOf(derived: Lane): Flow {
  const flow = allFlows.find((one) => one.derived === derived)
  if (flow === undefined) throw new RangeError(`The lane ${derived} has no derived batches.`)
  return flow
}

function covers(
  flow: Flow,
  head: DerivedBatchHead,
  { lane, partition, offset }: Place,
  partitionCount: number,
): boolean {
  const index = sourceIndex(flow, lane, partition, partitionCount)
  return head.partition === index && head.from <= offset && offset < head.to
}
