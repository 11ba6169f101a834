import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { GatheredBody } from './gathered-body.ts'

const KiB = 1024

describe('a gathered body', () => {
  it('is what was added, whatever the pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 5000 })), (pieces) => {
        const sent = Buffer.concat(pieces)
        const body = new GatheredBody(sent.length)
        for (const bytesSent of pieces) {
          // With memory of its own, as what is read from a socket.
          const piece = Buffer.allocUnsafeSlow(bytesSent.length)
          piece.set(bytesSent)
          const bytes = body.bytesWith(piece)
          body.add(piece)
          assert.equal(body.keptBytes, bytes)
        }
        assert.deepEqual(body.whole(), sent)
        assert.ok(body.keptBytes <= Math.max(sent.length, 1))
      }),
    )
  })

  it('does not copy the only piece', () => {
    const piece = Buffer.alloc(64 * KiB, 'a')
    const body = new GatheredBody(KiB * KiB)
    body.add(piece)
    assert.equal(body.whole(), piece)
  })

  it('takes at most twice its length, and no more than a body may have', () => {
    const body = new GatheredBody(300 * KiB)
    let bytes = 0
    while (bytes < 300 * KiB) {
      const piece = Buffer.alloc(10 * KiB)
      body.add(piece)
      bytes += 10 * KiB
      assert.ok(body.keptBytes <= Math.min(2 * bytes, 300 * KiB))
      if (bytes > 10 * KiB) assert.equal(piece.length, 0, 'the memory of a piece is free once it is copied')
    }
  })

  it('takes nothing once it is free', () => {
    const body = new GatheredBody(KiB * KiB)
    const first = Buffer.alloc(64 * KiB)
    for (const piece of [first, Buffer.alloc(64 * KiB), Buffer.alloc(64 * KiB)]) body.add(piece)
    body.free()
    assert.deepEqual([body.keptBytes, first.length, body.whole().length], [0, 0, 0])
  })
})
