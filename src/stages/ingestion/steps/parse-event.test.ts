import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseEvent } from './parse-event.ts'
import type { ClientEvent } from './parse-event.ts'

function parsed(json: string): ClientEvent {
  const verdict = parseEvent(Buffer.from(json))
  assert.ok(verdict.kind === 'keep')
  return verdict.value
}

describe('parseEvent', () => {
  it('gives what JSON.parse gives', () => {
    assert.deepEqual(parsed('{"event":"é","properties":{"a":[1,null,"\\u00e9\\ud83d\\ude00"]}}'), {
      event: 'é',
      properties: { a: [1, null, 'é😀'] },
    })
  })

  it('keeps __proto__ and constructor as data', () => {
    const event = parsed('{"event":"e","__proto__":{"polluted":1},"properties":{"__proto__":{"x":1},"constructor":2}}')
    assert.deepEqual(Object.keys(event), ['event', '__proto__', 'properties'])
    assert.equal(JSON.stringify(event['properties']), '{"__proto__":{"x":1},"constructor":2}')
    assert.equal(Object.getPrototypeOf(event), Object.prototype)
    assert.equal(Reflect.get({}, 'polluted'), undefined)
  })

  it('replaces NUL and lone surrogates by U+FFFD', () => {
    const event = parsed('{"event":"a\\u0000b","properties":{"k\\ud800":"\\\\u0000","p":"\\ud83d\\ude00"}}')
    assert.equal(JSON.stringify(event), '{"event":"a\ufffdb","properties":{"k\ufffd":"\\\\u0000","p":"😀"}}')
  })

  it('sets aside what is no JSON object', () => {
    const reasons = ['{', '', '\u0000', '[]', 'null', '5', '"x"'].map((json) => {
      const verdict = parseEvent(Buffer.from(json))
      return verdict.kind === 'quarantine' ? verdict.reason : verdict.kind
    })
    assert.deepEqual(reasons, [
      'not_json',
      'not_json',
      'not_json',
      'not_an_object',
      'not_an_object',
      'not_an_object',
      'not_an_object',
    ])
  })
})
