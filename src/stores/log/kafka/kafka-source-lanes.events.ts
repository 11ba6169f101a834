import type { InternalEvent } from '../../../kit/telemetry/telemetry.ts'
import { reasonOf } from './kafka-connection.ts'

export const requestDone = (messages: number, partitions: number, durationMs: number): InternalEvent => ({
  emit(to) {
    to.count('kafka_messages_produced_total', messages)
    to.count('kafka_batches_produced_total', partitions)
    to.observe('kafka_produce_duration_ms', durationMs)
  },
})

export const tryFailed = (broker: number, tries: number, delayMs: number, reason: unknown): InternalEvent => ({
  emit(to) {
    to.count('kafka_produce_tries_failed_total')
    to.log('warn', 'Kafka did not take what was sent; it is sent again.', {
      broker,
      tries,
      delayMs,
      reason: reasonOf(reason),
    })
  },
})

export const batchRequeued = (topic: string, partition: number, messages: number): InternalEvent => ({
  emit(to) {
    to.count('kafka_batches_requeued_total')
    to.log('warn', 'Messages for Kafka were put back after all their tries; they wait for another turn.', {
      topic,
      partition,
      messages,
    })
  },
})

export const appendsGivenUp = (count: number, afterMs: number, reason: unknown): InternalEvent => ({
  emit(to) {
    to.count('kafka_appends_given_up_total', count)
    to.log('error', 'Kafka did not take events in time; their senders were told to send them again.', {
      requests: count,
      afterMs,
      reason: reasonOf(reason),
    })
  },
})

/** Trying again does not mend it; the next request tries anew. */
export const appendsRefused = (count: number, reason: unknown): InternalEvent => ({
  emit(to) {
    to.count('kafka_appends_refused_total', count)
    to.log('error', 'Kafka does not let us store events; their senders were told that it failed.', {
      requests: count,
      reason: reasonOf(reason),
    })
  },
})
