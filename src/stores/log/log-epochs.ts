/**
 * Who owns the partitions of a lane in a log that several processes may write to, decided outside of it. `log-epochs.contract.ts`
 * checks the promises.
 *
 * Epoch: from 1, grows with each owner of a partition; the newest one is the rightful one. Kept where nothing is forgotten: an epoch
 * that was given out once is never given out again.
 */
import type { Lane } from '../../event/position.ts'
import type { Remembered } from './event-log.ts'

export interface LogEpochs {
  /**
   * Takes the partitions over, all or none: resolves with an epoch for each that is larger than every one before it and than
   * `above` (by partition, where the log is known to have newer ones than are kept here), durably, and with what had been remembered
   * until then. After a Failure they may have been taken over all the same, by nobody; taking them again is right then.
   */
  take(
    lane: Lane,
    partitions: readonly number[],
    above?: ReadonlyMap<number, number>,
  ): Promise<ReadonlyMap<number, TakenPartition>>
  /** The newest epochs of these partitions; 0 of those that nobody ever took. */
  newest(lane: Lane, partitions: readonly number[]): Promise<ReadonlyMap<number, number>>
  /** Remembers for those of the partitions whose newest epoch is the owner's still, and changes nothing of others. */
  remember(lane: Lane, newest: ReadonlyMap<number, Remembered & { readonly epoch: number }>): Promise<void>
  /** Of all partitions of the lane of which something was remembered. */
  remembered(lane: Lane): Promise<ReadonlyMap<number, Remembered>>
}

export interface TakenPartition {
  readonly epoch: number
  readonly remembered: Remembered | undefined
}
