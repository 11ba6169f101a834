/** What every part of the benchmark is given. */
import type { Pinning } from './host/pinning.ts'

export interface BenchContext {
  readonly pinning: Pinning
  /** Folder in which each part makes its data folder; its file system is measured. */
  readonly dataParent: string
  /** Of the processes that are started. */
  readonly environment: NodeJS.ProcessEnv
  readonly sizes: Sizes
  /** Another checkout that `capture` measures beside this one, run by run. */
  readonly against?: { readonly folder: string; readonly revision: string }
  /** Announces a run. With `--quiet` it resolves when nobody but the given processes does much, or after two minutes. */
  run(line: string, ownPids: readonly number[]): Promise<void>
  /** Progress between runs. */
  say(line: string): void
}

export interface Sizes {
  readonly runs: number
  readonly single: LoadSize
  readonly batch: LoadSize
  readonly flow: LoadSize
  readonly freshness: { readonly seconds: number; readonly eventsPerSecond: number; readonly markersPerSecond: number }
  readonly live: {
    readonly seconds: number
    readonly eventsPerSecond: number
    readonly markersPerSecond: number
    readonly drain: LoadSize
  }
  readonly questions: {
    readonly rows: number
    readonly seconds: number
    readonly eventsPerSecond: number
    readonly markersPerSecond: number
    /** How long the merge of what an import left is waited for. */
    readonly mergeSecondsMax: number
  }
  readonly hostile: { readonly seconds: number; readonly eventsPerSecond: number; readonly clients: number }
  readonly idle: { readonly settleSeconds: number; readonly windowSeconds: number }
  readonly restart: { readonly logBytes: number }
  readonly floors: { readonly rows: number }
}

/** In events. */
export interface LoadSize {
  readonly warmup: number
  readonly measured: number
}

/** CPU time is counted in steps of 10 ms: a run has to use seconds of it. */
export const fullSizes: Sizes = {
  runs: 3,
  single: { warmup: 20_000, measured: 120_000 },
  batch: { warmup: 100_000, measured: 400_000 },
  flow: { warmup: 100_000, measured: 500_000 },
  freshness: { seconds: 20, eventsPerSecond: 1000, markersPerSecond: 20 },
  live: { seconds: 20, eventsPerSecond: 1000, markersPerSecond: 20, drain: { warmup: 100_000, measured: 300_000 } },
  questions: { rows: 10_000_000, seconds: 120, eventsPerSecond: 5000, markersPerSecond: 10, mergeSecondsMax: 300 },
  hostile: { seconds: 60, eventsPerSecond: 200, clients: 50 },
  idle: { settleSeconds: 30, windowSeconds: 30 },
  restart: { logBytes: 1e9 },
  floors: { rows: 200_000 },
}

/** To see that everything runs; the figures say little. */
export const quickSizes: Sizes = {
  runs: 1,
  single: { warmup: 2000, measured: 10_000 },
  batch: { warmup: 10_000, measured: 40_000 },
  flow: { warmup: 10_000, measured: 30_000 },
  freshness: { seconds: 4, eventsPerSecond: 1000, markersPerSecond: 20 },
  live: { seconds: 4, eventsPerSecond: 1000, markersPerSecond: 20, drain: { warmup: 10_000, measured: 60_000 } },
  questions: { rows: 300_000, seconds: 8, eventsPerSecond: 1000, markersPerSecond: 10, mergeSecondsMax: 1 },
  hostile: { seconds: 8, eventsPerSecond: 200, clients: 50 },
  idle: { settleSeconds: 10, windowSeconds: 5 },
  restart: { logBytes: 5e7 },
  floors: { rows: 40_000 },
}
