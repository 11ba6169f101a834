-- What a project says about its events at the door: limits, restrictions, signatures, what a token may write. Lists of tokens carry
-- all of it, so whatever changes here gives the project's tokens a new version and wakes whoever follows them.

-- Lanes that the token may write; null: all.
alter table sluice.project_tokens add column lanes text[] check (cardinality(lanes) > 0);

create table sluice.limits (
  id uuid primary key default gen_random_uuid(),
  project_id bigint not null references sluice.projects (id),
  -- Null: every token of the project, each counted by itself.
  token text references sluice.project_tokens (token),
  -- An event's name, or '@' and a resource: events, recordings, exceptions, surveys, llm_events.
  event_type text not null check (octet_length(event_type) between 1 and 800),
  -- Stored events in a period of the calendar, in UTC.
  quota_events_max bigint check (quota_events_max >= 0),
  quota_period text check (quota_period in ('minute', 'hour', 'day', 'month', 'ever')),
  -- A token bucket.
  rate_events_per_second double precision check (rate_events_per_second >= 0),
  rate_burst_events_max bigint check (rate_burst_events_max >= 1),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check ((quota_events_max is null) = (quota_period is null)),
  check ((rate_events_per_second is null) = (rate_burst_events_max is null)),
  check (quota_events_max is not null or rate_events_per_second is not null),
  unique nulls not distinct (project_id, token, event_type)
);

create table sluice.event_restrictions (
  id uuid primary key default gen_random_uuid(),
  project_id bigint not null references sluice.projects (id),
  kind text not null check (kind in (
    'drop_event_from_ingestion', 'force_overflow_from_ingestion', 'skip_person_processing', 'redirect_to_dlq', 'redirect_to_topic')),
  -- Each empty one filters nothing; an event must match all that are not empty.
  tokens text[] not null default '{}',
  distinct_ids text[] not null default '{}',
  session_ids text[] not null default '{}',
  event_names text[] not null default '{}',
  event_uuids text[] not null default '{}',
  pipelines text[] not null default '{}'
    check (pipelines <@ array['analytics', 'session_recordings', 'ai', 'errortracking']),
  -- The lane of redirect_to_topic.
  topic text,
  created_at timestamptz not null default now(),
  check ((kind = 'redirect_to_topic') = (topic is not null))
);
create index event_restrictions_of_project on sluice.event_restrictions (project_id, created_at, id);

-- As long as a project has one that holds, its requests must be signed with one. Kept in clear, because a signature is checked with
-- the secret itself.
create table sluice.signing_secrets (
  id uuid primary key default gen_random_uuid(),
  project_id bigint not null references sluice.projects (id),
  label text not null,
  secret text not null check (octet_length(secret) between 32 and 200),
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);
create index signing_secrets_of_project on sluice.signing_secrets (project_id, created_at);

create function sluice.touch_tokens_of_policy() returns trigger language plpgsql as $$
begin
  update sluice.project_tokens set project_id = project_id
    where project_id = case when tg_op = 'DELETE' then old.project_id else new.project_id end;
  return null;
end $$;

create trigger limits_touch after insert or update or delete on sluice.limits
  for each row execute function sluice.touch_tokens_of_policy();
create trigger event_restrictions_touch after insert or update or delete on sluice.event_restrictions
  for each row execute function sluice.touch_tokens_of_policy();
create trigger signing_secrets_touch after insert or update or delete on sluice.signing_secrets
  for each row execute function sluice.touch_tokens_of_policy();

-- Sent when the change is committed.
create function sluice.notify_tokens() returns trigger language plpgsql as $$
begin
  perform pg_notify('sluice_tokens', '');
  return null;
end $$;

create trigger project_tokens_notify after insert or update on sluice.project_tokens
  for each statement execute function sluice.notify_tokens();
