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
),
our_trigger as (
  select g.*, p.proname
  from pg_trigger as g
  join pg_proc as p on p.oid = g.tgfoid and p.pronamespace = 'billing'::regnamespace
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
  from our_trigger as g
  where g.tgrelid = t.oid and g.proname !~ '^(refuse|keep)_'
    and g.tgenabled in ('O', 'A') and g.tgtype::integer & 2 = 0
) <> 28

union all
-- our own tables have all triggers
select 'status_not_kept',
  case when t.relnamespace = 'data'::regnamespace then 'error' else 'advice' end, t.name,
  'A late status sets a fact back: attach a trigger as in sql/31_status_order.sql.'
from source_table as t
where not exists (
  select from our_trigger as g where g.tgrelid = t.oid and g.proname ~ '^keep_')

union all
-- a host gives up its rows itself
select 'id_not_kept', 'error', t.name,
  'The id of a row that retention gave up is taken again: attach the triggers of '
  'sql/32_purged_ids.sql.'
from source_table as t
where t.relnamespace = 'data'::regnamespace
  and not exists (
    select from our_trigger as g where g.tgrelid = t.oid and g.proname = 'refuse_purged_ids')

union all
-- replication fires triggers for each row (1) and no others
select 'replica_not_marked',
  case when t.relnamespace = 'data'::regnamespace then 'error' else 'advice' end, t.name,
  'Nobody hears of facts that logical replication writes: attach the row triggers that '
  'docs/adopt.md names.'
from source_table as t
where (
  select coalesce(bit_or(g.tgtype::integer), 0) & 28
  from our_trigger as g
  where g.tgrelid = t.oid and g.proname !~ '^(refuse|keep)_'
    and g.tgenabled in ('R', 'A') and g.tgtype::integer & 3 = 1
) <> 28

union all
-- As after `pg_restore --disable-triggers`, which leaves them all at O. What refuses or keeps
-- something always fires, what marks replicated rows in replica role alone. On a host's table only
-- its owner may say so, and O is taken for what it is.
select 'trigger_state', 'error', format('%s on %s', g.tgname, g.tgrelid::regclass),
  'It did not fire as it should: run `billing migrate`, then `billing aggregate` over the days '
  'that were written meanwhile.'
from our_trigger as g
join pg_class as c on c.oid = g.tgrelid
where (g.tgenabled <> 'O' or c.relnamespace = 'data'::regnamespace)
  and g.tgenabled <> case
    when g.proname ~ '^(refuse|keep)_' then 'A'
    when g.proname ~ '^mark_replicated' then 'R'
    else 'O'
  end

union all
select 'status_without_rank', 'error', format('%s: %s', w.source, w.status),
  'Give it a place in status_rank in sql/30_usage_source.sql: it is taken for an unknown word.'
from billing.usage_statuses as w
where billing.status_rank(w.source, w.status) is null

union all
select 'id_not_checked', 'advice', format('%s on %s', k.conname, k.conrelid::regclass),
  format('It has rows that the rule would refuse. Give their ids right, or delete them (select * '
         'from %s where not %s), then: alter table %1$s validate constraint %3$I;',
         k.conrelid::regclass, pg_get_expr(k.conbin, k.conrelid), k.conname)
from pg_constraint as k
join source_table as t on t.oid = k.conrelid
where k.contype = 'c' and not k.convalidated and t.relnamespace = 'data'::regnamespace;
comment on view billing.source_findings is
'A row per table of billing.usage_source, trigger or status by which counting can go wrong; part '
'of billing.findings.';
