import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { gzipSync, zstdDecompressSync } from 'node:zlib'
import { keptBody } from './kept-body.ts'

const note = (bytes: number): Buffer =>
  Buffer.from(JSON.stringify([{ event: 'e', note: 'all work and no play '.repeat(bytes / 21) }]))
const sent = (body: Buffer) => ({ encoding: 'gzip', bytes: gzipSync(body) }) as const

describe('the body that the journal keeps', () => {
  it('is the gzip that was sent, where the body is long', () => {
    const body = note(20_000)
    const sentBody = sent(body)
    assert.deepEqual(keptBody({ body, sentBody }), { bytes: sentBody.bytes, encoding: 'gzip' })
  })

  it('is the gzip that was sent, where values are large', () => {
    const body = note(2000)
    const sentBody = sent(body)
    assert.equal(keptBody({ body, sentBody, hasLargeValues: true }) instanceof Promise, false)
    assert.deepEqual(keptBody({ body, sentBody, hasLargeValues: true }), { bytes: sentBody.bytes, encoding: 'gzip' })
  })

  it('is the text itself, where the body is short', () => {
    const body = note(800)
    assert.deepEqual(keptBody({ body, sentBody: sent(body) }), { bytes: body, encoding: 'plain' })
    assert.deepEqual(keptBody({ body }), { bytes: body, encoding: 'plain' })
  })

  for (const bytes of [2000, 60_000, 400_000]) {
    it(`is zstd where values are large: ${String(bytes)} bytes`, async () => {
      const body = note(bytes)
      const kept = await keptBody({ body, hasLargeValues: true })
      assert.equal(kept.encoding, 'zstd')
      assert.ok(kept.bytes.length < body.length / 5)
      assert.deepEqual(zstdDecompressSync(kept.bytes), body)
    })
  }

  it('is the text itself where compression saves nothing', async () => {
    const body = Buffer.from(JSON.stringify([{ event: 'e', noise: randomBytes(6000).toString('latin1') }]))
    const sentBody = { encoding: 'gzip', bytes: Buffer.concat([gzipSync(body, { level: 0 })]) } as const
    assert.equal((await keptBody({ body, sentBody })).encoding, 'plain')
  })
})
