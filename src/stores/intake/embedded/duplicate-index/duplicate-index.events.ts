import type { InternalEvent } from '../../../../kit/telemetry/telemetry.ts'

export const duplicateIndexOpened = (facts: { files: number; keys: number; segments: number }): InternalEvent => ({
  emit(to) {
    to.log('info', 'Duplicate index opened.', facts)
  },
})

export const keyFileDiscarded = (file: string, reason: string): InternalEvent => ({
  emit(to) {
    to.count('intake_duplicate_index_files_discarded_total')
    to.log('warn', 'Key file discarded; its keys are restored from the journal.', { file, reason })
  },
})

export const keyFileDamaged = (file: string, reason: string, segments: number): InternalEvent => ({
  emit(to) {
    to.count('intake_duplicate_index_files_damaged_total')
    to.log('warn', 'Key file damaged; its keys are restored from the journal.', { file, reason, segments })
  },
})

export const backgroundTaskFailed = (kind: 'write' | 'merge', reason: string, retryInMs: number): InternalEvent => ({
  emit(to) {
    to.count('intake_duplicate_index_tasks_failed_total', 1, { kind })
    to.log('warn', 'Key file not written; it is tried again.', { kind, reason, retryInMs })
  },
})

export const windowShortened = (newestTimeMs: number, keys: number): InternalEvent => ({
  emit(to) {
    to.count('intake_duplicate_index_keys_forgotten_total', keys)
    to.log('error', 'Duplicate keys forgotten before their time: more than keysMax came within the window.', {
      newestForgotten: new Date(newestTimeMs).toISOString(),
      keys,
    })
  },
})

export const duplicateIndexSized = (facts: { files: number; keys: number; memoryBytes: number }): InternalEvent => ({
  emit(to) {
    to.gauge('intake_duplicate_index_files', facts.files)
    to.gauge('intake_duplicate_index_keys', facts.keys)
    to.gauge('intake_duplicate_index_memory_bytes', facts.memoryBytes)
  },
})
