import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { newPersonalKey, newProjectToken, tokenRefusal } from './project-token.ts'

describe('a project token', () => {
  it('may be any ASCII text of up to 64 bytes', () => {
    for (const token of ['phc_abc', 'x', 'my token', 'a'.repeat(64), newProjectToken()]) {
      assert.equal(tokenRefusal(token), undefined, token)
    }
  })

  it('is refused with the reason that comes first in the order of the rules', () => {
    assert.equal(tokenRefusal(''), 'empty')
    assert.equal(tokenRefusal('a'.repeat(65)), 'too_long')
    assert.equal(tokenRefusal('é'.repeat(33)), 'too_long')
    assert.equal(tokenRefusal('phx_é'), 'not_ascii')
    assert.equal(tokenRefusal('\u0000é'), 'not_ascii')
    assert.equal(tokenRefusal(newPersonalKey()), 'personal_api_key')
    assert.equal(tokenRefusal('a\u0000b'), 'null_byte')
  })

  it('is long, random and never the same when it is made here', () => {
    const tokens = Array.from({ length: 200 }, newProjectToken)
    for (const token of tokens) assert.match(token, /^phc_[0-9A-Za-z]{43}$/)
    assert.equal(new Set(tokens).size, tokens.length)
    assert.match(newPersonalKey(), /^phx_[0-9A-Za-z]{43}$/)
  })
})
