import { randomInt } from 'node:crypto'
import { seededRandom } from '../../src/kit/seeded-random.ts'

/** Numbers in [0, 1), and what tests make of them. */
export interface Chance {
  readonly seed: number
  next(): number
  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number
  oneOf<T>(choices: readonly T[]): T
}

/** One chance a file: random unless SLUICE_TEST_SEED repeats an earlier run. The seed is printed. */
export function seededChance(): Chance {
  const given = process.env['SLUICE_TEST_SEED']
  const seed = given === undefined || given === '' ? randomInt(2 ** 32) : Number(given)
  process.stdout.write(`SLUICE_TEST_SEED=${String(seed)}\n`)
  return chanceOf(seed)
}

export function chanceOf(seed: number): Chance {
  const next = seededRandom(seed)
  const between = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1))
  return {
    seed,
    next,
    between,
    oneOf<T>(choices: readonly T[]): T {
      const choice = choices[between(0, choices.length - 1)]
      if (choice === undefined) throw new RangeError('There is nothing to choose from.')
      return choice
    },
  }
}
