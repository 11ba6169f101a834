import { describeInsertProgress } from '../insert-progress.contract.ts'
import { createMemoryInsertProgress } from './memory-insert-progress.ts'

describeInsertProgress('the progress in memory', (recentBlocksMax) => {
  const progress = createMemoryInsertProgress(recentBlocksMax)
  return Promise.resolve({ progress, reopen: () => Promise.resolve(progress) })
})
