import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { errorPlace } from './error-place.ts'

function marked(message: string, query: string): string | undefined {
  const place = errorPlace(message, query)
  return place === undefined ? undefined : query.slice(place.from, place.to)
}

describe('the place of an error', () => {
  it('is the word at the position that the server names', () => {
    assert.equal(
      marked('Syntax error: failed at position 10 (FORM) (line 1, col 10): …', 'SELECT 1 FORM events'),
      'FORM',
    )
  })

  it('counts bytes, as the server does', () => {
    assert.equal(marked('Syntax error: failed at position 14 (FORM)', "SELECT 'äö'  FORM"), ' ')
    assert.equal(marked('Syntax error: failed at position 16 (FORM)', "SELECT 'äö'  FORM"), 'FORM')
  })

  it('is the last character when the question ends too early', () => {
    assert.equal(marked('Syntax error: failed at position 99 (end of query)', 'SELECT ('), '(')
  })

  it('is the name that the server does not know, as a whole word', () => {
    assert.equal(marked('Unknown expression identifier `evnt` in scope …', 'SELECT revnts, evnt FROM events'), 'evnt')
    assert.equal(marked('The function cuont is not permitted.', 'SELECT cuont()'), 'cuont')
    assert.equal(marked("Function with name 'cuont' does not exist", 'SELECT cuont()'), 'cuont')
  })

  it('is nowhere when the server does not say', () => {
    assert.equal(errorPlace('The question took longer than 30 s.', 'SELECT 1'), undefined)
    assert.equal(errorPlace('Unknown identifier `a`', 'SELECT b'), undefined)
  })
})
