import { codeOf, messageOf } from '../../kit/failure.ts'
import type { InternalEvent } from '../../kit/telemetry/telemetry.ts'

export const requestAnswered = (status: number, durationMs: number, events: number): InternalEvent => ({
  emit(to) {
    to.count('capture_requests_answered_total', 1, { status: String(status) })
    if (events > 0) to.count('capture_events_received_total', events)
    to.observe('capture_request_duration_ms', durationMs)
  },
})

export const requestRefused = (
  status: number,
  reason: string,
  ip: string,
  requestId?: string | readonly string[],
): InternalEvent => ({
  emit(to) {
    to.count('capture_requests_refused_total', 1, { status: String(status) })
    to.log('debug', 'A request was refused.', {
      status,
      reason,
      ip,
      ...(requestId === undefined ? {} : { request_id: requestId }),
    })
  },
})

export const eventsRefused = (count: number, reason: string, token: string): InternalEvent => ({
  emit(to) {
    to.count('capture_events_refused_total', count)
    to.log('debug', 'Events of a batch were refused and kept as dead letters.', { count, reason, token })
  },
})

export const requestFailed = (error: unknown): InternalEvent => ({
  emit(to) {
    to.count('capture_requests_failed_total', 1, { code: codeOf(error) ?? 'unexpected' })
    to.log('error', 'A request failed inside of the server.', {
      reason: messageOf(error),
      code: codeOf(error),
      stack: error instanceof Error ? error.stack : undefined,
    })
  },
})
