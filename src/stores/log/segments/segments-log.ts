/**
 * The event log of the embedded profile: lanes are fields of the records of a few journals, each written by one process.
 * Ownership is the journal writer itself (its folder is locked), so an epoch is its incarnation and a count.
 */
import { isDerived, partitionsOf } from '../../../event/flows.ts'
import { lanes, laneNumber } from '../../../event/position.ts'
import type { Lane, Position } from '../../../event/position.ts'
import { Failure } from '../../../kit/failure.ts'
import type { Files } from '../../../kit/files.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import type {
  Bounds,
  EventLog,
  LogHeaders,
  LogRecord,
  NewRecord,
  Ownership,
  Remembered,
  WantedLane,
} from '../event-log.ts'
import { checkRemembered, notOwned, ownedPartitions } from '../owned-partitions.ts'
import { draftFrame, flags, frameKinds, markBits, marksOf, verdicts, writeEntry } from './frame.ts'
import type { Frame } from './frame.ts'
import { firstSegmentHead, publishedOf, readFrames, segmentHeads } from './journal-reader.ts'
import type { JournalReaderOptions, NextOffsets } from './journal-reader.ts'
import type { JournalWriter } from './journal-writer.ts'
import { createReaderFiles } from './reader-files.ts'
import { listSegments } from './segment-files.ts'

export interface SegmentsLogOptions {
  readonly files: Files
  readonly partitionCount: number
  /** Which journal's folder holds which lane. */
  readonly folders: Readonly<Record<Lane, string>>
  /** Writers of the journals that this process owns, by folder. */
  readonly writers: ReadonlyMap<string, JournalWriter>
  /** How long a reader at the end waits for the file system's sign before it looks anyway. */
  readonly pollMs: number
  /** Records have the header `duplicate_key`, for whoever takes them to another log. */
  readonly withDuplicateKeys?: boolean
  readonly telemetry: Telemetry
}

/** The reader whose offsets are those of the newest derived batches, so that trimming keeps them. */
const ownersReader = 'ingestion'
/** How old its file may be. An older one keeps more, and a new owner looks into the journal itself. */
const fileEveryMs = 10_000

export function openSegmentsLog(options: SegmentsLogOptions): EventLog {
  const { files, folders, writers, partitionCount, pollMs, withDuplicateKeys = false, telemetry } = options
  /** By lane, by partition. */
  const epochs = new Map<Lane, number[]>()
  /** What owners in this process say: other processes are told the offsets alone. */
  const said = new Map<Lane, Map<number, Remembered>>()
  /** When it was put into the file. */
  const filedMs = new Map<Lane, number>()
  const readers = createReaderFiles(files)
  /** Appends that are under way: a new owner's newest record is not known before. */
  const appending = new Set<Promise<unknown>>()

  const readerOptions = (folder: string): JournalReaderOptions => ({ files, folder, telemetry, pollMs })

  function folderOf(wanted: readonly WantedLane[]): string {
    const [folder, ...others] = new Set(wanted.map(({ lane }) => folders[lane]))
    if (folder === undefined || others.length > 0)
      throw new RangeError('Lanes that are read together are of one journal.')
    return folder
  }

  return {
    partitionCount,
    partitionsOf: (lane) => partitionsOf(lane, partitionCount),

    async bounds(lane) {
      const number = laneNumber(lane)
      const published = await publishedOf(files, folders[lane])
      const first = await firstSegmentHead(files, folders[lane])
      return Array.from({ length: partitionsOf(lane, partitionCount) }, (_, partition): Bounds => ({
        begin: first?.state.next[number]?.[partition] ?? 0,
        end: published?.state.next[number]?.[partition] ?? 0,
      }))
    },

    async *read(wanted, { signal, batchBytesMax, othersUnchecked = false }) {
      const reader = readerOptions(folderOf(wanted))
      const ranges = rangesByLane(wanted, partitionCount)
      const hasEnd = wanted.every(({ to }) => to !== undefined)
      if (hasEnd && isThrough(ranges)) return
      const sequence = await segmentHolding(reader, wanted, ranges)
      const follow = {
        signal,
        wanted: othersUnchecked ? Uint8Array.from(ranges, (one) => (one === undefined ? 0 : 1)) : undefined,
        until: hasEnd ? (reached: NextOffsets) => isThrough(ranges, reached) : undefined,
      }
      for await (const chunk of readFrames(reader, sequence, batchBytesMax, follow)) {
        const records: LogRecord[] = []
        for (const frame of chunk.frames) collect(frame, ranges, chunk.incarnation, records, withDuplicateKeys)
        if (records.length > 0) yield records
        if (hasEnd && isThrough(ranges)) return
      }
    },

    async offsetsAt(lane, timeMs) {
      const number = laneNumber(lane)
      const heads = await segmentHeads(files, folders[lane])
      const published = await publishedOf(files, folders[lane])
      // Each says how far the lanes were when the newest record was of its time.
      const states = [...heads.map(({ head }) => head.state), ...(published === undefined ? [] : [published.state])]
      const state = states.findLast((one) => one.timeMs < timeMs) ?? states[0]
      return Array.from({ length: partitionsOf(lane, partitionCount) }, (_, at) => state?.next[number]?.[at] ?? 0)
    },

    async own(lane, wanted): Promise<Ownership> {
      const partitions = ownedPartitions(partitionsOf(lane, partitionCount), wanted)
      const writer = writers.get(folders[lane])
      if (writer === undefined) {
        throw new Failure('SLUICE_LOG_NOT_OURS', `Another process writes the lane ${lane}.`)
      }
      const newest = epochs.get(lane) ?? []
      epochs.set(lane, newest)
      const own = new Map<number, number>()
      for (const partition of partitions) {
        // A million owners within one life of the process are more than there will be.
        const epoch = (newest[partition] ?? writer.incarnation * 1_000_000) + 1
        newest[partition] = epoch
        own.set(partition, epoch)
      }
      await Promise.allSettled(appending)
      const last = await lastRecords(readerOptions(folders[lane]), lane, partitions, writer)
      const epochOf = (partition: number): number => {
        const epoch = own.get(partition)
        if (epoch === undefined) throw notOwned(partition)
        return epoch
      }
      return {
        partitions,
        epochOf,
        async append(partition, record) {
          if (newest[partition] !== epochOf(partition)) {
            throw new Failure('SLUICE_LOG_FENCED', `Somebody newer owns partition ${String(partition)} of ${lane}.`)
          }
          const appended = appendRecord(writer, lane, partition, record)
          appending.add(appended)
          return await appended.finally(() => appending.delete(appended))
        },
        async last(partition) {
          epochOf(partition)
          return await Promise.resolve(last[partition])
        },
        async remember(about) {
          checkRemembered(partitions, about)
          const valid = [...about].filter(([partition]) => newest[partition] === epochOf(partition))
          // Saying nothing says that there is nothing yet to keep: trimming waits for that.
          if (valid.length === 0 && about.size > 0) return
          const known = said.get(lane) ?? new Map<number, Remembered>()
          said.set(lane, known)
          for (const [partition, remembered] of valid) known.set(partition, remembered)
          const nowMs = performance.now()
          if (nowMs - (filedMs.get(lane) ?? -Infinity) < fileEveryMs) return
          const offsets = new Map([...known].map(([partition, { offset }]) => [partition, offset]))
          await readers.merge(folders[lane], ownersReader, lane, offsets)
          filedMs.set(lane, nowMs)
        },
      }
    },

    async remembered(lane) {
      const kept = (await readers.load(folders[lane], ownersReader, lane)) ?? []
      // The files have 0 of partitions of which nothing is known.
      const found = kept.flatMap((offset, partition) =>
        offset > 0 ? [[partition, { offset, about: '' }] as const] : [],
      )
      return new Map([...found, ...(said.get(lane) ?? [])])
    },

    saveReader: (reader, lane, offsets) => readers.merge(folders[lane], reader, lane, offsets),

    async readerOffsets(reader, lane) {
      const saved = await readers.load(folders[lane], reader, lane)
      if (saved === undefined) return undefined
      return Array.from({ length: partitionsOf(lane, partitionCount) }, (_, partition) => saved[partition] ?? 0)
    },

    close: () => Promise.resolve(),
  }
}

/** What is wanted of one lane, by partition. */
interface Range {
  /** The next offset; moves on with what is read. */
  readonly next: number[]
  readonly to: readonly number[]
}

/** By lane number; undefined for lanes that are not wanted. */
type RangeByLane = readonly (Range | undefined)[]

function rangesByLane(wanted: readonly WantedLane[], partitionCount: number): RangeByLane {
  return lanes.map((lane) => {
    const one = wanted.find((candidate) => candidate.lane === lane)
    if (one === undefined) return undefined
    const { from, to, partitions } = one
    const count = partitionsOf(lane, partitionCount)
    const isRead = new Set(ownedPartitions(count, partitions))
    const ends = Array.from({ length: count }, (_, partition) => {
      if (!isRead.has(partition)) return 0
      return to === undefined ? Infinity : (to[partition] ?? 0)
    })
    return { next: ends.map((_, partition) => from[partition] ?? 0), to: ends }
  })
}

/** Whether nothing more is wanted, also of what was passed over up to `reached`. */
function isThrough(ranges: RangeByLane, reached?: NextOffsets): boolean {
  return ranges.every(
    (range, lane) =>
      range === undefined ||
      range.to.every(
        (to, partition) => (range.next[partition] ?? 0) >= to || (reached?.[lane]?.[partition] ?? 0) >= to,
      ),
  )
}

/** Puts the wanted records of a frame behind `records`. */
function collect(
  frame: Frame,
  ranges: RangeByLane,
  incarnation: number,
  records: LogRecord[],
  withDuplicateKeys = false,
): void {
  let common: LogHeaders | undefined
  for (let entry = 0; entry < frame.entryCount; entry++) {
    const verdict = frame.verdict(entry)
    const number = frame.lane(entry)
    const lane = lanes[number]
    const range = ranges[number]
    if (lane === undefined || range === undefined || verdict === verdicts.duplicate) continue
    const partition = frame.partition(entry)
    const offset = frame.offset(entry)
    if (offset < (range.next[partition] ?? 0) || offset >= (range.to[partition] ?? 0)) continue
    range.next[partition] = offset + 1
    common ??= frame.headers
    records.push({
      lane,
      position: { incarnation, partition, offset },
      timeMs: frame.timeMs,
      headers: withDuplicateKeys
        ? { ...headersOf(frame, entry, common), ...keyOf(frame, entry) }
        : headersOf(frame, entry, common),
      value: frame.value(entry),
    })
  }
}

/** As records of other logs carry it. */
function keyOf(frame: Frame, entry: number): LogHeaders {
  if ((frame.flags(entry) & flags.keyed) === 0 || frame.verdict(entry) !== verdicts.stored) return {}
  const words = [0, 1, 2, 3].map((word) => (frame.keyWord(entry, word) >>> 0).toString(16).padStart(8, '0'))
  return { duplicate_key: words.join('') }
}

/** By lane number. */
const derivedLanes = lanes.map(isDerived)

/** Of all flags that an entry can have. */
const headersByFlags = Array.from({ length: 256 }, (_, bits) => headersOfMarks(bits))

function headersOf(frame: Frame, entry: number, common: LogHeaders): LogHeaders {
  const bits = frame.flags(entry)
  if (frame.verdict(entry) === verdicts.refused) {
    return { ...common, uuid: frame.uuid(entry), distinct_id: frame.distinctId(entry), reason: frame.reason(entry) }
  }
  if ((bits & flags.erased) !== 0) return { ...common, uuid: frame.uuid(entry), distinct_id: '', erased: 'true' }
  // Derived batches are entries without a distinct id and without a uuid.
  if (derivedLanes[frame.lane(entry)] === true) return common
  const uuid = frame.uuid(entry)
  const distinctId = frame.distinctId(entry)
  if ((bits & markBits) === 0) return { ...common, uuid, distinct_id: distinctId }
  return { ...common, uuid, distinct_id: distinctId, ...headersByFlags[bits] }
}

function headersOfMarks(bits: number): LogHeaders {
  const headers: Record<string, string> = {}
  for (const name of marksOf(bits)) {
    // It stands for the address that an event made by the installation itself has (capture spec §9).
    if (name === 'capture_internal') headers['ip'] = '127.0.0.1'
    else headers[name] = 'true'
  }
  return headers
}

/** The newest segment that begins at or before all wanted offsets. */
async function segmentHolding(
  options: JournalReaderOptions,
  wanted: readonly WantedLane[],
  ranges: RangeByLane,
): Promise<number> {
  const heads = await segmentHeads(options.files, options.folder)
  for (const { name, head } of heads.toReversed()) {
    const isBefore = ranges.every(
      (range, lane) =>
        range === undefined ||
        range.to.every((to, partition) => {
          const next = range.next[partition] ?? 0
          return next >= to || (head.state.next[lane]?.[partition] ?? 0) <= next
        }),
    )
    if (isBefore) return name.sequence
  }
  const oldest = (await listSegments(options.files, options.folder))[0]
  // No segment at all yet, or one whose damaged head cannot say where it begins: its records say so themselves.
  if (oldest === undefined || oldest.sequence !== heads[0]?.name.sequence) return oldest?.sequence ?? 0
  throw new Failure(
    'SLUICE_LOG_TRIMMED',
    `Records of ${wanted.map(({ lane }) => lane).join(', ')} that are still wanted were removed from ${options.folder}.`,
  )
}

/**
 * The newest record of each partition that can be read, from the newest segments back until all are found. A segment whose
 * head is damaged cannot say what it holds, so it is looked through.
 */
async function lastRecords(
  options: JournalReaderOptions,
  lane: Lane,
  partitions: readonly number[],
  writer: JournalWriter,
): Promise<(LogRecord | undefined)[]> {
  const number = laneNumber(lane)
  const ends = (writer.state.next[number] ?? []).map((end, partition) => (partitions.includes(partition) ? end : 0))
  const to = ends.map((_, partition) => (partitions.includes(partition) ? Infinity : 0))
  const last = ends.map((): LogRecord | undefined => undefined)
  const isMissing = (end: number, partition: number): boolean => end > 0 && last[partition] === undefined
  const heads = new Map(
    (await segmentHeads(options.files, options.folder)).map(({ name, head }) => [name.sequence, head]),
  )
  for (const { sequence } of (await listSegments(options.files, options.folder)).toReversed()) {
    if (!ends.some(isMissing)) break
    const begins = heads.get(sequence)?.state.next[number] ?? []
    const holds = ends.some((end, partition) => isMissing(end, partition) && end > (begins[partition] ?? 0))
    if (!holds) continue
    const newest = new Map<number, LogRecord>()
    const all = lanes.map((one): Range | undefined => (one === lane ? { next: ends.map(() => 0), to } : undefined))
    for await (const chunk of readFrames(options, sequence, 4 * 1024 * 1024)) {
      if (chunk.sequence !== sequence) break
      const records: LogRecord[] = []
      for (const frame of chunk.frames) collect(frame, all, chunk.incarnation, records)
      for (const record of records) newest.set(record.position.partition, record)
    }
    for (const [partition, record] of newest) last[partition] ??= { ...record, value: Buffer.from(record.value) }
  }
  const lost = ends.findIndex(isMissing)
  if (lost >= 0) {
    // Going on as if there had never been one would decide everything once more.
    throw new Failure(
      'SLUICE_LOG_TRIMMED',
      `The newest record of partition ${String(lost)} of ${lane} is gone from ${options.folder}; nobody can tell where its owner stopped. Restore the folder from a backup.`,
    )
  }
  return last
}

async function appendRecord(
  writer: JournalWriter,
  lane: Lane,
  partition: number,
  { headers, value }: NewRecord,
): Promise<Position> {
  writer.admit(value.length)
  const offset = writer.takeOffset(lane, partition)
  const draft = draftFrame({
    kind: frameKinds.records,
    entryCount: 1,
    headers: JSON.stringify(headers),
    textsBytes: 0,
    body: value,
  })
  writeEntry(draft.head, draft.entriesAt, {
    lane: laneNumber(lane),
    verdict: verdicts.stored,
    flags: 0,
    partition,
    offset,
    start: 0,
    end: value.length,
  })
  await writer.append(draft)
  return { incarnation: writer.incarnation, partition, offset }
}
