-- 57 · Usage summary: the tenant's page as one JSON document, so that one statement answers it.

set local role billing_owner;

create view billing.usage_summary with (security_invoker = true) as
select
  u.tenant_id,
  u.period_start,
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
    'asOf', (select max(c.counted_at) from billing.usage_calendar as c),
    'totalsForPeriod', json_build_object(
      'smsOutboundCount', u.sms_outbound_count, 'smsInboundCount', u.sms_inbound_count,
      'mmsOutboundCount', u.mms_outbound_count, 'mmsInboundCount', u.mms_inbound_count,
      'smsOutboundSegments', u.sms_outbound_segments,
      'smsInboundSegments', u.sms_inbound_segments,
      'voiceMinutes', u.voice_minutes, 'voiceMinutesInbound', u.voice_minutes_inbound,
      'voiceMinutesOutbound', u.voice_minutes_outbound,
      'voiceSecondsInbound', u.voice_seconds_inbound,
      'voiceSecondsOutbound', u.voice_seconds_outbound,
      'emailsSent', u.emails_sent, 'aiRequests', u.ai_requests),
    'dailyUsage', (
      select json_agg(json_build_object(
        'date', d.date, 'state', d.state,
        'smsOutboundCount', d.sms_outbound_count, 'smsInboundCount', d.sms_inbound_count,
        'mmsOutboundCount', d.mms_outbound_count, 'mmsInboundCount', d.mms_inbound_count,
        'smsOutboundSegments', d.sms_outbound_segments,
        'smsInboundSegments', d.sms_inbound_segments,
        'voiceMinutes', d.voice_minutes, 'voiceMinutesInbound', d.voice_minutes_inbound,
        'voiceMinutesOutbound', d.voice_minutes_outbound,
        'voiceSecondsInbound', d.voice_seconds_inbound,
        'voiceSecondsOutbound', d.voice_seconds_outbound,
        'emailsSent', d.emails_sent, 'aiRequests', d.ai_requests) order by d.date)
      from billing.usage_daily as d
      -- the 30 UTC days that end with the period or today, whichever is earlier
      where d.tenant_id = u.tenant_id
        and d.date > least(u.period_end - 1, billing.utc_day(now())) - 30
        and d.date <= least(u.period_end - 1, billing.utc_day(now())))
  ) as summary
from billing.tenant_usage as u;
comment on view billing.usage_summary is
'A row per tenant and period: plan, limits, totals and 30 days as one JSON document in the shape '
'of GET /api/billing/usage/summary.';

-- The root page: a row per tenant of the current period, each also as the entry of the JSON list.
create view billing.tenant_overview with (security_invoker = true) as
select
  u.*,
  json_build_object(
    'tenantId', u.tenant_id,
    'tenantName', u.tenant_name,
    'plan', u.plan_code,
    'status', u.status,
    'totalsForPeriod', json_build_object(
      'smsOutboundCount', u.sms_outbound_count,
      'voiceMinutes', u.voice_minutes,
      'emailsSent', u.emails_sent,
      'aiRequests', u.ai_requests)) as entry
from billing.tenant_usage as u
where u.period_start = (
  select p.period_start from billing.usage_period(billing.utc_day(now())) as p);
comment on view billing.tenant_overview is
'A row per tenant of the current period, with its entry of GET /api/admin/billing/usage/tenants.';
