import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { canonicalUuid, canonicalWordsAt, formatUuid, isCanonicalUuidAt, parseUuid, uuidV5, uuidV7 } from './uuid.ts'

const example = '01902b3c-ffff-7c3a-9f41-00000000abcd'

describe('a UUID', () => {
  it('comes back from its words as it was', () => {
    assert.deepEqual(parseUuid(example), [0x01902b3c, 0xffff7c3a, 0x9f410000, 0x0000abcd])
    for (let n = 0; n < 200; n++) {
      const uuid = randomUUID()
      const words = parseUuid(uuid)
      assert.ok(words !== undefined)
      assert.equal(formatUuid(words), uuid)
    }
  })

  it('is read in any case and in every form that capture reads', () => {
    const forms = [example, example.toUpperCase(), example.replaceAll('-', ''), `{${example}}`, `urn:uuid:${example}`]
    for (const form of forms) assert.equal(canonicalUuid(form), example)
  })

  it('is refused when anything about it is wrong', () => {
    const wrong = [
      '',
      '50172',
      example.slice(1),
      `${example}0`,
      example.replace('-', '0'),
      example.replace('f', 'g'),
      ` ${example.slice(1)}`,
    ]
    for (const text of [...wrong, example.replace('f', 'ņ'), 'x'.repeat(36), `(${example})`])
      assert.equal(canonicalUuid(text), undefined, text)
  })

  it('is recognised among bytes only in its canonical form', () => {
    const bytes = Buffer.from(`"${example}"`)
    assert.equal(isCanonicalUuidAt(bytes, 1), true)
    assert.deepEqual(canonicalWordsAt(bytes, 1), parseUuid(example))
    assert.equal(isCanonicalUuidAt(bytes, 0), false)
    assert.equal(isCanonicalUuidAt(bytes, 3), false)
    assert.equal(isCanonicalUuidAt(Buffer.from(example.toUpperCase()), 0), false)
    assert.equal(isCanonicalUuidAt(Buffer.from(example.replace('-', '0')), 0), false)
    assert.equal(isCanonicalUuidAt(Buffer.from(example.replace('a', '`')), 0), false)
  })
})

describe('uuidV7', () => {
  it('carries its time, version and variant', () => {
    const uuid = uuidV7(Date.UTC(2026, 10, 21))
    assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.equal(Number.parseInt(uuid.slice(0, 13).replace('-', ''), 16), Date.UTC(2026, 10, 21))
  })

  it('sorts by time and takes times before 1970 as 0', () => {
    assert.ok(uuidV7(1_700_000_000_000) < uuidV7(1_700_000_000_001))
    assert.ok(uuidV7(-5).startsWith('00000000-0000-7'))
  })

  it('does not repeat', () => {
    assert.equal(new Set(Array.from({ length: 5000 }, () => uuidV7(1_700_000_000_000))).size, 5000)
  })
})

describe('uuidV5', () => {
  it('gives the ids that RFC 9562 and others give', () => {
    const dns = parseUuid('6ba7b810-9dad-11d1-80b4-00c04fd430c8')
    assert.ok(dns !== undefined)
    assert.equal(uuidV5(dns, 'www.example.com'), '2ed6657d-e927-568b-95e1-2665a8aea6a2')
    assert.equal(uuidV5(dns, 'python.org'), '886313e1-3b8a-5372-9b90-0c9aee199e5d')
  })

  it('takes names beyond ASCII as UTF-8', () => {
    const space = parseUuid(example)
    assert.ok(space !== undefined)
    assert.notEqual(uuidV5(space, 'é'), uuidV5(space, 'e'))
    assert.equal(uuidV5(space, 'é'), uuidV5(space, 'é'))
  })
})
