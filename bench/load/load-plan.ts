/** What the generator is asked for, and what it answers; both travel as JSON between two processes. */
import type { DiskStalls } from '../host/host-watch.ts'
import type { Percentiles } from '../statistics.ts'

export interface LoadPlan {
  readonly host: string
  readonly port: number
  readonly path: string
  readonly token: string
  /** Events a request. */
  readonly batch: number
  readonly gzip: boolean
  readonly connections: number
  /** Sent first and not measured: compilers and caches get warm. */
  readonly warmupRequests: number
  readonly requests: number
  /** Without it each connection sends as soon as it was answered (closed loop). */
  readonly requestsPerSecond?: number
  readonly seed: number
  /** Whose CPU time the events cost. */
  readonly measuredPid: number
  /** All of what belongs to the measurement; the CPU that nobody of these used is the noise. */
  readonly ownPids: readonly number[]
  /** On the disk that is watched meanwhile; without it none is. */
  readonly diskFolder?: string
}

export interface LoadResult {
  readonly seconds: number
  /** Measured, all of them answered with 200. */
  readonly events: number
  /** Everything that was answered with 200, warm-up included. */
  readonly acknowledgedEvents: number
  /** Sent, but not answered with 200: they may be stored or not. */
  readonly unacknowledgedEvents: number
  /** The first bad answer or broken connection; null when there was none. */
  readonly firstProblem: string | null
  readonly eventsPerSecond: number
  readonly latencyMs: Percentiles
  /** Of the answers in seconds in which the host left this machine alone (`host/host-watch.ts`); null when there were fewer than 100. */
  readonly leftAlone: { readonly shareOfAnswers: number; readonly latencyMs: Percentiles } | null
  readonly diskStalls: DiskStalls
  readonly cpuUsPerEvent: number
  readonly userUsPerEvent: number
  readonly systemUsPerEvent: number
  /** Of the thread that runs JavaScript; the rest is the pool's, the collector's and the compiler's. */
  readonly mainThreadUsPerEvent: number
  /** Near 1 the generator bounds the rate, not the server. */
  readonly generatorCores: number
  readonly otherCores: number
  readonly stolenCores: number
  readonly jsonBytesPerEvent: number
  readonly wireBytesPerEvent: number
}
