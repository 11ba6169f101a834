import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

const pollMs = 20
/** Far beyond what any of it takes on a busy machine: who gets here waits for something that never comes. */
const untilMsMax = 60_000

/** Waits for a condition: resolves with the first value that is neither undefined nor false. Fails with `why` when none comes. */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  why: () => string = () => '',
): Promise<T> {
  const deadlineMs = performance.now() + untilMsMax
  while (performance.now() < deadlineMs) {
    const value = await condition()
    if (value !== undefined && value !== false) return value
    await sleep(pollMs)
  }
  return assert.fail(`${what} did not come within ${String(untilMsMax)} ms.\n${why()}`)
}
