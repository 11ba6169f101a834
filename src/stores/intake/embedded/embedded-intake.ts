/**
 * The door's step on one machine: a request becomes one frame of the journal. The frame holds the body once and, for each
 * event, what was decided and where it stands; the duplicate index is derived from the frames.
 *
 * What is known of duplicate keys at any moment, newest first:
 * - gathering: keys of requests that wait for their group;
 * - syncing: keys of the group that is on its way to the disk;
 * - the index: keys of all frames that are synced.
 * A copy of an event that is gathering or syncing goes into a frame behind it, so its answer cannot come first; when the
 * group fails, everything behind it fails too and both sets of keys are forgotten.
 *
 * Limits are the same: meters are debited in the turn in which a request is decided, the frame carries what they are at after it,
 * and when a group fails they are set back to what the synced frames say. A request of which nothing is kept writes no frame; when
 * the limit that it met was filled by frames that are not synced yet, its answer waits for them, and fails when they do (ADR 0019).
 */
import { lanes, laneNumber } from '../../../event/position.ts'
import type { Lane } from '../../../event/position.ts'
import { partitionOf } from '../../../event/murmur2.ts'
import { Failure } from '../../../kit/failure.ts'
import type { Files } from '../../../kit/files.ts'
import { debit, LimitMeters, metLimit, retryAfterMs, usedOf } from '../../../kit/limit-meters.ts'
import type { KeptLimit, Meter } from '../../../kit/limit-meters.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import {
  draftFrame,
  entryBytes,
  flags,
  frameKinds,
  markBits,
  verdicts,
  writeEntry,
  writeEntryKey,
  writeEntryTexts,
  writeEntryUuid,
} from '../../log/segments/frame.ts'
import type { Frame, FrameDraft } from '../../log/segments/frame.ts'
import { readFrames, segmentHeads } from '../../log/segments/journal-reader.ts'
import type { JournalWriter } from '../../log/segments/journal-writer.ts'
import { listSegments } from '../../log/segments/segment-files.ts'
import type { AppliedLimit, Intake, IntakeEvent, IntakeRequest, LimitUse, Outcome } from '../intake.ts'
import { openDuplicateIndex } from './duplicate-index/duplicate-index.ts'
import type { DuplicateIndex, SegmentRestoration } from './duplicate-index/duplicate-index.ts'
import type { IndexedPosition } from '../indexed-position.ts'
import * as happened from './embedded-intake.events.ts'
import { keptBody } from './kept-body.ts'
import type { KeptBody } from './kept-body.ts'
import { PendingKeys } from './pending-keys.ts'

export interface EmbeddedIntakeOptions {
  readonly files: Files
  /** The journal's folder, which `writer` writes. */
  readonly folder: string
  /** Where the duplicate index keeps its files. */
  readonly indexFolder: string
  readonly writer: JournalWriter
  readonly partitionCount: number
  /** How long a key is remembered, in log time. */
  readonly duplicateWindowMs: number
  /** Keys of quotas and rates that are counted at once; requests with further ones are refused with SLUICE_LIMITS_FULL. */
  readonly limitKeysMax: number
  readonly telemetry: Telemetry
  readonly now?: () => number
}

interface Decided {
  readonly outcomes: Outcome[]
  /** Of the request's limits, in their order. */
  readonly meters: readonly Meter[]
}

const noBody = Buffer.alloc(0)
const noLimits: readonly AppliedLimit[] = []
const noMeters: readonly Meter[] = []
/** About what a key, its values and their lengths take in a frame. */
const limitBytes = 128
/** What the length field of an entry holds. */
const distinctIdBytesMax = 65_535
const reasonCharsMax = 500
const readBytesMax = 4 * 1024 * 1024

/** Catches the index up with the journal, then answers requests. */
export async function openEmbeddedIntake(options: EmbeddedIntakeOptions): Promise<Intake> {
  const { files, folder, telemetry, duplicateWindowMs } = options
  const salts = new Map((await listSegments(files, folder)).map(({ sequence, salt }) => [sequence, salt]))
  const oldest = Math.min(...salts.keys())
  const index: DuplicateIndex = await openDuplicateIndex({
    dir: options.indexFolder,
    telemetry,
    windowMs: duplicateWindowMs,
    // What retention took away was ours.
    isKnownSegment: (segment, fingerprint) => segment < oldest || salts.get(segment) === fingerprint,
    onDamaged: (segments) => {
      restoreSegments(options, index, (sequence) => segments.includes(sequence)).catch((error: unknown) => {
        happened.restoreFailed(segments, error).emit(telemetry)
      })
    },
  })
  const covered = index.coveredSegments()
  await restoreSegments(options, index, (sequence) => !covered.has(sequence))
  return new EmbeddedIntake(options, index)
}

class EmbeddedIntake implements Intake {
  readonly #writer: JournalWriter
  readonly #index: DuplicateIndex
  readonly #partitionCount: number
  readonly #meters: LimitMeters
  readonly #now: () => number
  #gathering = new PendingKeys()
  #syncing = new PendingKeys()

  constructor(options: EmbeddedIntakeOptions, index: DuplicateIndex) {
    const { writer, partitionCount, duplicateWindowMs, limitKeysMax, now = Date.now } = options
    this.#writer = writer
    this.#index = index
    this.#partitionCount = partitionCount
    this.#now = now
    this.#meters = new LimitMeters(limitKeysMax)
    this.#meters.restore(writer.limits.values())
    writer.observe({
      groupStarts: () => {
        // The set that was syncing is empty: its group ended before this one starts.
        const gathered = this.#gathering
        this.#gathering = this.#syncing
        this.#syncing = gathered
      },
      groupSynced: () => {
        for (const { key, position } of this.#syncing.all()) index.add(key, position)
        this.#syncing.clear()
      },
      groupFailed: () => {
        this.#syncing.clear()
        this.#gathering.clear()
        this.#meters.restore(writer.limits.values())
      },
      segmentSealed: ({ sequence, salt }, oldestTimeMs, newestTimeMs) => {
        index.sealed({ segment: sequence, fingerprint: salt, oldestTimeMs, newestTimeMs })
        index.dropOlderThan(newestTimeMs - duplicateWindowMs)
        this.#meters.forgetSpent(now())
      },
    })
  }

  async submit(request: IntakeRequest): Promise<Outcome[]> {
    const { events, limits = noLimits } = request
    const packing = keptBody(request)
    // Nothing may wait between the decision and the append.
    const body = packing instanceof Promise ? await packing : packing
    const textsBytes = textsBytesOf(events)
    this.#writer.admit(body.bytes.length + events.length * entryBytes + textsBytes + limits.length * limitBytes)
    if (this.#index.room() < this.#pendingKeys + events.length) {
      throw new Failure('SLUICE_INTAKE_FULL', 'Too many events wait to be indexed; try again shortly.', {
        retryable: true,
      })
    }
    // The index may throw, and so may the meters: asked for all before the first event takes anything.
    const indexed = events.map(({ duplicateKey, refusal }) =>
      duplicateKey === undefined || refusal !== undefined ? undefined : this.#index.find(duplicateKey),
    )
    const { outcomes, meters } = this.#decide(request, indexed)
    const draft = draftRequest(request, body, outcomes, textsBytes, keepDebited(meters))
    if (draft !== undefined) await this.#writer.append(draft)
    else if (this.#restsOnUnsynced(outcomes, meters)) await this.#writer.settled()
    if (limits.length > 0 && outcomes.some(isLimited)) this.#countLimited(events, outcomes)
    return outcomes
  }

  books() {
    const { stored, duplicate, refused, canary, quotaLimited, rateLimited, split } = this.#writer.state.counts
    const waitingBytes = this.#writer.waitingBytes
    return {
      durability: 'fsync',
      received: stored + duplicate + refused + quotaLimited + rateLimited,
      stored,
      duplicate,
      refused,
      quotaLimited,
      rateLimited,
      split,
      canary,
      waitingBytes,
    } as const
  }

  limitUses(prefix = '', countMax = 1000): Promise<readonly LimitUse[]> {
    const nowMs = this.#now()
    const uses: LimitUse[] = []
    for (const limit of this.#writer.limits.values()) {
      if (uses.length >= countMax) break
      const used = limit.key.startsWith(prefix) ? usedOf(limit, nowMs) : 0
      if (used > 0) uses.push({ key: limit.key, used })
    }
    return Promise.resolve(uses)
  }

  async close(): Promise<void> {
    await this.#writer.close()
    await this.#index.close()
  }

  /** Once the meters are open it throws nothing: what was taken for one event must not be left behind by another. */
  #decide(request: IntakeRequest, indexed: readonly (IndexedPosition | undefined)[]): Decided {
    const { events, nowMs } = request
    const limits = request.isCanary ? noLimits : (request.limits ?? noLimits)
    const meters = limits.length === 0 ? noMeters : this.#meters.open(limits, nowMs)
    const before = request.isAllOrNothing === true ? meters.map(({ amount }) => amount) : []
    const outcomes: Outcome[] = []
    for (let at = 0; at < events.length; at++) {
      const event = events[at]
      if (event === undefined) break
      const outcome = this.#decideEvent(event, indexed[at], outcomes, limits, meters, nowMs)
      if (request.isAllOrNothing === true && isLimited(outcome)) {
        this.#takeBack(events, outcomes, meters, before)
        return { outcomes: this.#limitedWhole(events, indexed, outcome), meters }
      }
      outcomes.push(outcome)
    }
    return { outcomes, meters }
  }

  #decideEvent(
    event: IntakeEvent,
    indexed: IndexedPosition | undefined,
    before: readonly Outcome[],
    limits: readonly AppliedLimit[],
    meters: readonly Meter[],
    nowMs: number,
  ): Outcome {
    if (event.splitFrom !== undefined) return this.#decideSplit(event, before[event.splitFrom])
    if (event.refusal !== undefined) return this.#place('refused', 'events_plugin_ingestion_dlq', event)
    const copy = this.#copyOf(event, indexed)
    if (copy !== undefined) return copy
    if (event.limits !== undefined && limits.length > 0) {
      const met = metLimit(meters, limits, event.limits)
      const limit = limits[met]
      const meter = meters[met]
      if (limit !== undefined && meter !== undefined) return limitedBy(event, met, limit, meter, nowMs)
      debit(meters, event.limits)
    }
    const outcome = this.#place('stored', event.lane, event)
    const { lane, partition, offset } = outcome
    if (event.duplicateKey !== undefined) {
      this.#gathering.add(event.duplicateKey, { lane: laneNumber(lane), partition, offset })
    }
    return outcome
  }

  /** What is not stored has its main event's outcome: it is nowhere by itself. */
  #decideSplit(event: IntakeEvent, main: Outcome | undefined): Outcome {
    // `textsBytesOf` saw to it that the main event stands before.
    if (main === undefined || main.verdict === 'stored') return this.#place('stored', event.lane, event)
    return main
  }

  #place(verdict: 'stored' | 'refused', lane: Lane, { partitionKey }: IntakeEvent): Outcome {
    const partition = partitionOf(partitionKey, this.#partitionCount)
    return { verdict, lane, partition, offset: this.#writer.takeOffset(lane, partition) }
  }

  #copyOf({ duplicateKey }: IntakeEvent, indexed: IndexedPosition | undefined): Outcome | undefined {
    if (duplicateKey === undefined) return undefined
    const first = this.#gathering.find(duplicateKey) ?? this.#syncing.find(duplicateKey) ?? indexed
    if (first === undefined) return undefined
    const { partition, offset } = first
    return { verdict: 'duplicate', lane: lanes[first.lane] ?? 'events_plugin_ingestion', partition, offset }
  }

  /** As if nothing of the request had been decided; the newest first, because each took what came next. */
  #takeBack(
    events: readonly IntakeEvent[],
    outcomes: readonly Outcome[],
    meters: readonly Meter[],
    before: readonly number[],
  ): void {
    for (const [at, { verdict, lane, partition }] of [...outcomes.entries()].toReversed()) {
      const event = events[at]
      if (event === undefined || (verdict !== 'stored' && verdict !== 'refused')) continue
      if (event.splitFrom !== undefined && verdict === 'refused') continue
      this.#writer.giveBackOffset(lane, partition)
      if (verdict === 'stored' && event.duplicateKey !== undefined && event.splitFrom === undefined) {
        this.#gathering.removeNewest(event.duplicateKey)
      }
    }
    for (const [at, meter] of meters.entries()) {
      meter.amount = before[at] ?? meter.amount
      meter.isDebited = false
    }
  }

  /** Copies of what was stored earlier stay copies; all other events are limited with the one that met the limit. */
  #limitedWhole(
    events: readonly IntakeEvent[],
    indexed: readonly (IndexedPosition | undefined)[],
    limited: Outcome,
  ): Outcome[] {
    const outcomes: Outcome[] = []
    for (const [at, event] of events.entries()) {
      const main = event.splitFrom === undefined ? undefined : outcomes[event.splitFrom]
      const copy = event.refusal === undefined ? this.#copyOf(event, indexed[at]) : undefined
      outcomes.push(main ?? copy ?? { ...limited, lane: event.lane })
    }
    return outcomes
  }

  /** True when a limit was met that frames filled which may still fail. */
  #restsOnUnsynced(outcomes: readonly Outcome[], meters: readonly Meter[]): boolean {
    return outcomes.some(({ limit }) => {
      const meter = limit === undefined ? undefined : meters[limit]
      return meter?.kept !== undefined && this.#writer.limits.get(meter.key) !== meter.kept
    })
  }

  #countLimited(events: readonly IntakeEvent[], outcomes: readonly Outcome[]): void {
    let quota = 0
    let rate = 0
    for (const [at, { verdict }] of outcomes.entries()) {
      if (events[at]?.splitFrom !== undefined) continue
      if (verdict === 'quota_limited') quota++
      else if (verdict === 'rate_limited') rate++
    }
    if (quota + rate > 0) this.#writer.countLimited(quota, rate)
  }

  get #pendingKeys(): number {
    return this.#gathering.size + this.#syncing.size
  }
}

function isLimited({ verdict }: Outcome): boolean {
  return verdict === 'quota_limited' || verdict === 'rate_limited'
}

function limitedBy(event: IntakeEvent, at: number, limit: AppliedLimit, meter: Meter, nowMs: number): Outcome {
  const verdict = limit.kind === 'quota' ? 'quota_limited' : 'rate_limited'
  const retry = retryAfterMs(meter, limit, nowMs)
  return { verdict, lane: event.lane, partition: -1, offset: -1, limit: at, retryAfterMs: retry }
}

/** What the frame carries of limits. */
function keepDebited(meters: readonly Meter[]): readonly KeptLimit[] {
  const kept: KeptLimit[] = []
  for (const meter of meters) if (meter.isDebited) kept.push(meter.keep())
  return kept
}

/** Bytes of the distinct ids and reasons. Throws for what an entry cannot hold. */
function textsBytesOf(events: readonly IntakeEvent[]): number {
  let bytes = 0
  for (let at = 0; at < events.length; at++) {
    const event = events[at]
    if (event === undefined) break
    const { distinctId, refusal, splitFrom } = event
    if (splitFrom !== undefined && splitFrom >= at) {
      throw new Failure('SLUICE_SPLIT_BEFORE_MAIN', 'An event that is split off stands behind its main event.')
    }
    const distinctIdBytes = Buffer.byteLength(distinctId)
    if (distinctIdBytes > distinctIdBytesMax) {
      throw new Failure('SLUICE_DISTINCT_ID_TOO_LONG', `A distinct id has at most ${String(distinctIdBytesMax)} bytes.`)
    }
    bytes += distinctIdBytes
    if (refusal !== undefined) bytes += Buffer.byteLength(reasonOf(refusal))
  }
  return bytes
}

function reasonOf(refusal: string): string {
  return refusal.slice(0, reasonCharsMax)
}

/** An entry is written for it. Not for what met a limit, nor for what was split off from an event that is not stored. */
function isKept({ splitFrom }: IntakeEvent, { verdict }: Outcome): boolean {
  if (splitFrom !== undefined) return verdict === 'stored'
  return verdict !== 'quota_limited' && verdict !== 'rate_limited'
}

/** Undefined when there is nothing to keep. */
function draftRequest(
  request: IntakeRequest,
  body: KeptBody,
  outcomes: readonly Outcome[],
  textsBytes: number,
  limits: readonly KeptLimit[],
): FrameDraft | undefined {
  const { events } = request
  let entryCount = 0
  let keepsBody = false
  for (let index = 0; index < events.length; index++) {
    const event = events[index]
    const outcome = outcomes[index]
    if (event === undefined || outcome === undefined || !isKept(event, outcome)) continue
    entryCount++
    if (outcome.verdict !== 'duplicate') keepsBody = true
  }
  const isWhole = entryCount === events.length
  if (entryCount === 0 && !isWhole) return undefined
  const draft = draftFrame({
    kind: frameKinds.records,
    entryCount,
    headers: headersText(request),
    textsBytes: isWhole ? textsBytes : textsBytesOfKept(events, outcomes),
    body: keepsBody ? body.bytes : noBody,
    bodyEncoding: body.encoding,
    limits,
  })
  let at = draft.entriesAt
  let textAt = 0
  for (let index = 0; index < events.length; index++) {
    const event = events[index]
    const outcome = outcomes[index]
    if (event === undefined || outcome === undefined || !isKept(event, outcome)) continue
    const isSplit = event.splitFrom !== undefined
    const key = isSplit || event.refusal !== undefined ? undefined : event.duplicateKey
    writeEntry(draft.head, at, {
      lane: laneNumber(outcome.lane),
      verdict: isSplit ? verdicts.split : verdicts[keptVerdict(outcome.verdict)],
      flags:
        (key === undefined ? 0 : flags.keyed) | (request.isCanary ? flags.canary : 0) | ((event.marks ?? 0) & markBits),
      partition: outcome.partition,
      offset: outcome.offset,
      start: keepsBody ? event.start : 0,
      end: keepsBody ? event.end : 0,
    })
    writeEntryUuid(draft.head, at, event.uuid)
    if (key !== undefined) writeEntryKey(draft.head, at, key)
    textAt = writeEntryTexts(
      draft,
      at,
      textAt,
      event.distinctId,
      event.refusal === undefined ? '' : reasonOf(event.refusal),
    )
    at += entryBytes
  }
  return draft
}

function textsBytesOfKept(events: readonly IntakeEvent[], outcomes: readonly Outcome[]): number {
  let bytes = 0
  for (const [index, event] of events.entries()) {
    const outcome = outcomes[index]
    if (outcome === undefined || !isKept(event, outcome)) continue
    bytes += Buffer.byteLength(event.distinctId)
    if (event.refusal !== undefined) bytes += Buffer.byteLength(reasonOf(event.refusal))
  }
  return bytes
}

/** `isKept` lets no others through. */
function keptVerdict(verdict: Outcome['verdict']): 'stored' | 'duplicate' | 'refused' {
  return verdict === 'duplicate' || verdict === 'refused' ? verdict : 'stored'
}

/** What all events of the request share (C10); what the request says beside it can take none of it away. */
function headersText({ token, ip, nowMs, sentAtMs, headers }: IntakeRequest): string {
  const sentAt = sentAtMs === undefined ? '' : `,"sent_at":"${String(sentAtMs)}"`
  const own = `"token":${JSON.stringify(token)},"ip":${JSON.stringify(ip)},"now":"${String(nowMs)}"${sentAt}}`
  const more = headers === undefined ? '' : JSON.stringify(headers).slice(1, -1)
  return more === '' ? `{${own}` : `{${more},${own}`
}

/** Puts the keys of sealed segments into the index again, from their frames, as far as they reach into the window. */
async function restoreSegments(
  { files, folder, telemetry, duplicateWindowMs, writer }: EmbeddedIntakeOptions,
  index: DuplicateIndex,
  isWanted: (sequence: number) => boolean,
): Promise<void> {
  const heads = await segmentHeads(files, folder)
  for (const [at, { name, head }] of heads.entries()) {
    const next = heads[at + 1]
    // The newest segment is being written: its keys are added as they come.
    if (next === undefined || !isWanted(name.sequence)) continue
    const newestTimeMs = next.head.state.timeMs
    if (newestTimeMs < writer.state.timeMs - duplicateWindowMs) continue
    const restoration = index.restore(name.sequence)
    for await (const chunk of readFrames({ files, folder, telemetry, pollMs: 0 }, name.sequence, readBytesMax)) {
      // A damaged head hides a segment from the list; its frames then belong to the one before it.
      if (chunk.sequence >= next.name.sequence) break
      for (const frame of chunk.frames) addKeys(frame, restoration)
    }
    await restoration.done({ fingerprint: name.salt, oldestTimeMs: head.createdMs, newestTimeMs })
  }
}

function addKeys(frame: Frame, into: SegmentRestoration): void {
  for (let entry = 0; entry < frame.entryCount; entry++) {
    if (frame.verdict(entry) !== verdicts.stored || (frame.flags(entry) & flags.keyed) === 0) continue
    into.add([frame.keyWord(entry, 0), frame.keyWord(entry, 1), frame.keyWord(entry, 2), frame.keyWord(entry, 3)], {
      lane: frame.lane(entry),
      partition: frame.partition(entry),
      offset: frame.offset(entry),
    })
  }
}
