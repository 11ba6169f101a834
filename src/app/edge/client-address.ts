/**
 * Who sent a request, and how he came: the one answer to it, for capture, for the core and for the budgets.
 *
 * `X-Forwarded-For` grows at its end: each proxy adds the address that it was asked from, so that only what trusted
 * proxies have added can be believed. The client is the last address that is no trusted proxy; everything before it may be
 * his invention. When the peer itself is no trusted proxy, the header says nothing.
 */
import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import type { Socket } from 'node:net'

export interface ClientAddress {
  /** The client's address, an IPv4 one in IPv4's own form; `unknown` when its connection has gone already. */
  of(request: IncomingMessage): string
  /** Whether the client spoke TLS, with us or with a trusted proxy. */
  isSecure(request: IncomingMessage): boolean
  /** The peer of a connection, and whether it is a trusted proxy. */
  peerOf(socket: Socket): Peer
  /** The same of a connection from this address, as a socket names it. */
  peerAt(remoteAddress: string): Peer
}

export interface Peer {
  readonly address: string
  readonly isTrusted: boolean
}

/** Longer lists are made by nobody but attackers: what is beyond is not looked at. */
const hopsMax = 32

export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  const trusted = new BlockList()
  for (const one of trustedProxies) {
    const { address, prefix, family } = networkOf(one)
    trusted.addSubnet(address, prefix, family)
  }
  const isTrusted = (address: string): boolean => {
    const family = isIP(address)
    return family !== 0 && trusted.check(address, family === 4 ? 'ipv4' : 'ipv6')
  }
  // A connection keeps its peer: what is asked for each request is looked up once.
  const peers = new WeakMap<Socket, Peer>()

  const peerAt = (remoteAddress: string): Peer => {
    const address = plainAddress(remoteAddress)
    return { address, isTrusted: isTrusted(address) }
  }
  const peerOf = (socket: Socket): Peer => {
    const known = peers.get(socket)
    if (known !== undefined) return known
    const peer = peerAt(socket.remoteAddress ?? 'unknown')
    peers.set(socket, peer)
    return peer
  }

  return {
    peerOf,
    peerAt,
    of({ socket, headers }) {
      const peer = peerOf(socket)
      const forwarded = headers['x-forwarded-for']
      if (!peer.isTrusted || forwarded === undefined) return peer.address
      const hops = (typeof forwarded === 'string' ? forwarded : forwarded.join(',')).split(',').slice(-hopsMax)
      let nearest = peer.address
      for (let at = hops.length - 1; at >= 0; at--) {
        const address = addressIn(hops[at] ?? '')
        // What is no address was not added by a proxy that knows whom it talks to.
        if (address === undefined) break
        nearest = address
        if (!isTrusted(address)) break
      }
      return nearest
    },
    isSecure({ socket, headers }) {
      if ('encrypted' in socket) return true
      const forwarded = headers['x-forwarded-proto']
      if (forwarded === undefined || !peerOf(socket).isTrusted) return false
      const [last] = (typeof forwarded === 'string' ? forwarded : forwarded.join(',')).split(',').slice(-1)
      return last?.trim().toLowerCase() === 'https'
    },
  }
}

/** What a budget is kept for: an IPv4 address, or the /64 of an IPv6 one, because one customer gets at least that many. */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address
  const [head = ''] = address.split('%')
  const [before = '', after] = head.split('::')
  const groups = before === '' ? [] : before.split(':')
  if (after !== undefined) {
    const rest = after === '' ? [] : after.split(':')
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}

/** Completes "<name> is <value>, which …". */
export function proxyComplaint(value: string): string | undefined {
  const { address, prefix, family } = networkOf(value)
  if (isIP(address) === 0) return `names "${address}", which is no IP address`
  const most = family === 'ipv4' ? 32 : 128
  return Number.isInteger(prefix) && prefix >= 0 && prefix <= most
    ? undefined
    : `has a prefix length that is not between 0 and ${String(most)}`
}

function networkOf(text: string): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } {
  const [address = '', prefix] = text.split('/')
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  const digits = prefix ?? (family === 'ipv4' ? '32' : '128')
  return { address, prefix: /^\d{1,3}$/.test(digits) ? Number(digits) : Number.NaN, family }
}

/** Some proxies add the port: `203.0.113.9:1234`, `[2001:db8::1]:1234`. */
function addressIn(hop: string): string | undefined {
  const text = hop.trim()
  const bare = /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
  return isIP(bare) === 0 ? undefined : plainAddress(bare)
}

/** `::ffff:203.0.113.9` → `203.0.113.9`: a listener on both families sees IPv4 so. */
function plainAddress(address: string): string {
  return address.length > 7 && /^::ffff:/i.test(address) && address.includes('.') ? address.slice(7) : address
}
