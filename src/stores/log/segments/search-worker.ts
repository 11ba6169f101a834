/** The search thread: one search, one answer, and its end. Whoever does not want the answer any more ends the thread. */
import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../../../kit/failure.ts'
import { searchDecisions, searchEntries } from './search-segments.ts'
import type { SearchAnswer, SearchOrder } from './search-tasks.ts'

parentPort?.postMessage(answerTo(workerData as SearchOrder))

function answerTo(order: SearchOrder): SearchAnswer {
  try {
    const { kind } = order.task
    return kind === 'decisions' || kind === 'parked'
      ? { outcome: 'decisions', found: searchDecisions(order) }
      : { outcome: 'entries', found: searchEntries(order) }
  } catch (error) {
    return { outcome: 'failed', reason: messageOf(error) }
  }
}
