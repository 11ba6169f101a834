import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failure } from '../../../kit/failure.ts'
import { redisAddressFrom } from './redis-address.ts'

describe('an address of Redis', () => {
  it('is read with everything that it may have', () => {
    assert.deepEqual(redisAddressFrom('redis://localhost'), {
      host: 'localhost',
      port: 6379,
      database: 0,
      isTls: false,
    })
    assert.deepEqual(redisAddressFrom('rediss://me:p%40ss%2F@cache.example:7000/12'), {
      host: 'cache.example',
      port: 7000,
      database: 12,
      isTls: true,
      username: 'me',
      password: 'p@ss/',
    })
    assert.deepEqual(redisAddressFrom('redis://:only@[::1]:1/'), {
      host: '::1',
      port: 1,
      database: 0,
      isTls: false,
      password: 'only',
    })
  })

  it('is refused when it is none, without its password in the message', () => {
    const wrong = [
      '',
      'localhost:6379',
      'http://secret@host',
      'redis://:secret@',
      'redis://:secret@host/database',
      'redis://:secret@host/1/2',
      'redis://:secret@host/-1',
      'redis://:secret@host?tls=no',
      'redis://:secret%@host',
    ]
    for (const url of wrong) {
      assert.throws(
        () => redisAddressFrom(url),
        (error) => {
          assert.ok(error instanceof Failure, url)
          assert.deepEqual([error.code, error.retryable], ['SLUICE_COORDINATION_REFUSED', false])
          assert.doesNotMatch(error.message, /secret/)
          return true
        },
      )
    }
  })
})
