import { Failure } from '../../../kit/failure.ts'
import type { Layout } from '../layout.ts'

/** How a server, or a cluster of them, is reached. */
export interface ClickhouseOptions {
  /** `http://` or `https://`, host and port; see `clickhouseUrl`. */
  readonly url: string
  /** Machines for heavy questions, replicas of the same tables; absent: the others answer them too. */
  readonly offlineUrl?: string
  readonly user: string
  readonly password: string
  /** Certificates of authorities that are trusted beside the usual ones, PEM. */
  readonly ca?: string
  readonly layout: Layout
  /** A server that says nothing for so long while rows are inserted or looked up is given up on; the writer tries again. */
  readonly requestTimeoutMs: number
  /** The same while old parts are merged, which a server does in silence. */
  readonly maintenanceTimeoutMs: number
  /** A question that was killed and is still not over after this is left to the server's own limits. */
  readonly abandonAfterMs: number
  /** Connections of each use: rows of a table, questions, maintenance. */
  readonly socketsMax: number
  /** An unused connection is closed after this; must be less than the server's `keep_alive_timeout`, or inserts meet closed ones. */
  readonly idleSocketMs: number
}

export const clickhouseDefaults: Omit<ClickhouseOptions, 'url'> = {
  user: 'default',
  password: '',
  layout: { database: 'sluice' },
  requestTimeoutMs: 300_000,
  maintenanceTimeoutMs: 6 * 3_600_000,
  abandonAfterMs: 5_000,
  socketsMax: 8,
  idleSocketMs: 2_500,
}

/** From what settings say of a host: a URL, or as PostHog has it a name with or without a port. */
export function clickhouseUrl(host: string, isSecure: boolean): string {
  const scheme = isSecure ? 'https' : 'http'
  const text = /^https?:\/\//.test(host) ? host : `${scheme}://${host}`
  const hasPort = /^https?:\/\/(?:\[[^\]]*\]|[^:/]*):\d+/.test(text)
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new Failure(
      'SLUICE_WAREHOUSE_ADDRESS',
      `${JSON.stringify(host.replace(/\/\/.*@/, '//'))} is no host or URL of a ClickHouse server.`,
    )
  }
  if (url.username !== '' || url.password !== '' || url.search !== '') {
    throw new Failure(
      'SLUICE_WAREHOUSE_ADDRESS',
      'The URL of ClickHouse has a login or parameters in it. User and password have settings of their own.',
    )
  }
  if (!hasPort) url.port = url.protocol === 'https:' ? '8443' : '8123'
  return url.origin
}
