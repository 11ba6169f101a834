import type { InternalEvent } from '../../../kit/telemetry/telemetry.ts'

export const topicsMade = (
  topics: readonly string[],
  partitions: number,
  replicationFactor: number,
): InternalEvent => ({
  emit(to) {
    to.log('info', 'Topics were made.', { topics, partitions, replicationFactor })
  },
})

export const risksAllowed = (risks: readonly string[]): InternalEvent => ({
  emit(to) {
    to.log('warn', 'Kafka can lose events that were acknowledged; the settings allow it.', { risks })
  },
})
