import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { duplicateKeyFrom, duplicateKeyHeader } from './duplicate-key-header.ts'
import { seededRandom } from './random-keys.fixtures.ts'

describe('the header of a duplicate key', () => {
  it('comes back as it was', () => {
    const random = seededRandom()
    for (let n = 0; n < 1000; n++) {
      const key = random.key()
      assert.deepEqual(duplicateKeyFrom(duplicateKeyHeader(key)), key, `seed ${String(random.seed)}`)
    }
    assert.equal(duplicateKeyHeader([0, 1, 0xffffffff, 0xabcdef]), '0000000000000001ffffffff00abcdef')
  })

  it('is nothing else', () => {
    for (const text of ['', 'no key', '0'.repeat(31), '0'.repeat(33), `${'0'.repeat(31)}g`, 'é'.repeat(16)]) {
      assert.equal(duplicateKeyFrom(text), undefined, text)
    }
  })
})
