import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { createSeenSignatures } from './seen-signatures.ts'

const ageMsMax = 300_000
const start = Date.UTC(2026, 2, 10)
const signature = (n: number) => createHash('sha256').update(String(n)).digest()

describe('the memory of signatures', () => {
  it('knows each for as long as its time would do', () => {
    const seen = createSeenSignatures({ ageMsMax, signaturesMax: 1000 })
    for (let n = 0; n < 500; n++) assert.equal(seen.take(signature(n), start + n * 600, start + n * 600), 'new')
    for (let n = 0; n < 500; n++) assert.equal(seen.take(signature(n), start + n * 600, start + 300_000), 'seen')
  })

  it('has room again when their times are over', () => {
    const seen = createSeenSignatures({ ageMsMax, signaturesMax: 100 })
    for (let n = 0; n < 100; n++) seen.take(signature(n), start, start)
    const later = start + 2 * ageMsMax
    for (let n = 100; n < 200; n++) assert.equal(seen.take(signature(n), later, later), 'new')
  })

  it('takes none twice when more come than it keeps: it is unsure about old ones instead', () => {
    const seen = createSeenSignatures({ ageMsMax, signaturesMax: 50 })
    const taken = new Map<number, number>()
    for (let n = 0; n < 1000; n++) {
      const nowMs = start + n * 1000
      if (seen.take(signature(n), nowMs, nowMs) === 'new') taken.set(n, nowMs)
      for (const [old, timeMs] of taken) {
        if (timeMs >= nowMs - ageMsMax) assert.notEqual(seen.take(signature(old), timeMs, nowMs), 'new', String(old))
      }
    }
    assert.equal(taken.size, 1000, 'those of now are taken')
    assert.equal(seen.take(signature(-1), start + 999_000 - 200_000, start + 999_000), 'unsure')
  })

  it('takes one again that was given back', () => {
    const seen = createSeenSignatures({ ageMsMax, signaturesMax: 10 })
    seen.forget(signature(1), start)
    assert.equal(seen.take(signature(1), start, start), 'new')
    seen.forget(signature(1), start)
    assert.equal(seen.take(signature(1), start, start), 'new')
    assert.equal(seen.take(signature(1), start, start), 'seen')
  })
})
