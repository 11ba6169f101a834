/**
 * The durable log between the stages. `event-log.contract.ts` checks every promise.
 *
 * Words: lane, partition, offset, position: see `event/position.ts`. An owner is the one process that may append derived
 * records to a partition; its epoch is larger than that of every owner before it.
 */
import type { Lane, Offsets, Position } from '../../event/position.ts'

export interface EventLog {
  /** Of the lanes that the door writes. */
  readonly partitionCount: number
  /** Of this lane; a derived one has a partition for each source index of its flow (`event/flows.ts`). */
  partitionsOf(lane: Lane): number
  /** First readable offset and end (exclusive) of each partition; counts only what is durable. */
  bounds(lane: Lane): Promise<readonly Bounds[]>
  /**
   * Yields the durable records of all partitions of the lanes from the given offsets on: each partition in offset order, no
   * gap, no repeat; waits at the end for more until the signal aborts, then ends without an error. Reads no further ahead
   * than one batch. Throws SLUICE_LOG_TRIMMED when a wanted offset is gone. All lanes of a reading are of one writer.
   */
  read(lanes: readonly WantedLane[], options: ReadOptions): AsyncIterable<readonly LogRecord[]>
  /**
   * Becomes the owner of the lane's partitions. Every earlier owner's appends are refused from now on, or no reader that comes by
   * here is shown them: those of other processes may still be on their way.
   */
  own(lane: Lane): Promise<Ownership>
  /** Keeps a named reader's next offsets durably. Trimming never removes what a reader still has to read. */
  saveReader(reader: string, lane: Lane, offsets: Offsets): Promise<void>
  /** What `saveReader` kept last; undefined when nothing was. */
  readerOffsets(reader: string, lane: Lane): Promise<Offsets | undefined>
  close(): Promise<void>
}

export interface Ownership {
  readonly epoch: number
  /**
   * Appends one record atomically and resolves with its position once it is durable. Appends of one partition keep the
   * order of the calls. Rejects with SLUICE_LOG_FENCED when somebody newer owns the lane.
   */
  append(partition: number, record: NewRecord): Promise<Position>
  /** The newest durable record of a partition when the lane was taken over; undefined when there never was one. */
  last(partition: number): Promise<LogRecord | undefined>
}

export interface Bounds {
  readonly begin: number
  readonly end: number
}

export interface WantedLane {
  readonly lane: Lane
  /** Next offset wanted of each partition; partitions behind its end from their beginning. */
  readonly from: Offsets
}

export interface ReadOptions {
  readonly signal: AbortSignal
  /** A batch ends at about this many bytes of records; one record may exceed it. */
  readonly batchBytesMax: number
  /**
   * Records of other lanes may be passed over without a look at whether they are whole, and news may come a moment later:
   * for lanes of which little comes beside a reader that checks everything. What is yielded is checked either way.
   */
  readonly othersUnchecked?: boolean
}

export interface NewRecord {
  readonly headers: LogHeaders
  readonly value: Buffer
}

export interface LogRecord {
  readonly lane: Lane
  readonly position: Position
  /** The next offset wanted after this record, where that is not its own plus one. */
  readonly nextOffset?: number
  /** When the log took the record, Unix milliseconds; never decreases within a lane. */
  readonly timeMs: number
  readonly headers: LogHeaders
  readonly value: Buffer
}

/**
 * What is said of a record beside its value. For accepted events (C10): `token`, `distinct_id`, `uuid`, `ip`, `now`,
 * `sent_at` (both Unix milliseconds as decimal text); dead letters add `reason` and `step`.
 */
export type LogHeaders = Readonly<Record<string, string>>
