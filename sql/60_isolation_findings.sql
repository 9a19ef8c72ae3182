-- 60 · Isolation findings: the rules that isolation leans on, asked of the catalogue. A row per
-- broken rule; severity error keeps the application from starting, advice does not.

set local role billing_owner;

create view billing.isolation_findings with (security_invoker = true) as
with
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
-- tables with a NOT NULL tenant_id, and where that column is
tenant_table as (
  select r.oid, r.name, r.relrowsecurity, r.relforcerowsecurity, a.attnum
  from our_relation as r
  join pg_attribute as a on a.attrelid = r.oid and a.attname = 'tenant_id' and a.attnotnull
  where r.relkind in ('r', 'p')
),
isolated_login (rolname) as (
  values ('billing_tenant'), ('billing_root'), ('billing_auth'), ('billing_operator'),
    ('billing_ingest')
),
web_login as (
  select r.oid, r.rolname
  from pg_roles as r
  where r.rolname in ('billing_tenant', 'billing_root', 'billing_auth')
)

select 'role_missing' as rule, 'error' as severity, x.rolname as object,
  'Run `billing migrate` as a role that may create roles, or sql/00_roles.sql by hand.'
    as what_to_do
from (values ('billing_owner'), ('billing_identity'), ('billing_aggregator'), ('billing_deploy'),
  ('billing_tenant'), ('billing_root'), ('billing_auth'), ('billing_operator'), ('billing_ingest')
) as x (rolname)
where to_regrole(x.rolname) is null

union all
select 'role_too_powerful', 'error', r.rolname::text,
  'Take SUPERUSER, BYPASSRLS, CREATEROLE, CREATEDB and REPLICATION from this role.'
from pg_roles as r
where r.rolname ~ '^billing_(owner|identity|aggregator|deploy|tenant|root|auth|operator|ingest)$'
  and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication)

union all
select 'foreign_power', 'advice', r.rolname::text,
  'This login sees every tenant''s rows, whatever the policies say. Keep it for backups.'
from pg_roles as r
where (r.rolsuper or r.rolbypassrls) and r.rolcanlogin and r.oid <> 10
  and r.rolname !~ '^billing_'

union all
select 'login_is_a_member', 'error', format('%s of %s', r.rolname, g.rolname),
  format('revoke %I from %I;', g.rolname, r.rolname)
from isolated_login as i
join pg_roles as r on r.rolname = i.rolname
join pg_auth_members as m on m.member = r.oid
join pg_roles as g on g.oid = m.roleid

union all
select 'granted_to_public', 'error', x.name,
  'Revoke it from public; sql/70_grants.sql says who may.'
from (
  select n.nspname::text as name, n.nspacl as acl
  from pg_namespace as n
  where n.nspname in ('data', 'billing')
  union all
  select r.name, coalesce(r.relacl, acldefault('r', r.relowner)) from our_relation as r
  union all
  select f.name, coalesce(f.proacl, acldefault('f', f.proowner)) from our_function as f
) as x
where exists (select from aclexplode(x.acl) as a where a.grantee = 0)

union all
select 'row_security_off', 'error', t.name,
  format('alter table %s enable row level security; alter table %1$s force row level security;',
         t.name)
from (
  select tt.name, tt.relrowsecurity, tt.relforcerowsecurity from tenant_table as tt
  union
  select r.name, r.relrowsecurity, r.relforcerowsecurity
  from our_relation as r
  where r.nspname = 'data' and r.relname in ('tenants', 'users', 'sessions')
) as t
where not (t.relrowsecurity and t.relforcerowsecurity)

union all
select 'table_without_policy', 'error', t.name, 'Write its policies in sql/26_policies.sql.'
from tenant_table as t
where not exists (select from pg_policy as p where p.polrelid = t.oid)

union all
select 'policy_for_everybody', 'error', format('%s on %s', p.polname, r.name),
  'Name the role in the policy: `to billing_…`.'
from pg_policy as p
join our_relation as r on r.oid = p.polrelid
where 0 = any(p.polroles)

union all
select 'view_runs_as_owner', 'error', r.name, 'Create it `with (security_invoker = true)`.'
from our_relation as r
where r.relkind = 'v' and not coalesce('security_invoker=true' = any(r.reloptions), false)

union all
select 'materialized_view', 'error', r.name,
  'Drop it: a materialized view knows no row-level security.'
from our_relation as r
where r.relkind = 'm'

union all
select 'leakproof_function', 'error', f.name,
  'Declare it NOT LEAKPROOF, or it may run before the policies.'
from our_function as f
where f.proleakproof

union all
select 'definer_without_search_path', 'error', f.name,
  'Add `set search_path = pg_catalog, pg_temp` and qualify the names.'
from our_function as f
where f.prosecdef
  and not exists (select from unnest(f.proconfig) as c where c like 'search\_path=pg\_catalog%')

union all
select 'definer_of_wrong_role', 'error', f.name,
  'Only billing_identity and billing_aggregator may own a security definer function.'
from our_function as f
join pg_roles as r on r.oid = f.proowner
where f.prosecdef and r.rolname not in ('billing_identity', 'billing_aggregator')

union all
select 'wrong_owner', 'error', r.name, format('alter table %s owner to billing_owner;', r.name)
from our_relation as r
join pg_roles as o on o.oid = r.relowner
where r.relkind in ('r', 'p', 'v', 'm') and o.rolname <> 'billing_owner'

union all
select 'key_without_tenant', 'error', i.indexrelid::regclass::text,
  'Lead unique keys of tenant data with tenant_id.'
from tenant_table as t
join pg_index as i on i.indrelid = t.oid and i.indisunique
where i.indkey[0] <> t.attnum

union all
select 'key_without_tenant', 'error', format('%s on %s', k.conname, t.name),
  'Lead foreign keys of tenant data with tenant_id.'
from tenant_table as t
join pg_constraint as k on k.conrelid = t.oid and k.contype = 'f'
where k.conkey[1] <> t.attnum

union all
select 'clock_in_upsert', 'error', f.name,
  'Pass the time as a value: no function call in DO UPDATE SET.'
from our_function as f
where f.prosrc ~* 'do\s+update\s+set[^;]*\y(now|clock_timestamp|statement_timestamp)\s*\('

union all
select 'web_login_writes', 'error', format('%s: %s on %s', w.rolname, a.privilege_type, r.name),
  'Revoke it: web logins read views and execute functions.'
from web_login as w
cross join our_relation as r
cross join lateral aclexplode(r.relacl) as a
where a.grantee = w.oid and a.privilege_type <> 'SELECT'

union all
select 'web_login_reaches_tables', 'error', w.rolname::text,
  format('revoke usage on schema data from %I;', w.rolname)
from web_login as w
where to_regnamespace('data') is not null and has_schema_privilege(w.oid, 'data', 'usage')

union all
select 'web_login_has_temp',
  case current_setting('billing.dedicated', true) when 'on' then 'error' else 'advice' end,
  w.rolname::text,
  format('revoke temporary on database %I from public;', current_database())
from web_login as w
where has_database_privilege(w.oid, current_database(), 'temporary')

union all
select 'web_login_may_disturb',
  -- an error where the whole server is ours, database of its first superuser included
  case
    when current_setting('billing.dedicated', true) = 'on' and exists (
      select from pg_database as b where b.datname = current_database() and b.datdba = 10)
      then 'error'
    else 'advice'
  end,
  x.name,
  format('revoke execute on function %s from public; Then grant it to billing_aggregator, '
         'billing_identity and whoever else needs it.', x.name)
from (
  select distinct p.oid::regprocedure::text as name
  from pg_proc as p
  cross join web_login as w
  where p.pronamespace = 'pg_catalog'::regnamespace
    and p.proname in ('pg_sleep', 'pg_notify', 'pg_terminate_backend', 'pg_cancel_backend',
      'pg_advisory_lock', 'pg_advisory_xact_lock', 'pg_try_advisory_lock',
      'pg_try_advisory_xact_lock', 'lo_create', 'lo_from_bytea')
    and has_function_privilege(w.oid, p.oid, 'execute')
) as x;
comment on view billing.isolation_findings is
'A row per broken rule of isolation; part of billing.findings.';
