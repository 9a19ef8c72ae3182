-- 61 · Source findings: tables of file 30 that counting cannot read, reads in part, or
-- hears nothing of when they change late.

set local role billing_owner;

create view billing.source_findings with (security_invoker = true) as
with recursive
read_by_source (oid) as (
  select 'billing.usage_source'::regclass::oid
  union
  select d.refobjid
  from read_by_source as s
  join pg_class as v on v.oid = s.oid and v.relkind = 'v'
  join pg_rewrite as w on w.ev_class = v.oid
  join pg_depend as d
    on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
    and d.refclassid = 'pg_class'::regclass
),
source_table as (
  select c.*, c.oid::regclass::text as name, r.oid as counting_role
  from read_by_source as s
  join pg_class as c on c.oid = s.oid and c.relkind in ('r', 'p')
  join pg_roles as r on r.rolname = 'billing_aggregator'
)

select 'source_unreadable' as rule, 'error' as severity, t.name as object,
  format('grant usage on schema %s to billing_aggregator; '
         'grant select on %s to billing_aggregator;', t.relnamespace::regnamespace, t.name)
    as what_to_do
from source_table as t
where not has_schema_privilege(t.counting_role, t.relnamespace, 'usage')
  or not has_any_column_privilege(t.counting_role, t.oid, 'select')

union all
select 'source_hidden', 'error', t.name,
  format('Row-level security hides its rows from counting, and they count as 0: '
         'create policy billing_counts on %s for select to billing_aggregator using (true);',
         t.name)
from source_table as t
where t.relrowsecurity
  and not exists (
    select from pg_policy as p
    where p.polrelid = t.oid and p.polpermissive and p.polcmd in ('r', '*')
      and (t.counting_role = any(p.polroles) or 0 = any(p.polroles)))

union all
select 'source_not_marked', 'advice', t.name,
  'Late facts older than settings.nightly_window_days stay uncounted: attach the triggers of '
  'docs/adopt.md in sql/30_usage_source.sql.'
from source_table as t
where (
  -- after insert (4), delete (8) and update (16)
  select coalesce(bit_or(g.tgtype::integer), 0) & 28
  from pg_trigger as g
  join pg_proc as p on p.oid = g.tgfoid and p.pronamespace = 'billing'::regnamespace
  where g.tgrelid = t.oid and g.tgenabled <> 'D' and g.tgtype::integer & 2 = 0
) <> 28;
comment on view billing.source_findings is
'A row per table of billing.usage_source that cannot be counted rightly; part of billing.findings.';
