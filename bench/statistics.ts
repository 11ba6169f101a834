/** What three runs come to: medians hold on shared machines, the spread says how much to trust them. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: readonly number[]
}

export function summaryOf(runs: readonly number[]): Summary {
  const sorted = runs.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN, runs }
}

/** The smallest value that at least this share of the values does not exceed. Takes ascending values. */
export function percentileOf(ascending: ArrayLike<number>, share: number): number {
  const index = Math.min(ascending.length - 1, Math.max(0, Math.ceil(share * ascending.length) - 1))
  return ascending[index] ?? Number.NaN
}

export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

export function percentilesOf(values: readonly number[] | Float64Array): Percentiles {
  const ascending = Float64Array.from(values).sort()
  return {
    p50: percentileOf(ascending, 0.5),
    p95: percentileOf(ascending, 0.95),
    p99: percentileOf(ascending, 0.99),
    max: percentileOf(ascending, 1),
  }
}
