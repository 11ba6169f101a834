/** Where a partition of a source lane stands, as its newest batch says it and as the log remembers it for others. */
import { emptyBooks } from '../../event/derived-batch.ts'
import type { DerivedBatchHead, IngestionBooks } from '../../event/derived-batch.ts'

export interface PartitionState {
  /** Next source offset to decide. */
  readonly decidedTo: number
  readonly books: IngestionBooks
  /** Log time of the last record that was decided; 0 when there was none. */
  readonly acceptedToMs: number
}

export const nothingDecided: PartitionState = { decidedTo: 0, books: emptyBooks, acceptedToMs: 0 }

/** Once this batch is durable. */
export function stateAfter({ to: decidedTo, books, acceptedToMs }: DerivedBatchHead): PartitionState {
  return { decidedTo, books, acceptedToMs }
}

/** What is remembered about the newest batch of a source index. */
export function aboutState({ decidedTo, books, acceptedToMs }: PartitionState): string {
  return JSON.stringify({ decidedTo, books, acceptedToMs })
}

/** Undefined for what an earlier release remembered, which said nothing. */
export function stateFrom(about: string): PartitionState | undefined {
  if (about === '') return undefined
  // Written by `aboutState`, in this process or another.
  const { decidedTo, books, acceptedToMs } = JSON.parse(about) as Partial<PartitionState>
  return decidedTo === undefined || books === undefined || acceptedToMs === undefined
    ? undefined
    : { decidedTo, books, acceptedToMs }
}
