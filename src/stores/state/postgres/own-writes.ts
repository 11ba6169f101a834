import type { SqlClient, SqlSession } from '../sql-client.ts'
import type { ReplicaReader } from './replica-reader.ts'

export interface OwnWrites {
  /** The primary, whose transactions are noted. */
  readonly sql: SqlClient
  /** The replica while it is fresh enough and shows every transaction of `sql`; the primary otherwise. */
  readonly reading: SqlSession
}

/** Whoever has changed something here sees it here, also in what a replica may answer. */
export function seeOwnWrites(primary: SqlClient, replica: Pick<ReplicaReader, 'query' | 'health'>): OwnWrites {
  let writtenMs = -Infinity
  return {
    sql: {
      query: (text, values) => primary.query(text, values),
      async transaction(work, options) {
        try {
          return await primary.transaction(work, options)
        } finally {
          // Also when it failed: it may have been done.
          writtenMs = performance.now()
        }
      },
      listen: (channel, heard, signal) => primary.listen(channel, heard, signal),
      close: () => primary.close(),
    },
    reading: {
      async query<Row extends object>(...question: Parameters<SqlSession['query']>): Promise<readonly Row[]> {
        // Before the look: so it is never taken for fresher than it is.
        const nowMs = performance.now()
        const { lagMs = Infinity } = replica.health()
        const shows = nowMs - lagMs > writtenMs
        return await (shows ? replica : primary).query<Row>(...question)
      },
    },
  }
}
