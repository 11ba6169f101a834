import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { createSignatureCheck } from './signature.ts'
import type { SignedParts } from './signature.ts'

const nowMs = Date.UTC(2026, 2, 10)
const secret = 'a secret of at least 32 characters'
const body = Buffer.from([0x1f, 0x8b, 0, 255, 10])
const parts = { method: 'POST', target: '/e/?ip=1&_=2', sentBody: body }

function signed(own: Partial<SignedParts> = {}, timeMs = nowMs, key = secret): SignedParts {
  const { method, target, sentBody } = { ...parts, ...own }
  const head = `${String(timeMs)}\n${method}\n${target}\n`
  const hex = createHmac('sha256', key).update(head).update(sentBody).digest('hex')
  return { method, target, sentBody, signature: `t=${String(timeMs)},v1=${hex}` }
}

const settings = { signatureAgeMsMax: 300_000, signaturesMax: 1000 }
const check = (request: SignedParts, secrets: readonly string[] = [secret]) =>
  createSignatureCheck(settings)(request, secrets, nowMs)

describe('the rule about signatures', () => {
  it('knows a request that was signed as it was sent, with any of the secrets', () => {
    assert.equal(check(signed()).kind, 'signed')
    assert.equal(check(signed(), ['another secret of 32 characters..', secret]).kind, 'signed')
    assert.equal(check(signed({ method: 'GET', sentBody: Buffer.alloc(0) })).kind, 'signed')
  })

  it('signs as written down: HMAC-SHA256 of time, method, path with query and body', () => {
    // Made with: printf '1773100800000\nPOST\n/e\n{}' | openssl dgst -sha256 -hmac 'abcdefghijklmnopqrstuvwxyz012345'
    const signature = 't=1773100800000,v1=d1b0011c0f6a2f35171a4ff0591d5e8a34b0ab0c82521e5853ea1991e9f71315'
    const request = { method: 'POST', target: '/e', sentBody: Buffer.from('{}'), signature }
    assert.equal(check(request, ['abcdefghijklmnopqrstuvwxyz012345']).kind, 'signed')
  })

  const { signature = '' } = signed()
  const wrong: readonly (readonly [what: string, request: SignedParts, reason: RegExp])[] = [
    ['no signature', { ...parts, signature: undefined }, /is missing/],
    ['an empty one', { ...parts, signature: '' }, /must read/],
    ['a short one', { ...parts, signature: signature.slice(0, -1) }, /must read/],
    ['upper case', { ...parts, signature: signature.replace(/v1=.*/, (text) => text.toUpperCase()) }, /must read/],
    ['something behind it', { ...parts, signature: `${signature},v1=0` }, /must read/],
    ['another method', { ...signed(), method: 'GET' }, /does not fit/],
    ['another query', { ...signed(), target: '/e/?ip=1&_=3' }, /does not fit/],
    ['another body', { ...signed(), sentBody: Buffer.from('{}') }, /does not fit/],
    [
      'another time',
      { ...parts, signature: signature.replace(`t=${String(nowMs)}`, `t=${String(nowMs - 1)}`) },
      /does not fit/,
    ],
    ['another secret', signed({}, nowMs, 'a secret of somebody else entirely'), /does not fit/],
    ['a time long ago', signed({}, nowMs - 300_001), /300 s behind the server's, and may be 300 s off/],
    ['a time to come', signed({}, nowMs + 360_000), /360 s ahead of the server's/],
  ]
  for (const [what, request, reason] of wrong) {
    it(`turns away ${what}, and says why`, () => {
      const verdict = check(request)
      assert.equal(verdict.kind, 'unsigned')
      assert.match(verdict.reason, reason)
    })
  }

  it('takes times within the window, either way', () => {
    assert.equal(check(signed({}, nowMs - 300_000)).kind, 'signed')
    assert.equal(check(signed({}, nowMs + 300_000)).kind, 'signed')
  })

  it('takes a signature once, and once more when what it signed could not be stored', () => {
    const once = createSignatureCheck(settings)
    const first = once(signed(), [secret], nowMs)
    const again = once(signed(), [secret], nowMs + 1)
    assert.equal(first.kind, 'signed')
    assert.equal(again.kind, 'unsigned')
    assert.match(again.reason, /used before: sign each try anew/)
    first.undo()
    assert.equal(once(signed(), [secret], nowMs + 2).kind, 'signed')
    assert.equal(once(signed({}, nowMs + 1), [secret], nowMs + 3).kind, 'signed')
  })
})
