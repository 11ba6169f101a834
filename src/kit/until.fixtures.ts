import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves once the condition holds; rejects with `what` when it does not within ten seconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 10_000
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`It never happened that ${what}.`)
    await sleep(1)
  }
}
