/**
 * DATABASE_URL, with the meaning that libpq gives it, as options of the client.
 *
 * - Several hosts (`host1:5432,host2:5432`) are tried in their order; port and host may also stand among the parameters, and a
 *   host that begins with "/" is the folder of a socket.
 * - sslmode is libpq's: `prefer` when it is not given; with a file of certificates `require` checks them as `verify-ca` does.
 * - What we do not know is refused, not passed over: a parameter that does nothing may be one that somebody relies on.
 *
 * No message has the address in it, because the password is a part of that.
 */
import { readFile } from 'node:fs/promises'
import { Failure, messageOf } from '../../../kit/failure.ts'
import type { TargetSession, Way } from './postgres-sql-client.ts'

export interface DatabaseUrlOptions {
  /** PEM file of the authorities that may have signed the server's certificate; `sslrootcert` in the address wins. */
  readonly caFile?: string
  /** What a server must be to be talked to where the address does not say it (`target_session_attrs`); `read-write` by default. */
  readonly session?: TargetSession
}

/** What the address says of the options of a client, to be spread over the others. */
export interface DatabaseConnection {
  readonly connection: Way
  readonly otherWays: readonly Way[]
  readonly session: TargetSession
  readonly connectTimeoutMs?: number
  readonly applicationName?: string
}

export async function readDatabaseUrl(url: string, options: DatabaseUrlOptions = {}): Promise<DatabaseConnection> {
  const address = parseDatabaseUrl(url)
  const { parameters } = address
  const caFile = parameters.get('sslrootcert') ?? options.caFile
  const tls = await tlsWays(address, caFile === '' ? undefined : caFile)
  const common = {
    user: address.user,
    database: address.database,
    ...(address.password === undefined ? {} : { password: address.password }),
    ...pick(parameters, 'options'),
    ...(parameters.get('sslnegotiation') === 'direct' ? { sslnegotiation: 'direct' as const } : {}),
    ...(['prefer', 'require'].includes(parameters.get('channel_binding') ?? '') ? { enableChannelBinding: true } : {}),
  }
  const [connection, ...otherWays] = address.hosts.flatMap(({ host, port }): Way[] =>
    (host.startsWith('/') ? [false] : tls).map((ssl) => ({ ...common, host, port, ssl })),
  )
  if (connection === undefined) throw refused('names no host')
  const connectTimeoutS = Number(parameters.get('connect_timeout') ?? 0)
  const applicationName = parameters.get('application_name')
  return {
    connection,
    otherWays,
    session: sessionOf(parameters.get('target_session_attrs'), options.session ?? 'read-write'),
    ...(connectTimeoutS > 0 ? { connectTimeoutMs: connectTimeoutS * 1000 } : {}),
    ...(applicationName === undefined ? {} : { applicationName }),
  }
}

interface DatabaseAddress {
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly sslMode: SslMode
  readonly parameters: ReadonlyMap<string, string>
}

const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'] as const
type SslMode = (typeof sslModes)[number]

const known: ReadonlySet<string> = new Set([
  ...['host', 'hostaddr', 'port', 'user', 'password', 'dbname', 'application_name', 'connect_timeout', 'options'],
  ...['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslnegotiation', 'channel_binding'],
  ...['target_session_attrs'],
])
/** Of libpq, about what we do in one way anyhow. */
const withoutEffect: ReadonlySet<string> = new Set([
  ...[
    'keepalives',
    'keepalives_idle',
    'keepalives_interval',
    'keepalives_count',
    'tcp_user_timeout',
    'client_encoding',
  ],
  ...['gssencmode', 'sslcompression', 'sslsni', 'fallback_application_name'],
])

/** Hosts, names and parameters, decoded; rejects what is no address of a database. */
export function parseDatabaseUrl(url: string): DatabaseAddress {
  const parts = /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(url)
  if (parts === null) {
    throw refused(
      'is no address like postgres://user:password@host:5432/sluice?sslmode=verify-full. In a password, write @, /, ?, # and % as %40, %2F, %3F, %23 and %25',
    )
  }
  const [, account = '', authority = '', path = '', query = ''] = parts
  if (authority.includes('@')) throw refused('has an @ in its password; write it as %40')
  const parameters = parametersOf(query)
  const colon = account.indexOf(':')
  const user = parameters.get('user') ?? decoded(colon < 0 ? account : account.slice(0, colon))
  const password = parameters.get('password') ?? (colon < 0 ? undefined : decoded(account.slice(colon + 1)))
  if (user === '') throw refused('names no user')
  const database = parameters.get('dbname') ?? decoded(path)
  return {
    hosts: hostsOf(authority, parameters),
    user,
    password,
    database: database === '' ? user : database,
    sslMode: sslModeOf(parameters),
    parameters,
  }
}

function parametersOf(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>()
  for (const pair of query.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    if (equals < 0) throw refused(`has the parameter "${pair}" without a value`)
    const name = decoded(pair.slice(0, equals))
    if (withoutEffect.has(name)) continue
    if (!known.has(name)) throw refused(`has the parameter "${name}", which means nothing here`)
    parameters.set(name, decoded(pair.slice(equals + 1)))
  }
  return parameters
}

function hostsOf(authority: string, parameters: ReadonlyMap<string, string>): DatabaseAddress['hosts'] {
  const ownPorts = parameters.get('port')?.split(',')
  const named = parameters.get('hostaddr') ?? parameters.get('host')
  const places =
    named === undefined
      ? authority.split(',').map((place) => {
          const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(place) ?? []
          return { host: decoded(host.replace(/^\[(.*)\]$/, '$1')), port }
        })
      : named.split(',').map((host) => ({ host, port: undefined }))
  return places.map(({ host, port }, at) => {
    const text = (port === '' ? undefined : port) ?? ownPorts?.[at] ?? ownPorts?.[0] ?? '5432'
    const number = Number(text)
    if (!Number.isInteger(number) || number < 1 || number > 65_535) throw refused('has a port that is none')
    if (host === '') throw refused('names no host')
    return { host, port: number }
  })
}

function sslModeOf(parameters: ReadonlyMap<string, string>): SslMode {
  const ssl = parameters.get('ssl')
  if (ssl !== undefined && ssl !== 'true' && ssl !== 'false') throw refused('has an ssl that is neither true nor false')
  const fallback = ssl === undefined ? 'prefer' : ssl === 'true' ? 'require' : 'disable'
  const mode = parameters.get('sslmode') ?? fallback
  const found = sslModes.find((own) => own === mode)
  if (found === undefined) throw refused(`has an sslmode that is none of ${sslModes.join(', ')}`)
  return found
}

/** How a connection is tried with regard to TLS, in order; false is without it. */
async function tlsWays(
  { sslMode, parameters }: DatabaseAddress,
  caFile: string | undefined,
): Promise<readonly Way['ssl'][]> {
  if (sslMode === 'disable') return [false]
  const own = {
    ...(await pem('cert', 'sslcert', parameters)),
    ...(await pem('key', 'sslkey', parameters)),
    ...(parameters.has('sslpassword') ? { passphrase: parameters.get('sslpassword') ?? '' } : {}),
  }
  const unchecked = { ...own, rejectUnauthorized: false }
  if (sslMode === 'allow') return [false, unchecked]
  if (sslMode === 'prefer') return [unchecked, false]
  if (sslMode === 'no-verify' || (sslMode === 'require' && caFile === undefined)) return [unchecked]
  // "system" are the authorities that Node knows of.
  const ca = caFile === undefined || caFile === 'system' ? {} : { ca: await contentsOf(caFile, 'sslrootcert') }
  if (sslMode === 'verify-full') return [{ ...own, ...ca }]
  if (!('ca' in ca)) {
    throw refused(
      `has sslmode=${sslMode} with any public authority, which proves nothing. Name the file of the authority, or use verify-full`,
    )
  }
  return [{ ...own, ...ca, checkServerIdentity: () => undefined }]
}

async function pem(
  key: 'cert' | 'key',
  name: string,
  parameters: ReadonlyMap<string, string>,
): Promise<Partial<Record<'cert' | 'key', string>>> {
  const file = parameters.get(name)
  return file === undefined ? {} : { [key]: await contentsOf(file, name) }
}

async function contentsOf(file: string, name: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw refused(`names a file (${name}) that cannot be read: ${messageOf(error)}`)
  }
}

function sessionOf(attributes: string | undefined, fallback: TargetSession): TargetSession {
  switch (attributes) {
    case undefined:
      return fallback
    case 'any':
    case 'prefer-standby':
      return 'any'
    case 'read-write':
    case 'primary':
      return 'read-write'
    default:
      throw refused(`has target_session_attrs=${attributes}; known are any, prefer-standby, read-write and primary`)
  }
}

function pick(parameters: ReadonlyMap<string, string>, name: 'options'): { readonly options?: string } {
  const value = parameters.get(name)
  return value === undefined ? {} : { [name]: value }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw refused('has a % that is not followed by two hexadecimal digits; write a % as %25')
  }
}

function refused(what: string): Failure {
  return new Failure('SLUICE_STATE_ADDRESS', `The address of the Postgres ${what}.`)
}
