-- Questions that people keep. `json`, not `jsonb`: a question comes back as it was sent, and any text may be in it.
create table sluice.insights (
  id uuid primary key default gen_random_uuid(),
  project_id bigint not null references sluice.projects (id),
  name text not null check (name <> ''),
  kind text not null check (kind in ('trend', 'funnel', 'retention', 'sql')),
  question json not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index insights_of_project on sluice.insights (project_id, created_at, id);
