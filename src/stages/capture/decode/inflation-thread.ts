/**
 * Inflates large bodies in a thread of its own, one after the other: what a bomb becomes before it is refused is that thread's
 * memory and garbage, and its time is what the door leaves over. Whoever sent a bomb has to send again what else of his waits: he
 * usually sends several, and each takes as long as ten honest bodies. On a machine whose cores others keep busy the door leaves
 * little over, so nobody waits for longer than a bound. The thread starts with the first large body; one that dies rejects what it
 * was doing and what waits, and the next body starts another.
 */
import type { Worker } from 'node:worker_threads'
import { Failure } from '../../../kit/failure.ts'
import { startLoweredWorker } from '../../../kit/thread-priority.ts'
import { inflatedBytesFor } from './inflation.ts'
import type { Compression } from './inflation.ts'

export type LargeInflation =
  | { readonly kind: 'inflated'; readonly body: Buffer }
  | { readonly kind: 'too_large'; readonly bytesMax: number }
  | { readonly kind: 'broken' }
  /** It is to come again: too many wait already, it has waited too long, or another body of its client was too large. */
  | { readonly kind: 'busy' }

/** Rejects with a retryable Failure when the thread broke. `bytesMax` is of what comes out, `client` the address that it came from. */
export type InflateLarge = (
  body: Buffer,
  compression: Compression,
  bytesMax: number,
  client: string,
) => Promise<LargeInflation>

export interface InflationTask {
  readonly body: Uint8Array
  readonly compression: Compression
  readonly bytesMax: number
}

export type InflationAnswer = Uint8Array<ArrayBuffer> | 'too_large' | 'broken'

interface Waiting {
  readonly body: Buffer
  readonly compression: Compression
  readonly bytesMax: number
  readonly client: string
  readonly outcome: PromiseWithResolvers<LargeInflation>
}

/** The lowest priority there is. */
const niceness = 19

export interface InflationBounds {
  /** Bodies that are inflated or wait for it. */
  readonly waitingMax: number
  /** Until a body is inflated, its turn included. Clients give up after 10 s and more, and send again. */
  readonly waitMsMax: number
}

const boundsUsual: InflationBounds = { waitingMax: 33, waitMsMax: 8000 }

/** One for all captures of a process, because its bounds are the process's. */
export function createInflationThread(bounds: Partial<InflationBounds> = {}): InflateLarge {
  const { waitingMax, waitMsMax } = { ...boundsUsual, ...bounds }
  /** The first one is with the thread. */
  let waiting: Waiting[] = []
  let worker: Worker | undefined

  const start = (): Worker => {
    const started = startLoweredWorker('inflation-worker', import.meta.url, niceness)
    started.on('message', (answer: InflationAnswer) => {
      const [done, ...others] = waiting
      waiting = others
      if (done !== undefined) {
        done.outcome.resolve(outcomeOf(answer, done))
        if (answer === 'too_large') sendAgain(done.client)
      }
      if (waiting.length > 0) next(started)
      else started.unref()
    })
    let cause: unknown
    started.on('error', (error: unknown) => {
      cause = error
    })
    started.on('exit', () => {
      worker = undefined
      for (const { outcome } of waiting)
        outcome.reject(
          new Failure('SLUICE_INFLATION_THREAD', 'The inflation thread ended.', { retryable: true, cause }),
        )
      waiting = []
    })
    return started
  }

  const sendAgain = (client: string): void => {
    for (const one of waiting) if (one.client === client) one.outcome.resolve({ kind: 'busy' })
    waiting = waiting.filter((one) => one.client !== client)
  }

  const next = (to: Worker): void => {
    const [one] = waiting
    if (one === undefined) return
    const { compression, bytesMax } = one
    // A copy: the body as it was sent is looked at again, for its signature and to be kept.
    const body = new Uint8Array(one.body)
    to.postMessage({ body, compression, bytesMax } satisfies InflationTask, [body.buffer])
  }

  return function inflateLarge(body, compression, bytesMaxUsual, client) {
    if (waiting.length >= waitingMax) return Promise.resolve({ kind: 'busy' })
    const outcome = Promise.withResolvers<LargeInflation>()
    const one = { body, compression, bytesMax: inflatedBytesFor(body, bytesMaxUsual), client, outcome }
    waiting.push(one)
    const tooLate = setTimeout(() => {
      outcome.resolve({ kind: 'busy' })
      // What is with the thread keeps its place until the thread is done with it.
      waiting = waiting.filter((other, index) => index === 0 || other !== one)
    }, waitMsMax)
    worker ??= start()
    // The process does not end while somebody waits, and does when nobody does.
    worker.ref()
    if (waiting.length === 1) next(worker)
    return outcome.promise.finally(() => clearTimeout(tooLate))
  }
}

function outcomeOf(answer: InflationAnswer, { bytesMax }: Waiting): LargeInflation {
  if (answer === 'too_large') return { kind: 'too_large', bytesMax }
  if (answer === 'broken') return { kind: 'broken' }
  return { kind: 'inflated', body: Buffer.from(answer.buffer) }
}
