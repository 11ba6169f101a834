import { describeInsertProgress } from '../insert-progress.contract.ts'
import { createMemoryInsertProgress } from './memory-insert-progress.ts'

describeInsertProgress('the progress in memory', () => {
  const progress = createMemoryInsertProgress()
  return Promise.resolve({ progress, reopen: () => Promise.resolve(progress) })
})
