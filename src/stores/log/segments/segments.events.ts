import { messageOf } from '../../../kit/failure.ts'
import type { Failure } from '../../../kit/failure.ts'
import type { InternalEvent } from '../../../kit/telemetry/telemetry.ts'

export const journalCreated = (folder: string): InternalEvent => ({
  emit(to) {
    to.log('info', 'A new journal begins.', { folder })
  },
})

/** Its count is that of the writes that succeeded. */
export const groupWritten = (durationMs: number): InternalEvent => ({
  emit(to) {
    to.observe('journal_append_duration_ms', durationMs)
  },
})

export const groupFailed = (folder: string, requests: number, failure: Failure): InternalEvent => ({
  emit(to) {
    to.count('journal_groups_failed_total', 1, { code: failure.code })
    to.log('error', 'A write did not become durable; its requests were refused and may be sent again.', {
      folder,
      requests,
      code: failure.code,
      reason: messageOf(failure.cause ?? failure),
    })
  },
})

export const diskReserve = (folder: string, full: boolean, freeBytes: number): InternalEvent => ({
  emit(to) {
    to.gauge('journal_disk_full', full ? 1 : 0)
    if (full)
      to.log('error', 'The disk is almost full: requests are refused until space is made.', { folder, freeBytes })
    else to.log('info', 'There is room on the disk again.', { folder, freeBytes })
  },
})

export const tornTailCut = (folder: string, file: string, bytes: number): InternalEvent => ({
  emit(to) {
    to.log('warn', 'An unfinished write at the end of the journal was cut; nothing in it was acknowledged.', {
      folder,
      file,
      bytes,
    })
  },
})

export const damageFound = (
  folder: string,
  file: string,
  damage: { readonly at: number; readonly bytes: number },
): InternalEvent => ({
  emit(to) {
    to.count('journal_damage_found_total')
    to.log('error', 'Bytes in the journal are damaged and were left out; what follows them is read.', {
      folder,
      file,
      at: damage.at,
      bytes: damage.bytes,
    })
  },
})

export const journalTrimmed = (folder: string, segments: number): InternalEvent => ({
  emit(to) {
    to.count('journal_segments_removed_total', segments)
    to.log('info', 'Old segments were removed.', { folder, segments })
  },
})
