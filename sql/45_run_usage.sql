-- 45 · Run usage: count what is due. pg_cron, a person and the web application all
-- call run_usage; how often makes no difference to the numbers.

set local role billing_aggregator;

create function billing.try_day(
  p_day date, p_tenant_ids uuid[], p_counted_at timestamptz, p_run_id bigint,
  out p_rows_changed bigint, out p_error text
)
language plpgsql
as $$
-- Count a day in a sub-transaction of its own: a day that fails is entered as failed and does not
-- stop the others (R5). What says nothing about the day is raised instead: deadlock, lock timeout
-- and cancel. rows changed NULL without error: somebody else is counting the day.
begin
  if not billing.try_lock_day(p_day) then
    raise notice 'day % is being counted by %; left for the next run',
      to_char(p_day, 'YYYY-MM-DD'), billing.describe_day_holder(p_day);
    return;
  end if;
  begin
    p_rows_changed := billing.write_day(p_day, p_tenant_ids, p_counted_at, p_run_id);
  exception
    when deadlock_detected or lock_not_available or query_canceled then
      raise;
    when others then
      p_error := format('%s (%s)', sqlerrm, sqlstate);
      perform billing.record_failed_day(p_day, p_run_id, p_error);
  end;
end $$;
comment on function billing.try_day(date, uuid[], timestamptz, bigint) is
'Count a day unless somebody else does; a failure is entered in the ledger and returned.';

create function billing.run_deadline(p_limit interval) returns timestamptz
language sql volatile
as $$
  -- Well inside the statement timeout: a run that is cut off keeps nothing. Its time runs since
  -- the statement came in, so all that one statement does shares it.
  select least(clock_timestamp() + p_limit, statement_timestamp() + t.set_limit / 2)
  from (
    select nullif(current_setting('statement_timeout')::interval, interval '0') as set_limit
  ) as t;
$$;
comment on function billing.run_deadline(interval) is
'When a run has to come to its end: after the limit, or half the statement timeout if less.';

create function billing.count_days(
  p_run_id bigint, p_as_of timestamptz, p_days date[], p_whole boolean[], p_deadline timestamptz,
  out counted date[], out rows_changed bigint, out errors text[], out days_left integer
)
language plpgsql
as $$
-- Count the given days in their order until 30 are done or the deadline has come; the last one,
-- today, always.
declare
  v_last constant integer := cardinality(p_days);
  v_day record;
begin
  counted := array[]::date[];
  errors := array[]::text[];
  rows_changed := 0;
  days_left := 0;
  for v_index in 1 .. v_last loop
    if v_index < v_last and (cardinality(counted) >= 29 or clock_timestamp() >= p_deadline) then
      days_left := days_left + p_whole[v_index]::integer;
      continue;
    end if;
    select t.* into v_day
    from billing.try_day(
      p_days[v_index],
      case when not p_whole[v_index] then billing.marked_tenants(p_days[v_index]) end,
      p_as_of, p_run_id) as t;
    if v_day.p_error is not null then
      errors := errors || format('%s: %s', to_char(p_days[v_index], 'YYYY-MM-DD'), v_day.p_error);
    elsif v_day.p_rows_changed is not null then
      counted := counted || p_days[v_index];
      rows_changed := rows_changed + v_day.p_rows_changed;
    end if;
  end loop;
end $$;
comment on function billing.count_days(bigint, timestamptz, date[], boolean[], timestamptz) is
'Count these days within bounds, each on its own. days_left: whole days there was no time for.';

create function billing.require_past(p_as_of timestamptz) returns void
language plpgsql
as $$
begin
  if p_as_of is null or p_as_of = '-infinity' then
    raise exception 'as_of needs an instant' using errcode = 'invalid_parameter_value';
  end if;
  if p_as_of > clock_timestamp() then
    raise exception 'as_of % lies in the future',
      coalesce(to_char(p_as_of at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"+00"'), 'infinity')
      using errcode = 'datetime_field_overflow';
  end if;
end $$;
comment on function billing.require_past(timestamptz) is
'Errors 22023 or 22008 unless the instant has come (R28).';

create function billing.count_due(p_trigger text, p_as_of timestamptz) returns integer
language plpgsql
as $$
declare
  v_started_at constant timestamptz := clock_timestamp();
  v_run_id constant bigint := billing.begin_run();
  v_days date[];
  v_whole boolean[];
  v_result record;
begin
  perform billing.mark_days_of_new_tenants(p_as_of);
  -- what failed when last tried comes after the rest and cannot use up its time; today is last
  select
    array_agg(x.usage_date order by x.turn, x.usage_date),
    array_agg(x.is_whole order by x.turn, x.usage_date)
  into v_days, v_whole
  from (
    select d.usage_date, d.is_whole,
      case
        when d.usage_date = billing.utc_day(p_as_of) then 3
        when u.last_error is not null then 2
        else 1
      end as turn
    from billing.due_days(p_as_of) as d
    left join data.usage_days as u on u.usage_date = d.usage_date
  ) as x;
  if v_days is null then
    return 0;
  end if;
  v_result := billing.count_days(
    v_run_id, p_as_of, v_days, v_whole, billing.run_deadline(interval '60 seconds'));
  perform billing.record_run(v_run_id, p_trigger, p_as_of, v_started_at,
                             v_result.counted, v_result.rows_changed, v_result.errors);
  return v_result.days_left;
end $$;
comment on function billing.count_due(text, timestamptz) is
'Count what is due, as one run; returns whole days there was no time for.';

create function billing.days_still_due(p_as_of timestamptz) returns integer
language plpgsql stable
as $$
begin
  -- today stays open until it is over: it was counted and does not ask for another call
  return (
    select count(*)::integer
    from billing.due_days(p_as_of) as d
    left join data.usage_days as u on u.usage_date = d.usage_date
    where d.usage_date < billing.utc_day(p_as_of)
      or u.counted_at is null or u.counted_at < p_as_of);
end $$;
comment on function billing.days_still_due(timestamptz) is
'How many days another call would have to count.';

create function billing.try_run() returns boolean
language sql
as $$
  select pg_try_advisory_xact_lock(billing.lock_class('run'), 0);
$$;
comment on function billing.try_run() is
'Be the one run of this transaction''s time; false when there is another.';

create function billing.run_usage(p_trigger text, p_as_of timestamptz default now())
returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_settled date;
begin
  perform billing.hold_release();
  perform billing.require_past(p_as_of);
  if p_trigger is null or btrim(p_trigger) = '' then
    raise exception 'a run needs a trigger' using errcode = 'invalid_parameter_value';
  end if;
  -- one run at a time; a second one returns at once
  if billing.try_run() then
    -- a day settles until it is night
    v_settled := billing.utc_day(billing.night_before(p_as_of));
    -- the night's work waits until a back-fill is through
    if billing.count_due(p_trigger, p_as_of) = 0 and billing.night_is_due(p_as_of) then
      perform billing.do_nights_work(p_as_of, v_settled);
    else
      perform billing.publish_days(v_settled, p_as_of);
    end if;
  end if;
  return billing.days_still_due(p_as_of);
end $$;
comment on function billing.run_usage(text, timestamptz) is
'Count all that is due, oldest first and today always: every day since billing_from not counted '
'since its end, and days with late facts; then the night''s work, if nobody has done it since '
'settings.nightly_hour_utc. At most 30 days or 60 s a call, 5 minutes for the night''s work; '
'returns days still due, so callers loop or come again. A failing day is entered in the ledger and '
'stays due. Errors: 22023, 22008 bad as_of; deadlock, lock timeout and cancel are raised.';
