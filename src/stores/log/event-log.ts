/**
 * The durable log between the stages. `event-log.contract.ts` checks every promise.
 *
 * Words: lane, partition, offset, position: see `event/position.ts`. An owner is the one process that may append derived
 * records to a partition; its epoch is larger than that of every owner of the partition before it.
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
   * An offset of each partition before which every record is older than the time (Unix milliseconds): as near to the time as
   * can be told without reading records, at least where the partition begins, at most where it ends. Of Infinity: where the log
   * itself ends now, behind everything that is there; the ends of `bounds` may be a moment older in partitions that others own.
   */
  offsetsAt(lane: Lane, timeMs: number): Promise<Offsets>
  /**
   * Becomes the owner of these partitions of a derived lane, of all of them without a list. Appends to them of every earlier owner
   * are refused from now on, or no reader that comes by here is shown them: those of other processes may still be on their way.
   * An ownership that lost one partition may be of no more use for its others either.
   */
  own(lane: Lane, partitions?: readonly number[]): Promise<Ownership>
  /** What owners have had remembered, by partition; nothing of partitions of which nobody had. May be a second old. */
  remembered(lane: Lane): Promise<ReadonlyMap<number, Remembered>>
  /**
   * Keeps the next offsets of a named reader in these partitions durably; what was kept of other partitions stays. Trimming never
   * removes what a reader still has to read.
   */
  saveReader(reader: string, lane: Lane, offsets: ReadonlyMap<number, number>): Promise<void>
  /** What `saveReader` kept last, 0 of partitions of which it kept nothing; undefined when it never did. */
  readerOffsets(reader: string, lane: Lane): Promise<Offsets | undefined>
  close(): Promise<void>
}

/** Of some partitions of a derived lane. All its functions throw a RangeError for other partitions. */
export interface Ownership {
  /** Ascending. */
  readonly partitions: readonly number[]
  epochOf(partition: number): number
  /**
   * Appends one record atomically and resolves with its position once it is durable. Appends of one partition keep the
   * order of the calls. Rejects with SLUICE_LOG_FENCED when somebody newer owns the partition.
   */
  append(partition: number, record: NewRecord): Promise<Position>
  /** The newest durable record of a partition when it was taken over; undefined when there never was one. */
  last(partition: number): Promise<LogRecord | undefined>
  /**
   * Keeps durably which records of these partitions are the newest: the next owner begins to look there, trimming keeps what is
   * from there on, and whoever asks is told what the owner says about them. Changes nothing of partitions that somebody newer
   * owns. Without any, it says that there is nothing to keep yet: trimming waits for an owner who says something.
   */
  remember(newest: ReadonlyMap<number, Remembered>): Promise<void>
}

/** The newest record of a partition, and what its owner says about it. */
export interface Remembered {
  readonly offset: number
  /** Any text, at most 64 KiB. */
  readonly about: string
}

export interface Bounds {
  readonly begin: number
  readonly end: number
}

export interface WantedLane {
  readonly lane: Lane
  /** Next offset wanted of each partition; partitions behind its end from their beginning. */
  readonly from: Offsets
  /** Only these partitions are read; without it all. */
  readonly partitions?: readonly number[]
  /**
   * Nothing from these offsets on is wanted of the partitions (a partition behind its end: nothing at all). When every wanted
   * lane has it, the reading ends once it is there, also where the last offsets before it are no records.
   */
  readonly to?: Offsets
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
