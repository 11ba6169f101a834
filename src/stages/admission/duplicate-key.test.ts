import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseUuid } from '../../event/uuid.ts'
import { createDuplicateKeys } from './duplicate-key.ts'
import type { KeyedEvent } from './duplicate-key.ts'

const secret = Buffer.alloc(32, 7)
const uuid = parseUuid('0190c4a2-0000-7000-8000-000000000001')
const byContent: KeyedEvent = {
  uuid: undefined,
  distinctId: 'ada',
  name: 'bought',
  timestampText: '2026-03-10T12:00:00Z',
}

describe('the duplicate key of an event', () => {
  it('is the same for every retry, also after a restart with the same secret', () => {
    for (const event of [{ ...byContent, uuid }, byContent]) {
      const first = createDuplicateKeys(secret)('phc_a', event)
      assert.ok(first !== undefined)
      assert.deepEqual(createDuplicateKeys(Buffer.from(secret))('phc_a', { ...event }), first)
    }
  })

  it('depends on nothing but project and uuid when the client gave one', () => {
    const keyOf = createDuplicateKeys(secret)
    const other = { uuid, distinctId: 'bob', name: 'sold', timestampText: undefined }
    assert.deepEqual(keyOf('phc_a', other), keyOf('phc_a', { ...byContent, uuid }))
    assert.notDeepEqual(keyOf('phc_b', other), keyOf('phc_a', other))
  })

  it('is another one for another project, distinct id, event, timestamp or secret', () => {
    const keyOf = createDuplicateKeys(secret)
    const keys = [
      keyOf('phc_a', byContent),
      keyOf('phc_b', byContent),
      keyOf('phc_a', { ...byContent, distinctId: 'bob' }),
      keyOf('phc_a', { ...byContent, name: 'sold' }),
      keyOf('phc_a', { ...byContent, timestampText: '2026-03-10T12:00:00.000Z' }),
      keyOf('phc_a', { ...byContent, uuid }),
      createDuplicateKeys(Buffer.alloc(32, 8))('phc_a', byContent),
    ]
    assert.equal(new Set(keys.map(String)).size, keys.length)
  })

  it('is none when the client gave neither uuid nor timestamp', () => {
    assert.equal(createDuplicateKeys(secret)('phc_a', { ...byContent, timestampText: undefined }), undefined)
  })

  it('stays the same when more tokens were seen than are remembered', () => {
    const keyOf = createDuplicateKeys(secret)
    const first = keyOf('phc_a', { ...byContent, uuid })
    for (let n = 0; n < 10_001; n++) keyOf(`phc_${String(n)}`, { ...byContent, uuid })
    assert.deepEqual(keyOf('phc_a', { ...byContent, uuid }), first)
  })

  it('differs for different events however their parts run together', (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    t.diagnostic(`seed ${String(seed)}`)
    const keyOf = createDuplicateKeys(secret)
    const text = fc.string({ unit: fc.constantFrom('a', '1', ':', '0', 'é', '😀'), maxLength: 4 })
    const parts = fc.tuple(text, text, text, text)
    const key = ([token, distinctId, name, timestampText]: readonly [string, string, string, string]) =>
      String(keyOf(token, { uuid: undefined, distinctId, name, timestampText }))
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const isSame = a.every((part, at) => part === b[at])
        assert.equal(key(a) === key(b), isSame)
        // The same text, cut elsewhere.
        const [first, second, ...rest] = a
        if (second !== '') {
          const moved = [first + second.slice(0, 1), second.slice(1), ...rest] as [string, string, string, string]
          assert.notEqual(key(moved), key(a))
        }
      }),
      { seed, numRuns: 300 },
    )
  })
})
