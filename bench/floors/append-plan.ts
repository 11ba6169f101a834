import type { Percentiles } from '../statistics.ts'

export interface AppendOptions {
  /** On the file system that is measured. */
  readonly folder: string
  /** Events a body. */
  readonly batch: number
  /** Bodies that wait at a time. */
  readonly clients: number
  readonly requests: number
}

export interface AppendResult {
  readonly cpuUsPerEvent: number
  readonly eventsPerSecond: number
  /** Of the sync alone, without the write. */
  readonly syncMs: Percentiles
}
