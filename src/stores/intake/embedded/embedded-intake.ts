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
 */
import { lanes, laneNumber } from '../../../event/position.ts'
import { partitionOf } from '../../../event/murmur2.ts'
import { Failure } from '../../../kit/failure.ts'
import type { Files } from '../../../kit/files.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import {
  draftFrame,
  entryBytes,
  flags,
  frameKinds,
  verdicts,
  writeEntry,
  writeEntryKey,
  writeEntryTexts,
  writeEntryUuid,
} from '../../log/segments/frame.ts'
import type { Frame } from '../../log/segments/frame.ts'
import { readFrames, segmentHeads } from '../../log/segments/journal-reader.ts'
import type { JournalWriter } from '../../log/segments/journal-writer.ts'
import { listSegments } from '../../log/segments/segment-files.ts'
import type { Intake, IntakeEvent, IntakeRequest, LimitUse, Outcome } from '../intake.ts'
import { openDuplicateIndex } from './duplicate-index/duplicate-index.ts'
import type { DuplicateIndex, SegmentRestoration } from './duplicate-index/duplicate-index.ts'
import type { IndexedPosition } from './duplicate-index/indexed-position.ts'
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
  readonly telemetry: Telemetry
}

const noBody = Buffer.alloc(0)
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
  #gathering = new PendingKeys()
  #syncing = new PendingKeys()

  constructor({ writer, partitionCount, duplicateWindowMs }: EmbeddedIntakeOptions, index: DuplicateIndex) {
    this.#writer = writer
    this.#index = index
    this.#partitionCount = partitionCount
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
      },
      segmentSealed: ({ sequence, salt }, oldestTimeMs, newestTimeMs) => {
        index.sealed({ segment: sequence, fingerprint: salt, oldestTimeMs, newestTimeMs })
        index.dropOlderThan(newestTimeMs - duplicateWindowMs)
      },
    })
  }

  async submit(request: IntakeRequest): Promise<Outcome[]> {
    const { events } = request
    const packing = keptBody(request)
    // Nothing may wait between the decision and the append.
    const body = packing instanceof Promise ? await packing : packing
    const textsBytes = textsBytesOf(events)
    this.#writer.admit(body.bytes.length + events.length * entryBytes + textsBytes)
    if (this.#index.room() < this.#pendingKeys + events.length) {
      throw new Failure('SLUICE_INTAKE_FULL', 'Too many events wait to be indexed; try again shortly.', {
        retryable: true,
      })
    }
    // The index may throw: asked for all events before the first one takes anything.
    const indexed = events.map(({ duplicateKey, refusal }) =>
      duplicateKey === undefined || refusal !== undefined ? undefined : this.#index.find(duplicateKey),
    )
    const outcomes = events.map((event, at) => this.#decide(event, indexed[at]))
    await this.#writer.append(draftRequest(request, body, outcomes, textsBytes))
    return outcomes
  }

  books() {
    const { stored, duplicate, refused, canary } = this.#writer.state.counts
    const waitingBytes = this.#writer.waitingBytes
    return {
      durability: 'fsync',
      received: stored + duplicate + refused,
      stored,
      duplicate,
      refused,
      quotaLimited: 0,
      rateLimited: 0,
      split: 0,
      canary,
      waitingBytes,
    } as const
  }

  limitUses(): readonly LimitUse[] {
    return []
  }

  async close(): Promise<void> {
    await this.#writer.close()
    await this.#index.close()
  }

  /** Throws nothing: what was taken for one event must not be left behind by another. */
  #decide(event: IntakeEvent, indexed: IndexedPosition | undefined): Outcome {
    const key = event.duplicateKey
    if (event.refusal === undefined && key !== undefined) {
      const first = this.#gathering.find(key) ?? this.#syncing.find(key) ?? indexed
      if (first !== undefined) {
        const { partition, offset } = first
        return { verdict: 'duplicate', lane: lanes[first.lane] ?? 'events_plugin_ingestion', partition, offset }
      }
    }
    const lane = event.refusal === undefined ? event.lane : 'events_plugin_ingestion_dlq'
    const partition = partitionOf(event.partitionKey, this.#partitionCount)
    const offset = this.#writer.takeOffset(lane, partition)
    if (event.refusal !== undefined) return { verdict: 'refused', lane, partition, offset }
    if (key !== undefined) this.#gathering.add(key, { lane: laneNumber(lane), partition, offset })
    return { verdict: 'stored', lane, partition, offset }
  }

  get #pendingKeys(): number {
    return this.#gathering.size + this.#syncing.size
  }
}

/** Bytes of the distinct ids and reasons. Throws for one that an entry cannot hold. */
function textsBytesOf(events: readonly IntakeEvent[]): number {
  let bytes = 0
  for (const { distinctId, refusal } of events) {
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

function draftRequest(request: IntakeRequest, body: KeptBody, outcomes: readonly Outcome[], textsBytes: number) {
  const { events } = request
  let keepsBody = false
  for (const { verdict } of outcomes) if (verdict !== 'duplicate') keepsBody = true
  const draft = draftFrame({
    kind: frameKinds.records,
    entryCount: events.length,
    headers: Buffer.from(headersText(request)),
    textsBytes,
    body: keepsBody ? body.bytes : noBody,
    bodyEncoding: body.encoding,
  })
  let at = draft.entriesAt
  let textAt = 0
  for (const [index, event] of events.entries()) {
    const outcome = outcomes[index]
    if (outcome === undefined) break
    const key = outcome.verdict === 'refused' ? undefined : event.duplicateKey
    writeEntry(draft.head, at, {
      lane: laneNumber(outcome.lane),
      verdict: verdicts[keptVerdict(outcome.verdict)],
      flags: (key === undefined ? 0 : flags.keyed) | (request.isCanary ? flags.canary : 0),
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

/** Events that met a limit are kept nowhere. */
function keptVerdict(verdict: Outcome['verdict']): keyof typeof verdicts {
  return verdict === 'quota_limited' || verdict === 'rate_limited' ? 'refused' : verdict
}

/** What all events of the request share (C10). */
function headersText({ token, ip, nowMs, sentAtMs }: IntakeRequest): string {
  const sentAt = sentAtMs === undefined ? '' : `,"sent_at":"${String(sentAtMs)}"`
  return `{"token":${JSON.stringify(token)},"ip":${JSON.stringify(ip)},"now":"${String(nowMs)}"${sentAt}}`
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
