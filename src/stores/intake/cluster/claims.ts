/**
 * What this process knows of duplicate keys before Redis does.
 *
 * Words:
 * - step: one request on its way: deciding ─► appending ─► durable; or failed.
 * - claim: a step's hold on a key, from before it asks until Redis has the key. Whoever brings a copy meanwhile waits until the step has
 *   decided, and has the same fate: when the first copy does not become durable, the request with the second one fails as well.
 */
import type { Outcome } from '../intake.ts'

export interface Claim {
  readonly step: Step
  /** Set when the step has decided to store the event; its offset is right once the step is durable. */
  outcome: Outcome | undefined
}

export class Step {
  #state: 'deciding' | 'appending' | 'durable' | 'failed' = 'deciding'
  #waiting: (() => void)[] | undefined

  get state(): 'deciding' | 'appending' | 'durable' | 'failed' {
    return this.#state
  }

  become(state: 'appending' | 'durable' | 'failed'): void {
    this.#state = state
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting !== undefined) for (const go of waiting) go()
  }

  /** Resolves at the next change. */
  change(): Promise<void> {
    return new Promise((resolve) => (this.#waiting ??= []).push(resolve))
  }
}

export class Claims {
  readonly #claims = new Map<string, Claim>()

  get size(): number {
    return this.#claims.size
  }

  /** A step that claims one of the keys and has not decided yet. */
  undecided(keys: readonly (string | undefined)[]): Step | undefined {
    if (this.#claims.size === 0) return undefined
    for (const key of keys) {
      const step = key === undefined ? undefined : this.#claims.get(key)?.step
      if (step?.state === 'deciding') return step
    }
    return undefined
  }

  /** The claim that stands for the key; made for the step when there is none. */
  claim(key: string, step: Step): Claim {
    const known = this.#claims.get(key)
    if (known !== undefined) return known
    const claim: Claim = { step, outcome: undefined }
    this.#claims.set(key, claim)
    return claim
  }

  /** Only what the step itself holds. */
  release(key: string, step: Step): void {
    if (this.#claims.get(key)?.step === step) this.#claims.delete(key)
  }
}
