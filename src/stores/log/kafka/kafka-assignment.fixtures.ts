import type { KafkaAssignmentOptions } from './kafka-assignment.ts'

/** As the settings have them unless told otherwise. */
export const usualTimes = {
  sessionMs: 10_000,
  heartbeatMs: 1_000,
  handoverMs: 30_000,
} as const satisfies Partial<KafkaAssignmentOptions>
