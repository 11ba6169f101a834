import { messageOf } from '../../../kit/failure.ts'
import type { InternalEvent } from '../../../kit/telemetry/telemetry.ts'

export const partitionsAssigned = (partitions: readonly number[]): InternalEvent => ({
  emit(to) {
    to.gauge('kafka_partitions_assigned', partitions.length)
    to.log('info', 'This process was given its partitions.', { partitions })
  },
})

/** Said once; until the group answers again only counted. */
export const groupAway = (error: unknown, isNew: boolean): InternalEvent => ({
  emit(to) {
    to.count('kafka_requests_failed_total', 1, { doing: 'share' })
    to.gauge('kafka_group_reached', 0)
    if (!isNew) return
    to.log('warn', 'Who shares the partitions cannot be learned from Kafka; those that were assigned last stay.', {
      reason: messageOf(error),
    })
  },
})

export const groupReached = (awayMs: number): InternalEvent => ({
  emit(to) {
    to.gauge('kafka_group_reached', 1)
    if (awayMs > 0) to.log('info', 'Kafka shares the partitions again.', { awayMs: Math.round(awayMs) })
  },
})

export const memberExpelled = (error: unknown): InternalEvent => ({
  emit(to) {
    to.count('kafka_group_expulsions_total')
    to.log('warn', 'Kafka has given the partitions of this process to others; it joins again.', {
      reason: messageOf(error),
    })
  },
})

/** `sessionMs` is what the group has; undefined: unknown. */
export const groupSessionRefused = (
  sessionMs: number | undefined,
  wantedMs: number,
  error: unknown,
): InternalEvent => ({
  emit(to) {
    const message =
      'Partitions of a process that dies are given to others later than is set. Lower group.consumer.min.session.timeout.ms of the brokers, and let us alter the group.'
    to.log('warn', message, { sessionMs: sessionMs ?? 'unknown', wantedMs, reason: messageOf(error) })
  },
})
