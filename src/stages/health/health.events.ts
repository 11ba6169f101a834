import type { InternalEvent } from '../../kit/telemetry/telemetry.ts'

export const canaryArrived = (durationMs: number): InternalEvent => ({
  emit(to) {
    to.count('health_canaries_arrived_total')
    to.observe('health_canary_duration_ms', durationMs)
  },
})

export const canaryMissing = (reason: string): InternalEvent => ({
  emit(to) {
    to.count('health_canaries_missing_total')
    to.log('error', 'Canary events did not come through; something on the way is stuck.', { reason })
  },
})

export const booksDoNotBalance = (imbalances: readonly string[]): InternalEvent => ({
  emit(to) {
    to.count('health_books_imbalances_total', imbalances.length)
    to.log('error', 'The books of the stages do not balance: events were lost or doubled. Run "sluice verify".', {
      imbalances,
    })
  },
})

export const progressSeen = (waitingEvents: number, oldestWaitingMs: number | null): InternalEvent => ({
  emit(to) {
    to.gauge('health_waiting_events', waitingEvents)
    to.gauge('health_oldest_waiting_ms', oldestWaitingMs ?? 0)
  },
})
