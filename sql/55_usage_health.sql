-- 55 · Usage health: how old and how whole the numbers are. Data age decides, not what a scheduler
-- believes of itself.

set local role billing_aggregator;

create function billing.complete_through() returns date
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
-- The last day before the first hole: a day neither complete nor sealed; NULL when the first billed
-- day is one. As a rule nothing is missing but at the end, and counting the days tells so: each is
-- looked for only when some are missing. Every page asks: PL/pgSQL keeps the plan.
begin
  return (
    select case
      when count(c.usage_date) = max(c.usage_date) - s.billing_from + 1 then max(c.usage_date)
      else (
        select nullif(min(x.day)::date - 1, s.billing_from - 1)
        from generate_series(
          s.billing_from::timestamp,
          -- tomorrow included: there is always a hole, even when the clock steps back over midnight
          greatest(s.billing_from, billing.utc_day(now()) + 1)::timestamp,
          interval '1 day') as x (day)
        left join data.usage_days as u on u.usage_date = x.day::date
        where u.state is null or u.state not in ('complete', 'sealed'))
    end
    from data.settings as s
    left join data.usage_days as c
      on c.usage_date >= s.billing_from and c.state in ('complete', 'sealed')
    group by s.billing_from);
end $$;
comment on function billing.complete_through() is
'The last UTC day up to which every billed day is complete; NULL when there is none.';

create function billing.data_age(
  p_complete_through date, p_billing_from date, p_as_of timestamptz
) returns interval
language sql immutable parallel safe
as $$
  select greatest(interval '0', p_as_of - (
    coalesce(p_complete_through + 1, p_billing_from)::timestamp at time zone 'UTC'));
$$;
comment on function billing.data_age(date, date, timestamptz) is
'The age of the numbers: since the end of the newest day without a hole before it, or since the '
'first billed day began.';

create function billing.read_health(
  out as_of timestamptz, out billing_from date, out today date, out complete_through date,
  out data_age interval, out is_stale boolean, out missing_days integer, out failed_days integer,
  out late_days integer, out last_run_id bigint, out last_run_at timestamptz,
  out last_run_trigger text, out last_run_outcome text, out last_run_error text,
  out last_run_days integer, out last_run_rows_changed bigint, out pending_rows bigint,
  out unclassified_rows bigint, out estimated_rows bigint, out future_rows bigint,
  out orphaned_rows bigint, out restated_days integer, out last_night_at timestamptz,
  out night_is_late boolean
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select billing.require_operator_or_root();
  select
    now(), s.billing_from, t.today, h.complete_through, age.data_age,
    age.data_age > make_interval(hours => s.stale_after_hours),
    d.missing_days, d.failed_days,
    (select count(distinct l.usage_date)::integer
     from data.late_day_markers as l
     join data.usage_days as u on u.usage_date = l.usage_date and u.state = 'complete'
     where l.usage_date <= t.today),
    r.id, r.finished_at, r.trigger, r.outcome, r.error, r.days_counted, r.rows_changed,
    q.pending_rows, q.unclassified_rows, q.estimated_rows,
    -- by the brin indexes, and no more than a thousand
    (select count(*) from billing.questionable_rows('future', 1000)),
    (select coalesce(sum(o.source_rows), 0)::bigint from data.orphaned_facts as o),
    (select count(distinct x.usage_date)::integer from data.usage_restatements as x),
    g.last_night_at,
    -- an installation has until the second night
    coalesce(
      coalesce(g.last_night_at, (select min(i.released_at) from data.releases as i))
        < now() - make_interval(hours => s.stale_after_hours),
      false)
  from data.settings as s
  cross join lateral (select billing.utc_day(now()) as today) as t
  cross join lateral (select billing.complete_through() as complete_through) as h
  cross join lateral (
    select billing.data_age(h.complete_through, s.billing_from, now()) as data_age) as age
  cross join lateral (
    select
      count(*) filter (where u.state is null)::integer as missing_days,
      count(*) filter (where u.state = 'failed' or u.last_error is not null)::integer
        as failed_days
    from generate_series(s.billing_from::timestamp, t.today::timestamp, interval '1 day')
      as x (day)
    left join data.usage_days as u on u.usage_date = x.day::date
  ) as d
  cross join lateral (
    select
      coalesce(sum(u.pending_rows), 0)::bigint as pending_rows,
      coalesce(sum(u.unclassified_rows), 0)::bigint as unclassified_rows,
      coalesce(sum(u.estimated_rows), 0)::bigint as estimated_rows
    from data.usage_days as u
    where u.usage_date >= s.billing_from
  ) as q
  cross join lateral (select billing.last_night(now()) as last_night_at) as g
  left join lateral (
    select n.id, n.finished_at, n.trigger, n.outcome, n.error, n.days_counted, n.rows_changed
    from data.usage_runs as n
    where not n.is_nightly
    order by n.id desc
    limit 1
  ) as r on true;
$$;
comment on function billing.read_health() is
'One row: age of the data, holes, failures, waiting late facts, the last run, the last night''s '
'work (late when older than settings.stale_after_hours). Platform-wide. Error 42501 on the web '
'without a root session.';

grant execute on function billing.read_health() to billing_owner;

set local role billing_owner;

create view billing.usage_health with (security_invoker = true) as
select h.* from billing.read_health() as h;
comment on view billing.usage_health is
'One row: how old and how whole the numbers are. Stale when the newest complete day ended more '
'than settings.stale_after_hours ago. failed_days counts days whose last try failed.';
