-- People who log in at the console, and what personal keys may do in the words of the API.

create table sluice.users (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references sluice.organizations (id),
  login text not null unique check (login ~ '^[a-z0-9][a-z0-9._@+-]{0,99}$'),
  -- scrypt of the password, with what it was made with, so that later versions may make it dearer.
  password_hash bytea not null check (octet_length(password_hash) = 32),
  password_salt bytea not null check (octet_length(password_salt) >= 16),
  password_cost int not null check (password_cost >= 32768),
  password_block_size int not null,
  password_parallelism int not null,
  -- Made by Sluice and shown: good for nothing but setting another one.
  one_time boolean not null,
  created_at timestamptz not null default now()
);

create table sluice.sessions (
  -- SHA-256 of the token, which is 256 random bits and kept by the browser alone.
  token_hash bytea primary key check (octet_length(token_hash) = 32),
  user_id uuid not null references sluice.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  last_used_at timestamptz not null default now()
);
create index sessions_of_user on sluice.sessions (user_id, created_at);

update sluice.personal_keys set scopes = case
  when '*' = any (scopes) then array['read', 'write', 'manage']
  else array['read']
end;
alter table sluice.personal_keys add constraint personal_keys_scopes
  check (cardinality(scopes) > 0 and scopes <@ array['read', 'write', 'manage']);
create index personal_keys_of_organization on sluice.personal_keys (organization_id, created_at);
