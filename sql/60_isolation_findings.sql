-- 60 · Isolation findings: what isolation leans on in tables, views and functions, asked of the
-- catalogue. A row per broken rule; severity error keeps the application from starting, advice does
-- not.

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
)

select 'granted_to_public' as rule, 'error' as severity, x.name as object,
  'Revoke it from public; sql/70_grants.sql says who may.' as what_to_do
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
where f.prosrc ~* 'do\s+update\s+set[^;]*\y(now|clock_timestamp|statement_timestamp)\s*\(';
comment on view billing.isolation_findings is
'A row per broken rule about objects that isolation leans on; part of billing.findings.';
