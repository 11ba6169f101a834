/** A client for a Postgres whose address is not known until it has run for the first time. */
import { Failure } from '../../kit/failure.ts'
import type { SqlClient } from '../../stores/state/sql-client.ts'

/** `open` is asked again at each call until it has an answer; until then calls fail as if the server were away. */
export function createLateSqlClient(open: () => SqlClient | undefined): SqlClient {
  let client: SqlClient | undefined
  const opened = (): SqlClient => {
    client ??= open()
    if (client !== undefined) return client
    throw new Failure('SLUICE_STATE_UNAVAILABLE', 'Postgres has not started yet.', { retryable: true })
  }
  return {
    query: async (text, values) => opened().query(text, values),
    transaction: async (work, options) => opened().transaction(work, options),
    async close() {
      await client?.close()
    },
  }
}
