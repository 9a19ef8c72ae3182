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
  p_trigger text, p_as_of timestamptz, p_days date[], p_whole boolean[], p_deadline timestamptz
) returns void
language plpgsql
as $$
-- Count the given days in their order until 30 are done or the deadline has come; the last one,
-- today, always. One row in the run ledger.
declare
  v_started_at constant timestamptz := clock_timestamp();
  v_run_id constant bigint := billing.begin_run();
  v_last constant integer := cardinality(p_days);
  v_counted date[] := array[]::date[];
  v_errors text[] := array[]::text[];
  v_rows_changed bigint := 0::bigint;
  v_day record;
begin
  for v_index in 1 .. v_last loop
    continue when v_index < v_last
      and (cardinality(v_counted) >= 29 or clock_timestamp() >= p_deadline);
    select t.* into v_day
    from billing.try_day(
      p_days[v_index],
      case when not p_whole[v_index] then billing.marked_tenants(p_days[v_index]) end,
      p_as_of, v_run_id) as t;
    if v_day.p_error is not null then
      v_errors := v_errors
        || format('%s: %s', to_char(p_days[v_index], 'YYYY-MM-DD'), v_day.p_error);
    elsif v_day.p_rows_changed is not null then
      v_counted := v_counted || p_days[v_index];
      v_rows_changed := v_rows_changed + v_day.p_rows_changed;
    end if;
  end loop;
  perform billing.record_run(
    v_run_id, p_trigger, p_as_of, v_started_at, v_counted, v_rows_changed, v_errors);
end $$;
comment on function billing.count_days(text, timestamptz, date[], boolean[], timestamptz) is
'Count these days within bounds, each on its own, and enter the run in the ledger.';

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

create function billing.run_usage(p_trigger text, p_as_of timestamptz default now())
returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_days date[];
  v_whole boolean[];
begin
  perform billing.hold_release();
  perform billing.require_past(p_as_of);
  if p_trigger is null or btrim(p_trigger) = '' then
    raise exception 'a run needs a trigger' using errcode = 'invalid_parameter_value';
  end if;
  -- one run at a time; a second one returns at once
  if pg_try_advisory_xact_lock(billing.lock_class('run'), 0) then
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
    if v_days is not null then
      perform billing.count_days(p_trigger, p_as_of, v_days, v_whole,
                                 billing.run_deadline(interval '60 seconds'));
    end if;
  end if;
  -- today stays open until it is over: it was counted and does not ask for another call
  return (
    select count(*)::integer
    from billing.due_days(p_as_of) as d
    left join data.usage_days as u on u.usage_date = d.usage_date
    where d.usage_date < billing.utc_day(p_as_of)
      or u.counted_at is null or u.counted_at < p_as_of);
end $$;
comment on function billing.run_usage(text, timestamptz) is
'Count all that is due, oldest first and today always: every day since billing_from not counted '
'since its end, and days with late facts. At most 30 days or 60 s a call; returns days still '
'due, so callers loop or come again. A failing day is entered in the ledger and stays due. '
'Errors: 22023, 22008 bad as_of; deadlock, lock timeout and cancel are raised.';

create function billing.run_nightly(p_as_of timestamptz default now()) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_due integer;
  v_days date[];
begin
  perform billing.hold_release();
  v_due := billing.run_usage('nightly', p_as_of);

  -- the second net: recount the last days whole, whatever the markers say (R3)
  select array_agg(u.usage_date order by u.usage_date)
  into v_days
  from data.usage_days as u
  cross join data.settings as s
  where u.state = 'complete'
    and u.usage_date < billing.utc_day(p_as_of)
    and u.usage_date >= greatest(
      s.billing_from, billing.utc_day(p_as_of) - s.nightly_window_days);
  if v_days is not null then
    perform billing.count_days('nightly recount', p_as_of, v_days,
                               array_fill(true, array[cardinality(v_days)]),
                               billing.run_deadline(interval '5 minutes'));
  end if;

  -- from here on a change of these days is a restatement
  update data.usage_days as u
  set first_complete_at = p_as_of
  where u.state = 'complete' and u.first_complete_at is null
    and u.usage_date < billing.utc_day(p_as_of);

  -- markers of days that are never due
  delete from data.late_day_markers as l
  using data.settings as s
  where l.usage_date < s.billing_from;
  perform billing.note_orphaned_facts();
  perform billing.prune_identity();
  return v_due;
end $$;
comment on function billing.run_nightly(timestamptz) is
'run_usage, then a recount of the last days (settings.nightly_window_days), then pruning. '
'Returns days still due.';
