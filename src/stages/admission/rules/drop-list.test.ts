import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createDropList, dropListComplaint } from './drop-list.ts'

describe('the list of events to drop', () => {
  const list = createDropList(' a:one,two words ; b:* ;; c;d:x:y;a:three;e:1;e:*;e:2 ')
  const cases: readonly (readonly [token: string, distinctId: string, drops: boolean])[] = [
    ['a', 'one', true],
    ['a', 'two words', true],
    ['a', 'three', true],
    ['a', 'four', false],
    ['b', 'anybody', true],
    ['c', 'anybody', true],
    ['d', 'x:y', true],
    ['d', 'x', false],
    ['e', 'anybody', true],
    ['f', 'one', false],
    ['', '', false],
  ]
  for (const [token, distinctId, drops] of cases) {
    it(`${drops ? 'drops' : 'leaves'} ${distinctId} of ${token}`, () => {
      assert.equal(list.of(token)?.has(distinctId) ?? false, drops)
    })
  }

  it('says what is wrong with it', () => {
    for (const good of ['', ' ; ', 'a', 'a:*', 'a:1,2;b:3']) assert.equal(dropListComplaint(good), undefined)
    assert.equal(dropListComplaint('a:1;:2'), 'has no token in ":2"')
    assert.equal(dropListComplaint('a:, ;b'), 'names nobody in "a:,"')
  })
})
