-- The move that filled this installation out of an embedded one, by the same id as in that one's data folder; at most one.
create table sluice.scale_out (
  only_one boolean primary key default true check (only_one),
  id text not null,
  phase text not null check (phase in ('moving', 'moved', 'finished', 'given_up')),
  began_at timestamptz not null default now(),
  changed_at timestamptz not null default now()
);
