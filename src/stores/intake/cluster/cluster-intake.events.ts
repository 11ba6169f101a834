import { messageOf } from '../../../kit/failure.ts'
import type { InternalEvent } from '../../../kit/telemetry/telemetry.ts'

/** Said when it begins; until it answers again what follows is only counted. */
export const redisFailed = (error: unknown): InternalEvent => ({
  emit(to) {
    to.log('warn', 'Redis does not say what is a duplicate and what meets a limit.', { reason: messageOf(error) })
  },
})

export const redisAnswersAgain = (awayMs: number): InternalEvent => ({
  emit(to) {
    to.log('info', 'Redis says again what is a duplicate and what meets a limit.', { awayMs })
  },
})

export const uncheckedEvents = (count: number): InternalEvent => ({
  emit(to) {
    to.count('intake_events_unchecked_total', count)
  },
})

export const copiesAppended = (count: number): InternalEvent => ({
  emit(to) {
    to.count('intake_copies_appended_total', count)
  },
})
