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
   * - Rejects at once with `SLUICE_INTAKE_FULL` (retryable) when more than the permitted bytes wait already.
   */
  submit(request: IntakeRequest): Promise<Outcome[]>
  /** What was decided since the installation began, and what waits now. */
  books(): IntakeBooks
  /** Finishes what waits, then releases the folder or connections. Safe to call twice. */
  close(): Promise<void>
}

export interface IntakeRequest {
  /** The decoded request body (JSON text in UTF-8). Stored once; must not be changed after the call. */
  readonly body: Buffer
  /** Project token as the client sent it, trimmed. */
  readonly token: string
  readonly ip: string
  /** Server clock when the request was read, Unix milliseconds. */
  readonly nowMs: number
  /** Client clock when it sent the request, Unix milliseconds, when it said so. */
  readonly sentAtMs: number | undefined
  /** The health check's own events: counted apart. */
  readonly isCanary: boolean
  readonly events: readonly IntakeEvent[]
}

export interface IntakeEvent {
  /** Byte range of the event's JSON object in the body. */
  readonly start: number
  readonly end: number
  /** The client's UUID, else one made at the door. */
  readonly uuid: UuidWords
  /** As resolved at the door (C10); empty when the event is refused for lacking one. */
  readonly distinctId: string
  /** What makes two events copies of each other; undefined when the client gave nothing to tell by. */
  readonly duplicateKey: DuplicateKey | undefined
  /** Why the event may not enter; it then goes to the dead-letter lane. */
  readonly refusal?: string
}

/** 128 bits as four unsigned 32-bit words: the hash of (project, uuid) or of (project, distinct_id, event, timestamp). */
export type DuplicateKey = readonly [number, number, number, number]

/** What became of one event; `partition` and `offset` are those of the stored copy (of the first copy for duplicates). */
export interface Outcome {
  readonly verdict: 'stored' | 'duplicate' | 'refused'
  readonly lane: Lane
  readonly partition: number
  readonly offset: number
}

export interface IntakeBooks {
  /** How durable an answered event is: `fsync` on disk, `quorum` replicated, `buffered` in memory of several machines. */
  readonly durability: 'fsync' | 'quorum' | 'buffered'
  readonly received: number
  readonly stored: number
  readonly duplicate: number
  readonly refused: number
  /** Events of the health check; in none of the other counts. */
  readonly canary: number
  readonly waitingBytes: number
}
