/**
 * `listen` of the SQL client, on a connection of its own: the pool's connections come and go.
 *
 * A connection may die without a word, for instance behind a firewall that forgot it, so it is asked now and then.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, ClientConfig } from 'pg'

export interface ListenOptions {
  /** A client for a connection that is to be made. */
  readonly open: (bounds: Pick<ClientConfig, 'connectionTimeoutMillis' | 'query_timeout'>) => Client
  /** Where `open` leads, nobody listens. */
  readonly failed: () => void
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
    if (!listened) options.failed()
    pauseMs = listened ? retryMsMin : Math.min(pauseMs * 2, retryMsMax)
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
  }
}

/** Until the connection is lost or the signal aborted. Resolves with whether it came to listen at all. */
async function listenOnce({
  open,
  channel,
  heard,
  connectTimeoutMs,
  checkMs,
  signal,
}: ListenOptions): Promise<boolean> {
  const client = open({ connectionTimeoutMillis: connectTimeoutMs, query_timeout: connectTimeoutMs })
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
