-- Facts as the host writes them. Fixed-width columns first; brin finds a day (rows arrive nearly in
-- order; the ranges are small because a late row stretches its own over days), the btree finds a
-- tenant's day. fillfactor leaves room for status updates in place.
-- No foreign key to tenants: a fact of an unknown tenant is stored and shown, not lost.
-- depends: 0002_tenancy

create type data.message_channel as enum ('sms', 'mms');
create type data.direction as enum ('inbound', 'outbound');

create table data.messages (
  tenant_id uuid not null,
  occurred_at timestamptz not null,
  num_segments integer,
  channel data.message_channel not null,
  direction data.direction not null,
  is_test boolean not null default false,
  status text collate "C",
  provider_id text collate "C" not null,
  constraint messages_pkey primary key (tenant_id, provider_id),
  constraint messages_occurred_at_finite check (isfinite(occurred_at)),
  constraint messages_num_segments_not_negative check (num_segments >= 0)
) with (fillfactor = 90);

create table data.calls (
  tenant_id uuid not null,
  occurred_at timestamptz not null,
  duration_seconds integer,
  direction data.direction not null,
  is_test boolean not null default false,
  status text collate "C",
  provider_id text collate "C" not null,
  constraint calls_pkey primary key (tenant_id, provider_id),
  constraint calls_occurred_at_finite check (isfinite(occurred_at)),
  constraint calls_duration_seconds_not_negative check (duration_seconds >= 0)
) with (fillfactor = 90);

create table data.emails (
  tenant_id uuid not null,
  occurred_at timestamptz not null,
  recipient_count integer not null default 1,
  is_test boolean not null default false,
  status text collate "C",
  provider_id text collate "C" not null,
  constraint emails_pkey primary key (tenant_id, provider_id),
  constraint emails_occurred_at_finite check (isfinite(occurred_at)),
  constraint emails_recipient_count_not_negative check (recipient_count >= 0)
) with (fillfactor = 90);

create table data.ai_requests (
  tenant_id uuid not null,
  occurred_at timestamptz not null,
  is_test boolean not null default false,
  status text collate "C",
  provider_id text collate "C" not null,
  feature text collate "C" not null,
  model text collate "C",
  constraint ai_requests_pkey primary key (tenant_id, provider_id),
  constraint ai_requests_occurred_at_finite check (isfinite(occurred_at))
) with (fillfactor = 90);

create index messages_occurred_at_brin on data.messages
using brin (occurred_at) with (pages_per_range = 8, autosummarize = on);
create index calls_occurred_at_brin on data.calls
using brin (occurred_at) with (pages_per_range = 8, autosummarize = on);
create index emails_occurred_at_brin on data.emails
using brin (occurred_at) with (pages_per_range = 8, autosummarize = on);
create index ai_requests_occurred_at_brin on data.ai_requests
using brin (occurred_at) with (pages_per_range = 8, autosummarize = on);

create index messages_tenant_day_idx on data.messages (tenant_id, occurred_at);
create index calls_tenant_day_idx on data.calls (tenant_id, occurred_at);
create index emails_tenant_day_idx on data.emails (tenant_id, occurred_at);
create index ai_requests_tenant_day_idx on data.ai_requests (tenant_id, occurred_at);

alter table data.messages enable row level security;
alter table data.messages force row level security;
alter table data.calls enable row level security;
alter table data.calls force row level security;
alter table data.emails enable row level security;
alter table data.emails force row level security;
alter table data.ai_requests enable row level security;
alter table data.ai_requests force row level security;

comment on table data.messages is 'A row per SMS or MMS message resource of the provider.';
comment on column data.messages.tenant_id is 'Whose message; see data.tenants.';
comment on column data.messages.occurred_at is
'When it was created or sent; decides the UTC day. Never a row-update time (R9).';
comment on column data.messages.num_segments is
'Segments the provider charges; NULL or 0 until it knows (R13).';
comment on column data.messages.channel is
'sms or mms as billed: an MMS sent as SMS is sms, whatever its id looks like (R15).';
comment on column data.messages.direction is 'inbound or outbound.';
comment on column data.messages.is_test is
'Sandbox traffic: stored and shown, never counted (R19).';
comment on column data.messages.status is
'The provider''s word, stored as it is; what it means is said in sql/30_usage_source.sql.';
comment on column data.messages.provider_id is
'The provider''s id; unique per tenant for ever, so a repeated webhook adds nothing (R16, R18).';

comment on table data.calls is 'A row per call leg: two legs of one call are two rows (R12).';
comment on column data.calls.tenant_id is 'Whose call; see data.tenants.';
comment on column data.calls.occurred_at is 'Start of the leg; decides the UTC day (R9).';
comment on column data.calls.duration_seconds is 'Seconds; NULL while the call runs.';
comment on column data.calls.direction is 'inbound or outbound.';
comment on column data.calls.is_test is 'Sandbox traffic: stored and shown, never counted (R19).';
comment on column data.calls.status is
'The provider''s word, stored as it is; what it means is said in sql/30_usage_source.sql.';
comment on column data.calls.provider_id is 'The provider''s id of the leg; unique per tenant.';

comment on table data.emails is 'A row per e-mail accepted for sending.';
comment on column data.emails.tenant_id is 'Whose e-mail; see data.tenants.';
comment on column data.emails.occurred_at is 'When it was accepted; decides the UTC day (R9).';
comment on column data.emails.recipient_count is 'To + Cc + Bcc; what is counted.';
comment on column data.emails.is_test is 'Sandbox traffic: stored and shown, never counted (R19).';
comment on column data.emails.status is
'The provider''s word, stored as it is; what it means is said in sql/30_usage_source.sql.';
comment on column data.emails.provider_id is 'The provider''s id; unique per tenant.';

comment on table data.ai_requests is 'A row per request to a model provider.';
comment on column data.ai_requests.tenant_id is 'Whose request; see data.tenants.';
comment on column data.ai_requests.occurred_at is 'Start of the request; decides the UTC day (R9).';
comment on column data.ai_requests.is_test is
'Sandbox traffic: stored and shown, never counted (R19).';
comment on column data.ai_requests.status is
'Outcome as reported; what it means is said in sql/30_usage_source.sql.';
comment on column data.ai_requests.provider_id is 'The request''s id; unique per tenant.';
comment on column data.ai_requests.feature is 'Which assistant asked: sms_ai, support_ai, …';
comment on column data.ai_requests.model is 'The model that was asked.';
comment on type data.message_channel is 'What a message is billed as.';
comment on type data.direction is 'Seen from the tenant.';
