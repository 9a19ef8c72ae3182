-- 59 · Tenants document: the root page, and the JSON list, as one document of one statement.

set local role billing_owner;

create function billing.tenants_document(
  p_search text, p_plan text, p_status text, p_show text, p_sort text, p_dir text,
  p_page integer, p_day date, p_as_of timestamptz
) returns json
language plpgsql stable
set plan_cache_mode = force_custom_plan
as $$
-- Trend and change are worked out for the 25 rows of the page, or where they are asked for.
declare
  v_size constant integer := 25;
  v_sort constant text := coalesce(p_sort, 'smsOutboundCount');
  v_metric constant text := billing.overview_metric(v_sort);
  v_dir constant text := billing.overview_direction(v_sort, p_dir);
  v_period record;
  v_days record;
  v_before date[];
begin
  perform billing.require_overview(p_plan, p_status, p_show, p_sort, p_dir);
  select p.* into v_period from billing.shown_period(p_day, p_as_of) as p;
  if v_period.period_start is null then
    return null;
  end if;
  select d.* into v_days from billing.compared_days(p_day, p_as_of) as d;
  if v_sort = 'change' or p_show = 'growing' then
    v_before := v_days.before_days;
  end if;
  return (
    with everybody as materialized (
      select t.*
      from billing.overview_tenants(
        p_search, p_plan, p_status, p_show, v_sort, v_dir, p_day, p_as_of,
        v_before, v_days.other_days) as t
    ),
    sums as (
      select
        count(*) as tenants,
        count(*) filter (where e.is_shown) as shown,
        count(*) filter (where e.is_match and e.limit_state = 'over') as over,
        count(*) filter (where e.is_match and e.limit_state in ('approaching', 'over')) as near,
        coalesce(sum(e.figure), 0)::bigint as figure,
        coalesce(sum(e.figure) filter (where e.is_shown), 0)::bigint as figure_shown,
        coalesce(sum(e.sms_outbound_count) filter (where e.is_shown), 0)::bigint as sms,
        coalesce(sum(e.voice_minutes) filter (where e.is_shown), 0)::bigint as voice,
        coalesce(sum(e.emails_sent) filter (where e.is_shown), 0)::bigint as emails,
        coalesce(sum(e.ai_requests) filter (where e.is_shown), 0)::bigint as ai
      from everybody as e
    ),
    page as (
      select e.*, row_number() over () as place
      from (
        select s.*
        from everybody as s
        where s.is_shown
        order by s.rising_number nulls last, s.falling_number desc nulls last,
          s.rising_word nulls last, s.falling_word desc nulls last,
          lower(s.tenant_name), s.tenant_id
        offset (p_page - 1)::bigint * v_size limit v_size
      ) as e
    )
    select json_build_object(
      'metric', (select m.short_label from billing.metrics as m where m.json_name = v_metric),
      'sort', v_sort, 'dir', v_dir,
      'tenants', s.tenants, 'shown', s.shown, 'over', s.over, 'near', s.near,
      'pages', (s.shown + v_size - 1) / v_size,
      'span', case when s.shown = 0 then 'No tenants' else format('%s–%s of %s',
        billing.number_text(least((p_page - 1)::bigint * v_size + 1, s.shown)),
        billing.number_text(least(p_page::bigint * v_size, s.shown)),
        billing.number_text(s.shown)) end,
      'totals', (
        select json_agg(json_build_object(
          'label', m.label, 'unit', m.unit, 'icon', m.icon, 'value', x.total,
          'text', billing.number_text(x.total)) order by m.sort_order)
        from billing.metrics as m
        cross join lateral (
          select billing.column_value(m.json_name, s.sms, s.voice, s.emails, s.ai) as total) as x
        where m.on_card),
      'share', billing.share_of_all_text(s.figure_shown, s.figure),
      'rows', coalesce((
        select json_agg(json_build_object(
          'entry', billing.overview_entry(
            p.tenant_id, p.tenant_name, p.plan_code, p.plan_label, p.status,
            p.sms_outbound_count, p.voice_minutes, p.emails_sent, p.ai_requests,
            p.peak_share, p.limit_state, v_metric, c.used, c.before),
          'figures', (
            select json_agg(billing.number_text(billing.column_value(m.json_name,
              p.sms_outbound_count, p.voice_minutes, p.emails_sent, p.ai_requests))
              order by m.sort_order)
            from billing.metrics as m
            where m.on_card),
          'peak', billing.share_text(p.peak_share),
          'word', billing.peak_word(p.limit_state, p.peak_share),
          'meter', least(round(p.peak_share * 0.56), 56),
          'change', billing.growth_text(c.used, c.before),
          'share', billing.share_of_all_text(p.figure, s.figure),
          'trend', k.figures) order by p.place)
        from page as p
        left join lateral (
          select
            p.figure - coalesce(sum(y.figure), 0)::bigint as used,
            coalesce(sum(z.figure), 0)::bigint as before
          from (select) as one
          left join billing.usage_on_days(v_metric, v_days.other_days) as y
            on y.tenant_id = p.tenant_id
          left join billing.usage_on_days(v_metric, v_days.before_days) as z
            on z.tenant_id = p.tenant_id
        ) as c on v_days.before_days is not null
        left join lateral (
          select json_agg(billing.column_value(v_metric,
            d.sms_outbound_count, d.voice_minutes, d.emails_sent, d.ai_requests)
            order by d.date) as figures
          from billing.usage_between(
            p.tenant_id, v_period.chart_start, v_period.shown_until) as d
        ) as k on true), '[]'::json))
    from sums as s);
end $$;
comment on function billing.tenants_document(
  text, text, text, text, text, text, integer, date, timestamptz) is
'The root page of 25 tenants: rows, totals of all that fit, counts. NULL for a period before '
'billing_from or after today; error 22023 for a choice that there is not.';
