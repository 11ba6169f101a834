import type { BlockIntent, PartitionProgress } from './insert-progress.ts'

/** A progress in which every number tells which one it is. */
export function aProgress(n: number): PartitionProgress {
  return {
    offset: n,
    sourceOffset: n * 10,
    epoch: n,
    throughMs: 1_700_000_000_000 + n,
    canaries: n % 2 === 0 ? null : n,
    rowsInserted: n * 100,
    rowsRefused: n - 1,
  }
}

/** The same for all these partitions. */
export function progressIn(partitions: readonly number[], n: number): ReadonlyMap<number, PartitionProgress> {
  return new Map(partitions.map((partition) => [partition, aProgress(n)]))
}

export function anIntent(n: number, partitions: readonly number[] = [1]): BlockIntent {
  const ranges = partitions.map((partition) => ({
    partition,
    from: n,
    to: n + 1,
    sourceFrom: n * 10,
    sourceTo: n * 10 + 10,
    epoch: n,
    acceptedFromMs: 1_700_000_000_000,
    acceptedToMs: 1_700_000_000_000 + n,
  }))
  return { token: `202603-${String(n)}`, month: 202_603, rowCount: n * 10, ranges }
}
