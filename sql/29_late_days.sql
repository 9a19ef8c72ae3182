-- 29 · Late days: a change to a day that may be counted already leaves a marker in the transaction
-- of the change, so that whatever commits after a count is counted by the next one (R3). One marker
-- per tenant and day and statement. File 30 puts the triggers on the host's tables.
--
-- A day that is still open needs no marker: it is due until it has been counted after its end. Who
-- writes to it holds it open (a shared lock, to the end of the transaction), and who closes it has
-- to have it alone. So no clock decides, neither the writer's nor the counter's: a transaction may
-- stay open over midnight, and clocks may step.

set local role billing_aggregator;

create function billing.hold_open(p_day date) returns boolean
language plpgsql
as $$
begin
  -- an older snapshot would not see that the day has been closed
  if current_setting('transaction_isolation') <> 'read committed'
    or not pg_try_advisory_xact_lock_shared(
      billing.lock_class('open day'), p_day - date '2000-01-01') then
    return false;
  end if;
  -- a statement of its own: its snapshot is newer than the lock
  return not exists (
    select from data.usage_days as u
    where u.usage_date = p_day and u.state in ('complete', 'sealed'));
end $$;
comment on function billing.hold_open(date) is
'Keep a day from being closed until this transaction ends; false when it is closed, or being '
'closed now, or when this transaction could not tell.';

create function billing.try_close(p_day date) returns boolean
language plpgsql
as $$
begin
  return pg_try_advisory_xact_lock(billing.lock_class('open day'), p_day - date '2000-01-01');
end $$;
comment on function billing.try_close(date) is
'Have the day alone until this transaction ends; false while a transaction that has written to it '
'is under way.';

create function billing.days_to_mark(p_days date[]) returns date[]
language plpgsql
as $$
declare
  v_marked date[] := array[]::date[];
  v_day date;
begin
  -- each day takes a lock: whoever writes to many at once marks them all
  if cardinality(p_days) > 8 then
    return p_days;
  end if;
  foreach v_day in array p_days loop
    if not billing.hold_open(v_day) then
      v_marked := v_marked || v_day;
    end if;
  end loop;
  return v_marked;
end $$;
comment on function billing.days_to_mark(date[]) is
'Those of the days whose changes need a marker; the others are held open.';

-- The triggers look at a clock for speed alone: days before today are marked without a lock.

create function billing.mark_late_days() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_today constant timestamptz := date_trunc('day', clock_timestamp(), 'UTC');
  v_marked constant date[] := billing.days_to_mark(array(
    select distinct (r.occurred_at at time zone 'UTC')::date
    from changed_rows as r
    where r.occurred_at >= v_today));
begin
  insert into data.late_day_markers (tenant_id, usage_date)
  select distinct r.tenant_id, (r.occurred_at at time zone 'UTC')::date
  from changed_rows as r
  where (r.occurred_at < v_today or (r.occurred_at at time zone 'UTC')::date = any (v_marked))
    -- giving up the rows of a sealed day changes no number (R20)
    and (tg_op <> 'DELETE' or not exists (
      select from data.usage_days as u
      where u.sealed_at is not null
        and u.usage_date = (r.occurred_at at time zone 'UTC')::date));
  return null;
end $$;
comment on function billing.mark_late_days() is
'Statement trigger for INSERT and DELETE: marks the days of the changed rows that may be closed.';

create function billing.mark_late_moves() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_today constant timestamptz := date_trunc('day', clock_timestamp(), 'UTC');
  v_marked constant date[] := billing.days_to_mark(array(
    select (r.occurred_at at time zone 'UTC')::date from old_rows as r
    where r.occurred_at >= v_today
    union
    select (r.occurred_at at time zone 'UTC')::date from changed_rows as r
    where r.occurred_at >= v_today));
begin
  insert into data.late_day_markers (tenant_id, usage_date)
  select r.tenant_id, (r.occurred_at at time zone 'UTC')::date
  from old_rows as r
  where r.occurred_at < v_today or (r.occurred_at at time zone 'UTC')::date = any (v_marked)
  union
  select r.tenant_id, (r.occurred_at at time zone 'UTC')::date
  from changed_rows as r
  where r.occurred_at < v_today or (r.occurred_at at time zone 'UTC')::date = any (v_marked);
  return null;
end $$;
comment on function billing.mark_late_moves() is
'Statement trigger for UPDATE: marks where the rows were and where they are now.';

create function billing.note_new_tenants() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into data.new_tenants (tenant_id) select t.id from changed_rows as t;
  return null;
end $$;
comment on function billing.note_new_tenants() is
'Statement trigger for INSERT of tenants: the next run looks for facts that came before them.';

create function billing.mark_days_of_new_tenants(p_as_of timestamptz) returns void
language plpgsql
as $$
-- Once the tenant is there for all to see: what comes now is counted by itself, and what came
-- before is seen here.
begin
  if not exists (select from data.new_tenants) then
    return;
  end if;
  with new as (delete from data.new_tenants as n returning n.tenant_id)
  insert into data.late_day_markers (tenant_id, usage_date)
  select distinct s.tenant_id, (s.occurred_at at time zone 'UTC')::date
  from new as n
  join billing.usage_source as s on s.tenant_id = n.tenant_id
  left join data.usage_days as u on u.usage_date = (s.occurred_at at time zone 'UTC')::date
  where u.state = 'complete'
    -- perhaps being counted now by somebody who has not seen the tenant
    or (u.state is distinct from 'sealed' and s.occurred_at < p_as_of);
end $$;
comment on function billing.mark_days_of_new_tenants(timestamptz) is
'Mark the past days of facts that came before their tenant.';

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
grant execute on function billing.note_new_tenants() to billing_owner;
grant execute on function billing.refuse_truncate() to billing_owner;

set local role billing_owner;

create trigger note_new_tenants after insert on data.tenants
referencing new table as changed_rows
for each statement execute function billing.note_new_tenants();
