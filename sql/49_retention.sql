-- 49 · Retention: giving up source rows of long ago. Off unless settings.raw_retention_days is set.
-- A day is proved, sealed and purged in one transaction; its numbers stay, and from then on neither
-- a recount nor a new fact for it is taken (R20, R21).

set local role billing_aggregator;

create function billing.refuse_sealed_day() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Every change of a past fact writes a marker, so this is where a sealed day is defended. The lock
-- is that of a foreign key: counting does not wait for it, sealing does, and whoever comes while a
-- day is being sealed waits and then sees that it is.
declare
  v_sealed_at timestamptz;
begin
  select u.sealed_at into v_sealed_at
  from data.usage_days as u
  where u.usage_date = new.usage_date
  for key share;
  if v_sealed_at is not null then
    raise exception 'day % is sealed since %: a new or changed fact for it is refused',
      to_char(new.usage_date, 'YYYY-MM-DD'), to_char(v_sealed_at at time zone 'UTC', 'YYYY-MM-DD')
      using errcode = 'object_not_in_prerequisite_state',
      hint = 'Its source rows were given up, so its numbers can no longer change.';
  end if;
  return new;
end $$;
comment on function billing.refuse_sealed_day() is
'Row trigger on late markers: error 55000 when the day is sealed.';
grant execute on function billing.refuse_sealed_day() to billing_owner;

create function billing.days_to_seal()
returns table (date date, source_rows bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select u.usage_date, u.source_rows
  from data.usage_days as u
  cross join data.settings as s
  where u.state = 'complete' and u.usage_date >= s.billing_from
    and u.usage_date < billing.utc_day(now()) - s.raw_retention_days
  order by u.usage_date;
$$;
comment on function billing.days_to_seal() is
'Complete days since settings.billing_from and older than settings.raw_retention_days, with the '
'number of their source rows; none while retention is off.';

create function billing.seal_obstacle(p_day date) returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_day record;
begin
  select u.* into v_day from data.usage_days as u where u.usage_date = p_day;
  return case
    when v_day.state = 'sealed' then 'it is sealed already'
    when v_day.state is distinct from 'complete' then 'it is not complete'
    when not exists (select from billing.days_to_seal() as d where d.date = p_day) then
      'it lies before settings.billing_from or is not older than settings.raw_retention_days'
    when v_day.last_error is not null then 'its last recount failed'
    when v_day.first_complete_at is null then 'it is not published yet'
    when exists (select from data.late_day_markers as l where l.usage_date = p_day) then
      'late facts wait for the next run'
    when exists (select from billing.verify_usage(p_day, p_day + 1)) then
      format('its numbers are not those of its source rows: billing verify %s',
             to_char(p_day, 'YYYY-MM-DD'))
    when exists (
      select from billing.usage_source as s
      where s.occurred_at >= p_day::timestamp at time zone 'UTC'
        and s.occurred_at < (p_day + 1)::timestamp at time zone 'UTC'
        and not exists (select from data.tenants as t where t.id = s.tenant_id)) then
      'it has rows of unknown tenants, which would be lost uncounted'
  end;
end $$;
comment on function billing.seal_obstacle(date) is
'Why a day cannot be sealed now; NULL when it can. Recounts the day.';

create function billing.seal_day(p_day date) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
-- below deadlock_timeout: in a collision with a writer of facts, sealing gives way
set lock_timeout = '500ms'
as $$
declare
  v_started_at constant timestamptz := clock_timestamp();
  v_run_id constant bigint := billing.begin_run();
  v_source_rows bigint;
  v_purged bigint;
  v_obstacle text;
begin
  if p_day is null then
    raise exception 'a day is needed' using errcode = 'invalid_parameter_value';
  end if;
  perform billing.lock_day(p_day);
  -- whoever has written a fact for this day and not committed yet is waited for
  select u.source_rows into v_source_rows
  from data.usage_days as u where u.usage_date = p_day for update;
  v_obstacle := billing.seal_obstacle(p_day);
  if v_obstacle is not null then
    raise exception 'day % is not sealed: %', to_char(p_day, 'YYYY-MM-DD'), v_obstacle
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  update data.usage_days as u
  set sealed_at = clock_timestamp(), run_id = v_run_id
  where u.usage_date = p_day;
  -- a writer under a fixed snapshot locks this row, and so learns of the purge (file 32)
  update data.settings as s set raw_retention_days = s.raw_retention_days;
  delete from data.contradicted_facts as c
  where c.occurred_at >= p_day::timestamp at time zone 'UTC'
    and c.occurred_at < (p_day + 1)::timestamp at time zone 'UTC';
  v_purged := billing.purge_source_rows(
    p_day::timestamp at time zone 'UTC', (p_day + 1)::timestamp at time zone 'UTC');
  if v_purged <> v_source_rows then
    raise exception 'day % is not sealed: % of % source rows were there to be given up',
      to_char(p_day, 'YYYY-MM-DD'), v_purged, v_source_rows
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  perform billing.record_run(
    v_run_id, 'retention', v_started_at, v_started_at, array[p_day], 0, '{}');
  return v_purged;
end $$;
comment on function billing.seal_day(date) is
'Prove the day, seal it and delete its source rows, in one transaction; returns rows deleted. '
'Errors: 55000 it cannot be sealed, with the reason; 55P03 a writer or a run is at it; nothing was '
'changed then.';

set local role billing_owner;

-- No day that is younger than the shortest retention can be sealed: such a marker costs nothing.
create trigger refuse_sealed_day before insert on data.late_day_markers
for each row
when (new.usage_date < (now() at time zone 'UTC')::date - 60)
execute function billing.refuse_sealed_day();
-- whatever marks, in replica role too
alter table data.late_day_markers enable always trigger refuse_sealed_day;
