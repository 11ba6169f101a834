/** The progress as earlier releases wrote it: of all partitions together, with at most one block on its way. */
import type { BlockIntent, PartitionProgress } from '../insert-progress.ts'
import { partitionsOf } from '../kept-insert-progress.ts'
import type { KeptProgress } from '../kept-insert-progress.ts'

export interface EarlierProgress {
  /** By partition, these all; shorter than the lane where lanes came later. */
  readonly offsets: readonly number[]
  readonly sourceOffsets: readonly number[]
  readonly epochs: readonly number[]
  readonly throughMs: readonly number[]
  /** Absent in the oldest. */
  readonly canaries?: readonly (number | null)[]
  /** Of all partitions together. */
  readonly rowsInserted: number
  readonly rowsRefused: number
  /** The block that was being inserted. */
  readonly intent?: BlockIntent
  readonly recent: readonly BlockIntent[]
}

/** Rows were counted together: they all go to the first partition, so that sums stay right. */
export function keptFromEarlier(earlier: EarlierProgress): KeptProgress {
  const { offsets, rowsInserted, rowsRefused, intent, recent } = earlier
  const all = offsets.map((offset, partition): [number, PartitionProgress] => {
    const sourceOffset = earlier.sourceOffsets[partition] ?? 0
    const rows = partition === 0 ? { rowsInserted, rowsRefused } : { rowsInserted: 0, rowsRefused: 0 }
    return [
      partition,
      {
        offset,
        sourceOffset,
        epoch: earlier.epochs[partition] ?? 0,
        throughMs: earlier.throughMs[partition] ?? 0,
        // A partition of which nothing was inserted has none; what was inserted, the next batch counts.
        canaries: earlier.canaries?.[partition] ?? (sourceOffset === 0 ? 0 : null),
        ...rows,
      },
    ]
  })
  return {
    partitions: new Map(all.filter(([, own]) => own.offset > 0 || own.rowsInserted > 0 || own.rowsRefused > 0)),
    blocks: [
      ...recent.map((block) => ({ block, openIn: [], recentIn: partitionsOf(block) })),
      ...(intent === undefined ? [] : [intent]).map((block) => {
        const own = partitionsOf(block)
        return { block, openIn: own, recentIn: own }
      }),
    ],
  }
}
