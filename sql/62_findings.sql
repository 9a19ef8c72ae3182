-- 62 · Findings: what keeps the numbers coming and explained, and with it everything that is wrong.
-- No row is a sound database.

set local role billing_aggregator;

create function billing.scheduled_jobs(out job_name text, out can_log_in boolean)
returns setof record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
-- This database's active jobs of the counting role; none where pg_cron is not installed.
begin
  if to_regclass('cron.job') is not null then
    return query
    select j.jobname::text, coalesce(r.rolcanlogin, false)
    from cron.job as j
    left join pg_roles as r on r.rolname = j.username
    where j.active and j.database = current_database() and j.username = current_user;
  end if;
end $$;
comment on function billing.scheduled_jobs() is
'The counting role''s active pg_cron jobs in this database.';
grant execute on function billing.scheduled_jobs() to billing_owner;

set local role billing_owner;

create function billing.server_verdict(p_version_num integer) returns text
language sql immutable
as $$
  -- the floor is one day's releases, with the security fixes of that day
  select case
    when p_version_num >= 180000 then 'untested'
    when p_version_num < 150020
      or p_version_num between 160000 and 160015
      or p_version_num between 170000 and 170011 then 'below floor'
    else 'supported'
  end;
$$;
comment on function billing.server_verdict(integer) is
'supported, below floor or untested, for a server_version_num.';

create view billing.findings with (security_invoker = true) as
with
-- as in 60: a view of them would need grants of its own, and a place in the order of 10's locks
our_relation as (
  select c.*, n.nspname, c.oid::regclass::text as name
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace and n.nspname in ('data', 'billing')
),
our_function as (
  select p.*, p.oid::regprocedure::text as name
  from pg_proc as p
  join pg_namespace as n on n.oid = p.pronamespace and n.nspname in ('data', 'billing')
),
expected_job (job_name) as (
  values ('billing tick'), ('billing reboot'), ('billing nightly'), ('billing prune job log')
)

select f.rule, f.severity, f.object, f.what_to_do
from billing.isolation_findings as f

union all
select f.rule, f.severity, f.object, f.what_to_do
from billing.role_findings as f

union all
select f.rule, f.severity, f.object, f.what_to_do
from billing.source_findings as f

union all
select f.rule, f.severity, f.object, f.what_to_do
from billing.metric_findings as f

union all
select 'undocumented', 'advice', x.name, 'Say what it means with `comment on`.'
from (
  select r.name from our_relation as r
  where r.relkind in ('r', 'p', 'v') and obj_description(r.oid, 'pg_class') is null
  union all
  select r.name || '.' || a.attname
  from our_relation as r
  join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  where r.relkind in ('r', 'p') and col_description(r.oid, a.attnum) is null
  union all
  select f.name from our_function as f where obj_description(f.oid, 'pg_proc') is null
) as x

union all
-- what migration 0014 leaves as it finds it
select 'rows_from_before', 'advice', format('%s: %s', r.name, k.conname),
  format('Mend what `select * from %s where not %s` shows, as it cannot be changed otherwise; then '
    '`alter table %s validate constraint %I`.',
    r.name, pg_get_expr(k.conbin, k.conrelid), r.name, k.conname)
from our_relation as r
join pg_constraint as k on k.conrelid = r.oid and k.contype = 'c' and not k.convalidated
where r.nspname = 'data' and r.relname in ('tenants', 'users')

union all
select 'shared_address', 'advice', r.name,
  format('Of users with one address, but for its case or Unicode form, only the oldest can sign '
    'in. Change the others, then `drop index %s; %s`.', i.indexrelid::regclass,
    replace(pg_get_indexdef(i.indexrelid), 'CREATE INDEX', 'CREATE UNIQUE INDEX'))
from our_relation as r
join pg_index as i on i.indrelid = r.oid and not i.indisunique
join pg_class as c on c.oid = i.indexrelid and c.relname = 'users_email_key'
where r.nspname = 'data' and r.relname = 'users'

union all
select 'scheduler_missing', 'advice', 'pg_cron',
  'Nothing counts by itself: install pg_cron here, or call `billing run` from any scheduler.'
where not exists (select from pg_extension as x where x.extname = 'pg_cron')

union all
select 'job_missing', 'error', e.job_name, 'Run `billing migrate`: it schedules its jobs anew.'
from expected_job as e
where exists (select from pg_extension as x where x.extname = 'pg_cron')
  and not exists (select from billing.scheduled_jobs() as j where j.job_name = e.job_name)

union all
select 'job_unknown', 'error', j.job_name,
  'Run `billing migrate`: it removes jobs that sql/80_schedule.sql does not name.'
from billing.scheduled_jobs() as j
where not exists (select from expected_job as e where e.job_name = j.job_name)

union all
select 'job_cannot_log_in', 'error', j.job_name, 'alter role billing_aggregator login;'
from billing.scheduled_jobs() as j
where not j.can_log_in

union all
select 'day_held_open', 'advice',
  format('%s by %s', to_char(h.day, 'YYYY-MM-DD'),
         coalesce('session ' || h.pid, 'a prepared transaction')),
  'It has written facts of that day and has not ended: the day stays open until it has. '
  'pg_stat_activity and pg_prepared_xacts say what it is.'
from (
  select l.pid, date '2000-01-01' + l.objid::bigint::bit(32)::integer as day
  from pg_locks as l
  where l.locktype = 'advisory' and l.granted and l.objsubid = 2
    and l.classid = billing.lock_class('open day')::oid
    and l.database = (select b.oid from pg_database as b where b.datname = current_database())
) as h
where h.day < billing.utc_day(now())

union all
select 'server_below_floor', 'error', current_setting('server_version'),
  'Update PostgreSQL: 15.20, 16.16 or 17.12 at least; older ones have known security holes.'
where billing.server_verdict(current_setting('server_version_num')::integer) = 'below floor'

union all
select 'server_untested', 'advice', current_setting('server_version'),
  'PostgreSQL 15 to 17 are tested; run the tests against this one before you rely on it.'
where billing.server_verdict(current_setting('server_version_num')::integer) = 'untested';
comment on view billing.findings is
'A row per broken rule: rule, severity (error or advice), object, what_to_do. Empty when sound.';
