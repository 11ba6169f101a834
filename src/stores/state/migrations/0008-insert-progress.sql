-- How far the rows of a flow are in their table, by partition of the derived lane (source index). Whoever takes a partition over
-- adds one to `owner`; what is said under an older one is refused.
create table sluice.insert_partitions (
  flow text not null,
  partition int not null,
  owner bigint not null,
  -- Next record wanted of the derived lane, and next source offset wanted.
  derived_offset bigint not null default 0,
  source_offset bigint not null default 0,
  -- Newest epoch seen in the derived lane.
  epoch bigint not null default 0,
  through_ms bigint not null default 0,
  -- Null: not known.
  canaries bigint default 0,
  rows_inserted bigint not null default 0,
  rows_refused bigint not null default 0,
  primary key (flow, partition)
);

-- Blocks that were begun, and the newest of those that are done.
create table sluice.insert_blocks (
  flow text not null,
  token text not null,
  -- In the order in which they were begun.
  number bigint not null generated always as identity,
  -- Partitions in which it is not done.
  open_in int[] not null,
  -- Partitions in which it is open, or one of the newest that are done.
  recent_in int[] not null,
  block jsonb not null,
  begun_at timestamptz not null default now(),
  primary key (flow, token)
);

-- What was kept of all partitions together. Rows were counted together, too: they all go to the first partition, so that sums stay
-- right. Of a partition of which nothing was inserted there are no canaries; where they were not counted, the next batch does.
insert into sluice.insert_partitions
  (flow, partition, owner, derived_offset, source_offset, epoch, through_ms, canaries, rows_inserted, rows_refused)
select
  flow, at, owner, derived_offset, source_offset, epoch, through_ms,
  coalesce(canaries, case when source_offset = 0 then 0 end),
  case when at = 0 then rows_inserted else 0 end,
  case when at = 0 then rows_refused else 0 end
from (
  select
    p.flow,
    (o.ordinality - 1)::int as at,
    p.epoch as owner,
    o.value::text::bigint as derived_offset,
    coalesce((p.progress -> 'sourceOffsets' ->> (o.ordinality - 1)::int)::bigint, 0) as source_offset,
    coalesce((p.progress -> 'epochs' ->> (o.ordinality - 1)::int)::bigint, 0) as epoch,
    coalesce((p.progress -> 'throughMs' ->> (o.ordinality - 1)::int)::bigint, 0) as through_ms,
    (p.progress -> 'canaries' ->> (o.ordinality - 1)::int)::bigint as canaries,
    (p.progress ->> 'rowsInserted')::bigint as rows_inserted,
    (p.progress ->> 'rowsRefused')::bigint as rows_refused
  from sluice.insert_progress p, jsonb_array_elements(p.progress -> 'offsets') with ordinality as o
) earlier;

-- The newest blocks that were done, then the one that was on its way.
insert into sluice.insert_blocks (flow, token, open_in, recent_in, block)
select flow, token, '{}', partitions, block
from (
  select
    p.flow,
    b.value ->> 'token' as token,
    array(select (range ->> 'partition')::int from jsonb_array_elements(b.value -> 'ranges') as range) as partitions,
    b.value as block,
    b.ordinality
  from sluice.insert_progress p, jsonb_array_elements(p.progress -> 'recent') with ordinality as b
) earlier
order by flow, ordinality
on conflict do nothing;

insert into sluice.insert_blocks (flow, token, open_in, recent_in, block)
select flow, block ->> 'token', partitions, partitions, block
from (
  select
    flow,
    progress -> 'intent' as block,
    array(select (range ->> 'partition')::int from jsonb_array_elements(progress -> 'intent' -> 'ranges') as range) as partitions
  from sluice.insert_progress
  where progress ? 'intent'
) earlier;

drop table sluice.insert_progress;
