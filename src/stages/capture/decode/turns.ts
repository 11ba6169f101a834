/** Runs so many pieces of work at a time and lets so many wait; the next one is turned away. */
export function createTurns(
  runningMax: number,
  waitingMax: number,
): <T>(work: () => Promise<T>, turnedAway: T) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []

  return async function inTurn(work, turnedAway) {
    if (running >= runningMax) {
      if (waiting.length >= waitingMax) return turnedAway
      // Whoever ends hands its place on, so `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
