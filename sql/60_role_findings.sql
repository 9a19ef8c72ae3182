-- 60 · Role findings: what isolation leans on in roles and logins. A row per broken rule.

set local role billing_owner;

create view billing.role_findings with (security_invoker = true) as
with
isolated_login (rolname) as (
  values ('billing_tenant'), ('billing_root'), ('billing_auth'), ('billing_operator'),
    ('billing_ingest')
),
web_login as (
  select r.oid, r.rolname
  from pg_roles as r
  where r.rolname in ('billing_tenant', 'billing_root', 'billing_auth')
),
-- what may be demanded where the whole server is ours, database of its first superuser included
on_our_own as (
  select
    case
      when current_setting('billing.dedicated', true) = 'on' and exists (
        select from pg_database as b where b.datname = current_database() and b.datdba = 10)
        then 'error'
      else 'advice'
    end as severity
),
-- what our logins start with, in every database of the server or (datname) in one
role_setting as (
  select r.rolname::text, b.datname::text, split_part(c.entry, '=', 1) as setting,
    substr(c.entry, strpos(c.entry, '=') + 1) as setting_value
  from pg_db_role_setting as d
  join pg_roles as r on r.oid = d.setrole
    and r.rolname ~ '^billing_(tenant|root|auth|operator|ingest|aggregator|deploy)$'
  left join pg_database as b on b.oid = d.setdatabase
  cross join lateral unnest(d.setconfig) as c (entry)
),
table_grant as (
  select c.oid, c.oid::regclass::text as name, c.relname, c.relkind, c.relrowsecurity, n.nspname,
    a.grantee, a.privilege_type
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace and n.nspname in ('data', 'billing')
  cross join lateral aclexplode(c.relacl) as a
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
select 'web_login_writes', 'error', format('%s: %s on %s', w.rolname, a.privilege_type, a.name),
  'Revoke it: web logins read views and execute functions.'
from web_login as w
join table_grant as a on a.grantee = w.oid and a.privilege_type <> 'SELECT'

union all
select 'web_login_reads_table', 'error', format('%s: %s', w.rolname, a.name),
  format('revoke select on %s from %I; A web login reads tables with a policy for it, and plans.',
         a.name, w.rolname)
from web_login as w
join table_grant as a on a.grantee = w.oid and a.privilege_type = 'SELECT'
where a.nspname = 'data' and a.relkind in ('r', 'p') and a.relname <> 'plans'
  and not (a.relrowsecurity and exists (
    select from pg_policy as p where p.polrelid = a.oid and w.oid = any(p.polroles)))

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
  (select o.severity from on_our_own as o),
  x.name,
  format('revoke execute on function %s from public; Then grant it to billing_aggregator, '
         'billing_identity and whoever else needs it.', x.name)
from (
  select distinct p.oid::regprocedure::text as name
  from pg_proc as p
  cross join web_login as w
  where p.pronamespace = 'pg_catalog'::regnamespace
    -- the list of 00
    and p.proname ~ '^(pg_sleep|pg_notify|pg_(try_)?advisory|pg_(terminate|cancel)_backend'
          '|lo_|lo(read|write)$|pg_logical_emit_message|pg_export_snapshot'
          '|txid_current$|pg_current_xact_id$)'
    and has_function_privilege(w.oid, p.oid, 'execute')
) as x

union all
select 'web_login_runs_code',
  (select o.severity from on_our_own as o),
  w.rolname::text,
  'revoke usage on language plpgsql from public; Then grant it to whoever writes functions.'
from web_login as w
where has_language_privilege(w.oid, 'plpgsql', 'usage')

union all
select 'parameters_in_log', 'advice', w.role_name,
  format('As a superuser: alter role %I set %s = %s; Otherwise a server that logs statements logs '
         'e-mail addresses and tokens.', w.role_name, w.setting, w.setting_value)
from data.role_settings() as w
where w.setting = 'log_parameter_max_length' and not exists (
  select from role_setting as s
  where s.rolname = w.role_name and s.setting = w.setting
    and s.setting_value = w.setting_value and s.datname is null)

union all
select 'temporary_files_unlimited', 'advice', w.role_name,
  format('As a superuser: alter role %I set %s = %L; Otherwise one statement can fill the disk.',
         w.role_name, w.setting, w.setting_value)
from data.role_settings() as w
where w.setting = 'temp_file_limit' and not exists (
  select from role_setting as s
  where s.rolname = w.role_name and s.setting = w.setting
    and s.setting_value = w.setting_value and s.datname is null)

union all
select 'role_setting_differs', 'error', format('%s: %s', w.role_name, w.setting),
  format('Run `billing migrate` as an administrator: it sets it to %s.', w.setting_value)
from data.role_settings() as w
where w.setting not in ('log_parameter_max_length', 'temp_file_limit')
  and to_regrole(w.role_name) is not null
  and not exists (
  select from role_setting as s
  where s.rolname = w.role_name and s.setting = w.setting
    and s.setting_value = w.setting_value and s.datname is null)

union all
select 'role_setting_unknown',
  case when s.rolname in ('billing_ingest', 'billing_deploy') then 'advice' else 'error' end,
  format('%s: %s%s', s.rolname, s.setting, ' in database ' || s.datname),
  format('Nothing of ours sets it: alter role %I%s reset %I;', s.rolname,
         ' in database ' || quote_ident(s.datname), s.setting)
from role_setting as s
where s.datname is not null or not exists (
  select from data.role_settings() as w
  where w.role_name = s.rolname and w.setting = s.setting);
comment on view billing.role_findings is
'A row per broken rule about roles and logins; part of billing.findings.';
