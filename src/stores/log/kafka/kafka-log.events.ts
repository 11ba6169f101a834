import type { InternalEvent } from '../../../kit/telemetry/telemetry.ts'
import { reasonOf } from './kafka-connection.ts'

/** Said of every broken request; the reader or writer tries again within its bounds. */
export const kafkaRequestFailed = (doing: string, error: unknown, delayMs: number): InternalEvent => ({
  emit(to) {
    to.count('kafka_requests_failed_total', 1, { doing })
    to.log('warn', 'Kafka did not do what was asked; it is asked again.', { doing, reason: reasonOf(error), delayMs })
  },
})

export const olderEpochPassedOver = (
  lane: string,
  partition: number,
  epoch: number,
  newest: number,
): InternalEvent => ({
  emit(to) {
    to.count('kafka_older_epochs_passed_over_total', 1, { lane })
    to.log('warn', 'A batch of a replaced owner was passed over.', { lane, partition, epoch, newest })
  },
})

export const unknownBatchPassedOver = (lane: string, partition: number, offset: number): InternalEvent => ({
  emit(to) {
    to.count('kafka_unknown_messages_passed_over_total', 1, { lane })
    to.log('error', 'Messages that Sluice cannot have written stand in its topic and were passed over.', {
      lane,
      partition,
      offset,
    })
  },
})

export const epochsWereForgotten = (lane: string, partitions: readonly number[]): InternalEvent => ({
  emit(to) {
    to.count('kafka_forgotten_epochs_total', partitions.length, { lane })
    to.log(
      'warn',
      'Kafka has newer epochs than Postgres, as after a restored backup; the partitions are taken above them.',
      {
        lane,
        partitions: partitions.join(' '),
      },
    )
  },
})
