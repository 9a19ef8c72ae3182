-- 45 · The night's work: recount what counts as right already, publish days, tidy up. Due once a
-- day from settings.nightly_hour_utc on, whoever comes first: no minute of the clock is special.

set local role billing_aggregator;

-- Every run asks: PL/pgSQL keeps the plans.

create function billing.night_before(p_as_of timestamptz) returns timestamptz
language plpgsql stable
as $$
begin
  return (
    select case when n.today <= p_as_of then n.today else n.today - interval '24 hours' end
    from (
      select date_trunc('day', p_as_of, 'UTC') + make_interval(hours => s.nightly_hour_utc) as today
      from data.settings as s
    ) as n);
end $$;
comment on function billing.night_before(timestamptz) is
'The last time before an instant that it was settings.nightly_hour_utc.';

create function billing.last_night(p_as_of timestamptz) returns timestamptz
language plpgsql stable
as $$
begin
  -- a clock that was ahead has left nights that are still to come
  return (
    select max(n.as_of) from data.usage_runs as n where n.is_nightly and n.as_of <= p_as_of);
end $$;
comment on function billing.last_night(timestamptz) is
'When the night''s work was last done before an instant; NULL when never.';

create function billing.night_is_due(p_as_of timestamptz) returns boolean
language plpgsql stable
as $$
begin
  return coalesce(billing.last_night(p_as_of) < billing.night_before(p_as_of), true);
end $$;
comment on function billing.night_is_due(timestamptz) is
'Whether nobody has done the night''s work since settings.nightly_hour_utc.';

create function billing.publish_days(p_before date, p_as_of timestamptz) returns void
language plpgsql
as $$
begin
  -- before the first tenant there is nobody to publish for
  update data.usage_days as u
  set first_complete_at = p_as_of
  where u.state = 'complete' and u.first_complete_at is null and u.usage_date < p_before
    and exists (select from data.tenants);
end $$;
comment on function billing.publish_days(date, timestamptz) is
'From here on a change of the complete days before p_before is a restatement.';

create function billing.days_to_recount(p_as_of timestamptz) returns date[]
language sql stable
as $$
  -- Complete days, whatever the markers say (R3): the last ones, and in turn those that were counted
  -- longest ago, for facts that came in past every trigger. 30 are what one run takes.
  select array_agg(x.usage_date order by x.usage_date)
  from (
    select u.usage_date
    from data.usage_days as u
    cross join data.settings as s
    where u.state = 'complete' and u.usage_date < billing.utc_day(p_as_of)
    order by
      u.usage_date < billing.utc_day(p_as_of) - s.nightly_window_days, u.counted_at, u.usage_date
    limit 30
  ) as x;
$$;
comment on function billing.days_to_recount(timestamptz) is
'The 30 days that the night recounts, ascending: the last settings.nightly_window_days, and those '
'counted longest ago.';

create function billing.forget_markers_before_start() returns void
language plpgsql
as $$
-- Markers of days that are never due. Each day is locked, as for counting: else a marker could go
-- that somebody who counts the day by hand has not seen.
declare
  v_day date;
begin
  for v_day in
    select distinct l.usage_date
    from data.late_day_markers as l
    join data.settings as s on l.usage_date < s.billing_from
    where not exists (select from data.usage_days as u where u.usage_date = l.usage_date)
    order by 1
    limit 1000
  loop
    if billing.try_lock_day(v_day) then
      delete from data.late_day_markers as l
      where l.usage_date = v_day
        and not exists (select from data.usage_days as u where u.usage_date = v_day);
    end if;
  end loop;
end $$;
comment on function billing.forget_markers_before_start() is
'Delete markers of days before settings.billing_from that were never counted.';

create function billing.do_nights_work(p_as_of timestamptz, p_publish_before date) returns void
language plpgsql
as $$
declare
  v_started_at constant timestamptz := clock_timestamp();
  v_run_id constant bigint := billing.begin_run();
  v_days constant date[] := coalesce(billing.days_to_recount(p_as_of), array[]::date[]);
  v_result record;
begin
  v_result := billing.count_days(
    v_run_id, p_as_of, v_days, array_fill(true, array[cardinality(v_days)]),
    billing.run_deadline(interval '5 minutes'));
  perform billing.record_run(v_run_id, 'nightly recount', p_as_of, v_started_at,
                             v_result.counted, v_result.rows_changed, v_result.errors, true);
  perform billing.publish_days(p_publish_before, p_as_of);
  perform billing.forget_markers_before_start();
  perform billing.note_orphaned_facts();
  perform billing.prune_identity();
end $$;
comment on function billing.do_nights_work(timestamptz, date) is
'Recount past days, publish the complete ones before a day, forget markers that are never due, '
'note facts of unknown tenants, prune sessions. At most 5 minutes; a run of its own in the ledger.';

create function billing.run_nightly(p_as_of timestamptz default now()) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform billing.hold_release();
  perform billing.require_past(p_as_of);
  if billing.try_run() then
    perform billing.count_due('nightly', p_as_of);
    perform billing.do_nights_work(p_as_of, billing.utc_day(p_as_of));
  else
    raise notice 'another run is under way: nothing was done';
  end if;
  return billing.days_still_due(p_as_of);
end $$;
comment on function billing.run_nightly(timestamptz) is
'Count what is due, as run_usage does, then the night''s work, due or not, and publish all days '
'that are over. Returns days still due.';
