-- Who owns a lane: the newest epoch. Whoever takes it over adds one, and what older owners write is passed over.
create table sluice.log_epochs (
  lane text primary key,
  epoch bigint not null,
  taken_at timestamptz not null default now()
);

-- Where named readers of the log stand: the next offset of each partition, as a JSON array.
create table sluice.log_readers (
  reader text not null,
  lane text not null,
  offsets jsonb not null,
  saved_at timestamptz not null default now(),
  primary key (reader, lane)
);

-- How far the rows of a flow are in their table, and the block that is being inserted. A writer takes it over by adding one to the
-- epoch; saving under an older epoch is refused.
create table sluice.insert_progress (
  flow text primary key,
  epoch bigint not null,
  progress jsonb,
  saved_at timestamptz not null default now()
);

-- Random bytes that all instances of one installation share, made by whoever needs them first.
create table sluice.shared_secrets (
  name text primary key,
  -- Hexadecimal.
  value text not null
);
