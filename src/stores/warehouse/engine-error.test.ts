import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { engineCodeOf, engineMessageOf, HttpAnswerError, isRefusedUnread, isTooLargeToRead } from './engine-error.ts'

describe('an error of the engine', () => {
  it('has the number and the words of ClickHouse', () => {
    const error = new Error('Query failed: Code: 62. DB::Exception: Syntax error: failed. (version 26.7.2.1)')
    assert.deepEqual([engineCodeOf(error), engineMessageOf(error)], [62, 'Syntax error: failed.'])
  })

  it('always says something', () => {
    assert.equal(engineMessageOf(Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })), 'ECONNREFUSED')
    assert.equal(engineMessageOf(new Error('')), 'no reason was given')
    assert.equal(engineMessageOf(new HttpAnswerError(431, '')), 'HTTP 431 Request Header Fields Too Large')
    assert.equal(engineMessageOf(new HttpAnswerError(599, ' ')), 'HTTP 599')
    assert.ok(engineMessageOf(new HttpAnswerError(502, 'x'.repeat(100_000))).length < 300)
  })
})

describe('an answer in which no engine speaks', () => {
  it('is a refusal for good when it blames the request', () => {
    for (const status of [300, 400, 401, 403, 404, 413, 431])
      assert.ok(isRefusedUnread(new HttpAnswerError(status, '')))
    for (const status of [408, 425, 429, 500, 502, 503]) assert.ok(!isRefusedUnread(new HttpAnswerError(status, '')))
    assert.ok(!isRefusedUnread(new Error('HTTP 404')))
  })

  it('blames the size of the request, or something else', () => {
    for (const status of [413, 414, 431]) assert.ok(isTooLargeToRead(new HttpAnswerError(status, '')))
    assert.ok(!isTooLargeToRead(new HttpAnswerError(403, '')))
  })
})
