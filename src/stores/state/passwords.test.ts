import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failure } from '../../kit/failure.ts'
import { hashPassword, isPassword, newPassword } from './passwords.ts'

describe('a password', () => {
  it('is known again by its hash, and no other is', async () => {
    const kept = await hashPassword('correct horse')
    assert.equal(await isPassword('correct horse', kept), true)
    assert.equal(await isPassword('correct horse ', kept), false)
    assert.equal(await isPassword('', kept), false)
  })

  it('has another hash each time, and says what it was made with', async () => {
    const [one, other] = await Promise.all([hashPassword('same'), hashPassword('same')])
    assert.ok(!one.hash.equals(other.hash))
    assert.ok(one.cost >= 2 ** 15)
  })

  it('is the same however its letters were put together', async () => {
    assert.equal(await isPassword('cafe\u0301', await hashPassword('caf\u00e9')), true)
  })

  it('is nobody’s when there is nothing to compare with', async () => {
    assert.equal(await isPassword('anything', undefined), false)
  })

  it('is refused for the moment when too many are being looked at, and none is lost', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => isPassword('x', undefined)))
    const refused = outcomes.filter((one) => one.status === 'rejected')
    assert.equal(refused.length, 8)
    assert.ok(refused.every(({ reason }) => reason instanceof Failure && reason.code === 'SLUICE_LOGIN_BUSY'))
    assert.equal(await isPassword('x', undefined), false)
  })

  it('that is made here is long and random', () => {
    assert.match(newPassword(), /^[2-9a-hjkmnp-zA]{26}$/)
    assert.equal(new Set(Array.from({ length: 100 }, newPassword)).size, 100)
  })
})
