-- 59 · Usage cards: a row per metric with a card, with every word and number that the page shows.

set local role billing_owner;

create function billing.usage_cards(
  p_tenant_id uuid, p_day date, p_as_of timestamptz, p_summary jsonb
)
returns table (
  sort_order integer, name text, label text, state text, word text, is_fullest boolean,
  passes_on date, used bigint, card json
)
language sql stable parallel safe
begin atomic
  -- p_summary is the tenant's document of GET /api/billing/usage/summary: the page shows the
  -- numbers that integrations read
  with figure as (
    select
      m.*,
      r.period_start,
      r.period_end,
      r.today,
      r.is_current,
      r.days,
      (usage_cards.p_summary -> 'totalsForPeriod' ->> m.json_name)::bigint as used,
      (usage_cards.p_summary -> 'planLimits' ->> m.limit_json_name)::bigint as plan_limit,
      usage_cards.p_summary #>> '{currentPlan,label}' as plan_label,
      to_char(r.previous_start, 'FMMonth') as previous_month
    from billing.metrics as m
    cross join billing.period_on(usage_cards.p_day, usage_cards.p_as_of) as r
    where m.on_card
  ),
  measured as (
    select
      f.*,
      l.state,
      l.share,
      p.projected,
      billing.share_of_limit(p.projected, f.plan_limit) as projected_share,
      case when f.is_current and p.projected is not null and l.state in ('normal', 'approaching')
        then billing.passing_date(
          f.period_start, f.days, f.today, p.complete_days, p.complete_sum, f.plan_limit)
      end as passes_on,
      p.paired_days,
      p.paired_sum,
      p.previous_sum,
      l.share is not null and f.used > 0
      and l.share = max(l.share) over () and count(l.share) over () > 1 as is_fullest
    from figure as f
    join billing.usage_pace(usage_cards.p_tenant_id, usage_cards.p_day, usage_cards.p_as_of) as p
      on p.name = f.name
    cross join lateral (
      select
        billing.limit_state(f.used, f.plan_limit, f.plan_label is not null) as state,
        billing.share_of_limit(f.used, f.plan_limit) as share
    ) as l
  )
  select
    c.sort_order,
    c.name,
    c.label,
    c.state,
    billing.limit_word(c.state, c.used, c.plan_limit),
    c.is_fullest,
    c.passes_on,
    c.used,
    json_build_object(
      'name', c.name,
      'label', c.label,
      'icon', c.icon,
      'unit', case c.used when 1 then c.unit_singular else c.unit end,
      'used', billing.number_text(c.used),
      'is_long', c.used > 99999999,
      'of', case
        when c.plan_limit > 0 then 'of ' || billing.number_text(c.plan_limit)
        else case c.used when 1 then c.unit_singular else c.unit end end,
      'state', c.state,
      'word', billing.limit_word(c.state, c.used, c.plan_limit),
      'fullest', c.is_fullest,
      'share', billing.share_text(c.share) || ' used',
      -- ends at the limit: how far beyond it something lies is said in words
      'meter', case when c.share is not null then json_build_object(
        'used', least(round(c.share, 1), 100),
        'projected', nullif(least(round(c.projected_share, 1), 100), 0)) end,
      'notes', array_remove(array[
        case
          when c.state = 'over' and c.plan_limit = 0 then
            'Not included in ' || c.plan_label || '; a soft limit, nothing is blocked'
          when c.state = 'over' then 'A soft limit, nothing is blocked'
          when c.state = 'not_included' then 'Not included in ' || c.plan_label
          when c.state = 'unlimited' then 'No limit on ' || c.plan_label
          when c.state = 'no_plan' then 'No limit to compare with'
        end,
        case when c.projected > 0 then
          'On track for ~' || billing.number_text(c.projected)
          || coalesce(' (' || billing.share_text(c.projected_share) || ')', '')
          || ' by ' || to_char(c.period_end - 1, 'FMDD Mon') || ', an estimate' end,
        case when c.passes_on is not null then
          'Passes the limit on ' || to_char(c.passes_on, 'FMDD Mon') || ' at this rate' end,
        billing.change_text(c.paired_sum, c.previous_sum, c.paired_days, c.previous_month)
      ], null),
      'details', (
        select coalesce(json_agg(json_build_object(
          'label', d.short_label,
          'used', billing.number_text(
            (usage_cards.p_summary -> 'totalsForPeriod' ->> d.json_name)::numeric)
        ) order by d.sort_order), '[]')
        from billing.metrics as d
        where d.card = c.name and not d.on_card)
    )
  from measured as c;
end;
comment on function billing.usage_cards(uuid, date, timestamptz, jsonb) is
'A row per metric with a card: its state, whether it is the fullest, when its limit is passed, and '
'the card as the page shows it.';
