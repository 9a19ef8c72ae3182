-- 50 · Usage views: the only thing the application reads. Security invoker throughout: the login
-- decides how many rows a view has, so the tenant page and the root table cannot disagree.

set local role billing_owner;

-- What can be counted, in the order in which people read it. name is the column of
-- billing_usage_daily (or a sum of columns), json_name its name in JSON and CSV.
create view billing.metrics with (security_invoker = true) as
select m.*
from (values
  (1, 'sms_outbound_count', 'smsOutboundCount', 'SMS sent', 'messages', 'max_sms_per_month', true),
  (2, 'sms_inbound_count', 'smsInboundCount', 'SMS received', 'messages', null, false),
  (3, 'mms_outbound_count', 'mmsOutboundCount', 'MMS sent', 'messages', null, false),
  (4, 'mms_inbound_count', 'mmsInboundCount', 'MMS received', 'messages', null, false),
  (5, 'sms_outbound_segments', 'smsOutboundSegments', 'SMS segments sent', 'segments', null, false),
  (6, 'sms_inbound_segments', 'smsInboundSegments', 'SMS segments received', 'segments', null,
   false),
  (7, 'voice_minutes', 'voiceMinutes', 'Voice minutes', 'minutes', 'max_voice_minutes_per_month',
   true),
  (8, 'voice_minutes_inbound', 'voiceMinutesInbound', 'Voice minutes inbound', 'minutes', null,
   false),
  (9, 'voice_minutes_outbound', 'voiceMinutesOutbound', 'Voice minutes outbound', 'minutes', null,
   false),
  (10, 'voice_seconds_inbound', 'voiceSecondsInbound', 'Voice seconds inbound', 'seconds', null,
   false),
  (11, 'voice_seconds_outbound', 'voiceSecondsOutbound', 'Voice seconds outbound', 'seconds', null,
   false),
  (12, 'emails_sent', 'emailsSent', 'E-mails sent', 'recipients', 'max_emails_per_month', true),
  (13, 'ai_requests', 'aiRequests', 'AI requests', 'requests', 'max_ai_requests_per_month', true)
) as m (sort_order, name, json_name, label, unit, limit_column, on_card);
comment on view billing.metrics is
'Every metric: name, JSON name, label, unit, the plan limit it is compared with, whether it has a '
'card.';

create function billing.usage_period(
  p_day date, p_anchor date default date '2000-01-01',
  out period_start date, out period_end date
)
language sql immutable parallel safe
as $$
  -- Month n starts n months after the anchor, derived from the anchor itself each time: an anchor
  -- on the 31st gives 28 or 29 February and 31 March again (R24).
  select
    (p_anchor + make_interval(months => n.periods))::date,
    (p_anchor + make_interval(months => n.periods + 1))::date
  from (
    select m.months - case
      when (p_anchor + make_interval(months => m.months))::date > p_day then 1 else 0
    end as periods
    from (
      select ((extract(year from p_day) - extract(year from p_anchor)) * 12
        + extract(month from p_day) - extract(month from p_anchor))::integer as months
    ) as m
  ) as n;
$$;
comment on function billing.usage_period(date, date) is
'The billing period [period_start, period_end) around a UTC day; calendar months unless an anchor '
'is given.';

-- Every UTC day that a page can show, with its state: from a month before billing_from to today.
create view billing.usage_calendar with (security_invoker = true) as
select
  x.day::date as date,
  case
    when x.day::date < s.billing_from then 'before_start'
    else coalesce(u.state, 'missing')
  end as state,
  u.counted_at,
  x.day::date >= s.billing_from and u.counted_at is not null as is_counted
from data.settings as s
cross join lateral generate_series(
  date_trunc('month', s.billing_from::timestamp) - interval '31 days',
  date_trunc('day', now() at time zone 'UTC'),
  interval '1 day') as x (day)
left join data.usage_days as u on u.usage_date = x.day::date;
comment on view billing.usage_calendar is
'A row per UTC day up to today: before_start, missing, failed, open, complete or sealed.';

-- 0 and unknown are different things: figures of a day that was never counted are NULL (R22).
create view billing.usage_daily with (security_invoker = true) as
select
  t.id as tenant_id,
  c.date,
  c.state,
  c.counted_at,
  case when c.is_counted then coalesce(d.sms_outbound_count, 0) end as sms_outbound_count,
  case when c.is_counted then coalesce(d.sms_inbound_count, 0) end as sms_inbound_count,
  case when c.is_counted then coalesce(d.mms_outbound_count, 0) end as mms_outbound_count,
  case when c.is_counted then coalesce(d.mms_inbound_count, 0) end as mms_inbound_count,
  case when c.is_counted then coalesce(d.sms_outbound_segments, 0) end as sms_outbound_segments,
  case when c.is_counted then coalesce(d.sms_inbound_segments, 0) end as sms_inbound_segments,
  case when c.is_counted then coalesce(d.voice_minutes_inbound + d.voice_minutes_outbound, 0) end
    as voice_minutes,
  case when c.is_counted then coalesce(d.voice_minutes_inbound, 0) end as voice_minutes_inbound,
  case when c.is_counted then coalesce(d.voice_minutes_outbound, 0) end as voice_minutes_outbound,
  case when c.is_counted then coalesce(d.voice_seconds_inbound, 0) end as voice_seconds_inbound,
  case when c.is_counted then coalesce(d.voice_seconds_outbound, 0) end as voice_seconds_outbound,
  case when c.is_counted then coalesce(d.emails_sent, 0) end as emails_sent,
  case when c.is_counted then coalesce(d.ai_requests, 0) end as ai_requests
from data.tenants as t
cross join billing.usage_calendar as c
left join data.billing_usage_daily as d on d.tenant_id = t.id and d.usage_date = c.date;
comment on view billing.usage_daily is
'A row per tenant and UTC day up to today; figures are NULL where the day was never counted.';

create view billing.usage_periods with (security_invoker = true) as
select distinct p.period_start, p.period_end
from billing.usage_calendar as c
cross join lateral billing.usage_period(c.date) as p
where c.state <> 'before_start' or c.date = billing.utc_day(now());
comment on view billing.usage_periods is
'The periods that can be shown: [period_start, period_end) from billing_from to today.';

-- A row per tenant and period, idle, suspended and plan-less tenants included (R30). Select one
-- period_start; limits are those of today's plan.
create view billing.tenant_usage with (security_invoker = true) as
select
  t.id as tenant_id,
  t.name as tenant_name,
  t.status,
  p.code as plan_code,
  p.label as plan_label,
  p.monthly_base_price,
  p.currency,
  p.max_sms_per_month,
  p.max_voice_minutes_per_month,
  p.max_emails_per_month,
  p.max_ai_requests_per_month,
  r.period_start,
  r.period_end,
  u.*
from data.tenants as t
cross join billing.usage_periods as r
left join data.plans as p on p.code = t.plan_code
cross join lateral (
  select
    coalesce(sum(d.sms_outbound_count), 0)::bigint as sms_outbound_count,
    coalesce(sum(d.sms_inbound_count), 0)::bigint as sms_inbound_count,
    coalesce(sum(d.mms_outbound_count), 0)::bigint as mms_outbound_count,
    coalesce(sum(d.mms_inbound_count), 0)::bigint as mms_inbound_count,
    coalesce(sum(d.sms_outbound_segments), 0)::bigint as sms_outbound_segments,
    coalesce(sum(d.sms_inbound_segments), 0)::bigint as sms_inbound_segments,
    coalesce(sum(d.voice_minutes_inbound + d.voice_minutes_outbound), 0)::bigint as voice_minutes,
    coalesce(sum(d.voice_minutes_inbound), 0)::bigint as voice_minutes_inbound,
    coalesce(sum(d.voice_minutes_outbound), 0)::bigint as voice_minutes_outbound,
    coalesce(sum(d.voice_seconds_inbound), 0)::bigint as voice_seconds_inbound,
    coalesce(sum(d.voice_seconds_outbound), 0)::bigint as voice_seconds_outbound,
    coalesce(sum(d.emails_sent), 0)::bigint as emails_sent,
    coalesce(sum(d.ai_requests), 0)::bigint as ai_requests
  from data.billing_usage_daily as d
  where d.tenant_id = t.id and d.usage_date >= r.period_start and d.usage_date < r.period_end
) as u;
comment on view billing.tenant_usage is
'A row per tenant and period: plan, limits of today''s plan, totals including today so far.';
