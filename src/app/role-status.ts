import type { LimitUse } from '../stores/intake/intake.ts'

/** What a role answers to `GET /internal/status` on its socket; `sluice status` puts the answers together. */
export interface RoleStatus {
  readonly lanes?: readonly LaneStatus[]
  /** Counts by stage: what came in, what went out, what is between. */
  readonly books?: Readonly<Record<string, unknown>>
  /** Partitions of the source lanes that this core works on, where several share them; ascending. */
  readonly partitions?: readonly number[]
  /** What is wrong with the stores of the door, in sentences. */
  readonly trouble?: readonly string[]
  /** What the door has counted under limits. */
  readonly limits?: readonly LimitUse[]
}

export interface LaneStatus {
  readonly lane: string
  readonly partitions: readonly PartitionStatus[]
}

export interface PartitionStatus {
  readonly partition: number
  /** The offset that the next record will get. */
  readonly end: number
  readonly readers: readonly ReaderStatus[]
}

export interface ReaderStatus {
  readonly name: string
  /** The offset that it reads next. */
  readonly offset: number
  readonly lag: number
  /** Age of the oldest record that it has not read; null when there is none. */
  readonly oldestWaitingMs: number | null
}
