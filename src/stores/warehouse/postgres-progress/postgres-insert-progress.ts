/**
 * The progress of one flow's writers in the tables `sluice.insert_partitions`, a row a partition, and `sluice.insert_blocks`, a row
 * a block that is open or among the newest.
 *
 * Owner: counts who took a partition over. Taking adds one, durably, before anything is read; every statement afterwards names
 * its owners, so what an older one does (a writer that was paused, or cut off, and does not know it) changes nothing. The rows' locks
 * put what is said and a take-over in an order: either the new owner reads what was said, or it is refused.
 *
 * Everybody locks the rows of partitions first, in their order, then the row of a block: nobody waits in a circle.
 */
import type { FlowName } from '../../../event/flows.ts'
import { Failure } from '../../../kit/failure.ts'
import type { SqlSession } from '../../../kit/sql-session.ts'
import type { BlockIntent, InsertProgress, PartitionProgress, TakenProgress } from '../insert-progress.ts'

interface PartitionRow extends PartitionProgress {
  readonly partition: number
  readonly owner: number
}

const partitionRow = `partition, owner, derived_offset as "offset", source_offset as "sourceOffset", epoch,
  through_ms as "throughMs", canaries, rows_inserted as "rowsInserted", rows_refused as "rowsRefused"`

/** Sums of an earlier release may stand in a partition of which nothing was inserted. */
const isBegun = '(derived_offset > 0 or rows_inserted > 0 or rows_refused > 0)'

/** The rows of partitions $2 whose owners are still $3, locked. */
const mine = `mine as materialized (
  select p.partition
  from sluice.insert_partitions p join unnest($2::int[], $3::bigint[]) as w(partition, owner) on w.partition = p.partition
  where p.flow = $1 and p.owner = w.owner
  order by p.partition
  for no key update of p
), held as (select count(*) = cardinality($2::int[]) as whole from mine)`

export function postgresInsertProgress(
  sql: SqlSession,
  flow: FlowName,
  { recentBlocksMax }: { readonly recentBlocksMax: number },
): InsertProgress {
  async function takeOver(partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const taken = await sql.query<{ readonly partition: number; readonly owner: number }>(
      `insert into sluice.insert_partitions as p (flow, partition, owner)
       select $1, partition, 1 from unnest($2::int[]) as partition order by partition
       on conflict (flow, partition) do update set owner = p.owner + 1
       returning partition, owner`,
      [flow, partitions],
    )
    return new Map(taken.map(({ partition, owner }) => [partition, owner]))
  }

  async function holding(statement: string, values: Parameters<SqlSession['query']>[1]): Promise<void> {
    const [held] = await sql.query<{ readonly whole: boolean }>(statement, values)
    if (held?.whole === true) return
    throw new Failure(
      'SLUICE_PROGRESS_FENCED',
      `Somebody newer has taken over to insert the rows of ${flow} in some of the partitions.`,
    )
  }

  async function asOf(owners: ReadonlyMap<number, number>): Promise<TakenProgress> {
    const all = [...owners.keys()]
    // One statement, so that partitions and blocks are as of one moment.
    const [found] = await sql.query<{
      readonly partitions: readonly PartitionRow[]
      readonly open: readonly BlockIntent[]
      readonly recent: readonly BlockIntent[]
    }>(
      `select
         coalesce((select jsonb_agg(p) from (
           select ${partitionRow} from sluice.insert_partitions
           where flow = $1 and partition = any($2::int[]) and ${isBegun} order by partition
         ) p), '[]') as partitions,
         coalesce((select jsonb_agg(block order by number) from sluice.insert_blocks
           where flow = $1 and open_in && $2::int[]), '[]') as open,
         coalesce((select jsonb_agg(block order by number) from sluice.insert_blocks
           where flow = $1 and not open_in && $2::int[] and recent_in && $2::int[]), '[]') as recent`,
      [flow, all],
    )
    if (found === undefined) throw new Error('A select without "from" gave no row.')
    const guards = (concerned: readonly number[]) =>
      [flow, concerned, concerned.map((partition) => ownerOf(owners, partition))] as const
    return {
      partitions: new Map(found.partitions.map(withoutKeys)),
      open: found.open,
      recent: found.recent,
      begin: async (block) =>
        await holding(
          `with ${mine}, kept as (
             insert into sluice.insert_blocks (flow, token, open_in, recent_in, block)
             select $1, $4, $2, $2, $5::jsonb from held where whole
             on conflict (flow, token) do nothing
           )
           select whole from held`,
          [...guards(block.ranges.map(({ partition }) => partition)), block.token, JSON.stringify(block)],
        ),
      check: async () =>
        await holding(
          `select count(*) = cardinality($2::int[]) as whole
           from sluice.insert_partitions p join unnest($2::int[], $3::bigint[]) as w(partition, owner) on w.partition = p.partition
           where p.flow = $1 and p.owner = w.owner`,
          [...guards(all)],
        ),
      done: async (block, moved) =>
        await holding(
          `with ${mine}, moved as (
             update sluice.insert_partitions p set
               derived_offset = m."offset", source_offset = m."sourceOffset", epoch = m.epoch, through_ms = m."throughMs",
               canaries = m.canaries, rows_inserted = m."rowsInserted", rows_refused = m."rowsRefused"
             from jsonb_to_recordset($5::jsonb) as m(partition int, "offset" bigint, "sourceOffset" bigint, epoch bigint,
               "throughMs" bigint, canaries bigint, "rowsInserted" bigint, "rowsRefused" bigint)
             where p.flow = $1 and p.partition = m.partition and (select whole from held)
           ), closed as (
             update sluice.insert_blocks
             set open_in = array(select still from unnest(open_in) as still where still <> all($2::int[]))
             where flow = $1 and token = $4 and (select whole from held)
             returning open_in
           ), old as materialized (
             -- The block that is closed now is not seen among them yet. Rows that another writer is about to change are not waited for.
             select token from sluice.insert_blocks
             where flow = $1 and not open_in && $7::int[] and recent_in && $7::int[] and number <= (
               select number from sluice.insert_blocks
               where flow = $1 and not open_in && $7::int[] and recent_in && $7::int[]
               order by number desc offset $6 - (select count(*) from closed where not open_in && $7::int[]) limit 1
             )
             for update skip locked
           ), shown_elsewhere as (
             update sluice.insert_blocks
             set recent_in = array(select other from unnest(recent_in) as other where other <> all($7::int[]))
             where flow = $1 and token in (select token from old) and not recent_in <@ $7::int[] and (select whole from held)
           ), removed as (
             delete from sluice.insert_blocks
             where flow = $1 and token in (select token from old) and recent_in <@ $7::int[] and (select whole from held)
           )
           select whole from held`,
          [
            ...guards([...moved.keys()]),
            block.token,
            JSON.stringify([...moved].map(([partition, own]) => ({ partition, ...own }))),
            recentBlocksMax,
            all,
          ],
        ),
    }
  }

  return {
    take: async (partitions) => await asOf(await takeOver(partitions)),
    async all() {
      const rows = await sql.query<PartitionRow>(
        `select ${partitionRow} from sluice.insert_partitions where flow = $1 and ${isBegun}`,
        [flow],
      )
      return new Map(rows.map(withoutKeys))
    },
  }
}

function withoutKeys({ partition, owner: _, ...progress }: PartitionRow): readonly [number, PartitionProgress] {
  return [partition, progress]
}

function ownerOf(owners: ReadonlyMap<number, number>, partition: number): number {
  const owner = owners.get(partition)
  if (owner === undefined) throw new RangeError(`Partition ${String(partition)} was not taken over.`)
  return owner
}
