import type { DuplicateKey } from './intake.ts'

/** Reproducible randomness; print `seed` in every failure. */
export interface SeededRandom {
  readonly seed: number
  /** 0 to `limit` - 1. */
  below(limit: number): number
  key(): DuplicateKey
}

export function seededRandom(seed: number = Math.floor(Math.random() * 2 ** 32)): SeededRandom {
  let state = seed >>> 0
  const word = () => {
    state = (state + 0x9e3779b9) >>> 0
    let x = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
    return (x ^ (x >>> 15)) >>> 0
  }
  return {
    seed,
    below: (limit) => Math.floor((word() / 2 ** 32) * limit),
    key: () => [word(), word(), word(), word()],
  }
}
