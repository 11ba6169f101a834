import { createKeptInsertProgress, nothingKept } from '../kept-insert-progress.ts'
import type { InsertProgress } from '../insert-progress.ts'

/** The progress in memory, for tests of stages. */
export function createMemoryInsertProgress(recentBlocksMax: number): InsertProgress {
  return createKeptInsertProgress(nothingKept, recentBlocksMax, () => Promise.resolve())
}
