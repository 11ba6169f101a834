/**
 * A lease that was taken, kept until it is over; the same for every adapter.
 *
 * Words:
 * - to renew: to tell the memory that we have it still, every third of `ttlMs`; a try that fails is repeated sooner.
 * - end: until when we hold it by our own, monotonic clock: `ttlMs` less a tenth after the last renewal that succeeded was *sent*.
 *   The memory counts from when it did the renewal, so it lets go later than we do, even when its clock is a little fast.
 *
 * held ─► over (released, lost). Nothing leads back: whoever lost a lease takes another one.
 */
import { Failure } from '../../kit/failure.ts'
import type { Lease, LeaseOptions } from './coordination.ts'

/** What an adapter can do for a lease that it took. */
export interface LeaseMemory {
  /** Prolongs it, and takes it anew when the memory knows of no lease of this name. False: another one has it. */
  renew(): Promise<boolean>
  /** Gives it up if it is still ours. */
  giveBack(): Promise<void>
}

const renewalsPerTtl = 3
/** A renewal that failed is tried again so many times sooner. */
const triesPerRenewal = 4

/** `sentAtMs`: when, by `performance.now()`, the call that took it was made. */
export class KeptLease implements Lease {
  readonly name: string
  readonly holder: string
  readonly over: AbortSignal
  readonly #memory: LeaseMemory
  readonly #ttlMs: number
  readonly #over = new AbortController()
  readonly #onOver: () => void
  #endMs: number
  #renewTimer: NodeJS.Timeout | undefined
  #endTimer: NodeJS.Timeout | undefined
  #giving: Promise<void> | undefined

  constructor(name: string, options: LeaseOptions, memory: LeaseMemory, sentAtMs: number, onOver: () => void) {
    this.name = name
    this.holder = options.holder
    this.over = this.#over.signal
    this.#memory = memory
    this.#ttlMs = options.ttlMs
    this.#onOver = onOver
    this.#endMs = sentAtMs + this.#heldMs()
    this.#awaitEnd()
    this.#renewIn(this.#ttlMs / renewalsPerTtl)
  }

  isHeld(): boolean {
    return !this.over.aborted && performance.now() < this.#endMs
  }

  release(): Promise<void> {
    this.#end(new Failure('SLUICE_LEASE_RELEASED', `The lease "${this.name}" was released.`))
    return this.#giving ?? Promise.resolve()
  }

  #heldMs(): number {
    return this.#ttlMs - this.#ttlMs / 10
  }

  #renewIn(pauseMs: number): void {
    this.#renewTimer = setTimeout(() => void this.#renew(), pauseMs)
  }

  async #renew(): Promise<void> {
    // Stopped for a while: too late to renew, whatever the memory would say.
    if (!this.isHeld()) {
      this.#lose('It could not be renewed in time.')
      return
    }
    const sentAtMs = performance.now()
    let isOurs: boolean
    try {
      isOurs = await this.#memory.renew()
    } catch {
      if (!this.over.aborted) this.#renewIn(this.#ttlMs / renewalsPerTtl / triesPerRenewal)
      return
    }
    if (this.over.aborted) return
    if (!isOurs) {
      this.#lose('Another one has it.')
      return
    }
    this.#endMs = sentAtMs + this.#heldMs()
    this.#awaitEnd()
    this.#renewIn(this.#ttlMs / renewalsPerTtl)
  }

  #awaitEnd(): void {
    clearTimeout(this.#endTimer)
    const restMs = Math.max(this.#endMs - performance.now(), 0)
    this.#endTimer = setTimeout(() => this.#lose('It could not be renewed in time.'), restMs)
  }

  #lose(why: string): void {
    this.#end(new Failure('SLUICE_LEASE_LOST', `The lease "${this.name}" is lost. ${why}`, { retryable: true }))
  }

  #end(reason: Failure): void {
    if (this.over.aborted) return
    clearTimeout(this.#renewTimer)
    clearTimeout(this.#endTimer)
    // Lost ones too: what we do not use any more, others need not wait for.
    this.#giving = this.#memory.giveBack().catch(() => undefined)
    this.#onOver()
    this.#over.abort(reason)
  }
}
