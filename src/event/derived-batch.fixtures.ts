import { emptyBooks } from './derived-batch.ts'
import type { DerivedBatchHead } from './derived-batch.ts'

/** Of a batch that decided the first record of partition 0, but for what is said otherwise. */
export function aBatchHead(own: Partial<DerivedBatchHead> = {}): DerivedBatchHead {
  return {
    epoch: 1,
    partition: 0,
    from: 0,
    to: 1,
    exceptions: [],
    rowCount: 1,
    idSetHash: '0',
    month: 202_611,
    acceptedFromMs: 0,
    acceptedToMs: 0,
    books: emptyBooks,
    ...own,
  }
}
