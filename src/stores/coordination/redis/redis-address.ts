/** A Redis address as people write it: `redis://user:password@host:6379/0`, `rediss://` over TLS. */
import { Failure } from '../../../kit/failure.ts'

export interface RedisAddress {
  readonly host: string
  readonly port: number
  /** Number of the database, 0 when the address names none. */
  readonly database: number
  readonly isTls: boolean
  readonly username?: string
  readonly password?: string
}

/** Throws SLUICE_COORDINATION_REFUSED, without the password in it, when this is no such address. */
export function redisAddressFrom(url: string): RedisAddress {
  if (!URL.canParse(url)) throw refused('It is no URL.')
  const { protocol, hostname, port, pathname, username, password, search, hash } = new URL(url)
  if (protocol !== 'redis:' && protocol !== 'rediss:') throw refused('It begins with neither redis:// nor rediss://.')
  if (hostname === '') throw refused('It names no host.')
  if (search !== '' || hash !== '') throw refused('What follows "?" or "#" is not understood.')
  const database = /^\/?(\d{0,5})$/.exec(pathname)?.[1]
  if (database === undefined) throw refused('The path is not the number of a database.')
  return {
    // An IPv6 address is written in brackets, which the socket does not want.
    host: decoded(hostname.replace(/^\[(.*)\]$/, '$1')),
    port: port === '' ? 6379 : Number(port),
    database: Number(database),
    isTls: protocol === 'rediss:',
    ...(username === '' ? {} : { username: decoded(username) }),
    ...(password === '' ? {} : { password: decoded(password) }),
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw refused('A percent sign in it encodes nothing; write %25 for the sign itself.')
  }
}

function refused(why: string): Failure {
  return new Failure('SLUICE_COORDINATION_REFUSED', `The address of Redis is not usable. ${why}`)
}
