-- 57 · Usage summary: a tenant's usage as one JSON document, so that one statement answers it.

set local role billing_owner;

create function billing.day_json(p_date date, p_state text, p_metrics json) returns json
language sql stable parallel safe
as $$
  -- json has no ||, and jsonb would lose the order of the metrics
  select (format('{"date" : "%s", "state" : "%s", ', to_char(p_date, 'YYYY-MM-DD'), p_state)
    || substr(p_metrics::text, 2))::json;
$$;
comment on function billing.day_json(date, text, json) is
'A day of the chart: its date, its state, its metrics.';

create function billing.usage_summary_on(p_day date, p_as_of timestamptz)
returns table (tenant_id uuid, summary json)
language sql stable
begin atomic
  select
    u.tenant_id,
    json_build_object(
      'currentPlan', case when u.plan_code is not null then json_build_object(
        'code', u.plan_code, 'label', u.plan_label,
        'monthlyBasePrice', u.monthly_base_price::text, 'currency', u.currency) end,
      'planLimits', case when u.plan_code is not null then json_build_object(
        'maxSmsPerMonth', u.max_sms_per_month,
        'maxVoiceMinutesPerMonth', u.max_voice_minutes_per_month,
        'maxEmailsPerMonth', u.max_emails_per_month,
        'maxAiRequestsPerMonth', u.max_ai_requests_per_month) end,
      'currentPeriod', json_build_object('start', u.period_start, 'end', u.period_end - 1),
      'completeThrough', billing.complete_through(),
      'asOf', (select max(k.counted_at) from data.usage_days as k),
      'totalsForPeriod', u.metrics,
      'dailyUsage', (
        select json_agg(billing.day_json(d.date, d.state, d.metrics) order by d.date)
        from billing.usage_between(u.tenant_id, r.chart_start, r.shown_until) as d)
    )
  from billing.tenant_usage_on(usage_summary_on.p_day, usage_summary_on.p_as_of) as u
  cross join billing.shown_period(usage_summary_on.p_day, usage_summary_on.p_as_of) as r;
end;
comment on function billing.usage_summary_on(date, timestamptz) is
'A row per tenant for the period around a UTC day (NULL: the current one): plan, limits, totals '
'and 30 days in the shape of GET /api/billing/usage/summary; no row for a period before '
'billing_from or after today.';

create view billing.usage_summary with (security_invoker = true) as
select s.* from billing.usage_summary_on(null, now()) as s;
comment on view billing.usage_summary is
'A row per tenant: the document of GET /api/billing/usage/summary for the current period.';
