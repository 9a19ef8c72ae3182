-- 59 · Usage page: the tenant's page as one JSON document, words and numbers ready to be shown.

set local role billing_owner;

create function billing.how_we_count() returns table (explanation json)
language sql stable parallel safe
begin atomic
  select json_agg(json_build_object(
    'label', m.label,
    'icon', m.icon,
    'sentence', m.how_we_count,
    'statuses', (
      select json_agg(json_build_object('word', o.word, 'statuses', o.statuses) order by o.outcome)
      from (
        select s.outcome,
          case s.outcome
            when 'counted' then 'Counted'
            when 'pending' then 'Not yet: counted once they become one of these'
            else 'Not counted'
          end as word,
          string_agg(translate(s.status, '_-', '  '), ', ' order by s.status) as statuses
        from billing.usage_statuses as s
        where s.source = m.source
        group by s.outcome) as o)
  ) order by m.sort_order)
  from billing.metrics as m
  where m.on_card;
end;
comment on function billing.how_we_count() is
'One row: for every metric with a card what counts, in words and by status, as the counting itself '
'decides.';

create function billing.usage_notices(
  p_tenant_id uuid, p_from date, p_until date, p_is_current boolean, p_summary jsonb
)
returns table (notices json)
language sql stable parallel safe
begin atomic
  -- What a reader has to know before the numbers. Nothing counted, nothing used and not yet counted
  -- are three different things (R22).
  select coalesce(json_agg(json_build_object('state', n.state, 'text', n.text)), '[]')
  from (
    select 'warn' as state,
      'This account is suspended. Its use is still counted, and you may still read it.' as text
    from data.tenants as t
    where t.id = usage_notices.p_tenant_id and t.status = 'suspended'
    union all
    select 'info', 'Nothing has been counted yet. The first numbers appear here within minutes.'
    where usage_notices.p_summary ->> 'asOf' is null
    union all
    select 'info', 'Past period, compared with the current plan''s limits.'
    where not usage_notices.p_is_current and usage_notices.p_summary ->> 'currentPlan' is not null
    union all
    select 'info', case count(*)
      when 1 then 'One day of this period is not counted yet; the totals are without it.'
      else count(*) || ' days of this period are not counted yet; the totals are without them.' end
    from billing.usage_days_between(usage_notices.p_from, usage_notices.p_until) as d
    where usage_notices.p_summary ->> 'asOf' is not null
      and d.state in ('missing', 'failed')
    having count(*) > 0
    union all
    select 'info', 'No use in this period so far: what was counted is zero.'
    where usage_notices.p_summary ->> 'asOf' is not null
      and not exists (
        select from jsonb_each_text(usage_notices.p_summary -> 'totalsForPeriod') as e
        where e.value <> '0')
  ) as n;
end;
comment on function billing.usage_notices(uuid, date, date, boolean, jsonb) is
'One row: what has to be said above the numbers: suspended, nothing counted, nothing used, days '
'not counted, another plan''s time.';

create function billing.usage_page(p_tenant_id uuid, p_day date, p_as_of timestamptz)
returns table (page json)
language sql stable parallel safe
begin atomic
  with told as materialized (  -- once: it is asked for this and that below
    select s.tenant_id, s.summary
    from billing.usage_summary_on(usage_page.p_day, usage_page.p_as_of) as s
    where s.tenant_id = usage_page.p_tenant_id
  ),
  document as materialized (
    select
      s.tenant_id,
      s.summary::jsonb as summary,
      r.*,
      (s.summary ->> 'asOf')::timestamptz at time zone 'UTC' as as_of,
      (s.summary ->> 'completeThrough')::date as complete_through,
      s.summary #>> '{currentPlan,label}' as plan_label
    from told as s
    cross join billing.period_on(usage_page.p_day, usage_page.p_as_of) as r
  ),
  card as materialized (
    select c.*
    from document as d
    cross join lateral billing.usage_cards(
      d.tenant_id, usage_page.p_day, usage_page.p_as_of, d.summary) as c
  ),
  alarm as (
    select
      array_agg(c.label order by c.sort_order) filter (where c.state = 'over') as over,
      array_agg(c.label order by c.sort_order) filter (where c.state = 'approaching') as near,
      array_agg(c.label || to_char(c.passes_on, ' (FMDD FMMonth)') order by c.sort_order)
        filter (where c.passes_on is not null) as passing
    from card as c
  )
  select json_build_object(
    'tenant_id', d.tenant_id,
    'tenant_name', (select t.name from data.tenants as t where t.id = d.tenant_id),
    'period', json_build_object(
      'text', billing.period_text(d.period_start, d.period_end),
      'value', to_char(d.period_start, 'YYYY-MM'),
      'left', case
        when not d.is_current then null
        when d.days_left = 0 then 'last day'
        when d.days_left = 1 then '1 day left'
        else d.days_left || ' days left' end,
      'resets', case when d.is_current then to_char(d.period_end, 'FMDD FMMonth') end,
      'options', (
        select json_agg(json_build_object(
          'value', to_char(p.period_start, 'YYYY-MM'),
          'text', to_char(p.period_start, 'FMMonth YYYY'),
          'selected', p.period_start = d.period_start) order by p.period_start desc)
        from billing.usage_periods as p)),
    'freshness', json_build_object(
      'text', coalesce('Complete through ' || to_char(d.complete_through, 'FMDD FMMonth'),
                       'No complete day yet'),
      'updated', 'updated ' || case when d.as_of::date = d.today then '' else
        to_char(d.as_of, 'FMDD FMMonth, ') end || to_char(d.as_of, 'HH24:MI" UTC"'),
      'as_of', d.summary ->> 'asOf',
      'is_stale', billing.data_age(d.complete_through, s.billing_from, usage_page.p_as_of)
        > make_interval(hours => s.stale_after_hours)),
    'notices', n.notices,
    'banner', case when coalesce(a.over, a.near, a.passing) is not null then
      json_build_object(
        'state', case when a.over is not null then 'over' else 'warn' end,
        'lines', array_remove(array[
          'Over the limit: ' || billing.list_text(a.over),
          'Approaching the limit: ' || billing.list_text(a.near),
          'On track to pass the limit: ' || billing.list_text(a.passing)], null)) end,
    'cards', (select json_agg(c.card order by c.sort_order) from card as c),
    'chart', g.chart,
    'plan', case when d.plan_label is not null then json_build_object(
      'label', d.plan_label,
      'price', billing.price_text((d.summary #>> '{currentPlan,monthlyBasePrice}')::numeric,
                                  d.summary #>> '{currentPlan,currency}'),
      'limits', (
        select json_agg(json_build_object(
          'label', m.label,
          'text', case l.plan_limit
            when 0 then 'Not included'
            else coalesce(billing.number_text(l.plan_limit) || ' ' || m.unit || ' per month',
                          'Unlimited') end) order by m.sort_order)
        from billing.metrics as m
        cross join lateral (
          select (d.summary -> 'planLimits' ->> m.limit_json_name)::numeric as plan_limit) as l
        where m.limit_column is not null)) end,
    'how_we_count', h.explanation
  )
  from document as d
  cross join alarm as a
  cross join data.settings as s
  cross join lateral billing.usage_notices(
    d.tenant_id, d.period_start, least(d.shown_until, d.today), d.is_current, d.summary) as n
  cross join lateral billing.usage_chart(
    d.tenant_id, d.today, to_char(d.as_of, 'HH24:MI" UTC"'), d.summary) as g
  cross join billing.how_we_count() as h;
end;
comment on function billing.usage_page(uuid, date, timestamptz) is
'One row: everything that Usage & Billing shows of a tenant for the period around a UTC day (NULL: '
'the current one), built on the document of GET /api/billing/usage/summary; none for a period that '
'is not shown.';
