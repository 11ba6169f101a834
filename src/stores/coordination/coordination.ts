/**
 * What processes of one installation tell and count together: four small ports over one shared memory. `coordination.contract.ts`
 * checks the promises.
 *
 * The memory is quick and forgetful: it may lose everything at any time (a restart, a fail-over, `FLUSHALL`), and no promise below
 * holds across that unless it says so. So nothing that must not be lost is kept here, and nothing here may be what keeps two
 * writers apart: that is done by epochs in the state store. A lease only makes it quick and rare that there are two.
 *
 * Names and keys are well-formed text of 1 to `nameBytesMax` bytes. Times to live are whole milliseconds from 1.
 *
 * Every error is a Failure:
 * - SLUICE_COORDINATION_UNAVAILABLE (retryable): the memory is away; nothing was done.
 * - SLUICE_COORDINATION_UNSURE (retryable): no answer came; it may have been done, or may yet be.
 * - SLUICE_COORDINATION_FULL (retryable): there is no room left; nothing was done.
 * - SLUICE_COORDINATION_BUSY (retryable): too many calls are under way; nothing was done.
 * - SLUICE_COORDINATION_REFUSED: an argument is out of its bounds, or what is kept is no number; nothing was done.
 * - SLUICE_COORDINATION_CLOSED: it was closed.
 */
export interface Coordination {
  readonly counters: Counters
  readonly leases: Leases
  readonly signals: Signals
  readonly keyValue: KeyValue
  /** How it stands right now; asks nobody. */
  health(): CoordinationHealth
  /** Releases the leases taken here, ends the subscriptions, lets calls under way end. Safe to call twice. */
  close(): Promise<void>
}

/** Whole numbers from 0 to 2^53 - 1, counted together. One that is not there stands at 0. */
export interface Counters {
  /**
   * Adds `by` (from 1) and resolves with the new amount. Whoever counts first decides when the counter is forgotten, `ttlMs` from
   * then; later calls do not prolong it. Of calls at the same time none is lost.
   */
  add(name: string, by: number, ttlMs: number): Promise<number>
  /** Like `add`, but adds nothing when the amount would exceed `max`: all of it or nothing. */
  addUpTo(
    name: string,
    by: number,
    max: number,
    ttlMs: number,
  ): Promise<{ readonly isAdded: boolean; readonly amount: number }>
  /** Takes back what was added, never below 0, and makes no counter that is forgotten already. Resolves with the new amount. */
  takeBack(name: string, by: number): Promise<number>
  read(name: string): Promise<number>
  /** It stands at 0 then. */
  remove(name: string): Promise<void>
}

/** Who does a thing that one process should do. */
export interface Leases {
  /**
   * Takes the lease of this name for `ttlMs` (at least 10) and renews it until it is released or lost. Undefined: somebody has it,
   * be it the same holder. At most one has it, except:
   * - after the memory was lost, a second one may get it, until the first one's next renewal: for less than `ttlMs`. Whoever had it
   *   keeps it when nobody else was quicker. Each further loss within that time may add one.
   * - a process that was stopped (SIGSTOP, a suspended machine) may go on for a moment before it sees that its time is over.
   * So a lease is no fence: what two holders would break must be guarded by epochs as well.
   */
  take(name: string, options: LeaseOptions): Promise<Lease | undefined>
  /** Who has it; undefined when nobody does. */
  holderOf(name: string): Promise<string | undefined>
}

export interface LeaseOptions {
  /** Who takes it, for people and for `holderOf`; two may have the same name. */
  readonly holder: string
  readonly ttlMs: number
}

export interface Lease {
  readonly name: string
  readonly holder: string
  /**
   * Aborts as soon as it is known to be over: released, taken by another, or not renewed in time, which is a tenth of `ttlMs` before
   * others can take it. The reason is a Failure, SLUICE_LEASE_RELEASED or SLUICE_LEASE_LOST.
   */
  readonly over: AbortSignal
  /** By our own clock; asks nobody. Right also in the first moment after this process was stopped for a while. */
  isHeld(): boolean
  /** Others can take it at once. Never rejects: a lease that cannot be given back is over by its time. Safe to call twice. */
  release(): Promise<void>
}

/** Short messages to whoever listens right now: at most once each. What nobody hears is gone. */
export interface Signals {
  /** Resolves once it was sent, heard or not. `message` has at most `messageBytesMax` bytes. */
  publish(channel: string, message: string): Promise<void>
  /**
   * Calls `listener` until the subscription is closed; begins to listen by itself, again too after the memory was away. Throws only
   * SLUICE_COORDINATION_REFUSED, _BUSY and _CLOSED. The messages of one publisher come in their order.
   */
  subscribe(channel: string, listener: SignalListener): Subscription
}

/** Its functions must not throw. */
export interface SignalListener {
  /** Listening begins, the first time or again: what was said before that was not heard, so look for yourself. */
  began(): void
  heard(message: string): void
}

export interface Subscription {
  /** Nothing is heard after this. Safe to call twice. */
  close(): void
}

/** Values under keys, for things that may be lost: caches, and what plugins keep for a while. */
export interface KeyValue {
  get(key: string): Promise<string | undefined>
  /** Keeps a well-formed text of at most `valueBytesMax` bytes, for `ttlMs` or until it is deleted, whatever was there before. */
  set(key: string, value: string, ttlMs?: number): Promise<void>
  /** True when there was one. */
  delete(key: string): Promise<boolean>
  /**
   * Adds a whole number to what is there (0 when there is nothing) and resolves with the sum; the time to live stays as it was. Rejects
   * with SLUICE_COORDINATION_REFUSED when it is no whole number or the sum is beyond 2^53 - 1 either way.
   */
  increment(key: string, by: number): Promise<number>
  /** From now on it is kept for `ttlMs`. False when there is none. */
  expire(key: string, ttlMs: number): Promise<boolean>
}

export interface CoordinationHealth {
  readonly state: 'connecting' | 'ready' | 'away' | 'closed'
  /** Since when, Unix milliseconds. */
  readonly sinceMs: number
  /** Of `away`: why. */
  readonly reason?: string
  /** How long the memory took to answer lately; absent when unknown. */
  readonly roundTripMs?: number
  /** What is wrong with how the memory is set up: a stable code, and a sentence that says what to do. */
  readonly warnings: readonly { readonly code: string; readonly message: string }[]
}

export interface CoordinationBounds {
  readonly nameBytesMax: number
  readonly valueBytesMax: number
  readonly messageBytesMax: number
  /** Subscriptions at once, in this process. */
  readonly subscriptionsMax: number
}

export const defaultBounds: CoordinationBounds = {
  nameBytesMax: 1024,
  valueBytesMax: 1024 * 1024,
  messageBytesMax: 64 * 1024,
  subscriptionsMax: 10_000,
}
