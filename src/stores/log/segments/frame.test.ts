import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { draftFrame, entryBytes, finishFrame, frameKinds, lookAtFrame, writeEntry } from './frame.ts'
import type { BodyEncoding } from './frame.ts'

const salt = 7
const text = Buffer.from(JSON.stringify([{ event: 'a', note: 'é'.repeat(2000) }, { event: 'b' }]))
const split = text.indexOf('{"event":"b"}')
const written: Record<BodyEncoding, Buffer> = { plain: text, gzip: gzipSync(text), zstd: zstdCompressSync(text) }

function frameWith(body: Buffer, bodyEncoding?: BodyEncoding): Buffer {
  const headers = '{}'
  const draft = draftFrame({
    kind: frameKinds.records,
    entryCount: 2,
    headers,
    textsBytes: 0,
    body,
    ...(bodyEncoding === undefined ? {} : { bodyEncoding }),
  })
  const entry = { lane: 0, verdict: 0, flags: 0, partition: 3 }
  writeEntry(draft.head, draft.entriesAt, { ...entry, offset: 1, start: 1, end: split - 1 })
  writeEntry(draft.head, draft.entriesAt + entryBytes, { ...entry, offset: 2, start: split, end: text.length - 1 })
  const buffers: Uint8Array[] = []
  finishFrame(draft, 1000, salt, buffers)
  return Buffer.concat(buffers)
}

function wholeFrame(bytes: Buffer) {
  const look = lookAtFrame(bytes, 0, salt)
  assert.equal(look.kind, 'whole')
  return look.frame
}

describe('the body of a frame', () => {
  for (const encoding of ['plain', 'gzip', 'zstd'] as const) {
    it(`gives each event's bytes as they were, written as ${encoding}`, () => {
      const frame = wholeFrame(frameWith(written[encoding], encoding))
      assert.deepEqual(frame.body, text)
      assert.equal(frame.value(0).toString(), text.toString('utf8', 1, split - 1))
      assert.equal(frame.value(1).toString(), '{"event":"b"}')
    })
  }

  it('is plain in frames of releases that knew no other', () => {
    assert.deepEqual(wholeFrame(frameWith(text)).body, text)
  })

  it('may be missing, whatever it would be written in', () => {
    for (const encoding of ['plain', 'gzip', 'zstd'] as const) {
      assert.equal(wholeFrame(frameWith(Buffer.alloc(0), encoding)).body.length, 0)
    }
  })

  it('is checked as it stands in the file', () => {
    const bytes = frameWith(written.gzip, 'gzip')
    const at = bytes.length - 20
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    assert.equal(lookAtFrame(bytes, 0, salt).kind, 'bad')
  })
})
