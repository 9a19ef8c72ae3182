-- 54 · Tenant usage: plan, period, totals and how near a tenant is to its limits.

set local role billing_owner;

create function billing.tenant_usage_on(p_day date, p_as_of timestamptz)
returns table (
  tenant_id uuid, tenant_name text, status data.tenant_status, plan_code text, plan_label text,
  monthly_base_price numeric, currency text, max_sms_per_month bigint,
  max_voice_minutes_per_month bigint, max_emails_per_month bigint, max_ai_requests_per_month bigint,
  period_start date, period_end date,
  sms_outbound_count bigint, sms_inbound_count bigint, mms_outbound_count bigint,
  mms_inbound_count bigint, sms_outbound_segments bigint, sms_inbound_segments bigint,
  voice_minutes bigint, voice_minutes_inbound bigint, voice_minutes_outbound bigint,
  voice_seconds_inbound bigint, voice_seconds_outbound bigint, emails_sent bigint,
  ai_requests bigint, metrics json, peak_share numeric, limit_state text
)
language sql stable parallel safe
begin atomic
  -- A row per tenant, idle, suspended and plan-less ones included (R30); limits of today's plan.
  -- `|| ''` keeps conditions on name and plan behind the policies (26).
  select
    t.id,
    t.name || '',
    t.status,
    p.code,
    p.label,
    p.monthly_base_price,
    p.currency,
    p.max_sms_per_month,
    p.max_voice_minutes_per_month,
    p.max_emails_per_month,
    p.max_ai_requests_per_month,
    r.period_start,
    r.period_end,
    u.*,
    billing.metrics_json(
      u.sms_outbound_count, u.sms_inbound_count, u.mms_outbound_count, u.mms_inbound_count,
      u.sms_outbound_segments, u.sms_inbound_segments, u.voice_minutes,
      u.voice_minutes_inbound, u.voice_minutes_outbound, u.voice_seconds_inbound,
      u.voice_seconds_outbound, u.emails_sent, u.ai_requests),
    l.peak_share,
    case
      when p.code is null then 'no_plan'
      when l.is_over then 'over'
      when l.is_near then 'approaching'
      when l.is_limited then 'normal'
      else 'unlimited'
    end
  from data.tenants as t
  cross join billing.period_on(tenant_usage_on.p_day, tenant_usage_on.p_as_of) as r
  left join data.plans as p on p.code = t.plan_code || ''
  left join lateral billing.usage_totals(r.period_start, r.period_end) as s on s.tenant_id = t.id
  cross join lateral (
    select
      coalesce(s.sms_outbound_count, 0) as sms_outbound_count,
      coalesce(s.sms_inbound_count, 0) as sms_inbound_count,
      coalesce(s.mms_outbound_count, 0) as mms_outbound_count,
      coalesce(s.mms_inbound_count, 0) as mms_inbound_count,
      coalesce(s.sms_outbound_segments, 0) as sms_outbound_segments,
      coalesce(s.sms_inbound_segments, 0) as sms_inbound_segments,
      coalesce(s.voice_minutes, 0) as voice_minutes,
      coalesce(s.voice_minutes_inbound, 0) as voice_minutes_inbound,
      coalesce(s.voice_minutes_outbound, 0) as voice_minutes_outbound,
      coalesce(s.voice_seconds_inbound, 0) as voice_seconds_inbound,
      coalesce(s.voice_seconds_outbound, 0) as voice_seconds_outbound,
      coalesce(s.emails_sent, 0) as emails_sent,
      coalesce(s.ai_requests, 0) as ai_requests
  ) as u
  cross join lateral (
    select
      greatest(
        billing.share_of_limit(u.sms_outbound_count, p.max_sms_per_month),
        billing.share_of_limit(u.voice_minutes, p.max_voice_minutes_per_month),
        billing.share_of_limit(u.emails_sent, p.max_emails_per_month),
        billing.share_of_limit(u.ai_requests, p.max_ai_requests_per_month)
      ) as peak_share,
      u.sms_outbound_count > p.max_sms_per_month
      or u.voice_minutes > p.max_voice_minutes_per_month
      or u.emails_sent > p.max_emails_per_month
      or u.ai_requests > p.max_ai_requests_per_month as is_over,
      u.sms_outbound_count >= billing.near_limit(p.max_sms_per_month)
      or u.voice_minutes >= billing.near_limit(p.max_voice_minutes_per_month)
      or u.emails_sent >= billing.near_limit(p.max_emails_per_month)
      or u.ai_requests >= billing.near_limit(p.max_ai_requests_per_month) as is_near,
      greatest(
        p.max_sms_per_month, p.max_voice_minutes_per_month, p.max_emails_per_month,
        p.max_ai_requests_per_month) > 0 as is_limited
  ) as l;
end;
comment on function billing.tenant_usage_on(date, timestamptz) is
'A row per tenant for the period around a UTC day (NULL: the current one): plan, limits of '
'today''s plan, totals including today so far, the fullest limit in percent (NULL: none), and the '
'worst state of its limits.';

create view billing.tenant_usage with (security_invoker = true) as
select u.* from billing.tenant_usage_on(null, now()) as u;
comment on view billing.tenant_usage is
'A row per tenant: plan, limits, current period, totals including today so far, limit state.';
