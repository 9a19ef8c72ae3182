-- 42 · Restatements: every change of a number after its day was published (file 45); earlier
-- changes are settling. Written by triggers on the daily rows, so that no way of
-- writing them can forget it, and once per changed number, not per row.

set local role billing_aggregator;

create function billing.changed_figures(
  p_old jsonb, p_new jsonb, out figure text, out old_value bigint, out new_value bigint
)
returns setof record
language sql stable
as $$
  -- Every figure that p_new has, by its column name; whatever p_old does not say was 0.
  select n.key, coalesce((p_old ->> n.key)::bigint, 0), n.value::bigint
  from jsonb_each_text(p_new) as n
  where n.value is distinct from coalesce(p_old ->> n.key, '0')
    and n.key not in ('id', 'tenant_id', 'usage_date', 'created_at', 'updated_at');
$$;
comment on function billing.changed_figures(jsonb, jsonb) is
'The figures that differ between two versions of a daily row; no old version is all zeros.';

create function billing.write_restatements(
  p_tenant_id uuid, p_usage_date date, p_old jsonb, p_new jsonb
) returns void
language plpgsql
as $$
begin
  insert into data.usage_restatements (
    tenant_id, usage_date, metric, old_value, new_value, restated_at, run_id)
  select
    p_tenant_id, p_usage_date, c.figure, c.old_value, c.new_value, clock_timestamp(),
    nullif(current_setting('billing.run_id', true), '')::bigint
  from billing.changed_figures(p_old, p_new) as c
  join billing.metrics as m on m.name = c.figure
  order by m.sort_order;
end $$;
comment on function billing.write_restatements(uuid, date, jsonb, jsonb) is
'Append a restatement for each metric that differs, in the name of the run of this transaction.';

-- A first count comes by here with thousands of rows of a day that nobody has been told of yet, and
-- a run without changes with none: both end at the first question.

create function billing.restate_new_rows() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select from (select distinct n.usage_date from changed_rows as n) as d
    join data.usage_days as u
      on u.usage_date = d.usage_date and u.first_complete_at is not null
  ) then
    perform billing.write_restatements(n.tenant_id, n.usage_date, null, to_jsonb(n))
    from changed_rows as n
    join data.usage_days as u on u.usage_date = n.usage_date
    where u.first_complete_at is not null;
  end if;
  return null;
end $$;
comment on function billing.restate_new_rows() is
'Statement trigger for INSERT: a row for a published day where there was none was 0 before.';

create function billing.restate_changed_rows() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
-- the plan is made when a session comes by first, perhaps with one row, and used for thousands
set enable_nestloop = off
as $$
begin
  if exists (
    select from (select distinct n.usage_date from changed_rows as n) as d
    join data.usage_days as u
      on u.usage_date = d.usage_date and u.first_complete_at is not null
  ) then
    perform billing.write_restatements(n.tenant_id, n.usage_date, to_jsonb(o), to_jsonb(n))
    from changed_rows as n
    join old_rows as o on o.tenant_id = n.tenant_id and o.id = n.id
    join data.usage_days as u on u.usage_date = n.usage_date
    where u.first_complete_at is not null;
  end if;
  return null;
end $$;
comment on function billing.restate_changed_rows() is
'Statement trigger for UPDATE: compares each row of a published day with what it was.';

grant execute on function billing.restate_new_rows() to billing_owner;
grant execute on function billing.restate_changed_rows() to billing_owner;

set local role billing_owner;

-- `insert … on conflict do update` fires both, each with its own rows.
create trigger restate_insert after insert on data.billing_usage_daily
referencing new table as changed_rows
for each statement execute function billing.restate_new_rows();
create trigger restate_update after update on data.billing_usage_daily
referencing old table as old_rows new table as changed_rows
for each statement execute function billing.restate_changed_rows();
