import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import { createBodyDecoder } from './body.ts'
import type { BodyHints, BodyOutcome } from './body.ts'

const MiB = 1024 * 1024
const decode = createBodyDecoder({ inflatedBytesMax: 4 * MiB })
const noHints: BodyHints = { contentEncoding: undefined, compression: undefined }
const gzipHeader: BodyHints = { contentEncoding: 'gzip', compression: undefined }
const gzipQuery: BodyHints = { contentEncoding: undefined, compression: 'gzip-js' }

async function textOf(outcome: BodyOutcome | Promise<BodyOutcome>): Promise<string> {
  const result = await outcome
  assert.ok(result.kind === 'text', JSON.stringify(result))
  return result.body.toString()
}

async function refusalOf(outcome: BodyOutcome | Promise<BodyOutcome>): Promise<string> {
  const result = await outcome
  assert.ok(result.kind === 'refused')
  return `${String(result.status)} ${result.message}`
}

const json = '{"event":"é"}'

describe('a body', () => {
  it('is taken as it is when it is UTF-8, without a copy', () => {
    const body = Buffer.from(json)
    const result = decode(body, noHints)
    assert.ok('kind' in result && result.kind === 'text')
    assert.equal(result.body, body)
  })

  it('is inflated when it begins as gzip does, with or without a hint', async () => {
    for (const hints of [noHints, gzipHeader, gzipQuery, { contentEncoding: 'identity', compression: 'lz64' }])
      assert.equal(await textOf(decode(gzipSync(json), hints)), json)
  })

  it('survives a hint that lies', async () => {
    assert.equal(await textOf(decode(Buffer.from(json), gzipHeader)), json)
    assert.equal(await textOf(decode(Buffer.from(json), gzipQuery)), json)
  })

  it('may consist of several gzip members', async () => {
    assert.equal(await textOf(decode(Buffer.concat([gzipSync('{"a":'), gzipSync('1}')]), noHints)), '{"a":1}')
  })

  it('is refused when its gzip is broken or cut short', async () => {
    const whole = gzipSync(json)
    const flipped = Buffer.from(whole)
    flipped[whole.length - 6] = (flipped[whole.length - 6] ?? 0) ^ 1
    for (const broken of [
      whole.subarray(0, 12),
      whole.subarray(0, -1),
      flipped,
      Buffer.from([0x1f, 0x8b]),
      Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), randomBytes(40)]),
    ])
      assert.equal(await refusalOf(decode(broken, gzipHeader)), '400 failed to decode request: invalid GZIP data')
  })

  it('is refused when it is not UTF-8, in the words of its hint', async () => {
    const bytes = Buffer.from([0x7b, 0xff, 0x7d])
    assert.equal(
      await refusalOf(decode(bytes, noHints)),
      '400 failed to decode request: invalid UTF8 in request payload',
    )
    assert.equal(
      await refusalOf(decode(deflateSync(json), gzipHeader)),
      '400 failed to decode request: invalid GZIP data',
    )
    assert.equal(await refusalOf(decode(gzipSync(bytes), noHints)), '400 failed to decode request: invalid gzip data')
    for (const wrong of ['c080', 'eda080', 'f4908080', 'e282'])
      assert.match(await refusalOf(decode(Buffer.from(wrong, 'hex'), noHints)), /^400/)
  })

  it('may be exactly as large as the cap and not a byte larger', async () => {
    const fits = Buffer.alloc(4 * MiB, ' ')
    const larger = Buffer.alloc(4 * MiB + 1, ' ')
    assert.equal((await textOf(decode(fits, noHints))).length, 4 * MiB)
    assert.equal((await textOf(decode(gzipSync(fits), noHints))).length, 4 * MiB)
    assert.match(await refusalOf(decode(larger, noHints)), /^413 maximum event size exceeded: .* 4194304 bytes$/)
    assert.match(await refusalOf(decode(gzipSync(larger), noHints)), /^413 maximum event size exceeded: /)
  })

  it('keeps a small cap for small bodies too', async () => {
    const small = createBodyDecoder({ inflatedBytesMax: 100 })
    assert.equal((await textOf(small(gzipSync(' '.repeat(100)), noHints))).length, 100)
    assert.match(await refusalOf(small(gzipSync(' '.repeat(101)), noHints)), /^413/)
  })

  it('is refused when it is a bomb, whatever it says about its size', async () => {
    const bomb = gzipSync(Buffer.alloc(20 * MiB))
    assert.match(await refusalOf(decode(bomb, noHints)), /^413/)
    const liar = Buffer.from(bomb)
    liar.writeUInt32LE(10, liar.length - 4)
    assert.match(await refusalOf(decode(liar, noHints)), /^413/)
    const smallLiar = gzipSync(Buffer.alloc(3 * MiB, ' '))
    smallLiar.writeUInt32LE(10, smallLiar.length - 4)
    // Small on the wire, so it is begun at once, found to be large, and given to the pool, which finds the lie.
    assert.equal(await refusalOf(decode(smallLiar, noHints)), '400 failed to decode request: invalid GZIP data')
  })

  it('may be padded with zeros, and with nothing else', async () => {
    assert.equal(await textOf(decode(Buffer.concat([gzipSync(json), Buffer.alloc(100)]), noHints)), json)
    assert.match(await refusalOf(decode(Buffer.concat([gzipSync(json), Buffer.from('more')]), noHints)), /^400/)
  })
})

describe('large bodies', () => {
  const large = gzipSync(Buffer.alloc(2 * MiB, ' '))

  it('take turns, and are told to come back when too many wait', async () => {
    const few = createBodyDecoder({ inflatedBytesMax: 4 * MiB, largeInflationsMax: 1, waitingInflationsMax: 2 })
    const outcomes = await Promise.all([1, 2, 3, 4].map(async () => few(large, noHints)))
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['text', 'text', 'text', 'refused'],
    )
    assert.equal(await refusalOf(outcomes[3] ?? decode(large, noHints)), '503 transient error, please retry')
    const again = await Promise.all([1, 2, 3].map(async () => few(large, noHints)))
    assert.deepEqual(
      again.map(({ kind }) => kind),
      ['text', 'text', 'text'],
    )
  })

  it('free their place when they are broken', async () => {
    const one = createBodyDecoder({ inflatedBytesMax: 4 * MiB, largeInflationsMax: 1, waitingInflationsMax: 0 })
    const broken = Buffer.concat([large.subarray(0, 60), randomBytes(100_000)])
    assert.match(await refusalOf(one(broken, noHints)), /^400/)
    assert.equal((await textOf(one(large, noHints))).length, 2 * MiB)
  })
})
