import type { Offsets } from '../../../event/position.ts'
import type { SqlSession } from '../../../kit/sql-session.ts'
import type { LogReaders } from '../log-readers.ts'

/** Readers in the table `sluice.log_readers`: a row for each reader and lane, replaced as a whole. */
export function postgresLogReaders(sql: SqlSession): LogReaders {
  return {
    async save(reader, lane, offsets) {
      await sql.query(
        `insert into sluice.log_readers (reader, lane, offsets) values ($1, $2, $3::jsonb)
         on conflict (reader, lane) do update set offsets = excluded.offsets, saved_at = now()`,
        [reader, lane, JSON.stringify(offsets)],
      )
    },
    async load(reader, lane) {
      const [found] = await sql.query<{ readonly offsets: Offsets }>(
        'select offsets from sluice.log_readers where reader = $1 and lane = $2',
        [reader, lane],
      )
      return found?.offsets
    },
  }
}
