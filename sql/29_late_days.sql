-- 29 · Late days: a change to a past day leaves a marker in the transaction of the change, so that
-- whatever commits after a count is counted by the next one (R3). One marker per tenant and day
-- and statement. Today needs none: it is due until it has been counted after its end. A tenant that
-- is added after its facts marks the days of those facts. File 30 puts the triggers on the host's
-- tables.

set local role billing_aggregator;

create function billing.mark_late_days() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  -- the clock and not now(): a transaction open across midnight must see the new day
  v_today constant timestamptz := date_trunc('day', clock_timestamp(), 'UTC');
begin
  insert into data.late_day_markers (tenant_id, usage_date)
  select distinct r.tenant_id, (r.occurred_at at time zone 'UTC')::date
  from changed_rows as r
  where r.occurred_at < v_today
    -- giving up the rows of a sealed day changes no number (R20)
    and (tg_op <> 'DELETE' or not exists (
      select from data.usage_days as u
      where u.sealed_at is not null
        and u.usage_date = (r.occurred_at at time zone 'UTC')::date));
  return null;
end $$;
comment on function billing.mark_late_days() is
'Statement trigger for INSERT and DELETE: marks the past days of the changed rows.';

create function billing.mark_late_moves() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_today constant timestamptz := date_trunc('day', clock_timestamp(), 'UTC');
begin
  insert into data.late_day_markers (tenant_id, usage_date)
  select r.tenant_id, (r.occurred_at at time zone 'UTC')::date
  from old_rows as r
  where r.occurred_at < v_today
  union
  select r.tenant_id, (r.occurred_at at time zone 'UTC')::date
  from changed_rows as r
  where r.occurred_at < v_today;
  return null;
end $$;
comment on function billing.mark_late_moves() is
'Statement trigger for UPDATE: marks where the rows were and where they are now.';

create function billing.mark_late_tenants() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_today constant timestamptz := date_trunc('day', clock_timestamp(), 'UTC');
begin
  insert into data.late_day_markers (tenant_id, usage_date)
  select distinct s.tenant_id, (s.occurred_at at time zone 'UTC')::date
  from changed_rows as t
  join billing.usage_source as s on s.tenant_id = t.id
  where s.occurred_at < v_today;
  return null;
end $$;
comment on function billing.mark_late_tenants() is
'Statement trigger for INSERT of tenants: marks the past days of facts that came before them.';

create function billing.refuse_truncate() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'TRUNCATE of %.% is refused: its rows would leave the numbers unnoticed',
    tg_table_schema, tg_table_name
    using errcode = 'feature_not_supported', hint = 'DELETE the rows instead.';
end $$;
comment on function billing.refuse_truncate() is 'TRUNCATE fires no row trigger: refused.';

grant execute on function billing.mark_late_days() to billing_owner;
grant execute on function billing.mark_late_moves() to billing_owner;
grant execute on function billing.mark_late_tenants() to billing_owner;
grant execute on function billing.refuse_truncate() to billing_owner;

set local role billing_owner;

create trigger mark_late_insert after insert on data.tenants
referencing new table as changed_rows
for each statement execute function billing.mark_late_tenants();
