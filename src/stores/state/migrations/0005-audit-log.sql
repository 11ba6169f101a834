-- Who changed what of the installation, and when. Only ever appended to; written in the transaction of the change itself.
create table sluice.audit_log (
  id bigint generated always as identity primary key,
  organization_id uuid references sluice.organizations (id),
  project_id bigint references sluice.projects (id),
  at timestamptz not null default now(),
  -- key: a personal key; user: somebody at the console; cli: whoever may run commands on the machine; system: Sluice itself.
  actor_kind text not null check (actor_kind in ('key', 'user', 'cli', 'system')),
  actor_id text not null,
  -- In the words of the API: limit.created, project.changed, token.revoked …
  action text not null,
  subject text not null,
  -- What was said before and after, without secrets.
  before jsonb,
  after jsonb,
  address text
);
create index audit_log_of_organization on sluice.audit_log (organization_id, id desc);
create index audit_log_of_project on sluice.audit_log (project_id, id desc);
