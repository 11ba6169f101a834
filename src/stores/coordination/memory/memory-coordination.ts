/**
 * `Coordination` within one process: for installations of one core, and for tests. Several may be opened on one memory, as several
 * processes are on one Redis.
 */
import { Failure } from '../../../kit/failure.ts'
import { createArgumentChecks, refused } from '../argument-checks.ts'
import type { ArgumentChecks } from '../argument-checks.ts'
import { defaultBounds } from '../coordination.ts'
import type { Coordination, CoordinationBounds, Counters, KeyValue, SignalListener, Signals } from '../coordination.ts'
import { openLeases } from '../open-leases.ts'
import type { LeaseSteps } from '../open-leases.ts'

interface Kept {
  text: string
  /** By the monotonic clock; Infinity for what is kept until it is deleted. */
  expiresAtMs: number
}

/** What is shared: keys with their texts, and who listens. */
export class CoordinationMemory {
  readonly listeners = new Map<string, Set<SignalListener>>()
  readonly #kept = new Map<string, Kept>()
  readonly #keysMax: number

  constructor({ keysMax = 100_000 }: { readonly keysMax?: number } = {}) {
    this.#keysMax = keysMax
  }

  get(key: string): string | undefined {
    return this.#at(key)?.text
  }

  set(key: string, text: string, ttlMs: number): void {
    if (this.#at(key) === undefined) this.#makeRoom()
    this.#kept.set(key, { text, expiresAtMs: performance.now() + ttlMs })
  }

  /** Another text, the same time to live. */
  replace(key: string, text: string): void {
    const kept = this.#at(key)
    if (kept === undefined) this.set(key, text, Infinity)
    else kept.text = text
  }

  expire(key: string, ttlMs: number): boolean {
    const kept = this.#at(key)
    if (kept === undefined) return false
    kept.expiresAtMs = performance.now() + ttlMs
    return true
  }

  delete(key: string): boolean {
    return this.#at(key) !== undefined && this.#kept.delete(key)
  }

  /** As a restart would; who listens goes on. */
  forget(): void {
    this.#kept.clear()
  }

  #at(key: string): Kept | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined || kept.expiresAtMs > performance.now()) return kept
    this.#kept.delete(key)
    return undefined
  }

  #makeRoom(): void {
    if (this.#kept.size < this.#keysMax) return
    const nowMs = performance.now()
    for (const [key, { expiresAtMs }] of this.#kept) if (expiresAtMs <= nowMs) this.#kept.delete(key)
    if (this.#kept.size < this.#keysMax) return
    throw new Failure('SLUICE_COORDINATION_FULL', 'Too many keys are kept already.', { retryable: true })
  }
}

export interface MemoryCoordinationOptions {
  readonly memory?: CoordinationMemory
  readonly bounds?: Partial<CoordinationBounds>
}

export function openMemoryCoordination(options: MemoryCoordinationOptions = {}): Coordination {
  const memory = options.memory ?? new CoordinationMemory()
  const bounds = { ...defaultBounds, ...options.bounds }
  const check = createArgumentChecks(bounds)
  const sinceMs = Date.now()
  let isClosed = false
  /** The memory, as long as this is open. */
  const opened = (): CoordinationMemory => {
    if (isClosed) throw new Failure('SLUICE_COORDINATION_CLOSED', 'The coordination is closed.')
    return memory
  }
  const leases = openLeases(leaseStepsOn(opened), check)
  const signals = signalsOn(opened, bounds.subscriptionsMax, check)
  return {
    counters: countersOn(opened, check),
    leases,
    signals,
    keyValue: keyValueOn(opened, check),
    health: () => ({ state: isClosed ? 'closed' : 'ready', sinceMs, roundTripMs: 0, warnings: [] }),
    async close() {
      await leases.close()
      signals.close()
      isClosed = true
    },
  }
}

function countersOn(opened: () => CoordinationMemory, check: ArgumentChecks): Counters {
  const keyOf = (name: string): string => {
    check.name(name)
    return `counter:${name}`
  }
  const addUpTo = (name: string, by: number, max: number, ttlMs: number) => {
    check.amount(by)
    check.whole(max)
    check.ttl(ttlMs)
    const key = keyOf(name)
    const memory = opened()
    const text = memory.get(key)
    const amount = Number(text ?? 0)
    if (amount + by > max) return { isAdded: false, amount }
    if (text === undefined) memory.set(key, String(by), ttlMs)
    else memory.replace(key, String(amount + by))
    return { isAdded: true, amount: amount + by }
  }
  return {
    async add(name, by, ttlMs) {
      const { isAdded, amount } = addUpTo(name, by, Number.MAX_SAFE_INTEGER, ttlMs)
      if (!isAdded) throw refused(`The counter "${name}" stands at ${String(amount)}, which is too much to add to.`)
      return amount
    },
    addUpTo: async (name, by, max, ttlMs) => addUpTo(name, by, max, ttlMs),
    async takeBack(name, by) {
      check.amount(by)
      const key = keyOf(name)
      const memory = opened()
      const text = memory.get(key)
      if (text === undefined) return 0
      const amount = Math.max(Number(text) - by, 0)
      memory.replace(key, String(amount))
      return amount
    },
    read: async (name) => Number(opened().get(keyOf(name)) ?? 0),
    async remove(name) {
      opened().delete(keyOf(name))
    },
  }
}

function leaseStepsOn(opened: () => CoordinationMemory): LeaseSteps {
  const keyOf = (name: string): string => `lease:${name}`
  return {
    async take(name, text, ttlMs) {
      if (opened().get(keyOf(name)) !== undefined) return false
      opened().set(keyOf(name), text, ttlMs)
      return true
    },
    async renew(name, text, ttlMs) {
      const kept = opened().get(keyOf(name))
      if (kept !== undefined && kept !== text) return false
      opened().set(keyOf(name), text, ttlMs)
      return true
    },
    async giveBack(name, text) {
      if (opened().get(keyOf(name)) === text) opened().delete(keyOf(name))
    },
    read: async (name) => opened().get(keyOf(name)),
  }
}

function signalsOn(
  opened: () => CoordinationMemory,
  subscriptionsMax: number,
  check: ArgumentChecks,
): Signals & { close(): void } {
  const subscriptions = new Set<{ close(): void }>()
  return {
    async publish(channel, message) {
      check.name(channel)
      check.message(message)
      const { listeners } = opened()
      // Later, as from elsewhere: a publisher must not find itself within a listener.
      queueMicrotask(() => {
        for (const listener of [...(listeners.get(channel) ?? [])]) listener.heard(message)
      })
    },
    subscribe(channel, heardBy) {
      check.name(channel)
      const { listeners } = opened()
      if (subscriptions.size >= subscriptionsMax) {
        throw new Failure('SLUICE_COORDINATION_BUSY', 'There are too many subscriptions.', { retryable: true })
      }
      let isOpen = true
      const listener: SignalListener = {
        began: () => heardBy.began(),
        heard(message) {
          if (isOpen) heardBy.heard(message)
        },
      }
      const joined = listeners.get(channel) ?? new Set()
      listeners.set(channel, joined.add(listener))
      queueMicrotask(() => {
        if (isOpen) listener.began()
      })
      const subscription = {
        close() {
          isOpen = false
          subscriptions.delete(subscription)
          joined.delete(listener)
          if (joined.size === 0 && listeners.get(channel) === joined) listeners.delete(channel)
        },
      }
      subscriptions.add(subscription)
      return subscription
    },
    close() {
      for (const subscription of [...subscriptions]) subscription.close()
    },
  }
}

function keyValueOn(opened: () => CoordinationMemory, check: ArgumentChecks): KeyValue {
  const keyOf = (key: string): string => {
    check.name(key)
    return `value:${key}`
  }
  return {
    get: async (key) => opened().get(keyOf(key)),
    async set(key, value, ttlMs) {
      check.value(value)
      if (ttlMs !== undefined) check.ttl(ttlMs)
      opened().set(keyOf(key), value, ttlMs ?? Infinity)
    },
    delete: async (key) => opened().delete(keyOf(key)),
    async increment(key, by) {
      check.whole(by)
      const text = opened().get(keyOf(key)) ?? '0'
      if (!/^(0|-?[1-9]\d*)$/.test(text)) throw refused('What is kept is no whole number.')
      const sum = BigInt(text) + BigInt(by)
      if (sum > BigInt(Number.MAX_SAFE_INTEGER) || sum < BigInt(Number.MIN_SAFE_INTEGER)) {
        throw refused('The sum is beyond 2^53 - 1.')
      }
      opened().replace(keyOf(key), String(sum))
      return Number(sum)
    },
    async expire(key, ttlMs) {
      check.ttl(ttlMs)
      return opened().expire(keyOf(key), ttlMs)
    },
  }
}
