import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inflatedBytesFor } from './inflation.ts'

const MiB = 1024 * 1024
const boundOf = (bytes: number, bytesMax = 100 * MiB) => inflatedBytesFor(Buffer.alloc(bytes), bytesMax)

describe('what a compressed body may become', () => {
  it('is a hundred times its length, at least 16 MiB', () => {
    assert.equal(boundOf(300_000), 30_000_000)
    assert.equal(boundOf(10), 16 * MiB)
  })

  it('is never more than any body may be', () => {
    assert.equal(boundOf(MiB), 100 * MiB)
    assert.equal(boundOf(10, 1000), 1000)
  })
})
