-- Who may sign in, who is signed in, who tried, who looked.
-- depends: 0004_usage

create type data.user_role as enum ('root', 'owner', 'admin', 'member');
comment on type data.user_role is 'root belongs to no tenant; the others to exactly one.';

create table data.users (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid references data.tenants (id),
  created_at timestamptz not null default now(),
  disabled_at timestamptz,
  role data.user_role not null,
  email text not null,
  password_hash text not null,
  constraint users_email_has_at check (email ~ '^[^@\s]+@[^@\s]+$'),
  constraint users_root_has_no_tenant check ((role = 'root') = (tenant_id is null))
);
create unique index users_email_key on data.users (lower(email));
create index users_tenant_id_idx on data.users (tenant_id);
alter table data.users enable row level security;
alter table data.users force row level security;
comment on table data.users is 'People who may sign in.';
comment on column data.users.id is 'Quoted as user_id.';
comment on column data.users.tenant_id is 'The tenant of the user; NULL for root.';
comment on column data.users.created_at is 'When the user was added.';
comment on column data.users.disabled_at is 'Since when the user may not sign in.';
comment on column data.users.role is 'root, owner, admin or member.';
comment on column data.users.email is 'Name for signing in; unique whatever the case.';
comment on column data.users.password_hash is 'argon2id, with its parameters.';

create table data.sessions (
  token_sha256 bytea primary key,
  user_id uuid not null references data.users (id),
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  constraint sessions_token_is_sha256 check (octet_length(token_sha256) = 32)
);
create index sessions_user_id_idx on data.sessions (user_id);
alter table data.sessions enable row level security;
alter table data.sessions force row level security;
comment on table data.sessions is
'Signed-in browsers and tokens. The token itself is never stored.';
comment on column data.sessions.token_sha256 is 'SHA-256 of the 256-bit token.';
comment on column data.sessions.user_id is 'Who signed in.';
comment on column data.sessions.created_at is 'When.';
comment on column data.sessions.last_seen_at is 'Last request; idle expiry counts from here.';
comment on column data.sessions.expires_at is 'Absolute expiry.';
comment on column data.sessions.revoked_at is 'When it was signed out.';

create table data.sign_in_attempts (
  id bigint generated always as identity primary key,
  attempted_at timestamptz not null default now(),
  address inet,
  succeeded boolean not null,
  email_sha256 bytea not null,
  constraint sign_in_attempts_email_is_sha256 check (octet_length(email_sha256) = 32)
);
create index sign_in_attempts_email_idx on data.sign_in_attempts (email_sha256, attempted_at);
create index sign_in_attempts_address_idx on data.sign_in_attempts (address, attempted_at);
alter table data.sign_in_attempts enable row level security;
alter table data.sign_in_attempts force row level security;
comment on table data.sign_in_attempts is 'What throttling counts; pruned after some days.';
comment on column data.sign_in_attempts.id is 'Order of writing.';
comment on column data.sign_in_attempts.attempted_at is 'Database clock.';
comment on column data.sign_in_attempts.address is 'Address the attempt came from.';
comment on column data.sign_in_attempts.succeeded is 'Whether the password was right.';
comment on column data.sign_in_attempts.email_sha256 is
'SHA-256 of the lower-case e-mail that was tried, known or not.';

create table data.audit_events (
  id bigint generated always as identity primary key,
  occurred_at timestamptz not null default now(),
  actor_id uuid,
  tenant_id uuid,
  event text not null,
  detail jsonb not null default '{}'
);
create index audit_events_tenant_id_idx on data.audit_events (tenant_id, occurred_at);
alter table data.audit_events enable row level security;
alter table data.audit_events force row level security;
comment on table data.audit_events is 'Append-only: who looked at or changed what.';
comment on column data.audit_events.id is 'Order of writing.';
comment on column data.audit_events.occurred_at is 'Database clock.';
comment on column data.audit_events.actor_id is 'The user; NULL for the operator.';
comment on column data.audit_events.tenant_id is 'The tenant concerned, if one.';
comment on column data.audit_events.event is 'What happened, in one word.';
comment on column data.audit_events.detail is 'Particulars, without personal data.';
