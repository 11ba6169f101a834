import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addToFilter, createFilter, filterScale, firstPossible } from './key-filter.ts'
import { seededRandom } from '../../random-keys.fixtures.ts'

describe('a key filter', () => {
  for (const [keyCount, percentMax] of [
    [20_000, 0.2],
    [4_000_000, 0.8],
  ] as const)
    it(`never denies one of its ${String(keyCount)} keys, and suspects fewer than ${String(percentMax)} % of others`, () => {
      const random = seededRandom()
      const filter = createFilter(keyCount)
      const scales = Float64Array.of(filterScale(filter))
      const asked = 100_000
      const keys: number[] = []
      for (let i = 0; i < keyCount; i++) {
        const [first, , third] = random.key()
        addToFilter(filter, scales[0] ?? 0, first | 0, third | 0)
        if (i < asked) keys.push(first | 0, third | 0)
      }
      for (let i = 0; i < keys.length; i += 2)
        assert.equal(
          firstPossible([filter], scales, 0, keys[i] ?? 0, keys[i + 1] ?? 0),
          0,
          `seed ${String(random.seed)}`,
        )
      let suspected = 0
      for (let i = 0; i < asked; i++) {
        const [first, , third] = random.key()
        if (firstPossible([filter], scales, 0, first | 0, third | 0) === 0) suspected++
      }
      assert.ok(
        (suspected / asked) * 100 < percentMax,
        `seed ${String(random.seed)}: ${String((suspected / asked) * 100)} %`,
      )
    })

  it('finds the one filter among seventy that has the key, and goes on behind it', () => {
    const random = seededRandom()
    const filters = Array.from({ length: 70 }, () => createFilter(100))
    const scales = Float64Array.from(filters, filterScale)
    filters.forEach((filter, i) => {
      const [first, , third] = random.key()
      addToFilter(filter, scales[i] ?? 0, first | 0, third | 0)
      assert.equal(firstPossible(filters, scales, 0, first | 0, third | 0), i, `seed ${String(random.seed)}`)
      assert.equal(firstPossible(filters, scales, i + 1, first | 0, third | 0), -1, `seed ${String(random.seed)}`)
    })
  })

  it('stays inside for the smallest and the greatest first word', () => {
    for (const keyCount of [0, 1, 1_000_003]) {
      const filter = createFilter(keyCount)
      const scales = Float64Array.of(filterScale(filter))
      for (const first of [0, -1]) {
        addToFilter(filter, scales[0] ?? 0, first, 1)
        assert.equal(firstPossible([filter], scales, 0, first, 1), 0)
      }
    }
  })
})
