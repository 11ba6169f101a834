/** `Leases` over the few steps that an adapter's memory has to offer. */
import { Failure } from '../../kit/failure.ts'
import type { ArgumentChecks } from './argument-checks.ts'
import type { Lease, LeaseOptions, Leases } from './coordination.ts'
import { KeptLease } from './kept-lease.ts'

/** What is kept under a lease's name is a text that only its holder knows: a random token, then who it is. */
export interface LeaseSteps {
  /** Keeps `text` for `ttlMs` when there is nothing. False: there was something. */
  take(name: string, text: string, ttlMs: number): Promise<boolean>
  /** Keeps `text` for `ttlMs` from now when it is there, or when there is nothing. False: there is something else. */
  renew(name: string, text: string, ttlMs: number): Promise<boolean>
  /** Forgets `text`, when that is what is there. */
  giveBack(name: string, text: string): Promise<void>
  read(name: string): Promise<string | undefined>
}

const tokenChars = 36

export interface OpenLeases extends Leases {
  /** Releases all that were taken here. */
  close(): Promise<void>
}

export function openLeases(steps: LeaseSteps, check: ArgumentChecks): OpenLeases {
  const held = new Set<KeptLease>()
  return {
    async take(name: string, options: LeaseOptions): Promise<Lease | undefined> {
      const { holder, ttlMs } = options
      check.name(name)
      check.name(holder)
      check.leaseTtl(ttlMs)
      const text = crypto.randomUUID() + holder
      const memory = {
        renew: () => steps.renew(name, text, ttlMs),
        giveBack: () => steps.giveBack(name, text),
      }
      const sentAtMs = performance.now()
      if (!(await steps.take(name, text, ttlMs))) return undefined
      const lease = new KeptLease(name, options, memory, sentAtMs, () => held.delete(lease))
      held.add(lease)
      if (lease.isHeld()) return lease
      await lease.release()
      throw new Failure('SLUICE_COORDINATION_UNAVAILABLE', `The lease "${name}" came too late to be used.`, {
        retryable: true,
      })
    },
    async holderOf(name) {
      check.name(name)
      return (await steps.read(name))?.slice(tokenChars)
    },
    async close() {
      await Promise.all([...held].map((lease) => lease.release()))
    },
  }
}
