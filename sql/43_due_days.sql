-- 43 · Due days: which days a run has to count at an instant, and for whom.

set local role billing_aggregator;

create function billing.utc_day(p_instant timestamptz) returns date
language sql immutable parallel safe
as $$
  select (p_instant at time zone 'UTC')::date;
$$;
comment on function billing.utc_day(timestamptz) is
'The UTC day of an instant, whatever the session''s time zone (R8).';

create function billing.due_days(p_as_of timestamptz)
returns table (usage_date date, is_whole boolean)
language sql stable
as $$
  -- Whole days: in [billing_from, today], not yet counted since their end or failed when last
  -- tried (R5). Days complete but marked by late facts: their marked tenants only (R3). A day
  -- before billing_from is not counted by itself; one that was counted once is kept right.
  select x.day::date, true
  from data.settings as s
  cross join lateral generate_series(
    s.billing_from::timestamp, billing.utc_day(p_as_of)::timestamp, interval '1 day') as x (day)
  left join data.usage_days as u on u.usage_date = x.day::date
  where u.state is null or u.state in ('failed', 'open')
    or (u.state = 'complete' and u.last_error is not null)
  union all
  select u.usage_date, true
  from data.settings as s
  join data.usage_days as u on u.usage_date < s.billing_from
  where u.usage_date <= billing.utc_day(p_as_of)
    and (u.state = 'open' or (u.state = 'complete' and u.last_error is not null))
  union all
  select l.usage_date, false
  from data.late_day_markers as l
  join data.usage_days as u
    on u.usage_date = l.usage_date and u.state = 'complete' and u.last_error is null
  where l.usage_date <= billing.utc_day(p_as_of)
  group by l.usage_date;
$$;
comment on function billing.due_days(timestamptz) is
'Days a run at this instant has to count: whole ones, and complete ones with late facts.';

create function billing.marked_tenants(p_day date) returns uuid[]
language sql stable
as $$
  -- From some hundred tenants on, one pass over the day is cheaper than as many look-ups.
  select case when count(*) <= 200 then array_agg(m.tenant_id) end
  from (select distinct l.tenant_id from data.late_day_markers as l where l.usage_date = p_day)
    as m;
$$;
comment on function billing.marked_tenants(date) is
'Tenants with late facts on the day; NULL when they are so many that the day is counted whole.';
