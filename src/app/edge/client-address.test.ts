import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { createClientAddress, proxyComplaint, sourceOf } from './client-address.ts'

const usual = createClientAddress(['127.0.0.1/32', '::1/128'])
const chained = createClientAddress(['10.0.0.0/8', '2001:db8:ffff::/48', '127.0.0.1'])

function requestFrom(peer: string, headers: Readonly<Record<string, string>> = {}): IncomingMessage {
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: peer })
  const request = new IncomingMessage(socket)
  Object.assign(request.headers, headers)
  return request
}

const from = (peer: string, forwarded: string) => requestFrom(peer, { 'x-forwarded-for': forwarded })

describe("the client's address", () => {
  it("is the peer's, an IPv4 one without its IPv6 dress", () => {
    assert.equal(usual.of(requestFrom('203.0.113.9')), '203.0.113.9')
    assert.equal(usual.of(requestFrom('::ffff:203.0.113.9')), '203.0.113.9')
    assert.equal(usual.of(requestFrom('2001:db8::1')), '2001:db8::1')
  })

  it('is the last one that a trusted proxy names, because what stands before may be invented', () => {
    for (const proxy of ['127.0.0.1', '::1', '::ffff:127.0.0.1'])
      assert.equal(usual.of(from(proxy, '198.51.100.7, 203.0.113.1')), '203.0.113.1')
    assert.equal(usual.of(from('127.0.0.1', ' 2001:db8::2 ')), '2001:db8::2')
    assert.equal(usual.of(from('127.0.0.1', '203.0.113.1:4711')), '203.0.113.1')
    assert.equal(usual.of(from('127.0.0.1', '[2001:db8::2]:4711')), '2001:db8::2')
  })

  it('is looked for behind every trusted proxy of a chain', () => {
    assert.equal(chained.of(from('10.0.0.1', '6.6.6.6, 203.0.113.1, 10.9.9.9, 2001:db8:ffff::7')), '203.0.113.1')
    assert.equal(chained.of(from('10.0.0.1', '10.0.0.2, 10.0.0.3')), '10.0.0.2')
  })

  it('is that of the nearest known hop when a proxy names nobody', () => {
    assert.equal(usual.of(from('127.0.0.1', 'unknown')), '127.0.0.1')
    assert.equal(usual.of(from('127.0.0.1', '')), '127.0.0.1')
    assert.equal(chained.of(from('10.0.0.1', '203.0.113.1, unknown, 10.0.0.2')), '10.0.0.2')
  })

  it('is not what anybody else writes there', () => {
    assert.equal(usual.of(from('203.0.113.9', '198.51.100.7')), '203.0.113.9')
    assert.equal(usual.of(from('127.8.8.8', '198.51.100.7')), '127.8.8.8')
    assert.equal(createClientAddress([]).of(from('127.0.0.1', '198.51.100.7')), '127.0.0.1')
  })

  it('does not cost more for a list without an end', () => {
    assert.equal(chained.of(from('10.0.0.1', `203.0.113.1, ${'10.0.0.2,'.repeat(1000)}10.0.0.3`)), '10.0.0.2')
  })
})

describe('whether a client came by TLS', () => {
  it('is said by trusted proxies alone', () => {
    const said = { 'x-forwarded-proto': 'http, https' }
    assert.equal(usual.isSecure(requestFrom('127.0.0.1', said)), true)
    assert.equal(usual.isSecure(requestFrom('203.0.113.9', said)), false)
    assert.equal(usual.isSecure(requestFrom('127.0.0.1')), false)
  })
})

describe('a source', () => {
  it('is an IPv4 address, or the /64 of an IPv6 one', () => {
    assert.equal(sourceOf('203.0.113.9'), '203.0.113.9')
    assert.equal(sourceOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
    assert.equal(sourceOf('2001:0DB8:1:2::9'), '2001:db8:1:2::/64')
    assert.equal(sourceOf('2001:db8::9'), '2001:db8:0:0::/64')
    assert.equal(sourceOf('::1'), '0:0:0:0::/64')
    assert.equal(sourceOf('fe80::1%eth0'), 'fe80:0:0:0::/64')
  })
})

describe('a trusted proxy', () => {
  it('is refused in words when it is no address or network', () => {
    for (const good of ['10.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8', '0.0.0.0/0'])
      assert.equal(proxyComplaint(good), undefined)
    assert.match(proxyComplaint('proxy.example') ?? '', /no IP address/)
    for (const bad of ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '::/129', '10.0.0.0/8x'])
      assert.match(proxyComplaint(bad) ?? '', /prefix length/, bad)
  })
})
