/**
 * The one writer of a journal: group commit, segments, and what happens when the disk misbehaves.
 * Format and words: `frame.ts`.
 *
 * All frames that wait are written and synced together; while one group is on its way to the disk the next one gathers.
 *
 * States of the writer:
 * - clean: the newest segment is good up to `bytes`.
 * - given up: a write or a sync of the newest segment failed. Nothing is ever written to it again; the next group opens
 *   a new segment whose head says how far the old one is good. Everything that waited is refused, so that nobody was told
 *   anything that rests on the lost frames.
 * - full: less than `reserveBytes` are left on the disk: groups are refused before they are written, until space returns.
 * - closed.
 */
import { randomInt } from 'node:crypto'
import { laneNumber } from '../../../event/position.ts'
import type { Lane } from '../../../event/position.ts'
import { failpoint } from '../../../kit/failpoint.ts'
import { Failure } from '../../../kit/failure.ts'
import type { Files, OpenFile } from '../../../kit/files.ts'
import { isSpent } from '../../../kit/limit-meters.ts'
import type { KeptLimit } from '../../../kit/limit-meters.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import { Frame, draftBytes, finishFrame, finishFrameInto, frameBytesMax, frameHeadBytes } from './frame.ts'
import type { FrameDraft } from './frame.ts'
import { readKeptLimits } from './kept-limits.ts'
import * as happened from './segments.events.ts'
import {
  advance,
  copyState,
  emptyState,
  encodePublished,
  listSegments,
  publishedBytesMax,
  publishedFile,
  readPublished,
  readSegmentHead,
  segmentName,
  writeSegmentHead,
} from './segment-files.ts'
import type { JournalState, SegmentHead, SegmentName } from './segment-files.ts'
import { scanSegment } from './scan-segment.ts'

export interface JournalWriterOptions {
  /** The process that writes; failpoints carry it, e.g. `edge:after-journal-sync`. */
  readonly role: string
  readonly files: Files
  readonly folder: string
  readonly partitionCount: number
  /** A segment is closed when it has grown beyond this … */
  readonly segmentBytesMax: number
  /** … or holds more entries than this … */
  readonly segmentEntriesMax: number
  /** … or is older than this when something is to be written. */
  readonly segmentAgeMsMax: number
  /** Bytes of frames that may wait; more are refused with SLUICE_JOURNAL_FULL. */
  readonly queueBytesMax: number
  /** Free disk space below which nothing is written any more. */
  readonly reserveBytes: number
  readonly telemetry: Telemetry
  readonly now?: () => number
}

/** Told synchronously, in this order for each group: `groupStarts`, then `groupSynced` or `groupFailed`. */
export interface JournalObserver {
  groupStarts(): void
  groupSynced(segment: number, timeMs: number): void
  /** The group and all that waited behind it are lost; offsets taken for them are given again. */
  groupFailed(): void
  segmentSealed(segment: SegmentName, oldestTimeMs: number, newestTimeMs: number): void
}

interface Waiting {
  /** Undefined for somebody who only waits for what was appended before. */
  readonly draft: FrameDraft | undefined
  readonly bytes: number
  resolve(): void
  reject(error: unknown): void
}

interface Segment {
  readonly name: SegmentName
  readonly file: OpenFile
  readonly createdMs: number
  bytes: number
  entries: number
}

const reserveCheckMs = 1000
/** Frames up to this size are gathered in one buffer of the other. */
const gatheredFrameBytesMax = 16 * 1024
const gatherBytesMax = 512 * 1024
/** A group waits no longer than this for frames that keep arriving. */
const companyMsMax = 2

export async function openJournalWriter(options: JournalWriterOptions): Promise<JournalWriter> {
  const { files, folder } = options
  await files.makeFolder(folder)
  const recovered = await recoverJournal(options)
  const writer = new JournalWriter(options, recovered)
  await writer.start()
  return writer
}

export class JournalWriter {
  readonly #options: JournalWriterOptions
  readonly #now: () => number
  readonly incarnation: number
  readonly #publishBuffer: Buffer
  readonly #gatherBuffer = Buffer.alloc(gatherBytesMax)
  readonly #failpoints: { readonly write: string; readonly sync: string; readonly segment: string }
  #published: OpenFile | undefined
  #segment: Segment | undefined
  /** How far the newest segment on disk is good, for the next head. */
  #previous: { readonly sequence: number; readonly bytes: number } | undefined
  /** Counters as of the last synced frame. */
  #synced: JournalState
  /** Offsets as of the last frame that waits. */
  #taken: number[][]
  /** Limits as of the last synced frame. */
  readonly #limits: Map<string, KeptLimit>
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #running: Promise<void> | undefined
  #observer: JournalObserver | undefined
  #full = false
  #reserveCheckedMs = 0
  #closed = false

  constructor(options: JournalWriterOptions, recovered: Recovered) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.incarnation = recovered.incarnation + 1
    this.#previous = recovered.previous
    this.#synced = recovered.state
    this.#taken = recovered.state.next.map((offsets) => [...offsets])
    this.#limits = recovered.limits
    this.#failpoints = {
      write: `${options.role}:before-journal-write`,
      sync: `${options.role}:after-journal-sync`,
      segment: `${options.role}:after-segment-open`,
    }
    this.#publishBuffer = Buffer.alloc(publishedBytesMax(options.partitionCount))
  }

  /** Opens the first segment of this incarnation and publishes the recovered end. Called once, by openJournalWriter. */
  async start(): Promise<void> {
    const { files, folder } = this.#options
    const path = `${folder}/${publishedFile}`
    this.#published = await files.open(path, 'write').catch(() => files.open(path, 'create'))
    await this.#openSegment()
  }

  observe(observer: JournalObserver): void {
    this.#observer = observer
  }

  /** Counters as of the last sync. */
  get state(): JournalState {
    return this.#synced
  }

  /** What is counted under limits as of the last sync; what was spent when the newest segment was opened is left out. */
  get limits(): ReadonlyMap<string, KeptLimit> {
    return this.#limits
  }

  /** Counts events that no frame tells of. */
  countLimited(quotaLimited: number, rateLimited: number): void {
    this.#synced.counts.quotaLimited += quotaLimited
    this.#synced.counts.rateLimited += rateLimited
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** The segment that is being written. */
  get currentSequence(): number {
    return this.#segment?.name.sequence ?? (this.#previous?.sequence ?? 0) + 1
  }

  get currentSalt(): number {
    return this.#segment?.name.salt ?? 0
  }

  /** The next offset of a lane's partition, for an entry of a frame that is appended in the same turn. */
  takeOffset(lane: Lane, partition: number): number {
    const offsets = this.#taken[laneNumber(lane)]
    const offset = offsets?.[partition]
    if (offsets === undefined || offset === undefined)
      throw new RangeError(`There is no partition ${String(partition)}.`)
    offsets[partition] = offset + 1
    return offset
  }

  /** Takes back the offset that was taken last, for a frame that is not appended after all; in the turn in which it was taken. */
  giveBackOffset(lane: Lane, partition: number): void {
    const offsets = this.#taken[laneNumber(lane)]
    const next = offsets?.[partition]
    if (offsets !== undefined && next !== undefined) offsets[partition] = next - 1
  }

  /** Throws the Failure with which `append` would refuse a frame of this size now. Call it before taking offsets. */
  admit(bytes: number): void {
    if (this.#closed) throw new Failure('SLUICE_JOURNAL_CLOSED', 'The journal is closed.', { retryable: true })
    if (bytes > frameBytesMax) {
      throw new Failure('SLUICE_JOURNAL_FRAME_TOO_LARGE', `A frame has at most ${String(frameBytesMax)} bytes.`)
    }
    if (this.#waitingBytes + bytes > this.#options.queueBytesMax && this.#waiting.length > 0) {
      throw new Failure('SLUICE_JOURNAL_FULL', 'Too much waits to be written; try again shortly.', { retryable: true })
    }
    if (this.#full && this.#now() - this.#reserveCheckedMs < reserveCheckMs) throw diskFull()
  }

  /** Resolves once the frame is synced. Rejects with a retryable Failure when it is not, and then it never counts. */
  append(draft: FrameDraft): Promise<void> {
    return this.#wait(draft, draft.head.length + draft.body.length)
  }

  /** Resolves once everything that was appended before is synced; rejects as it does when it is not. Writes nothing. */
  settled(): Promise<void> {
    return this.#wait(undefined, 0)
  }

  #wait(draft: FrameDraft | undefined, bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ draft, bytes, resolve, reject })
      this.#waitingBytes += bytes
      this.#running ??= this.#run()
    })
  }

  /** Writes what waits, then closes the files. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
    const segment = this.#segment
    this.#segment = undefined
    await segment?.file.close()
    const published = this.#published
    this.#published = undefined
    await published?.close()
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#awaitCompany()
      const group = this.#waiting
      this.#waiting = []
      if (group.every(({ draft }) => draft === undefined)) {
        // What they waited for was synced; had it failed, so would they.
        for (const waiting of group) waiting.resolve()
        continue
      }
      this.#observer?.groupStarts()
      try {
        await this.#writeGroup(group)
      } catch (cause) {
        this.#fail(group, cause)
      }
    }
    this.#running = undefined
  }

  /**
   * Whatever arrives together shares a group, because a group costs as much as six requests: one is written once a turn of the
   * event loop has brought nothing more for it.
   */
  async #awaitCompany(): Promise<void> {
    const endMs = performance.now() + companyMsMax
    let count
    do {
      count = this.#waiting.length
      await new Promise<void>((resolve) => setImmediate(resolve))
    } while (this.#waiting.length > count && performance.now() < endMs)
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    await this.#checkReserve()
    const segment = await this.#segmentFor()
    const timeMs = Math.max(this.#synced.timeMs, this.#now())
    const { buffers, bytes } = this.#buffersOf(group, timeMs, segment.name.salt)
    failpoint(this.#failpoints.write)
    const startedMs = performance.now()
    // Resolves once it is on disk: segments are opened so.
    await segment.file.write(buffers, segment.bytes)
    happened.groupWritten(performance.now() - startedMs).emit(this.#options.telemetry)
    failpoint(this.#failpoints.sync)
    segment.bytes += bytes
    for (const { draft } of group) {
      if (draft === undefined) continue
      const frame = new Frame(draft.head.subarray(frameHeadBytes))
      advance(this.#synced, frame)
      for (const limit of draft.limits) this.#limits.set(limit.key, limit)
      segment.entries += frame.entryCount
    }
    this.#publish(segment)
    this.#observer?.groupSynced(segment.name.sequence, timeMs)
    for (const waiting of group) {
      this.#waitingBytes -= waiting.bytes
      waiting.resolve()
    }
  }

  /** The group's frames in order: small ones side by side in one buffer, which the next group uses again. */
  #buffersOf(group: readonly Waiting[], timeMs: number, salt: number): { buffers: Uint8Array[]; bytes: number } {
    const buffers: Uint8Array[] = []
    const gathered = this.#gatherBuffer
    let bytes = 0
    let from = 0
    let at = 0
    for (const { draft } of group) {
      if (draft === undefined) continue
      const frameBytes = draftBytes(draft)
      if (frameBytes <= gatheredFrameBytesMax && at + frameBytes <= gathered.length) {
        at += finishFrameInto(draft, timeMs, salt, gathered, at)
        bytes += frameBytes
        continue
      }
      if (at > from) buffers.push(gathered.subarray(from, at))
      from = at
      bytes += finishFrame(draft, timeMs, salt, buffers)
    }
    if (at > from) buffers.push(gathered.subarray(from, at))
    return { buffers, bytes }
  }

  /** Everything that waits goes with the group: it was decided in the belief that the group would be there. */
  #fail(group: readonly Waiting[], cause: unknown): void {
    const lost = [...group, ...this.#waiting]
    this.#waiting = []
    this.#waitingBytes = 0
    this.#taken = this.#synced.next.map((offsets) => [...offsets])
    this.#observer?.groupFailed()
    const failure =
      cause instanceof Failure
        ? cause
        : new Failure('SLUICE_JOURNAL_WRITE_FAILED', 'The write did not reach the disk.', { retryable: true, cause })
    happened.groupFailed(this.#options.folder, lost.length, failure).emit(this.#options.telemetry)
    if (failure.code !== 'SLUICE_DISK_FULL') this.#giveUpSegment()
    for (const waiting of lost) waiting.reject(failure)
  }

  #giveUpSegment(): void {
    const segment = this.#segment
    if (segment === undefined) return
    this.#segment = undefined
    this.#previous = { sequence: segment.name.sequence, bytes: segment.bytes }
    // Whether closing works or not changes nothing: the file is never written again.
    segment.file.close().catch(() => undefined)
  }

  async #checkReserve(): Promise<void> {
    const now = this.#now()
    if (now - this.#reserveCheckedMs < reserveCheckMs) {
      if (this.#full) throw diskFull()
      return
    }
    const free = await this.#options.files.freeBytes(this.#options.folder)
    this.#reserveCheckedMs = now
    const full = free < this.#options.reserveBytes
    if (full !== this.#full) happened.diskReserve(this.#options.folder, full, free).emit(this.#options.telemetry)
    this.#full = full
    if (full) throw diskFull()
  }

  /** The segment to write to now: the present one, or a new one when it is large or old enough, or was given up. */
  async #segmentFor(): Promise<Segment> {
    const segment = this.#segment
    const { segmentBytesMax, segmentEntriesMax, segmentAgeMsMax } = this.#options
    if (segment !== undefined) {
      const isOld = this.#now() - segment.createdMs >= segmentAgeMsMax
      const isLarge = segment.bytes >= segmentBytesMax || segment.entries >= segmentEntriesMax
      if (segment.entries === 0 || !(isOld || isLarge)) return segment
      this.#previous = { sequence: segment.name.sequence, bytes: segment.bytes }
      this.#segment = undefined
      await segment.file.close()
      this.#observer?.segmentSealed(segment.name, segment.createdMs, this.#synced.timeMs)
    }
    return this.#openSegment()
  }

  async #openSegment(): Promise<Segment> {
    const { files, folder, partitionCount } = this.#options
    const sequence = await nextSequence(files, folder, this.#previous?.sequence ?? 0)
    const name = segmentName(sequence, randomInt(2 ** 32))
    const createdMs = Math.max(this.#now(), this.#synced.timeMs)
    const head: SegmentHead = {
      format: 1,
      incarnation: this.incarnation,
      sequence,
      createdMs,
      partitionCount,
      ...(this.#previous === undefined ? {} : { previous: this.#previous }),
      state: this.#synced,
    }
    this.#forgetSpentLimits()
    const file = await files.open(`${folder}/${name.file}`, 'create-synced')
    const buffers: Uint8Array[] = []
    const bytes = writeSegmentHead(head, [...this.#limits.values()], name.salt, buffers)
    await file.write(buffers, 0)
    await files.syncFolder(folder)
    failpoint(this.#failpoints.segment)
    const segment = { name, file, createdMs, bytes, entries: 0 }
    this.#segment = segment
    this.#publish(segment)
    return segment
  }

  /** By the clock that limits are met by, not by log time, which may be ahead of it. */
  #forgetSpentLimits(): void {
    const nowMs = this.#now()
    for (const limit of this.#limits.values()) if (isSpent(limit, nowMs)) this.#limits.delete(limit.key)
  }

  #publish(segment: Segment): void {
    this.#published?.writeNow(
      encodePublished(
        {
          incarnation: this.incarnation,
          sequence: segment.name.sequence,
          bytes: segment.bytes,
          state: this.#synced,
        },
        this.#publishBuffer,
      ),
      0,
    )
  }
}

function diskFull(): Failure {
  return new Failure('SLUICE_DISK_FULL', 'The disk is almost full: nothing more is accepted until space is made.', {
    retryable: true,
  })
}

/** Sequences only rise, also past a file whose opening failed half way. */
async function nextSequence(files: Files, folder: string, previous: number): Promise<number> {
  const segments = await listSegments(files, folder)
  return Math.max(previous, segments.at(-1)?.sequence ?? 0) + 1
}

interface Recovered {
  readonly incarnation: number
  readonly previous: { readonly sequence: number; readonly bytes: number } | undefined
  readonly state: JournalState
  readonly limits: Map<string, KeptLimit>
}

/**
 * Finds out what the last incarnation left: walks from the newest segment whose head can be read to the last whole frame.
 * A torn tail is cut. What lies behind the published end is written once more before it is synced, because after a
 * failed sync the page cache may show bytes that the disk never got, and call them clean.
 */
async function recoverJournal(options: JournalWriterOptions): Promise<Recovered> {
  const { files, folder, partitionCount, telemetry } = options
  const published = await readPublishedIfAny(files, folder)
  const state = emptyState(partitionCount)
  const limits = new Map<string, KeptLimit>()
  let incarnation = 0
  let previous: Recovered['previous']
  for (const { name, head } of await newestSegments(options)) {
    if (head !== undefined) {
      Object.assign(state, copyState(head.head.state))
      readKeptLimits(head.limits, limits)
    }
    // Each incarnation opens a segment of its own, so a sequence is never below its incarnation.
    incarnation = Math.max(incarnation, head?.head.incarnation ?? name.sequence)
    const file = await files.open(`${folder}/${name.file}`, 'write')
    try {
      const from = head?.bytes ?? 0
      const knownBytes = published?.sequence === name.sequence ? published.bytes : 0
      const bytes = await recoverSegment(file, name, { state, limits }, from, knownBytes, options)
      previous = { sequence: name.sequence, bytes }
    } finally {
      await file.close()
    }
  }
  if (previous === undefined) happened.journalCreated(folder).emit(telemetry)
  if (published !== undefined) neverAgain(state, published.state)
  return { incarnation, previous, state, limits }
}

/** Offsets that were published are taken, also where damage hides who has them. */
function neverAgain(state: JournalState, published: JournalState): void {
  for (const [lane, offsets] of state.next.entries()) {
    for (const [partition, offset] of offsets.entries()) {
      offsets[partition] = Math.max(offset, published.next[lane]?.[partition] ?? 0)
    }
  }
}

type FoundHead = Awaited<ReturnType<typeof readSegmentHead>>

/** The newest segment with a readable head and all that come after it, oldest first. */
async function newestSegments(options: JournalWriterOptions): Promise<{ name: SegmentName; head: FoundHead }[]> {
  const { files, folder, partitionCount } = options
  const found: { name: SegmentName; head: FoundHead }[] = []
  for (const name of (await listSegments(files, folder)).toReversed()) {
    const file = await files.open(`${folder}/${name.file}`, 'read')
    try {
      const head = await readSegmentHead(file, name.salt)
      if (head !== undefined && head.head.partitionCount !== partitionCount) {
        throw new Failure(
          'SLUICE_PARTITION_COUNT_CHANGED',
          `The journal in ${folder} has ${String(head.head.partitionCount)} partitions, the setting says ${String(partitionCount)}. The count is fixed when an installation is created: set it back.`,
        )
      }
      found.unshift({ name, head })
      if (head !== undefined) break
    } finally {
      await file.close()
    }
  }
  return found
}

/**
 * Moves what is known past the frames of the segment; resolves with how far the segment counts. Bytes without a whole frame
 * behind them are a torn tail, unless they were published as synced: then they are damage.
 */
async function recoverSegment(
  file: OpenFile,
  name: SegmentName,
  known: Pick<Recovered, 'state' | 'limits'>,
  from: number,
  knownBytes: number,
  options: JournalWriterOptions,
): Promise<number> {
  const { folder, telemetry } = options
  const chunkBytes = 4 * 1024 * 1024
  const sizeBytes = await file.sizeBytes()
  let at = from
  for (;;) {
    const step = await scanSegment(file, name.salt, at, sizeBytes, chunkBytes)
    for (const { frame } of step.frames) {
      advance(known.state, frame)
      readKeptLimits(frame.limits, known.limits)
    }
    for (const damage of step.damage) happened.damageFound(folder, name.file, damage).emit(telemetry)
    at = step.nextAt
    if (step.ended) break
  }
  const end = Math.max(at, Math.min(knownBytes, sizeBytes))
  if (at < end) happened.damageFound(folder, name.file, { at, bytes: end - at }).emit(telemetry)
  if (end < sizeBytes) {
    happened.tornTailCut(folder, name.file, sizeBytes - end).emit(telemetry)
    await file.truncate(end)
  }
  for (let rewriteAt = knownBytes; rewriteAt < at; rewriteAt += chunkBytes) {
    const chunk = Buffer.alloc(Math.min(chunkBytes, at - rewriteAt))
    await file.read(chunk, rewriteAt)
    await file.write([chunk], rewriteAt)
  }
  await file.sync()
  return end
}

async function readPublishedIfAny(files: Files, folder: string) {
  if (!(await files.list(folder)).includes(publishedFile)) return undefined
  const file = await files.open(`${folder}/${publishedFile}`, 'read')
  try {
    return await readPublished(file)
  } finally {
    await file.close()
  }
}
