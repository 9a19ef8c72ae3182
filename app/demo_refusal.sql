-- Why demo data may not be loaded into this database, as a sentence; NULL where they may: where
-- they are already, and where nobody is and file 30 of sql/ counts the tables they go into.
-- demo.asked is that of demo_tenants.sql.

with counted as (
  select array_agg(distinct format('%I.%I', n.nspname, c.relname)) as tables
  from pg_class as v
  inner join pg_rewrite as w on v.oid = w.ev_class
  inner join pg_depend as d on w.oid = d.objid and d.classid = 'pg_rewrite'::regclass
  inner join pg_class as c on d.refobjid = c.oid and d.refclassid = 'pg_class'::regclass
  inner join pg_namespace as n on c.relnamespace = n.oid
  where v.relname = 'usage_source' and c.oid <> v.oid
)

select
  case
    when exists (
      select from data.tenants as t
      where t.id = md5(format('demo %s 1', current_setting('demo.asked')::jsonb ->> 'seed'))::uuid
    ) then null
    when not c.tables @> array['data.messages', 'data.calls', 'data.emails', 'data.ai_requests']
      then format(
        'Demo data would not be counted here: billing.usage_source reads %s',
        array_to_string(c.tables, ', '))
    when k.number > 0
      then format(
        'Demo data are for a database without tenants, or with those of the same seed: '
        'here %s, %L for one', case k.number when 1 then 'is 1' else 'are ' || k.number end, k.name)
  end as refusal
from counted as c
cross join (select count(*) as number, min(name) as name from data.tenants) as k;
