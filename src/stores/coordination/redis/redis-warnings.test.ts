import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { redisWarningsFrom } from './redis-warnings.ts'

describe('what a Redis server says of itself', () => {
  const codes = (info: string | undefined) => redisWarningsFrom(info).map(({ code }) => code)

  it('is fine when it throws nothing away', () => {
    assert.deepEqual(codes('# Memory\r\nused_memory:1\r\nmaxmemory_policy:noeviction\r\nloading:0\r\n'), [])
  })

  it('warns when it throws keys away, whichever', () => {
    for (const policy of ['allkeys-lru', 'volatile-ttl', 'allkeys-random']) {
      assert.deepEqual(codes(`# Memory\r\nmaxmemory_policy:${policy}\r\n`), ['evicts'])
    }
  })

  it('warns when it does not say', () => {
    assert.deepEqual(codes(undefined), ['setup_unknown'])
    assert.deepEqual(codes('# Server\r\nredis_version:7.0.15\r\n'), ['setup_unknown'])
  })
})
