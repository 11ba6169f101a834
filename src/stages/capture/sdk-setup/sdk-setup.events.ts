import { codeOf, messageOf } from '../../../kit/failure.ts'
import type { InternalEvent } from '../../../kit/telemetry/telemetry.ts'

export const setupAnswered = (status: number): InternalEvent => ({
  emit(to) {
    to.count('sdk_setup_requests_answered_total', 1, { status: String(status) })
  },
})

export const setupFailed = (error: unknown): InternalEvent => ({
  emit(to) {
    to.log('error', 'What an SDK asked for could not be given.', { reason: messageOf(error), code: codeOf(error) })
  },
})
