import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bearerToken, readQuery } from './request-facts.ts'

const nowMs = Date.UTC(2026, 2, 10)

function queried(search: string) {
  const query = readQuery(search)
  assert.equal(query.kind, 'query')
  return query
}

function refusal(search: string): string {
  const query = readQuery(search)
  assert.equal(query.kind, 'refused')
  return query.message
}

describe('the query of a request', () => {
  it('says nothing when it is empty or holds only what nobody asks for', () => {
    const nothing = {
      kind: 'query',
      compression: undefined,
      sentAtMs: undefined,
      isBeacon: false,
      data: undefined,
      wantsReceipts: false,
    }
    assert.deepEqual(queried(''), nothing)
    assert.deepEqual(queried('ip=1&ver=1.2&__proto__=x&%ff=%zz'), nothing)
  })

  it('says when it was sent, by either name, unless the clock shows seconds', () => {
    for (const name of ['_', 'sent_at']) {
      assert.equal(queried(`${name}=${String(nowMs)}`).sentAtMs, nowMs)
      assert.equal(queried(`${name}=${String(nowMs / 1000)}`).sentAtMs, undefined)
      assert.equal(queried(`${name}=-1`).sentAtMs, undefined)
    }
  })

  it('says its compression in lower case, whether it is a beacon, and whether receipts are wanted', () => {
    assert.equal(queried('compression=GZIP-JS').compression, 'gzip-js')
    assert.equal(queried('beacon=1').isBeacon, true)
    assert.equal(queried('beacon=0').isBeacon, false)
    assert.equal(queried('receipts=1').wantsReceipts, true)
    assert.equal(queried('receipts=true').wantsReceipts, false)
  })

  it('carries data, in UTF-8, unless that is empty', () => {
    assert.deepEqual(queried('ip=1&data=%7B%22a%22:%22%C3%A9+%2B%22%7D').data, Buffer.from('{"a":"é +"}'))
    assert.equal(queried('data=').data, undefined)
  })

  it('is refused when a number is none or a field comes by both names', () => {
    assert.equal(refusal('_=now'), 'Failed to deserialize query string: _: invalid digit found in string')
    assert.equal(refusal('sent_at='), 'Failed to deserialize query string: sent_at: invalid digit found in string')
    assert.equal(refusal('beacon=yes'), 'Failed to deserialize query string: beacon: invalid digit found in string')
    assert.equal(refusal('_=1&sent_at=1'), 'Failed to deserialize query string: duplicate field `sent_at`')
    assert.equal(refusal('ver=1&lib_version=1'), 'Failed to deserialize query string: duplicate field `lib_version`')
  })
})

describe('the token of a header', () => {
  it('is what follows "Bearer", in any case', () => {
    assert.equal(bearerToken('Bearer phc_a'), 'phc_a')
    assert.equal(bearerToken('bearer   phc_a  '), 'phc_a')
  })

  it('is none in any other scheme or shape', () => {
    for (const header of [undefined, '', 'Bearer', 'Bearer ', 'Basic phc_a', 'Bearer a b', 'phc_a']) {
      assert.equal(bearerToken(header), undefined, header)
    }
  })
})
