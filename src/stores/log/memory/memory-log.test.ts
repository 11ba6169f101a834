import { describeEventLog } from '../event-log.contract.ts'
import { createMemoryLog } from './memory-log.ts'

describeEventLog('the memory log', () => {
  const log = createMemoryLog(4)
  return Promise.resolve({ log, close: () => log.close() })
})
