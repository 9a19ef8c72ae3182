-- 51 · Usage periods: which days make up a billing period, and what is known of each of them.

set local role billing_owner;

create function billing.usage_period(
  p_day date, p_anchor date default date '2000-01-01',
  out period_start date, out period_end date
)
language plpgsql immutable parallel safe
as $$
-- Month n starts n months after the anchor, derived from the anchor itself each time: an anchor on
-- the 31st gives 28 or 29 February and 31 March again (R24). PL/pgSQL keeps the plan.
declare
  v_months integer := ((extract(year from p_day) - extract(year from p_anchor)) * 12
    + extract(month from p_day) - extract(month from p_anchor))::integer;
begin
  if (p_anchor + make_interval(months => v_months))::date > p_day then
    v_months := v_months - 1;
  end if;
  period_start := (p_anchor + make_interval(months => v_months))::date;
  period_end := (p_anchor + make_interval(months => v_months + 1))::date;
end $$;
comment on function billing.usage_period(date, date) is
'The billing period [period_start, period_end) around a UTC day; calendar months unless an anchor '
'is given.';

-- The instant is an argument, so that a 29 February is tested on any day (R28). Bounds of days are
-- columns of their own: under a policy only a bare value bounds an index, `last_day + 1` filters.
create function billing.period_on(
  p_day date, p_as_of timestamptz,
  out period_start date, out period_end date, out today date, out is_current boolean,
  out last_day date, out shown_until date, out chart_start date, out quiet_since date,
  out days integer, out days_left integer, out previous_start date, out previous_end date
)
language plpgsql immutable parallel safe
as $$
begin
  today := (p_as_of at time zone 'UTC')::date;
  select p.period_start, p.period_end
  into period_start, period_end
  from billing.usage_period(coalesce(p_day, today)) as p;
  select p.period_start, p.period_end into previous_start, previous_end
  from billing.usage_period(period_start - 1) as p;
  is_current := today >= period_start and today < period_end;
  last_day := least(period_end - 1, today);
  shown_until := last_day + 1;
  chart_start := last_day - 29;
  quiet_since := last_day - 13;
  days := period_end - period_start;
  days_left := greatest(period_end - 1 - today, 0);
end $$;
comment on function billing.period_on(date, timestamptz) is
'The period around a UTC day (NULL: the current one), seen at an instant: its bounds '
'[period_start, period_end), the last day to show and the day after it, the first of the 30 days '
'of the chart and of the 14 days without use of a quiet tenant that end with it, its days, those '
'after today, and the period before.';

create function billing.shown_period(p_day date, p_as_of timestamptz)
returns table (
  period_start date, period_end date, chart_start date, last_day date, shown_until date
)
language sql stable parallel safe
begin atomic
  select r.period_start, r.period_end, r.chart_start, r.last_day, r.shown_until
  from billing.period_on(shown_period.p_day, shown_period.p_as_of) as r
  cross join data.settings as s
  where r.is_current or (r.period_start <= r.today and r.period_end > s.billing_from);
end;
comment on function billing.shown_period(date, timestamptz) is
'The period around a UTC day (NULL: the current one); no row before billing_from or after today.';

create function billing.usage_days_between(p_from date, p_until date)
returns table (
  date date, state text, counted_at timestamptz, is_counted boolean, is_complete boolean
)
language sql stable parallel safe
begin atomic
  select
    x.date,
    case when x.date < s.billing_from then 'before_start' else coalesce(u.state, 'missing') end,
    u.counted_at,
    x.date >= s.billing_from and u.counted_at is not null,
    x.date >= s.billing_from and coalesce(u.state in ('complete', 'sealed'), false)
  from data.settings as s
  cross join lateral (
    select usage_days_between.p_from + n as date
    from generate_series(0, usage_days_between.p_until - usage_days_between.p_from - 1) as n
  ) as x
  left join data.usage_days as u
    on u.usage_date = x.date
    and u.usage_date >= usage_days_between.p_from and u.usage_date < usage_days_between.p_until;
end;
comment on function billing.usage_days_between(date, date) is
'A row per UTC day of [p_from, p_until) with its state: before_start, missing, failed, open, '
'complete or sealed.';

-- Every UTC day that a page can show: from a month before billing_from to today.
create view billing.usage_calendar with (security_invoker = true) as
select c.date, c.state, c.counted_at, c.is_counted, c.is_complete
from data.settings as s
cross join lateral billing.usage_days_between(
  (date_trunc('month', s.billing_from::timestamp) - interval '31 days')::date,
  billing.utc_day(now()) + 1) as c;
comment on view billing.usage_calendar is
'A row per UTC day up to today: before_start, missing, failed, open, complete or sealed.';

create view billing.usage_periods with (security_invoker = true) as
select p.period_start, p.period_end
from data.settings as s
cross join lateral (select billing.utc_day(now()) as today) as t
cross join lateral billing.usage_period(least(s.billing_from, t.today)) as f
cross join lateral generate_series(
  f.period_start::timestamp, t.today::timestamp, interval '1 month') as x (day)
cross join lateral billing.usage_period(x.day::date) as p;
comment on view billing.usage_periods is
'The periods that can be shown: [period_start, period_end) from billing_from to today.';
