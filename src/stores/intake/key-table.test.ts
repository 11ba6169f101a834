import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { highWordOf, lowWordOf, offsetMax, partitionMax, laneMax, positionFrom } from './indexed-position.ts'
import { seededRandom } from './random-keys.fixtures.ts'
import { BucketPool, entryWords, isKeyLess, KeyTable, sortBucket, sortedWordsMax } from './key-table.ts'

function keysInOrder(table: KeyTable): string[] {
  const sorted = new Int32Array(sortedWordsMax)
  const keys: string[] = []
  let last: Int32Array | undefined
  for (const bucket of table.buckets()) {
    const count = sortBucket(bucket, sorted)
    for (let at = 0; at < count * entryWords; at += entryWords) {
      const entry = sorted.slice(at, at + entryWords)
      if (last !== undefined) assert.ok(isKeyLess(last, 0, entry, 0), 'keys come in ascending order')
      keys.push(entry.join())
      last = entry
    }
  }
  return keys
}

describe('a table of keys', () => {
  it('answers like a Map through additions, removals and growth, and gives its keys sorted', () => {
    const random = seededRandom()
    const table = new KeyTable(new BucketPool())
    const model = new Map<string, { key: Int32Array; offset: number }>()
    for (let step = 0; step < 60_000; step++) {
      const known = [...(step % 1000 === 0 ? model.values() : [])]
      for (const { key, offset } of known) {
        const [a = 0, b = 0, c = 0, d = 0] = key
        assert.equal(table.find(a, b, c, d)?.offset, offset, `seed ${String(random.seed)}`)
        if (random.below(10) === 0) {
          table.remove(a, b, c, d)
          model.delete(key.join())
        }
      }
      // Every fourth key shares its first word with many others, so that probes and ties are long.
      const key = Int32Array.from(random.key())
      if (step % 4 === 0) key[0] = random.below(64) << 26
      const [a = 0, b = 0, c = 0, d = 0] = key
      if (step % 400 < 8 || step % 4 !== 0) {
        table.add(a, b, c, d, highWordOf({ lane: 0, partition: 1, offset: step }), step)
        model.set(key.join(), { key, offset: step })
      } else assert.equal(table.find(a, b, c, d), undefined)
    }
    assert.equal(table.keyCount, model.size, `seed ${String(random.seed)}`)
    const expected = [...model.values()].map(
      ({ key, offset }) => `${key.join()},${String(highWordOf({ lane: 0, partition: 1, offset }))},${String(offset)}`,
    )
    assert.deepEqual(keysInOrder(table).sort(), expected.sort(), `seed ${String(random.seed)}`)
  })

  it('keeps the first position when a key is added again', () => {
    const table = new KeyTable(new BucketPool())
    table.add(1, 2, 3, 4, highWordOf({ lane: 0, partition: 0, offset: 5 }), 5)
    table.add(1, 2, 3, 4, highWordOf({ lane: 0, partition: 0, offset: 6 }), 6)
    assert.equal(table.find(1, 2, 3, 4)?.offset, 5)
    assert.equal(table.keyCount, 1)
  })

  it('tells keys apart that differ in one bit', () => {
    for (let bit = 0; bit < 128; bit++) {
      const table = new KeyTable(new BucketPool())
      table.add(0, 0, 0, 0, highWordOf({ lane: 0, partition: 0, offset: 1 }), 1)
      const key = new Int32Array(4)
      key[bit >>> 5] = 1 << (bit & 31)
      assert.equal(table.find(key[0] ?? 0, key[1] ?? 0, key[2] ?? 0, key[3] ?? 0), undefined)
    }
  })

  it('takes less than 64 bytes of memory a key at a million keys', () => {
    const random = seededRandom()
    const table = new KeyTable(new BucketPool())
    for (let i = 0; i < 1_000_000; i++) {
      const [a, b, c, d] = random.key()
      table.add(a | 0, b | 0, c | 0, d | 0, highWordOf({ lane: 0, partition: 0, offset: i }), i)
    }
    assert.ok(table.memoryBytes / table.keyCount < 64, String(table.memoryBytes / table.keyCount))
  })
})

describe('a packed position', () => {
  it('comes back as it was, at the limits too', () => {
    for (const position of [
      { lane: 0, partition: 0, offset: 0 },
      { lane: laneMax, partition: partitionMax, offset: offsetMax },
      { lane: 2, partition: 15, offset: 2 ** 32 },
      { lane: 1, partition: 512, offset: 2 ** 31 },
    ]) {
      const highWord = highWordOf(position)
      assert.notEqual(highWord, 0)
      assert.deepEqual(positionFrom(highWord, lowWordOf(position)), position)
    }
  })

  it('refuses what does not fit', () => {
    for (const position of [
      { lane: laneMax + 1, partition: 0, offset: 0 },
      { lane: 0, partition: partitionMax + 1, offset: 0 },
      { lane: 0, partition: 0, offset: offsetMax + 1 },
      { lane: 0, partition: 0, offset: -1 },
      { lane: 0, partition: 0, offset: NaN },
    ])
      assert.throws(() => highWordOf(position), { code: 'SLUICE_DUPLICATE_INDEX_POSITION' })
  })
})
