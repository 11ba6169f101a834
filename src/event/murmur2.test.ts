import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { partitionOf } from './murmur2.ts'

// From the unit tests of Kafka's Java client (UtilsTest).
const kafkaVectors: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
]

/** murmur2 over bytes, written from the algorithm's description, to check keys beyond ASCII against. */
function reference(text: string): number {
  const bytes = Buffer.from(text)
  const wrap = (n: bigint) => n & 0xffffffffn
  const m = 0x5bd1e995n
  let h = 0x9747b28cn ^ BigInt(bytes.length)
  let i = 0
  for (; i + 4 <= bytes.length; i += 4) {
    let k = wrap(BigInt(bytes.readUInt32LE(i)) * m)
    k = wrap((k ^ (k >> 24n)) * m)
    h = wrap(h * m) ^ k
  }
  const rest = bytes.subarray(i)
  if (rest.length > 0) {
    for (const [n, byte] of rest.entries()) h ^= BigInt(byte) << BigInt(8 * n)
    h = wrap(h * m)
  }
  h ^= h >> 13n
  h = wrap(h * m)
  h ^= h >> 15n
  return Number(BigInt.asIntN(32, h))
}

/** With this many partitions, the partition is the whole hash without its sign. */
const allBits = 2 ** 31

describe('the hash of a key', () => {
  for (const [key, expected] of kafkaVectors) {
    it(`is Kafka's for "${key}"`, () => assert.equal(partitionOf(key, allBits), expected & 0x7fffffff))
  }

  it('is that of the UTF-8 bytes for keys beyond ASCII, wherever such a character stands', () => {
    for (const key of ['é', 'aé', 'abé', 'abcé', 'phc_x:üser', 'ключ', '鍵鍵鍵', 'a😀', 'ÿ', ''])
      assert.equal(partitionOf(key, allBits), reference(key) & 0x7fffffff, key)
  })
})

describe('partitionOf', () => {
  it('is the positive hash modulo the count', () => {
    for (const [key, hash] of kafkaVectors) assert.equal(partitionOf(key, 16), (hash & 0x7fffffff) % 16)
  })

  it('spreads keys over all partitions', () => {
    const seen = new Set(Array.from({ length: 1000 }, (_, n) => partitionOf(`phc_t:user-${String(n)}`, 16)))
    assert.equal(seen.size, 16)
  })
})
