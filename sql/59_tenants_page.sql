-- 59 · Tenants page: what stands around the table – period, choices, health of the counting – and
-- the table as a file.

set local role billing_owner;

create function billing.age_text(p_age interval) returns text
language sql immutable parallel safe
as $$
  select case
    when p_age < interval '1 minute' then 'just now'
    when p_age < interval '1 hour' then extract(epoch from p_age)::integer / 60 || ' min ago'
    when p_age < interval '2 days' then extract(epoch from p_age)::integer / 3600 || ' h ago'
    else extract(epoch from p_age)::integer / 86400 || ' days ago'
  end;
$$;
comment on function billing.age_text(interval) is 'How long ago something was, for people.';

create function billing.health_json() returns json
language plpgsql stable
as $$
-- PL/pgSQL keeps the plans: of the health view here, of everything around the table below.
begin
  return (
    select json_build_object(
      'completeThrough', h.complete_through,
      'completeText', coalesce(to_char(h.complete_through, 'FMDD FMMonth YYYY'), 'no day yet'),
      'isStale', h.is_stale,
      'missing', h.missing_days, 'failed', h.failed_days, 'late', h.late_days,
      'nightIsLate', h.night_is_late,
      'night', coalesce(
        to_char(h.last_night_at at time zone 'UTC', 'FMDD FMMon HH24:MI" UTC"'), 'never'),
      'unclassified', billing.number_text(h.unclassified_rows),
      'today', h.today, 'yesterday', h.today - 1, 'billingFrom', h.billing_from,
      'run', case when h.last_run_id is not null then json_build_object(
        'id', h.last_run_id,
        'at', h.last_run_at,
        'atText', to_char(h.last_run_at at time zone 'UTC', 'FMDD FMMon HH24:MI" UTC"'),
        'age', billing.age_text(h.as_of - h.last_run_at),
        'outcome', h.last_run_outcome,
        'trigger', h.last_run_trigger,
        'days', h.last_run_days,
        'changed', billing.number_text(h.last_run_rows_changed),
        'error', h.last_run_error) end)
    from billing.usage_health as h);
end $$;
comment on function billing.health_json() is
'How old and how whole the numbers are and the last run, for the root page.';

create function billing.overview_page(
  p_search text, p_plan text, p_status text, p_show text, p_sort text, p_dir text,
  p_page integer, p_day date, p_as_of timestamptz
) returns json
language plpgsql stable
as $$
begin
  return (
    select json_build_object(
      'table', d.document,
      'period', json_build_object(
        'value', to_char(r.period_start, 'YYYY-MM'),
        'text', to_char(r.period_start, 'FMMonth YYYY'),
        'isCurrent', r.last_day = billing.utc_day(p_as_of)),
      'periods', (
        select json_agg(json_build_object(
          'value', to_char(p.period_start, 'YYYY-MM'),
          'text', to_char(p.period_start, 'FMMonth YYYY')) order by p.period_start desc)
        from billing.usage_periods as p),
      'plans', (
        select json_agg(json_build_object('value', p.code, 'text', p.label)
                        order by p.sort_order nulls last)
        from billing.overview_plans as p),
      'columns', (
        select json_agg(json_build_object(
          'name', c.name, 'label', c.label, 'isNumber', c.is_number, 'dir', c.dir)
          order by c.sort_order)
        from billing.overview_columns as c),
      'health', billing.health_json())
    from billing.shown_period(p_day, p_as_of) as r
    cross join lateral (
      select billing.tenants_document(
        p_search, p_plan, p_status, p_show, p_sort, p_dir, p_page, p_day, p_as_of) as document
    ) as d);
end $$;
comment on function billing.overview_page(
  text, text, text, text, text, text, integer, date, timestamptz) is
'All of the root page as one document; NULL for a period before billing_from or after today.';

create function billing.tenants_table(
  p_search text, p_plan text, p_status text, p_show text, p_sort text, p_dir text,
  p_day date, p_as_of timestamptz
)
returns table (
  "tenantId" uuid, "tenantName" text, "plan" text, "status" text, "periodStart" date,
  "periodEnd" date, "smsOutboundCount" bigint, "voiceMinutes" bigint, "emailsSent" bigint,
  "aiRequests" bigint, "peakSharePercent" numeric, "limitState" text, "changeMetric" text,
  "completeDays" bigint, "sameDaysBefore" bigint
)
language plpgsql stable
set plan_cache_mode = force_custom_plan
as $$
declare
  v_sort constant text := coalesce(p_sort, 'smsOutboundCount');
  v_dir constant text := billing.overview_direction(v_sort, p_dir);
  v_days record;
begin
  perform billing.require_overview(p_plan, p_status, p_show, p_sort, p_dir);
  select d.* into v_days from billing.compared_days(p_day, p_as_of) as d;
  return query
  select
    t.tenant_id, t.tenant_name, t.plan_code, t.status, r.period_start, r.period_end - 1,
    t.sms_outbound_count, t.voice_minutes, t.emails_sent, t.ai_requests,
    round(t.peak_share, 2), t.limit_state, billing.overview_metric(v_sort), t.used, t.used_before
  from billing.shown_period(p_day, p_as_of) as r
  cross join billing.overview_tenants(
    p_search, p_plan, p_status, p_show, v_sort, v_dir,
    p_day, p_as_of, v_days.before_days, v_days.other_days) as t
  where t.is_shown
  order by t.rising_number nulls last, t.falling_number desc nulls last,
    t.rising_word nulls last, t.falling_word desc nulls last, lower(t.tenant_name), t.tenant_id;
end $$;
comment on function billing.tenants_table(
  text, text, text, text, text, text, date, timestamptz) is
'Every tenant that fits, as the root page shows it, for CSV; dates are inclusive. Error 22023 for '
'a choice that there is not.';
