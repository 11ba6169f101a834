import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { firstCharacters } from './first-characters.ts'

describe('firstCharacters', () => {
  it('counts characters, not UTF-16 units', () => {
    assert.equal(firstCharacters('abc', 3), 'abc')
    assert.equal(firstCharacters('abcd', 3), 'abc')
    assert.equal(firstCharacters('😀é😀x', 3), '😀é😀')
    assert.equal(firstCharacters('😀😀', 2), '😀😀')
    assert.equal(firstCharacters('', 5), '')
  })
})
