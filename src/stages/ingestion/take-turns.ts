/**
 * Two readings as one, the urgent before the patient. Neither waits for ever, and of each at most one batch is held that nobody
 * asked for yet.
 *
 * Words:
 * - turn: one batch of one of the two.
 * - behind: a reading whose last batch was not small: more of it waits, most likely.
 *
 * Whose turn is it? The urgent reading's while it is behind or has a batch ready, but after `urgentTurnsMax` of them in a row
 * the patient one's, if that has a batch. When the last batch was small and the other reading has none, little waits: then
 * events may gather for `lingerMs`, so that low load does not mean many small batches.
 */
import { setTimeout as sleep } from 'node:timers/promises'

export interface TurnsOptions<T> {
  readonly urgentTurnsMax: number
  readonly lingerMs: number
  readonly isSmall: (batch: T) => boolean
  readonly signal: AbortSignal
}

export type Reading<T> = (signal: AbortSignal) => AsyncIterable<T>

/** A batch that is behind is read from disk; longer than this the patient ones do not wait for it. */
const graceMs = 20

/** Ends when the signal aborts, or both readings end; throws what one of them throws. */
export async function* takeTurns<T>(
  urgentReading: Reading<T>,
  patientReading: Reading<T>,
  { urgentTurnsMax, lingerMs, isSmall, signal }: TurnsOptions<T>,
): AsyncGenerator<T> {
  const stopping = new AbortController()
  const either = AbortSignal.any([signal, stopping.signal])
  // One at a time: a race between promises that settle rarely would keep a trace of every turn.
  let wake: (() => void) | undefined
  const settled = (): void => wake?.()
  const urgent = new Side(urgentReading(either), settled)
  const patient = new Side(patientReading(either), settled)
  const somethingSettled = (timeoutMs?: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(resolve, timeoutMs)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  let urgentTurns = 0
  try {
    while (!(urgent.hasEnded && patient.hasEnded)) {
      urgent.ask()
      patient.ask()
      if (!urgent.isReady && !patient.isReady) await somethingSettled()
      else if (!urgent.isReady && urgent.isBehind) await somethingSettled(graceMs)
      const isUrgent = urgent.isReady && (urgentTurns < urgentTurnsMax || !patient.isReady)
      const [own, other] = isUrgent ? [urgent, patient] : [patient, urgent]
      if (!own.isReady) continue
      urgentTurns = isUrgent ? urgentTurns + 1 : 0
      const batch = own.take()
      own.isBehind = !isSmall(batch)
      yield batch
      if (!own.isBehind && !other.isReady) await sleep(lingerMs, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    stopping.abort()
    await Promise.all([urgent.end(), patient.end()])
  }
}

/** One reading, with the batch that was read of it and not taken yet. */
class Side<T> {
  readonly #reading: AsyncIterator<T>
  readonly #settled: () => void
  #ready: { readonly batch: T } | { readonly error: unknown } | undefined
  #asked: Promise<void> | undefined
  hasEnded = false
  isBehind = false

  constructor(reading: AsyncIterable<T>, settled: () => void) {
    this.#reading = reading[Symbol.asyncIterator]()
    this.#settled = settled
  }

  get isReady(): boolean {
    return this.#ready !== undefined
  }

  /** Reads the next batch, unless that is being done or is done. */
  ask(): void {
    if (this.#asked !== undefined || this.hasEnded) return
    this.#asked = this.#read().finally(this.#settled)
  }

  async #read(): Promise<void> {
    try {
      const result = await this.#reading.next()
      if (result.done === true) this.hasEnded = true
      else this.#ready = { batch: result.value }
    } catch (error) {
      this.#ready = { error }
    }
  }

  /** Only when it is ready. Throws what the reading threw. */
  take(): T {
    const ready = this.#ready
    this.#ready = undefined
    this.#asked = undefined
    if (ready === undefined) throw new Error('Nothing was read that could be taken.')
    if ('error' in ready) throw ready.error
    return ready.batch
  }

  /** Whoever calls it has aborted the reading's signal, so that this does not wait for another batch. */
  async end(): Promise<void> {
    await this.#asked
    await this.#reading.return?.()
  }
}
