/**
 * Duplicate keys need not be spread evenly (they are a client's uuid bits plus a secret), and everything here relies on
 * even spreading: table slots, filter bits, the order inside files. So each key is mixed first, one to one, hence two
 * keys are equal exactly when their mixed forms are. The seed is random, one for
 * each index: who chooses uuids cannot aim at a slot.
 */
import { randomFillSync } from 'node:crypto'
import type { DuplicateKey } from './intake.ts'

export const seedWords = 4

/** A one-to-one mixing of 32 bits. */
function scramble(word: number): number {
  let x = Math.imul(word ^ (word >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return x ^ (x >>> 16)
}

/**
 * Writes the mixed key's four words into `mixed`. Each line changes one word by a function of another, so each can be
 * undone and the whole is one to one; after seven lines every word depends on all bits of the key.
 */
export function mixKey(key: DuplicateKey, seed: Int32Array, mixed: Int32Array): void {
  const s0 = seed[0] as number
  const s1 = seed[1] as number
  const s2 = seed[2] as number
  const s3 = seed[3] as number
  let a = key[0] | 0
  let b = key[1] | 0
  let c = key[2] | 0
  let d = key[3] | 0
  b ^= scramble((a + s0) | 0)
  c ^= scramble((b + s1) | 0)
  d ^= scramble((c + s2) | 0)
  a ^= scramble((d + s3) | 0)
  b ^= scramble((a ^ s1) | 0)
  c ^= scramble((b ^ s2) | 0)
  d ^= scramble((c ^ s3) | 0)
  mixed[0] = a
  mixed[1] = b
  mixed[2] = c
  mixed[3] = d
}

export function randomSeed(): Int32Array {
  return randomFillSync(new Int32Array(seedWords))
}
