/**
 * Works on the partitions that this process is assigned, for as long as they are.
 *
 * Words: a life is the work on one assignment. States: waiting for the first assignment → a life → (another assignment: that life ends,
 * the next begins) … → stopped. At most one life runs; all of its partitions are taken anew, those that it had before too.
 *
 * An assignment may come late, or be believed for too long (a process that was paused): then somebody newer owns a partition, and
 * what this life writes is refused. It ends, and begins again after a moment with what is assigned by then.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from '../kit/failure.ts'
import type { Telemetry } from '../kit/telemetry/telemetry.ts'
import type { PartitionAssignment } from '../stores/log/partition-assignment.ts'

export interface AssignedWork {
  /** Ends soon after the signal aborts; rejects when it cannot go on. Also of no partition at all. */
  run(partitions: readonly number[], signal: AbortSignal): Promise<void>
}

export interface RunningAssigned {
  /** Ends once the signal has aborted and the last life is over; rejects with what a life broke by. */
  readonly ended: Promise<void>
  /** Those of the life that runs, ascending. */
  partitions(): readonly number[]
}

/** Whoever was fenced waits so long for a new assignment: about two heartbeats of a group. */
const settleMs = 3_000
const fencedCodes: ReadonlySet<string | undefined> = new Set(['SLUICE_LOG_FENCED', 'SLUICE_PROGRESS_FENCED'])

export function runAssigned(
  assignment: PartitionAssignment,
  work: AssignedWork,
  { signal, telemetry }: { readonly signal: AbortSignal; readonly telemetry: Telemetry },
): RunningAssigned {
  let partitions: readonly number[] = []

  /** One life, over and over while others turn out to own its partitions. */
  async function live(assigned: readonly number[], over: AbortSignal): Promise<void> {
    const isOver = (): boolean => over.aborted
    while (!isOver()) {
      try {
        await work.run(assigned, over)
      } catch (error) {
        if (!fencedCodes.has(codeOf(error))) throw error
        if (isOver()) return
        telemetry.log('warn', 'Somebody newer works on a partition of ours: waiting for another assignment.', { error })
        await sleep(settleMs, undefined, { signal: over }).catch(() => undefined)
      }
    }
  }

  async function run(): Promise<void> {
    // Others get the partitions once the last life is over, not while it still writes.
    const leaving = new AbortController()
    const stopped = Promise.withResolvers<undefined>()
    const stop = (): void => stopped.resolve(undefined)
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
    const changes = assignment.follow(leaving.signal)[Symbol.asyncIterator]()
    let end = new AbortController()
    let life = Promise.resolve()
    const endLife = async (): Promise<void> => {
      end.abort()
      await life
      partitions = []
    }
    try {
      for (;;) {
        const change = await Promise.race([changes.next(), stopped.promise])
        if (change === undefined || change.done === true) break
        await endLife()
        if (signal.aborted) break
        partitions = change.value
        telemetry.log('info', 'The partitions of this process have changed.', { partitions: partitions.join(',') })
        end = new AbortController()
        life = live(partitions, end.signal)
        // What broke it is thrown by whoever waits for its end.
        life.catch((error: unknown) => stopped.reject(error))
      }
    } finally {
      signal.removeEventListener('abort', stop)
      await endLife().finally(async () => {
        leaving.abort()
        await changes.return?.()
      })
    }
  }

  return { ended: run(), partitions: () => partitions }
}
