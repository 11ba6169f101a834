import type { Config } from '../config.ts'

/** When a batch of events leaves the edge (C12): by size and time, or, in debug mode, each event alone and at once. */
export function kafkaBatches({
  batchMessagesMax,
  batchBytesMax,
  flushMs,
  debug,
}: Config['kafka']): Pick<Config['kafka'], 'batchMessagesMax' | 'batchBytesMax' | 'flushMs'> {
  return debug === 'on'
    ? { batchMessagesMax: 1, batchBytesMax, flushMs: 0 }
    : { batchMessagesMax, batchBytesMax, flushMs }
}
