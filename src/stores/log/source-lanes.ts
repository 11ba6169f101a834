/** Where the door puts events when the log is not its own journal. `source-lanes.contract.ts` checks every promise. */
import type { Lane, Position } from '../../event/position.ts'
import type { LogHeaders } from './event-log.ts'

export interface SourceLanes {
  /** How durable an appended record is; see `IntakeBooks`. */
  readonly durability: 'quorum' | 'buffered'
  readonly partitionCount: number
  /** Bytes of what was handed over and is not durable yet. */
  readonly waitingBytes: number
  /**
   * Resolves with the records' positions, in their order, once all of them are durable. Records of one partition keep the order of the
   * calls, and within a call the order in which they stand. Rejects with a retryable Failure when not all are durable: some of them
   * may be there all the same. Rejects at once with `SLUICE_INTAKE_FULL` when more than the permitted bytes wait already.
   */
  append(records: readonly SourceRecord[]): Promise<readonly Position[]>
  /** Finishes what waits. Safe to call twice. */
  close(): Promise<void>
}

/** An event on its way into a source lane or the dead-letter lane. */
export interface SourceRecord {
  readonly lane: Lane
  readonly partition: number
  /** As a record of the log has them (`LogHeaders`), what its readers are shown beside the value. */
  readonly headers: LogHeaders
  /** The event's JSON as it was sent, of a recording all of its request. Must not be changed after the call. */
  readonly value: Buffer
}
