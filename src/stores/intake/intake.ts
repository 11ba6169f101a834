/**
 * The door's one atomic step: decide about every event of a request and store what is accepted, together.
 * `intake.contract.ts` checks every promise.
 */
import type { Lane } from '../../event/position.ts'
import type { UuidWords } from '../../event/uuid.ts'

export interface Intake {
  /**
   * Decides and stores a whole request as one step, and resolves once the decision would survive a crash.
   *
   * - Resolves only when every accepted event is durable; rejects with a retryable Failure when it is not, and then
   *   none of the request's events leaves a duplicate key behind.
   * - A copy of an event already stored (same duplicate key within the window) is answered with the first copy's
   *   position, and only when that first copy is durable; copies inside one request count too.
   * - Events keep the order in which they stand in the request, per key.
   * - A refused event (`refusal` set) is kept in the dead-letter lane with its reason and leaves no duplicate key.
   * - Limits are met after the duplicate check: a copy debits nothing. Of concurrent requests exactly as many events enter as a
   *   quota has left. An event that meets one is stored nowhere and leaves no key; when its request fails, nothing stays debited.
   *   An answer that says so rests on events that are durable. Rejects with `SLUICE_LIMITS_FULL` (retryable) when a key is new and
   *   too many are counted already.
   * - Rejects with `SLUICE_RECORD_TOO_LARGE` when one of its events is larger than a record can be; nothing of it is stored.
   * - Rejects at once with `SLUICE_INTAKE_FULL` (retryable) when more than the permitted bytes wait already.
   */
  submit(request: IntakeRequest): Promise<Outcome[]>
  /** What was decided since the installation began, and what waits now. */
  books(): IntakeBooks
  /**
   * What is counted under the quotas and buckets that have not expired; for a bucket the tokens taken and not refilled. Of keys that
   * begin with the prefix, at most so many: 1,000 when not said.
   */
  limitUses(prefix?: string, countMax?: number): Promise<readonly LimitUse[]>
  /** Finishes what waits, then releases the folder or connections. Safe to call twice. */
  close(): Promise<void>
}

export interface IntakeRequest {
  /** The decoded request body (JSON text in UTF-8). Stored once; must not be changed after the call. */
  readonly body: Buffer
  /** The same text as it was sent, when it came as gzip: a store may keep that instead. Must not be changed either. */
  readonly sentBody?: { readonly encoding: 'gzip'; readonly bytes: Buffer } | undefined
  /** Some string in the body is longer than 1,024 bytes (C13). */
  readonly hasLargeValues?: boolean
  /** Project token as the client sent it, trimmed. */
  readonly token: string
  readonly ip: string
  /** Server clock when the request was read, Unix milliseconds. */
  readonly nowMs: number
  /** Client clock when it sent the request, Unix milliseconds, when it said so. */
  readonly sentAtMs: number | undefined
  /** What else all events of the request share, kept with them as headers of their records; see `LogHeaders`. */
  readonly headers?: Readonly<Record<string, string>>
  /** The health check's own events: counted apart, and never limited. */
  readonly isCanary: boolean
  readonly events: readonly IntakeEvent[]
  /** What is counted for this request's events; `IntakeEvent.limits` are indexes into it. At most 1,000. */
  readonly limits?: readonly AppliedLimit[]
  /**
   * When one event meets a limit, none of the request is stored, and nothing is debited: all its events have that one's verdict, those
   * that would be refused too, but for copies of events that were stored before.
   */
  readonly isAllOrNothing?: boolean
}

export interface IntakeEvent {
  /** Byte range of the event's JSON object in the body. */
  readonly start: number
  readonly end: number
  /** The client's UUID, else one made at the door. */
  readonly uuid: UuidWords
  /** As resolved at the door (C10); empty when the event is refused for lacking one. */
  readonly distinctId: string
  /** Where it goes when it is stored. A refused one goes to the dead-letter lane, under the same key. */
  readonly lane: Lane
  /** Records of one key are in one partition, in their order: `{token}:{distinct_id}` unless the lane says otherwise (C10). */
  readonly partitionKey: string
  /** What makes two events copies of each other; undefined when the client gave nothing to tell by. */
  readonly duplicateKey: DuplicateKey | undefined
  /** Why the event may not enter; it then goes to the dead-letter lane. */
  readonly refusal?: string
  /** Bits of `eventMarks`, kept with the event. */
  readonly marks?: number
  /** Indexes into the request's `limits`: all are met and debited by one, or none is. */
  readonly limits?: readonly number[]
  /**
   * Index of the event before it that this one was split off from: stored if and only if that one is, under no duplicate key and no
   * limit of its own, and counted as `split` alone. When it is not stored it has that one's outcome.
   */
  readonly splitFrom?: number
}

/**
 * A limit that events of a request count against (C7, C8). It is met and debited within the one atomic step, and what was debited
 * survives a crash and the removal of old segments.
 * - quota: at most `max` stored events under `key` until `expiresAtMs` (server clock); then the count begins anew at 0.
 * - rate: a token bucket of `burst` tokens, refilled by `perSecond`; a stored event takes one. Either may change from request to
 *   request: what is in the bucket stays in proportion.
 * Limits of different rules have different keys.
 */
export type AppliedLimit =
  | { readonly kind: 'quota'; readonly key: string; readonly max: number; readonly expiresAtMs: number }
  | { readonly kind: 'rate'; readonly key: string; readonly perSecond: number; readonly burst: number }

/** 128 bits as four unsigned 32-bit words: the hash of (project, uuid) or of (project, distinct_id, event, timestamp). */
export type DuplicateKey = readonly [number, number, number, number]

/**
 * What became of one event; `partition` and `offset` are those of the stored copy (of the first copy for duplicates), and -1 for an
 * event that met a limit: it is nowhere.
 */
export interface Outcome {
  readonly verdict: 'stored' | 'duplicate' | 'refused' | 'quota_limited' | 'rate_limited'
  readonly lane: Lane
  readonly partition: number
  readonly offset: number
  /** The limit that was met, as index into the request's `limits`, and how long until it lets the next event in. */
  readonly limit?: number
  readonly retryAfterMs?: number
}

/** How much of a limit is used, as of the newest durable step. */
export interface LimitUse {
  readonly key: string
  readonly used: number
}

export interface IntakeBooks {
  /** How durable an answered event is: `fsync` on disk, `quorum` replicated, `buffered` in memory of several machines. */
  readonly durability: 'fsync' | 'quorum' | 'buffered'
  /** Events that came; those split off from others are not counted. */
  readonly received: number
  readonly stored: number
  readonly duplicate: number
  readonly refused: number
  /** Events that met a limit. The newest ones may be missing after a crash: nothing was promised about them. */
  readonly quotaLimited: number
  readonly rateLimited: number
  /** Events split off from stored ones: records of their own beside `stored`. */
  readonly split: number
  /** Events of the health check; in none of the other counts. */
  readonly canary: number
  /** Of the stored events, canaries too: those that entered without a look at duplicates and limits, because what knows them was away. */
  readonly unchecked?: number
  readonly waitingBytes: number
}
