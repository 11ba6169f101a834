import { describeLogEpochs } from '../log-epochs.contract.ts'
import { describeLogReaders } from '../log-readers.contract.ts'
import { createMemoryLogEpochs } from './memory-log-epochs.ts'
import { createMemoryLogReaders } from './memory-log-readers.ts'

describeLogEpochs('memory', () => {
  const epochs = createMemoryLogEpochs()
  return Promise.resolve({ epochs, reopen: () => Promise.resolve(epochs) })
})

describeLogReaders('memory', () => {
  const readers = createMemoryLogReaders()
  return Promise.resolve({ readers, reopen: () => Promise.resolve(readers) })
})
