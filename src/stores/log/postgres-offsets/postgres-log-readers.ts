import type { SqlSession } from '../../../kit/sql-session.ts'
import type { LogReaders } from '../log-readers.ts'

/** Readers in the table `sluice.log_offsets`: a row for each reader, lane and partition; rows are locked in that order. */
export function postgresLogReaders(sql: SqlSession): LogReaders {
  return {
    async save(reader, lane, offsets) {
      if (offsets.size === 0) return
      await sql.query(
        `insert into sluice.log_offsets (reader, lane, partition, next_offset)
         select $1, $2, own.partition, own.next from unnest($3::integer[], $4::bigint[]) as own (partition, next)
         order by own.partition
         on conflict (reader, lane, partition) do update set next_offset = excluded.next_offset, saved_at = now()`,
        [reader, lane, [...offsets.keys()], [...offsets.values()]],
      )
    },
    async load(reader, lane) {
      const rows = await sql.query<{ readonly partition: number; readonly next_offset: number }>(
        'select partition, next_offset from sluice.log_offsets where reader = $1 and lane = $2 order by partition',
        [reader, lane],
      )
      const newest = rows.at(-1)
      if (newest === undefined) return undefined
      const offsets = Array.from({ length: newest.partition + 1 }, () => 0)
      for (const { partition, next_offset: next } of rows) offsets[partition] = next
      return offsets
    },
  }
}
