/**
 * Inflates large bodies in a thread of its own, one after the other: what a bomb becomes before it is refused is that thread's
 * memory and garbage, and its time is what the door leaves over. The thread starts with the first large body; one that dies
 * rejects what it was doing, and the next body starts another.
 */
import { Worker } from 'node:worker_threads'
import { Failure } from '../../../kit/failure.ts'
import { startLowered } from '../../../kit/thread-priority.ts'
import { inflatedBytesFor } from './inflation.ts'
import type { Compression } from './inflation.ts'

export type LargeInflation =
  | { readonly kind: 'inflated'; readonly body: Buffer }
  | { readonly kind: 'too_large'; readonly bytesMax: number }
  | { readonly kind: 'broken' }
  /** So many wait already that one more is to come again. */
  | { readonly kind: 'busy' }

/** Rejects with a retryable Failure when the thread broke. `bytesMax` is of what comes out. */
export type InflateLarge = (body: Buffer, compression: Compression, bytesMax: number) => Promise<LargeInflation>

export interface InflationTask {
  readonly id: number
  readonly body: Uint8Array
  readonly compression: Compression
  readonly bytesMax: number
}

export interface InflationAnswer {
  readonly id: number
  readonly outcome: Uint8Array<ArrayBuffer> | 'too_large' | 'broken'
}

/** The lowest priority there is. */
const niceness = 19
/** Bodies that are inflated or wait for it, when nothing else is said. */
const waitingMaxUsual = 33

/** One for all captures of a process, because its bound is the process's. */
export function createInflationThread(waitingMax = waitingMaxUsual): InflateLarge {
  const waiting = new Map<number, PromiseWithResolvers<InflationAnswer['outcome']>>()
  let worker: Worker | undefined
  let lastId = 0

  const start = (): Worker => {
    // Sources run as .ts, the published build as .js.
    const started = startLowered(
      niceness,
      () =>
        new Worker(
          new URL(import.meta.url.endsWith('.ts') ? './inflation-worker.ts' : './inflation-worker.js', import.meta.url),
        ),
    )
    started.on('message', ({ id, outcome }: InflationAnswer) => {
      waiting.get(id)?.resolve(outcome)
      waiting.delete(id)
      if (waiting.size === 0) started.unref()
    })
    let cause: unknown
    started.on('error', (error: unknown) => {
      cause = error
    })
    started.on('exit', () => {
      worker = undefined
      for (const { reject } of waiting.values())
        reject(new Failure('SLUICE_INFLATION_THREAD', 'The inflation thread ended.', { retryable: true, cause }))
      waiting.clear()
    })
    return started
  }

  return async function inflateLarge(body, compression, bytesMaxUsual) {
    if (waiting.size >= waitingMax) return { kind: 'busy' }
    const bytesMax = inflatedBytesFor(body, bytesMaxUsual)
    const id = ++lastId
    const outcome = Promise.withResolvers<InflationAnswer['outcome']>()
    waiting.set(id, outcome)
    worker ??= start()
    // The process does not end while somebody waits, and does when nobody does.
    worker.ref()
    // A copy: the body as it was sent is looked at again, for its signature and to be kept.
    const copy = new Uint8Array(body)
    worker.postMessage({ id, body: copy, compression, bytesMax } satisfies InflationTask, [copy.buffer])
    const inflated = await outcome.promise
    if (inflated === 'too_large') return { kind: 'too_large', bytesMax }
    if (inflated === 'broken') return { kind: 'broken' }
    return { kind: 'inflated', body: Buffer.from(inflated.buffer) }
  }
}
