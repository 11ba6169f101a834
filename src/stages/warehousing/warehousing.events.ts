import { codeOf, messageOf } from '../../kit/failure.ts'
import type { InternalEvent } from '../../kit/telemetry/telemetry.ts'

export const blockInserted = (rows: number, durationMs: number): InternalEvent => ({
  emit(to) {
    to.count('warehousing_rows_inserted_total', rows)
    to.count('warehousing_blocks_inserted_total')
    to.observe('warehousing_insert_duration_ms', durationMs)
  },
})

export const batchPassedOver = (partition: number, why: 'repeat' | 'older epoch'): InternalEvent => ({
  emit(to) {
    to.count('warehousing_batches_passed_over_total', 1, { why })
    to.log('info', 'A derived batch was passed over.', { partition, why })
  },
})

export const recovered = (blocks: number, rowsMissing: number): InternalEvent => ({
  emit(to) {
    to.count('warehousing_rows_restored_total', rowsMissing)
    if (rowsMissing === 0) to.log('info', 'The newest blocks are in the table.', { blocks })
    else to.log('warn', 'Rows that the table had lost were inserted again.', { blocks, rowsMissing })
  },
})

export const insertRetries = (error: unknown, delayMs: number): InternalEvent => ({
  emit(to) {
    to.count('warehousing_retries_total')
    to.log('warn', 'An insert failed and is tried again.', { reason: messageOf(error), code: codeOf(error), delayMs })
  },
})

export const startsAgain = (error: unknown, delayMs: number): InternalEvent => ({
  emit(to) {
    to.count('warehousing_retries_total')
    to.log('warn', 'The warehouse writer begins again where it stood, because something it needs was away.', {
      reason: messageOf(error),
      code: codeOf(error),
      delayMs,
    })
  },
})

export const rowRefused = (place: string, refusal: unknown): InternalEvent => ({
  emit(to) {
    to.count('warehousing_rows_refused_total')
    to.log('error', 'The table refused a row for good; it was left out so that the others go in.', {
      place,
      reason: messageOf(refusal),
    })
  },
})
