import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { BodyBlocks, blockBytes } from './body-blocks.ts'
import { GatheredBody } from './gathered-body.ts'

const KiB = 1024
const sent = randomBytes(4 * blockBytes)

/** With memory of its own, as what is read from a socket. */
function pieceOf(from: number, length: number): Buffer {
  const piece = Buffer.allocUnsafeSlow(length)
  sent.copy(piece, 0, from, from + length)
  return piece
}

describe('a gathered body', () => {
  it('is what was added, whatever the pieces', () => {
    const blocks = new BodyBlocks()
    const lengths = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 300 * KiB }))
    fc.assert(
      fc.property(fc.array(lengths, { maxLength: 20 }), (pieces) => {
        const body = new GatheredBody(blocks)
        let bytes = 0
        for (const length of pieces) {
          if (bytes + length > sent.length) break
          const keptBytes = body.bytesWith(pieceOf(bytes, length))
          body.add(pieceOf(bytes, length))
          bytes += length
          assert.equal(body.keptBytes, keptBytes)
          assert.ok(keptBytes <= bytes + 1.25 * blockBytes)
        }
        assert.ok(body.take().equals(sent.subarray(0, bytes)))
        assert.equal(body.keptBytes, 0)
      }),
      { numRuns: 60 },
    )
  })

  it('does not copy the only piece', () => {
    const piece = Buffer.alloc(64 * KiB, 'a')
    const body = new GatheredBody(new BodyBlocks())
    body.add(piece)
    assert.equal(body.take(), piece)
    assert.equal(piece.length, 64 * KiB)
  })

  it('frees the memory of pieces that it has copied, and all of it when nobody wants it', () => {
    const blocks = new BodyBlocks()
    const body = new GatheredBody(blocks)
    const pieces = Array.from({ length: 20 }, (_, n) => pieceOf(n, 64 * KiB))
    for (const piece of pieces) body.add(piece)
    assert.deepEqual(new Set(pieces.map(({ length }) => length)), new Set([0]))
    body.free()
    assert.equal(body.keptBytes, 0)
    assert.equal(body.take().length, 0)
  })

  it('uses blocks again', () => {
    const blocks = new BodyBlocks()
    const first = blocks.take()
    blocks.giveBack([first])
    assert.equal(blocks.take(), first)
    blocks.giveBack([first])
    blocks.forget()
    assert.notEqual(blocks.take(), first)
  })

  it('gives up the blocks that nobody has needed for a while, and no others', () => {
    const blocks = new BodyBlocks()
    const [needed, other] = [blocks.take(), blocks.take()]
    blocks.giveBack([other, needed])
    for (let n = 0; n < 24; n++) blocks.trim()
    // Needed since: the last that came back.
    blocks.giveBack([blocks.take()])
    for (let n = 0; n < 24; n++) blocks.trim()
    assert.equal(blocks.take(), needed)
    assert.notEqual(blocks.take(), other)
  })
})
