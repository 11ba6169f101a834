/**
 * `listen` of the SQL client, on a connection of its own: the pool's connections come and go.
 *
 * A connection may die without a word, for instance behind a firewall that forgot it, so it is asked now and then.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { ClientConfig } from 'pg'

export interface ListenOptions {
  readonly client: ClientConfig
  readonly channel: string
  readonly heard: () => void
  readonly connectTimeoutMs: number
  readonly checkMs: number
  readonly retryMsMax: number
  readonly signal: AbortSignal
}

const retryMsMin = 100

/** Resolves when the signal is aborted and the connection let go of; never rejects. */
export async function listenForNotifications(options: ListenOptions): Promise<void> {
  const { retryMsMax, signal } = options
  let pauseMs = retryMsMin
  while (!signal.aborted) {
    const listened = await listenOnce(options)
    pauseMs = listened ? retryMsMin : Math.min(pauseMs * 2, retryMsMax)
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
  }
}

/** Until the connection is lost or the signal aborted. Resolves with whether it came to listen at all. */
async function listenOnce({
  client: config,
  channel,
  heard,
  connectTimeoutMs,
  checkMs,
  signal,
}: ListenOptions): Promise<boolean> {
  const client = new pg.Client({
    ...config,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: connectTimeoutMs,
    keepAlive: true,
  })
  const lost = new AbortController()
  const over = AbortSignal.any([signal, lost.signal])
  const letGo = (): void => {
    lost.abort()
    // Without a goodbye, which a server that hangs would not even take; whoever listens only leaves nothing behind.
    client.connection.stream.destroy()
  }
  client.on('error', letGo)
  client.on('end', letGo)
  client.on('notification', heard)
  signal.addEventListener('abort', letGo)
  let listens = false
  try {
    signal.throwIfAborted()
    await client.connect()
    await client.query(`listen ${client.escapeIdentifier(channel)}`)
    listens = true
    heard()
    while (true) {
      await sleep(checkMs, undefined, { signal: over })
      await client.query('select 1')
    }
  } catch {
    // Whoever asks the server for something is told that it is away; who listens tries again.
  }
  client.off('notification', heard)
  signal.removeEventListener('abort', letGo)
  letGo()
  return listens
}
