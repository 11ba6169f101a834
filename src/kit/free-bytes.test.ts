import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { freeBytes } from './free-bytes.ts'

describe('freeing bytes', () => {
  it('leaves nothing of a buffer', () => {
    const bytes = Buffer.alloc(100_000)
    freeBytes(bytes)
    assert.equal(bytes.length, 0)
    // Safe to call again.
    freeBytes(bytes)
  })

  it('takes no memory away from others', () => {
    const whole = Buffer.alloc(100_000, 'a')
    freeBytes(whole.subarray(10, 20))
    const [small, other] = [Buffer.from('small'), Buffer.from('other')]
    freeBytes(small)
    assert.equal(whole.length, 100_000)
    assert.equal(other.toString(), 'other')
  })
})
