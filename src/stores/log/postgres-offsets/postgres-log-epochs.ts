import type { SqlSession } from '../../../kit/sql-session.ts'
import type { LogEpochs } from '../log-epochs.ts'

interface PartitionRow {
  readonly partition: number
  readonly epoch: number
  readonly newest_offset: number | null
  readonly about: string
}

/**
 * Epochs in the table `sluice.log_partitions`, a row each. Each call is one statement, so it changes all its rows or none; all lock
 * rows in the order of the partitions, so none waits for one that waits for it.
 */
export function postgresLogEpochs(sql: SqlSession): LogEpochs {
  return {
    async take(lane, partitions, above) {
      const least = partitions.map((partition) => (above?.get(partition) ?? 0) + 1)
      const taken = await sql.query<PartitionRow>(
        `insert into sluice.log_partitions as p (lane, partition, epoch)
         select $1, wanted.partition, wanted.epoch from unnest($2::integer[], $3::bigint[]) as wanted (partition, epoch)
         order by wanted.partition
         on conflict (lane, partition) do update set epoch = greatest(p.epoch + 1, excluded.epoch), taken_at = now()
         returning partition, epoch, newest_offset, about`,
        [lane, partitions, least],
      )
      return new Map(taken.map((row) => [row.partition, { epoch: row.epoch, remembered: rememberedOf(row) }]))
    },

    async newest(lane, partitions) {
      const found = await sql.query<Pick<PartitionRow, 'partition' | 'epoch'>>(
        'select partition, epoch from sluice.log_partitions where lane = $1 and partition = any($2::integer[])',
        [lane, partitions],
      )
      const known = new Map(found.map(({ partition, epoch }) => [partition, epoch]))
      return new Map(partitions.map((partition) => [partition, known.get(partition) ?? 0]))
    },

    async remember(lane, newest) {
      if (newest.size === 0) return
      const all = [...newest]
      await sql.query(
        `with own as materialized (
           select p.partition, said.newest_offset, said.about
           from sluice.log_partitions p
           join unnest($2::integer[], $3::bigint[], $4::bigint[], $5::text[]) as said (partition, epoch, newest_offset, about)
             on said.partition = p.partition and said.epoch = p.epoch
           where p.lane = $1
           order by p.partition
           for update of p
         )
         update sluice.log_partitions p
         set newest_offset = own.newest_offset, about = own.about, remembered_at = now()
         from own
         where p.lane = $1 and p.partition = own.partition`,
        [
          lane,
          all.map(([partition]) => partition),
          all.map(([, { epoch }]) => epoch),
          all.map(([, { offset }]) => offset),
          all.map(([, { about }]) => about),
        ],
      )
    },

    async remembered(lane) {
      const found = await sql.query<PartitionRow>(
        `select partition, epoch, newest_offset, about from sluice.log_partitions
         where lane = $1 and newest_offset is not null
         order by partition`,
        [lane],
      )
      return new Map(
        found.flatMap((row) => {
          const remembered = rememberedOf(row)
          return remembered === undefined ? [] : [[row.partition, remembered] as const]
        }),
      )
    },
  }
}

function rememberedOf({ newest_offset: offset, about }: PartitionRow) {
  return offset === null ? undefined : { offset, about }
}
