-- 58 · Usage pace: where a period is heading, and how it compares with the one before. From
-- complete days only: a day that is not over, or was not counted, would pull every rate down.

set local role billing_owner;

create function billing.usage_pace(p_tenant_id uuid, p_day date, p_as_of timestamptz)
returns table (
  name text, complete_days integer, complete_sum bigint, projected bigint,
  paired_days integer, paired_sum bigint, previous_sum bigint
)
language sql stable parallel safe
begin atomic
  with day as materialized (
    select d.date, d.is_complete, d.metrics::jsonb as metrics, r.*
    from billing.period_on(usage_pace.p_day, usage_pace.p_as_of) as r
    cross join lateral billing.usage_between(
      usage_pace.p_tenant_id, r.previous_start, r.shown_until) as d
  ),
  figure as (
    -- the n-th day of the period beside the n-th of the one before: a day that the shorter month
    -- does not have has no pair
    select
      m.name,
      n.days,
      n.is_current,
      n.is_complete,
      (n.metrics ->> m.json_name)::bigint as used,
      n.is_complete and coalesce(b.is_complete, false) as is_paired,
      (b.metrics ->> m.json_name)::bigint as used_before
    from day as n
    left join day as b
      on b.date < b.period_start
      and b.date - b.previous_start = n.date - n.period_start
    cross join billing.metrics as m
    where n.date >= n.period_start and m.on_card
  ),
  total as (
    select
      f.name,
      f.days,
      f.is_current,
      count(*) filter (where f.is_complete)::integer as complete_days,
      sum(f.used) filter (where f.is_complete) as complete_sum,
      count(*) filter (where f.is_paired)::integer as paired_days,
      sum(f.used) filter (where f.is_paired) as paired_sum,
      sum(f.used_before) filter (where f.is_paired) as previous_sum
    from figure as f
    group by f.name, f.days, f.is_current
  )
  select
    t.name,
    t.complete_days,
    t.complete_sum::bigint,
    case when t.is_current and t.complete_days >= 5
      then round(t.complete_sum * t.days / t.complete_days)::bigint end,
    t.paired_days,
    t.paired_sum::bigint,
    t.previous_sum::bigint
  from total as t;
end;
comment on function billing.usage_pace(uuid, date, timestamptz) is
'A row per metric with a card: sum and number of complete days, projection for the whole period '
'(an estimate, from day 5 on, current period only) and the same days of this period and the one '
'before, as far as both are complete.';

create function billing.passing_date(
  p_period_start date, p_days integer, p_today date, p_complete_days integer, p_complete_sum bigint,
  p_limit bigint
) returns date
language sql immutable parallel safe
as $$
  -- the first day on which the rate of the complete days, begun on the first day, exceeds the limit
  select case when p_complete_sum::numeric * p_days > p_limit::numeric * p_complete_days
    then greatest(
      p_today,
      p_period_start + floor(p_limit::numeric * p_complete_days / p_complete_sum)::integer) end;
$$;
comment on function billing.passing_date(date, integer, date, integer, bigint, bigint) is
'The day on which the limit would be passed at this rate, today at the earliest; NULL when the '
'projection stays within it.';
