import type { LimitUse } from '../stores/intake/intake.ts'
import { answerOfRole } from './ask-role.ts'
import type { RoleStatus } from './role-status.ts'

/** Whoever asks for limits is shown them without their counts rather than kept waiting. */
const allTimeoutMs = 1000

/** What the door has counted under keys that begin so; undefined when it does not answer in time. */
export async function limitUsesOfDoor(prefixes: readonly string[]): Promise<readonly LimitUse[] | undefined> {
  const endsMs = performance.now() + allTimeoutMs
  const uses: LimitUse[] = []
  // One after the other: the door has better things to do.
  for (const prefix of prefixes) {
    const timeoutMs = Math.max(1, Math.ceil(endsMs - performance.now()))
    const path = `/internal/status?limits=${encodeURIComponent(prefix)}`
    const limits = (await answerOfRole<RoleStatus>('edge', { path, timeoutMs }))?.limits
    if (limits === undefined) return undefined
    uses.push(...limits)
  }
  return uses
}
