/** Takes the record batches of a derived lane one after the other and says which of them are records for this reader. */
import type { Lane } from '../../../event/position.ts'
import { Failure } from '../../../kit/failure.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import type { LogRecord } from '../event-log.ts'
import { controlOf } from './derived-messages.ts'
import type { Control } from './derived-messages.ts'
import * as happened from './kafka-log.events.ts'
import type { BatchRead, FollowedPartition } from './kafka-reading.ts'

/** There is one line of positions for all time. */
export const incarnation = 1

export interface DerivedReader {
  /** Undefined for a batch that is no record for this reader. */
  take(read: BatchRead): LogRecord | undefined
  /** The newest epoch that was met in a partition; 0 when nothing was. */
  epochOf(partition: number): number
}

interface Partition {
  readonly from: number
  epoch: number
  /** Offset of the newest valid batch that came; nothing before `from` is missed. */
  seen: number
}

/** `missed`: what to do when a batch says that one before it was wanted and did not come. */
export function createDerivedReader(
  lane: Lane,
  wanted: readonly FollowedPartition[],
  telemetry: Telemetry,
  { missed }: { readonly missed: 'refused' | 'passed over' },
): DerivedReader {
  const partitions = new Map(
    wanted
      .filter((one) => one.lane === lane)
      .map(({ partition, from }): [number, Partition] => [partition, { from, epoch: 0, seen: from - 1 }]),
  )

  function record(control: Control, own: Partition, { partition, timeMs }: BatchRead): LogRecord | undefined {
    if (control.epoch < own.epoch) {
      happened.olderEpochPassedOver(lane, partition, control.epoch, own.epoch).emit(telemetry)
      return undefined
    }
    own.epoch = control.epoch
    if (control.kind === 'marker') return undefined
    const { offset, headers, value, previous } = control
    if (missed === 'refused' && previous > own.seen) throw trimmed(lane, partition, previous)
    own.seen = Math.max(own.seen, offset)
    if (offset < own.from) return undefined
    return { lane, position: { incarnation, partition, offset }, timeMs, headers, value }
  }

  return {
    take(read) {
      const own = partitions.get(read.partition)
      if (own === undefined) return undefined
      const control = controlOf(read.batch)
      if (control !== undefined) return record(control, own, read)
      happened.unknownBatchPassedOver(lane, read.partition, Number(read.batch.firstOffset)).emit(telemetry)
      return undefined
    },
    epochOf: (partition) => partitions.get(partition)?.epoch ?? 0,
  }
}

export function trimmed(lane: Lane, partition: number, offset: number): Failure {
  return new Failure(
    'SLUICE_LOG_TRIMMED',
    `A derived batch of partition ${String(partition)} of ${lane} from offset ${String(offset)} on is still wanted and was removed by Kafka.`,
  )
}
