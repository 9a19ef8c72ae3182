-- Plans (filled from plans.sql only), tenants and the one row of settings.
-- depends: 0001_release

create table data.plans (
  sort_order integer not null,
  monthly_base_price numeric(12, 2),
  max_sms_per_month bigint,
  max_voice_minutes_per_month bigint,
  max_emails_per_month bigint,
  max_ai_requests_per_month bigint,
  currency text not null,
  code text primary key,
  label text not null,
  constraint plans_code_is_known check (code in ('starter', 'pro', 'elite', 'agency')),
  constraint plans_currency_is_iso check (currency ~ '^[A-Z]{3}$'),
  constraint plans_price_not_negative check (monthly_base_price >= 0),
  constraint plans_max_sms_not_negative check (max_sms_per_month >= 0),
  constraint plans_max_voice_minutes_not_negative check (max_voice_minutes_per_month >= 0),
  constraint plans_max_emails_not_negative check (max_emails_per_month >= 0),
  constraint plans_max_ai_requests_not_negative check (max_ai_requests_per_month >= 0)
);
comment on table data.plans is
'The plans of plans.sql. Limits are soft caps per month: NULL is unlimited, 0 is not included.';
comment on column data.plans.sort_order is 'Order from the smallest plan to the largest.';
comment on column data.plans.monthly_base_price is
'Price per month in the currency; NULL means "Contact support".';
comment on column data.plans.max_sms_per_month is 'Outbound SMS messages per period.';
comment on column data.plans.max_voice_minutes_per_month is
'Voice minutes per period, inbound and outbound together.';
comment on column data.plans.max_emails_per_month is 'E-mail recipients per period.';
comment on column data.plans.max_ai_requests_per_month is 'AI requests per period.';
comment on column data.plans.currency is 'ISO 4217 code.';
comment on column data.plans.code is 'starter, pro, elite or agency.';
comment on column data.plans.label is 'Name shown to people.';

create type data.tenant_status as enum ('active', 'suspended');
comment on type data.tenant_status is 'A suspended tenant is still counted and may still read.';

create table data.tenants (
  id uuid primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  status data.tenant_status not null default 'active',
  plan_code text references data.plans (code),
  name text not null,
  constraint tenants_name_not_blank check (btrim(name) <> ''),
  constraint tenants_created_at_finite check (isfinite(created_at))
);
alter table data.tenants enable row level security;
alter table data.tenants force row level security;
create index tenants_plan_code_idx on data.tenants (plan_code);
comment on table data.tenants is 'The customers whose use is counted; kept by the host.';
comment on column data.tenants.id is 'The tenant_id of every other table.';
comment on column data.tenants.created_at is 'When the tenant came to be.';
comment on column data.tenants.status is 'active or suspended.';
comment on column data.tenants.plan_code is 'The plan in force; NULL is a tenant without a plan.';
comment on column data.tenants.name is 'Name shown to people; not unique.';

create table data.settings (
  only_row boolean primary key default true,
  billing_from date not null
    default (date_trunc('month', now() at time zone 'UTC'))::date,
  nightly_hour_utc integer not null default 4,
  nightly_window_days integer not null default 10,
  stale_after_hours integer not null default 26,
  raw_retention_days integer,
  constraint settings_one_row check (only_row),
  constraint settings_billing_from_sane check (
    billing_from between date '2000-01-01' and date '2999-12-31'),
  constraint settings_nightly_hour_sane check (nightly_hour_utc between 1 and 22),
  constraint settings_nightly_window_sane check (nightly_window_days between 1 and 29),
  constraint settings_stale_after_sane check (stale_after_hours between 1 and 240),
  constraint settings_raw_retention_sane check (raw_retention_days between 70 and 36500)
);
insert into data.settings default values;
comment on table data.settings is
'One row. Here and not in the environment, because pg_cron cannot see the environment.';
comment on column data.settings.only_row is 'Always true.';
comment on column data.settings.billing_from is
'First UTC day that is counted; default the first of the month of installation.';
comment on column data.settings.nightly_hour_utc is 'Full hour (UTC) of the nightly run.';
comment on column data.settings.nightly_window_days is
'So many past days the nightly run recounts, as a second net.';
comment on column data.settings.stale_after_hours is
'Hours after the end of the newest complete day when data counts as stale.';
comment on column data.settings.raw_retention_days is
'Days to keep source rows; NULL keeps them for ever.';
