import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DuplicateKey } from './intake.ts'
import { mixKey, randomSeed, seedWords } from './key-mixing.ts'

function mixedOf(key: DuplicateKey, seed: Int32Array): Int32Array {
  const mixed = new Int32Array(seedWords)
  mixKey(key, seed, mixed)
  return mixed
}

function bitsThatDiffer(left: Int32Array, right: Int32Array): number {
  return left.reduce((sum, word, i) => sum + ((word ^ (right[i] ?? 0)) >>> 0).toString(2).replaceAll('0', '').length, 0)
}

describe('key mixing', () => {
  it('changes about half of the bits, in every word, when one bit of the key changes', () => {
    const seed = randomSeed()
    const key: DuplicateKey = [0, 0, 0, 0]
    for (let bit = 0; bit < 128; bit++) {
      const other = key.map((word, i) => (i === bit >>> 5 ? (word ^ (1 << (bit & 31))) >>> 0 : word))
      const [left, right] = [mixedOf(key, seed), mixedOf(other as unknown as DuplicateKey, seed)]
      const differing = bitsThatDiffer(left, right)
      const message = `seed ${seed.join()}, bit ${String(bit)}: ${String(differing)} bits`
      assert.ok(differing > 30 && differing < 98, message)
      left.forEach((word, i) => assert.notEqual(word, right[i], message))
    }
  })

  it('spreads keys that differ in a counter only', () => {
    const seed = randomSeed()
    const counts = new Uint32Array(256)
    for (let i = 0; i < 256_000; i++) {
      const at = (mixedOf([7, 7, 7, i], seed)[0] ?? 0) >>> 24
      counts[at] = (counts[at] ?? 0) + 1
    }
    // 1,000 expected in each; more than eight standard deviations away would be a flaw, not chance.
    for (const count of counts) assert.ok(Math.abs(count - 1000) < 260, `seed ${seed.join()}: ${String(count)}`)
  })
})
