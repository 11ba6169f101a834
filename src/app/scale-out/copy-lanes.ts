/**
 * The lanes of the old log into the new one: records of source lanes with their times, behind each other from offset 0; derived batches
 * with the ranges and places that follow from that. What is there already is passed over, so that it can be begun anew at any time.
 */
import { emptyBooks, derivedBatchHead } from '../../event/derived-batch.ts'
import { isDerived } from '../../event/flows.ts'
import type { Flow } from '../../event/flows.ts'
import { lanes } from '../../event/position.ts'
import type { Lane, Offsets } from '../../event/position.ts'
import { failpoint } from '../../kit/failpoint.ts'
import { Failure } from '../../kit/failure.ts'
import { renewedBatch } from '../../stages/ingestion/derive-batches.ts'
import { aboutState, nothingDecided, stateAfter } from '../../stages/ingestion/partition-state.ts'
import type { PartitionState } from '../../stages/ingestion/partition-state.ts'
import type { Bounds, EventLog, LogRecord, Ownership, Remembered } from '../../stores/log/event-log.ts'
import type { CopiedRecord, KafkaCopy } from '../../stores/log/kafka/kafka-copy.ts'
import { movedBatch } from './moved-batch.ts'
import type { MovedBatch } from './moved-batch.ts'

export const sourceLanes: readonly Lane[] = lanes.filter((lane) => !isDerived(lane))

export type Retained = Readonly<Partial<Record<Lane, readonly Bounds[]>>>

const batchBytesMax = 4 * 1024 * 1024

export function beginsOf(flow: Flow, retained: Retained): Offsets {
  return flow.sources.flatMap((lane) => (retained[lane] ?? []).map(({ begin }) => begin))
}

/** How many records of a lane there are in the new log, by partition. */
export function countsOf(lane: Lane, retained: Retained): Offsets {
  return (retained[lane] ?? []).map(({ begin, end }) => end - begin)
}

interface SourceCopy {
  readonly from: EventLog
  readonly to: KafkaCopy
  readonly retained: Retained
  /** Told of the records with the places that they have or will have in the new log; again after a crash. */
  readonly placed: (records: readonly LogRecord[]) => Promise<void>
}

export async function copySourceLanes({ from, to, retained, placed }: SourceCopy): Promise<void> {
  const next = new Map<Lane, number[]>()
  for (const lane of sourceLanes) {
    const there = await to.bounds(lane)
    const counts = countsOf(lane, retained)
    const surplus = there.findIndex(({ end }, partition) => end > (counts[partition] ?? 0))
    if (surplus >= 0) {
      throw new Failure(
        'SLUICE_SCALE_OUT_NOT_EMPTY',
        `Partition ${String(surplus)} of ${lane} has records on the target that are not of this move. Something else writes there.`,
      )
    }
    next.set(
      lane,
      there.map(({ end }) => end),
    )
  }
  const wanted = sourceLanes.map((lane) => {
    const bounds = retained[lane] ?? []
    return {
      lane,
      from: bounds.map(({ begin }, partition) => begin + (next.get(lane)?.[partition] ?? 0)),
      to: bounds.map(({ end }) => end),
    }
  })

  async function append(records: readonly LogRecord[]): Promise<void> {
    const groups = new Map<string, { lane: Lane; partition: number; records: CopiedRecord[] }>()
    const moved: LogRecord[] = []
    const groupOf = (lane: Lane, partition: number) => {
      const key = `${lane}:${String(partition)}`
      const found = groups.get(key) ?? { lane, partition, records: [] }
      groups.set(key, found)
      return found.records
    }
    for (const record of records) {
      const { lane, position, timeMs } = record
      const { partition } = position
      const own = groupOf(lane, partition)
      const ends = next.get(lane) ?? []
      const offset = position.offset - (retained[lane]?.[partition]?.begin ?? 0)
      for (; (ends[partition] ?? 0) < offset; ends[partition] = (ends[partition] ?? 0) + 1)
        own.push({ timeMs, content: undefined })
      own.push({ timeMs, content: record })
      ends[partition] = offset + 1
      moved.push({ ...record, position: { incarnation: 1, partition, offset } })
    }
    // First: what is in the topic is passed over after a crash.
    await placed(moved)
    await Promise.all([...groups.values()].map((group) => to.append(group.lane, group.partition, group.records)))
    failpoint('scale-out:source-copied')
  }

  let under: Promise<void> = Promise.resolve()
  for await (const records of from.read(wanted, { signal: new AbortController().signal, batchBytesMax })) {
    // One after the other, for the order; the next is read meanwhile.
    await under
    under = append(records)
    under.catch(() => undefined)
  }
  await under
  for (const lane of sourceLanes) {
    for (const [partition, end] of countsOf(lane, retained).entries()) {
      const missing = end - (next.get(lane)?.[partition] ?? 0)
      if (missing > 0)
        await to.append(
          lane,
          partition,
          Array.from({ length: missing }, () => damagedNow()),
        )
    }
  }
}

function damagedNow(): CopiedRecord {
  return { timeMs: Date.now(), content: undefined }
}

/** Where a source index ends in the new log. */
export interface MovedEnd extends PartitionState {
  /** Of its newest derived batch; -1 where there is none. */
  readonly offset: number
  readonly epoch: number
}

interface DerivedCopy {
  readonly flow: Flow
  readonly from: EventLog
  readonly to: EventLog
  readonly retained: Retained
}

/** By source index. */
export async function copyDerivedLane({ flow, from, to, retained }: DerivedCopy): Promise<readonly MovedEnd[]> {
  const begins = beginsOf(flow, retained)
  const ownership = await to.own(flow.derived)
  const ends: MovedEnd[] = []
  for (const index of begins.keys()) ends.push(await endOf(ownership, index))

  let under: Promise<unknown> = Promise.resolve()
  for await (const batches of movedBatches({ flow, from, retained }, ends, (index) => ownership.epochOf(index))) {
    const appended = batches.map(async ({ head, value, record }) => {
      const { offset } = await ownership.append(head.partition, { headers: record.headers, value })
      ends[head.partition] = { offset, epoch: head.epoch, ...stateAfter(head) }
    })
    const before = under
    under = Promise.all(appended).then(() => failpoint('scale-out:derived-copied'))
    under.catch(() => undefined)
    await before
  }
  await under
  for (const [index, count] of flow.sources.flatMap((lane) => countsOf(lane, retained)).entries()) {
    const end = ends[index]
    if (end === undefined || end.decidedTo === count) continue
    // Everything was decided when the old installation was drained. Where no decision is retained, where it stood is said once.
    if (end.decidedTo > 0) throw undecided(flow, index)
    const epoch = ownership.epochOf(index)
    const nowMs = Date.now()
    const state = { decidedTo: count, books: { ...emptyBooks, in: count, out: count }, acceptedToMs: nowMs }
    const value = renewedBatch(index, state, epoch, nowMs)
    const { offset } = await ownership.append(index, { headers: {}, value })
    ends[index] = { offset, epoch, ...state }
  }
  await ownership.remember(new Map(ends.flatMap((end, index) => (end.offset < 0 ? [] : [[index, rememberedOf(end)]]))))
  return ends
}

async function endOf(ownership: Ownership, index: number): Promise<MovedEnd> {
  const last = await ownership.last(index)
  if (last === undefined) return { ...nothingDecided, offset: -1, epoch: ownership.epochOf(index) }
  const head = derivedBatchHead(last.value)
  return { offset: last.position.offset, epoch: head.epoch, ...stateAfter(head) }
}

function rememberedOf(end: MovedEnd): Remembered {
  return { offset: end.offset, about: aboutState(end) }
}

export interface MovedRecord extends MovedBatch {
  readonly record: LogRecord
}

/** The derived batches as the new log has them, behind what is there already. */
export async function* movedBatches(
  { flow, from, retained }: Omit<DerivedCopy, 'to'>,
  there: readonly PartitionState[],
  epochOf: (index: number) => number,
): AsyncGenerator<readonly MovedRecord[]> {
  const begins = beginsOf(flow, retained)
  const states = [...there]
  const bounds = await from.bounds(flow.derived)
  const wanted = {
    lane: flow.derived,
    from: bounds.map(({ begin }) => begin),
    to: bounds.map(({ end }) => end),
  }
  for await (const records of from.read([wanted], { signal: new AbortController().signal, batchBytesMax })) {
    const moved: MovedRecord[] = []
    for (const record of records) {
      const index = record.position.partition
      const batch = movedBatch(record.value, begins[index] ?? 0, states[index] ?? nothingDecided, epochOf(index))
      if (batch === undefined) continue
      states[index] = stateAfter(batch.head)
      moved.push({ ...batch, record })
    }
    if (moved.length > 0) yield moved
  }
}

function undecided(flow: Flow, index: number): Failure {
  return new Failure(
    'SLUICE_SCALE_OUT_GAP',
    `Records of ${flow.derived}, source index ${String(index)}, were never decided. Run \`sluice scale-out back\`, start the old installation, let it settle, and begin again.`,
  )
}
