/** One search at a time, so that neither the event loop nor what is read serves two of them. */
import { Failure } from '../../kit/failure.ts'

export interface SearchTurns {
  /** Rejects with SLUICE_SEARCH_BUSY when too many wait already, with SLUICE_SEARCH_CANCELLED when nobody waits any more. */
  inTurn<T>(signal: AbortSignal, act: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Ends what runs and what waits. */
  close(): void
}

export function createSearchTurns(waitingMax: number): SearchTurns {
  const closing = new AbortController()
  const waiting: (() => void)[] = []
  let isRunning = false

  function queue(signal: AbortSignal): Promise<void> {
    if (waiting.length >= waitingMax) {
      throw new Failure('SLUICE_SEARCH_BUSY', 'Too many searches wait already; try again shortly.', { retryable: true })
    }
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        signal.removeEventListener('abort', leave)
        // Taken over before anybody else can see it free.
        isRunning = true
        resolve()
      }
      const leave = (): void => {
        waiting.splice(waiting.indexOf(turn), 1)
        reject(searchCancelled())
      }
      waiting.push(turn)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  return {
    async inTurn(signal, act) {
      const given = AbortSignal.any([signal, closing.signal])
      if (given.aborted) throw searchCancelled()
      if (isRunning) await queue(given)
      isRunning = true
      try {
        return await act(given)
      } finally {
        isRunning = false
        waiting.shift()?.()
      }
    },
    close() {
      closing.abort()
    },
  }
}

export function searchCancelled(): Failure {
  return new Failure('SLUICE_SEARCH_CANCELLED', 'Nobody waits for the search any more.')
}
