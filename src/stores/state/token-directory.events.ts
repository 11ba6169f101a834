import { codeOf, messageOf } from '../../kit/failure.ts'
import type { InternalEvent } from '../../kit/telemetry/telemetry.ts'

export const tokensRefreshed = (tokens: number, durationMs: number): InternalEvent => ({
  emit(to) {
    to.gauge('state_tokens_known', tokens)
    to.observe('state_tokens_refresh_duration_ms', durationMs)
  },
})

/** Said when it begins, counted every time. */
export const tokenRefreshFailed = (error: unknown, firstTime: boolean): InternalEvent => ({
  emit(to) {
    to.count('state_token_refreshes_failed_total')
    if (firstTime) {
      to.log('warn', 'The list of tokens cannot be refreshed; unknown tokens are let in until it can.', {
        reason: messageOf(error),
        code: codeOf(error),
      })
    }
  },
})

export const tokenRefreshRecovered = (tokens: number): InternalEvent => ({
  emit(to) {
    to.log('info', 'The list of tokens is fresh again.', { tokens })
  },
})

export const tokensOverflowed = (tokensMax: number): InternalEvent => ({
  emit(to) {
    to.log('error', 'There are more tokens than may be kept in memory; unknown tokens are let in. Raise the limit.', {
      tokensMax,
    })
  },
})

export const tokenSnapshotUnreadable = (error: unknown): InternalEvent => ({
  emit(to) {
    to.log('warn', 'The saved list of tokens cannot be read and is ignored.', { reason: messageOf(error) })
  },
})

export const tokenSnapshotUnsaved = (error: unknown): InternalEvent => ({
  emit(to) {
    to.count('state_token_snapshots_failed_total')
    to.log('warn', 'The list of tokens cannot be saved; it is tried again.', {
      reason: messageOf(error),
      code: codeOf(error),
    })
  },
})
