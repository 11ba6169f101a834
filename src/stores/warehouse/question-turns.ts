import { Failure } from '../../kit/failure.ts'

/** Bounds how many questions run at once and how many wait for that. */
export class QuestionTurns {
  readonly #atOnceMax: number
  readonly #waitingMax: number
  readonly #waiting: (() => void)[] = []
  #running = 0
  #idle: (() => void) | undefined

  constructor(atOnceMax: number, waitingMax: number) {
    this.#atOnceMax = atOnceMax
    this.#waitingMax = waitingMax
  }

  async take(givenUp: AbortSignal): Promise<void> {
    if (givenUp.aborted) throw cancelled(undefined)
    if (this.#running < this.#atOnceMax) {
      this.#running += 1
      return
    }
    if (this.#waiting.length >= this.#waitingMax) {
      throw new Failure('SLUICE_QUERY_BUSY', 'Too many questions wait already. Ask again later.', { retryable: true })
    }
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1)
        reject(cancelled(undefined))
      }
      // Whoever ends hands its turn over, so the count of running questions stays.
      const turn = () => {
        givenUp.removeEventListener('abort', leave)
        resolve()
      }
      this.#waiting.push(turn)
      givenUp.addEventListener('abort', leave, { once: true })
    })
  }

  give(): void {
    const next = this.#waiting.shift()
    if (next !== undefined) {
      next()
      return
    }
    this.#running -= 1
    if (this.#running === 0) this.#idle?.()
  }

  /** Resolves when none runs. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
  }
}

export function cancelled(cause: unknown): Failure {
  return new Failure('SLUICE_QUERY_CANCELLED', 'The question was cancelled.', { cause })
}
