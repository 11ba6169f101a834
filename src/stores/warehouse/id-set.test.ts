import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { IdSet, unionOf } from './id-set.ts'

const uuid = '00112233-4455-6677-8899-aabbccddeeff'
const other = '00112233-4455-6677-8899-aabbccddeefe'

function hashOf(...rows: readonly (readonly [string, number, number])[]): bigint {
  const ids = new IdSet()
  for (const row of rows) ids.add(...row)
  return ids.hash
}

describe('an id set', () => {
  it('has the same hash in whatever order its rows come', () => {
    assert.equal(hashOf([uuid, 1, 0], [other, 2, 0]), hashOf([other, 2, 0], [uuid, 1, 0]))
  })

  it('has another hash when a row is missing, doubled or changed', () => {
    const whole = hashOf([uuid, 1, 0], [other, 2, 0])
    assert.notEqual(hashOf([uuid, 1, 0]), whole)
    assert.notEqual(hashOf([uuid, 1, 0], [other, 2, 0], [other, 2, 0]), whole)
    assert.notEqual(hashOf([uuid, 1, 0], [other, 2 + 2 ** 32, 0]), whole)
    assert.notEqual(hashOf([uuid, 1, 0], [other, 2, 1]), whole)
    assert.notEqual(hashOf([uuid, 2, 0], [other, 1, 0]), whole)
  })

  it('gives the hash of a union from the hashes of its parts', () => {
    const parts = Array.from({ length: 100 }, (_, at) => [uuid, at, 0] as const)
    assert.equal(unionOf([hashOf(...parts.slice(0, 40)), hashOf(...parts.slice(40))]), hashOf(...parts))
    assert.equal(unionOf([]), 0n)
  })

  it('says the same on every machine and in every release', () => {
    assert.equal(hashOf([uuid, 2 ** 33 + 5, 1]), 9254071882953103880n)
  })
})
