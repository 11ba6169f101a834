/** A client for a Postgres whose address is not known until it has run for the first time. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../kit/failure.ts'
import type { SqlClient } from '../../stores/state/sql-client.ts'

/** Between two looks whether there is an address for whoever listens. */
const lookAgainMs = 250

/** `open` is asked again at each call until it has an answer; until then calls fail as if the server were away. */
export function createLateSqlClient(open: () => SqlClient | undefined): SqlClient {
  let client: SqlClient | undefined
  const closed = new AbortController()
  const opened = (): SqlClient => {
    client ??= open()
    if (client !== undefined) return client
    throw new Failure('SLUICE_STATE_UNAVAILABLE', 'Postgres has not started yet.', { retryable: true })
  }
  return {
    query: async (text, values) => opened().query(text, values),
    transaction: async (work, options) => opened().transaction(work, options),
    async listen(channel, heard, signal) {
      const ended = AbortSignal.any([signal, closed.signal])
      while (!ended.aborted) {
        client ??= open()
        if (client !== undefined) {
          await client.listen(channel, heard, signal)
          return
        }
        await sleep(lookAgainMs, undefined, { signal: ended }).catch(() => undefined)
      }
    },
    async close() {
      closed.abort()
      await client?.close()
    },
  }
}
