-- Partitions of a lane belong to several processes from now on.

-- Who owns a partition: the newest epoch, which grows with every owner, and what its owner has had remembered. The offset is that of
-- the newest derived batch, null when nothing was remembered yet; what is said about it is the owner's text.
create table sluice.log_partitions (
  lane text not null,
  partition integer not null,
  epoch bigint not null,
  newest_offset bigint,
  about text not null default '',
  taken_at timestamptz not null default now(),
  remembered_at timestamptz,
  primary key (lane, partition)
);

insert into sluice.log_partitions (lane, partition, epoch, newest_offset)
select e.lane, one.at - 1, e.epoch, nullif(one.newest::text::bigint, 0)
from sluice.log_epochs e
join sluice.log_readers r on r.lane = e.lane and r.reader = 'ingestion'
cross join jsonb_array_elements(r.offsets) with ordinality as one (newest, at);

drop table sluice.log_epochs;

-- Where named readers of the log stand: the next offset of a partition.
create table sluice.log_offsets (
  reader text not null,
  lane text not null,
  partition integer not null,
  next_offset bigint not null,
  saved_at timestamptz not null default now(),
  primary key (reader, lane, partition)
);

insert into sluice.log_offsets (reader, lane, partition, next_offset, saved_at)
select r.reader, r.lane, one.at - 1, one.next::text::bigint, r.saved_at
from sluice.log_readers r
cross join jsonb_array_elements(r.offsets) with ordinality as one (next, at)
where r.reader <> 'ingestion';

drop table sluice.log_readers;
