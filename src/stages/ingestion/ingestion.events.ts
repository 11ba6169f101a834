import type { SourceException } from '../../event/derived-batch.ts'
import { codeOf, messageOf } from '../../kit/failure.ts'
import type { InternalEvent } from '../../kit/telemetry/telemetry.ts'

export const rangesCommitted = (records: number, rows: number): InternalEvent => ({
  emit(to) {
    to.count('ingestion_records_read_total', records)
    to.count('ingestion_rows_derived_total', rows)
  },
})

/** `partition`: by source index. */
export const recordsSetAside = (partition: number, exceptions: readonly SourceException[]): InternalEvent => ({
  emit(to) {
    for (const { kind, reason } of exceptions) to.count('ingestion_records_set_aside_total', 1, { kind, reason })
    const worst = exceptions.find(({ kind }) => kind !== 'dropped')
    if (worst !== undefined) {
      to.log(worst.kind === 'damaged' ? 'error' : 'warn', 'Events could not be processed and were set aside.', {
        partition,
        count: exceptions.length,
        kind: worst.kind,
        reason: worst.reason,
        step: worst.step,
        offset: worst.offset,
      })
    }
  },
})

export const ownershipTaken = (flow: string, partitions: readonly number[], waiting: number): InternalEvent => ({
  emit(to) {
    to.log('info', 'Ingestion owns its partitions.', { flow, partitions: partitions.join(','), waiting })
  },
})

export const copyIndexSized = (keys: number, bytes: number): InternalEvent => ({
  emit(to) {
    to.gauge('ingestion_copy_keys', keys)
    to.gauge('ingestion_copy_index_bytes', bytes)
  },
})

export const copyKeysForgotten = (keys: number, keysMax: number, isToBeSaid: boolean): InternalEvent => ({
  emit(to) {
    to.count('ingestion_copy_keys_forgotten_total', keys)
    if (!isToBeSaid) return
    to.log('warn', 'Duplicate keys come faster than they can be kept for the window: late copies may become rows.', {
      keys,
      setting: 'ingestion.duplicateKeysMax',
      keysMax,
    })
  },
})

export const copiesRebuilt = (flow: string, records: number, elapsedMs: number): InternalEvent => ({
  emit(to) {
    to.count('ingestion_copy_records_reread_total', records)
    to.log('info', 'The duplicate keys of partitions that were taken over are known again.', {
      flow,
      records,
      elapsedMs: Math.round(elapsedMs),
    })
  },
})

export const rememberingFailed = (error: unknown): InternalEvent => ({
  emit(to) {
    to.log('info', 'How far ingestion is was not remembered for others; it is tried again.', {
      reason: messageOf(error),
      code: codeOf(error),
    })
  },
})

export const renewalFailed = (error: unknown): InternalEvent => ({
  emit(to) {
    to.log('info', 'The newest batches of lanes that stand still were not renewed; it is tried again.', {
      reason: messageOf(error),
      code: codeOf(error),
    })
  },
})

export const ingestionRetries = (error: unknown, delayMs: number): InternalEvent => ({
  emit(to) {
    to.count('ingestion_retries_total')
    // Who starts together is not there at once.
    to.log(delayMs < 1000 ? 'info' : 'warn', 'Ingestion is held up and tries again.', {
      reason: messageOf(error),
      code: codeOf(error),
      delayMs,
    })
  },
})
