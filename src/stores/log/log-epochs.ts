/**
 * Who owns a lane of a log that several processes may write to, decided outside of it. `log-epochs.contract.ts` checks the promises.
 *
 * Epoch: 1-based, counts the owners of a lane; the newest one is the rightful one. Kept where nothing is forgotten: an epoch that
 * was given out once is never given out again.
 */
import type { Lane } from '../../event/position.ts'

export interface LogEpochs {
  /**
   * Takes the lane over: resolves with an epoch that is larger than every one before it, durably. After a Failure the lane may
   * have been taken over all the same, by nobody; taking it again is right then.
   */
  take(lane: Lane): Promise<number>
  /** The newest epoch of the lane; 0 when nobody ever took it. */
  newest(lane: Lane): Promise<number>
}
