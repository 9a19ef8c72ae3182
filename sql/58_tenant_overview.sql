-- 58 · Tenant overview: every tenant of a period with what root may sort, filter and compare by.
-- Page, JSON and CSV are made of this one function.

set local role billing_owner;

create function billing.compared_days(p_day date, p_as_of timestamptz)
returns table (before_days date[], other_days date[])
language sql stable
begin atomic
  -- The n-th day of a period is compared with the n-th of the one before, as far as both are
  -- complete; a day that the shorter month does not have has no pair.
  select
    array_agg(b.date) filter (where x.is_pair),
    array_agg(n.date) filter (where not x.is_pair)
  from billing.period_on(compared_days.p_day, compared_days.p_as_of) as r
  cross join lateral billing.usage_days_between(r.period_start, r.shown_until) as n
  left join lateral billing.usage_days_between(r.previous_start, r.previous_end) as b
    on b.date - r.previous_start = n.date - r.period_start
  cross join lateral (
    select n.is_complete and coalesce(b.is_complete, false) as is_pair) as x;
end;
comment on function billing.compared_days(date, timestamptz) is
'The complete days of the period before that a period is compared with (NULL: none), and the days '
'of the period that have no pair there.';

create function billing.usage_on_days(p_metric text, p_days date[])
returns table (tenant_id uuid, figure bigint)
language sql stable
begin atomic
  select
    d.tenant_id,
    sum(billing.column_value(
      usage_on_days.p_metric, d.sms_outbound_count,
      d.voice_minutes_inbound + d.voice_minutes_outbound, d.emails_sent, d.ai_requests))::bigint
  from data.billing_usage_daily as d
  where d.usage_date = any(usage_on_days.p_days)
  group by d.tenant_id;
end;
comment on function billing.usage_on_days(text, date[]) is
'The sum of one metric over some days for each tenant with any use on them.';

create function billing.active_tenants(p_from date, p_until date) returns table (tenant_id uuid)
language sql stable
begin atomic
  select distinct d.tenant_id
  from data.billing_usage_daily as d
  where d.usage_date >= active_tenants.p_from and d.usage_date < active_tenants.p_until
    and d.counted_rows > 0;
end;
comment on function billing.active_tenants(date, date) is
'Tenants with anything counted on the days of [p_from, p_until).';

create function billing.overview_tenants(
  p_search text, p_plan text, p_status text, p_show text, p_sort text, p_dir text,
  p_day date, p_as_of timestamptz, p_before_days date[], p_other_days date[]
)
returns table (
  is_match boolean, is_shown boolean, tenant_id uuid, tenant_name text, status text,
  plan_code text, plan_label text,
  sms_outbound_count bigint, voice_minutes bigint, emails_sent bigint, ai_requests bigint,
  peak_share numeric, limit_state text, figure bigint, used bigint, used_before bigint,
  rising_number numeric, falling_number numeric, rising_word text, falling_word text
)
language sql stable
as $$
  -- The planner inlines it: what is not asked for is not worked out.
  select
    t.is_match,
    t.is_match and case p_show
      when 'over' then t.limit_state = 'over'
      when 'near' then t.limit_state in ('approaching', 'over')
      when 'growing' then billing.is_growing(t.used, t.used_before)
      when 'quiet' then t.is_quiet
      else true
    end,
    t.tenant_id, t.tenant_name, t.status, t.plan_code, t.plan_label,
    t.sms_outbound_count, t.voice_minutes, t.emails_sent, t.ai_requests,
    t.peak_share, t.limit_state, t.figure, t.used, t.used_before,
    case when p_dir = 'asc' then n.number end, case when p_dir = 'desc' then n.number end,
    case when p_dir = 'asc' then n.word end, case when p_dir = 'desc' then n.word end
  from (
    select
      u.tenant_id, u.tenant_name, u.status::text as status, u.plan_code, u.plan_label,
      u.sms_outbound_count, u.voice_minutes, u.emails_sent, u.ai_requests,
      u.peak_share, u.limit_state, x.figure,
      -- the period's total is at hand: what has no pair is taken away
      case when p_before_days is not null then x.figure - coalesce(y.figure, 0) end as used,
      case when p_before_days is not null then coalesce(z.figure, 0) end as used_before,
      q.tenant_id is null as is_quiet,
      (p_search is null or strpos(billing.search_key(u.tenant_name), billing.search_key(p_search)) > 0)
      and (p_plan is null or coalesce(u.plan_code, 'none') = p_plan)
      and (p_status is null or u.status::text = p_status) as is_match
    from billing.tenant_usage_on(p_day, p_as_of) as u
    cross join lateral (
      select billing.column_value(
        billing.overview_metric(p_sort),
        u.sms_outbound_count, u.voice_minutes, u.emails_sent, u.ai_requests) as figure
    ) as x
    left join (
      select o.* from billing.usage_on_days(billing.overview_metric(p_sort), p_other_days) as o
      where p_before_days is not null
    ) as y on y.tenant_id = u.tenant_id
    left join (
      select b.* from billing.usage_on_days(billing.overview_metric(p_sort), p_before_days) as b
      where p_before_days is not null
    ) as z on z.tenant_id = u.tenant_id
    left join (
      select a.tenant_id
      from billing.period_on(p_day, p_as_of) as r
      cross join lateral billing.active_tenants(r.quiet_since, r.shown_until) as a
      where p_show = 'quiet'
    ) as q on q.tenant_id = u.tenant_id
  ) as t
  cross join lateral (
    select
      case p_sort
        when 'peakShare' then t.peak_share
        when 'change' then case
          when t.used_before > 0 then (t.used - t.used_before) / t.used_before::numeric
          when t.used > 0 then 1000000000 end
        when billing.overview_metric(p_sort) then t.figure
      end as number,
      case p_sort
        when 'plan' then lower(t.plan_label)
        when 'status' then t.status
        when 'tenantName' then lower(t.tenant_name)
      end as word
  ) as n;
$$;
comment on function billing.overview_tenants(
  text, text, text, text, text, text, date, timestamptz, date[], date[]) is
'A row per tenant of the period around a UTC day (NULL: the current one): whether search, plan and '
'status fit (NULL: any; plan none: without one), whether it is shown besides (over, near, growing, '
'quiet), totals, fullest limit, and for the metric sorted by its figure; with p_before_days its '
'use on the complete days and on the same days before. Order by rising_number, falling_number '
'desc, rising_word, falling_word desc, each nulls last, then by name.';
