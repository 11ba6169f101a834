import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import lzString from 'lz-string'
import { createBodyDecoder } from './body.ts'
import { createInflationThread } from './inflation-thread.ts'
import type { BodyHints, BodyOutcome } from './body.ts'
import type { InflationBounds } from './inflation-thread.ts'

const MiB = 1024 * 1024
/** Beside other tests the thread may have to wait for a core for a long time. */
const patient = { waitMsMax: 60_000 }
const decode = decoderOf(4 * MiB)
const noHints: BodyHints = { contentEncoding: undefined, compression: undefined }
const gzipHeader: BodyHints = { contentEncoding: 'gzip', compression: undefined }
const gzipQuery: BodyHints = { contentEncoding: undefined, compression: 'gzip-js' }

/** All bodies come from one client unless said otherwise. */
function decoderOf(inflatedBytesMax: number, bounds: Partial<InflationBounds> = {}) {
  const decodeBody = createBodyDecoder({ inflatedBytesMax }, createInflationThread({ ...patient, ...bounds }))
  return (body: Buffer, hints: BodyHints, client = '203.0.113.9') => decodeBody(body, hints, client)
}

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
    const small = decoderOf(100)
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

/** How a layer is put on; each can be put on whatever is inside. */
const layers: Readonly<Record<string, (inside: Buffer) => Buffer>> = {
  gzip: (inside) => gzipSync(inside),
  base64: (inside) => Buffer.from(inside.toString('base64')),
  base64url: (inside) => Buffer.from(inside.toString('base64url')),
  form: (inside) => Buffer.from(`ip=1&data=${percented(inside)}&ver=2`),
  mark: (inside) => Buffer.concat([Buffer.from('\ufeff'), inside]),
}

function percented(bytes: Buffer): string {
  return Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
}

const anyBody = fc.oneof(
  fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 2 })),
  fc.array(fc.jsonValue({ maxDepth: 2 })),
)
const anyHint = fc.constantFrom(undefined, 'gzip', 'gzip-js', 'lz64', 'base64', 'deflate', '')
const anyHints = fc.record({
  compression: anyHint,
  contentEncoding: anyHint,
  contentType: fc.constantFrom(undefined, 'application/json', 'text/plain', 'application/x-www-form-urlencoded'),
})

describe('a body in layers', () => {
  it('comes out as it went in, whatever the layers and whatever is said about them', async () => {
    const chain = fc.array(fc.constantFrom(...Object.keys(layers)), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(anyBody, fc.boolean(), chain, anyHints, async (value, isLz, names, hints) => {
        const text = JSON.stringify(value)
        const inside = isLz ? Buffer.from(lzString.compressToBase64(text)) : Buffer.from(text)
        const body = names.reduce<Buffer>((inner, name) => layers[name]?.(inner) ?? inner, inside)
        assert.equal(await textOf(decode(body, hints)), text)
      }),
      { seed: 20_261_121, numRuns: 1000 },
    )
  })

  it('is refused or read, and never more, whatever bytes it consists of', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.base64String({ maxLength: 200 }),
      fc.stringMatching(/^(?:data|compression|_|ip)=[\w%+&=]*$/),
    )
    await fc.assert(
      fc.asyncProperty(bytes, anyHints, async (sent, hints) => {
        const outcome = await decode(typeof sent === 'string' ? Buffer.from(sent) : Buffer.from(sent), hints)
        assert.ok(outcome.kind === 'text' || outcome.status === 400 || outcome.status === 413)
      }),
      { seed: 20_261_121, numRuns: 3000 },
    )
  })

  it('is remembered as it was sent when that was gzip, and only then', async () => {
    const zipped = gzipSync(json)
    const outcome = await decode(zipped, noHints)
    assert.ok(outcome.kind === 'text')
    assert.equal(outcome.sent, zipped)
    for (const other of [Buffer.from(json), gzipSync(zipped), Buffer.from(zipped.toString('base64'))]) {
      const outcome = await decode(other, noHints)
      assert.ok(outcome.kind === 'text')
      assert.equal(outcome.sent, undefined)
    }
  })

  it('is read up to six layers deep', async () => {
    const deep = (count: number): Buffer =>
      Array.from({ length: count }).reduce<Buffer>((inner) => layers['base64']?.(inner) ?? inner, Buffer.from(json))
    assert.equal(await textOf(decode(deep(6), noHints)), json)
    assert.notEqual(await textOf(decode(deep(7), noHints)), json)
  })

  it('may not become larger than the cap in any of them', async () => {
    const small = decoderOf(1000)
    const large = Buffer.from(`{"a":"${'a'.repeat(1000)}"}`)
    for (const body of [
      gzipSync(gzipSync(large)),
      Buffer.from(gzipSync(large).toString('base64')),
      Buffer.from(lzString.compressToBase64(large.toString())),
    ])
      assert.match(await refusalOf(small(body, noHints)), /^413 /)
  })
})

describe('large bodies', () => {
  const large = gzipSync(Buffer.alloc(2 * MiB, ' '))

  it('take turns, and are told to come back when too many wait', async () => {
    const few = decoderOf(4 * MiB, { waitingMax: 3 })
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

  it('of a client whose bomb was found wait no longer, and are to come again, while those of others go on', async () => {
    const some = decoderOf(4 * MiB)
    const bomb = gzipSync(Buffer.alloc(20 * MiB))
    const another = '198.51.100.1'
    const sent = [[large], [bomb], [large, another], [bomb], [large]] as const
    const outcomes = await Promise.all(sent.map(async ([body, client]) => some(body, noHints, client)))
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.kind === 'refused' ? outcome.status : outcome.kind)),
      ['text', 413, 'text', 503, 503],
    )
    assert.equal((await textOf(some(large, noHints))).length, 2 * MiB)
  })

  it('wait no longer than a bound, the one that is being inflated included, and are told to come back', async () => {
    const hurried = decoderOf(64 * MiB, { waitMsMax: 5 })
    const long = gzipSync(randomBytes(16 * MiB))
    const outcomes = await Promise.all([long, large, large].map(async (body) => refusalOf(hurried(body, noHints))))
    assert.deepEqual(new Set(outcomes), new Set(['503 transient error, please retry']))
  })

  it('free their place when they are broken', async () => {
    const one = decoderOf(4 * MiB, { waitingMax: 1 })
    const broken = Buffer.concat([large.subarray(0, 60), randomBytes(100_000)])
    assert.match(await refusalOf(one(broken, noHints)), /^400/)
    assert.equal((await textOf(one(large, noHints))).length, 2 * MiB)
  })
})
