-- 53 · Usage daily: figures per tenant, by the day and summed over days. Security invoker
-- throughout: the login decides how many rows there are, so that the tenant's page and the root
-- table cannot disagree. The planner inlines these functions: their conditions meet
-- those of the policies in one index look-up.

set local role billing_owner;

create function billing.usage_between(p_tenant_id uuid, p_from date, p_until date)
returns table (
  date date, state text, counted_at timestamptz, is_complete boolean,
  sms_outbound_count bigint, sms_inbound_count bigint, mms_outbound_count bigint,
  mms_inbound_count bigint, sms_outbound_segments bigint, sms_inbound_segments bigint,
  voice_minutes bigint, voice_minutes_inbound bigint, voice_minutes_outbound bigint,
  voice_seconds_inbound bigint, voice_seconds_outbound bigint, emails_sent bigint,
  ai_requests bigint, metrics json
)
language sql stable parallel safe
begin atomic
  -- 0 and unknown are different things: figures of a day that was never counted are NULL (R22)
  select
    x.*,
    billing.metrics_json(
      x.sms_outbound_count, x.sms_inbound_count, x.mms_outbound_count, x.mms_inbound_count,
      x.sms_outbound_segments, x.sms_inbound_segments, x.voice_minutes,
      x.voice_minutes_inbound, x.voice_minutes_outbound, x.voice_seconds_inbound,
      x.voice_seconds_outbound, x.emails_sent, x.ai_requests)
  from (
    select
      c.date,
      c.state,
      c.counted_at,
      c.is_complete,
      case when c.is_counted then coalesce(d.sms_outbound_count, 0) end as sms_outbound_count,
      case when c.is_counted then coalesce(d.sms_inbound_count, 0) end as sms_inbound_count,
      case when c.is_counted then coalesce(d.mms_outbound_count, 0) end as mms_outbound_count,
      case when c.is_counted then coalesce(d.mms_inbound_count, 0) end as mms_inbound_count,
      case when c.is_counted then coalesce(d.sms_outbound_segments, 0) end as sms_outbound_segments,
      case when c.is_counted then coalesce(d.sms_inbound_segments, 0) end as sms_inbound_segments,
      case when c.is_counted
        then coalesce(d.voice_minutes_inbound + d.voice_minutes_outbound, 0) end as voice_minutes,
      case when c.is_counted then coalesce(d.voice_minutes_inbound, 0) end as voice_minutes_inbound,
      case when c.is_counted then coalesce(d.voice_minutes_outbound, 0) end
        as voice_minutes_outbound,
      case when c.is_counted then coalesce(d.voice_seconds_inbound, 0) end as voice_seconds_inbound,
      case when c.is_counted then coalesce(d.voice_seconds_outbound, 0) end
        as voice_seconds_outbound,
      case when c.is_counted then coalesce(d.emails_sent, 0) end as emails_sent,
      case when c.is_counted then coalesce(d.ai_requests, 0) end as ai_requests
    from billing.usage_days_between(usage_between.p_from, usage_between.p_until) as c
    left join data.billing_usage_daily as d
      on d.tenant_id = usage_between.p_tenant_id and d.usage_date = c.date
      and d.usage_date >= usage_between.p_from and d.usage_date < usage_between.p_until
  ) as x;
end;
comment on function billing.usage_between(uuid, date, date) is
'A row per UTC day of [p_from, p_until) for a tenant that the caller may see; figures are NULL '
'where the day was never counted. metrics holds the same figures as JSON.';

create view billing.usage_daily with (security_invoker = true) as
select t.id as tenant_id, u.*
from data.tenants as t
cross join data.settings as s
cross join lateral billing.usage_between(
  t.id,
  (date_trunc('month', s.billing_from::timestamp) - interval '31 days')::date,
  billing.utc_day(now()) + 1) as u;
comment on view billing.usage_daily is
'A row per tenant and UTC day up to today; figures are NULL where the day was never counted.';

create function billing.usage_totals(p_from date, p_until date)
returns table (
  tenant_id uuid,
  sms_outbound_count bigint, sms_inbound_count bigint, mms_outbound_count bigint,
  mms_inbound_count bigint, sms_outbound_segments bigint, sms_inbound_segments bigint,
  voice_minutes bigint, voice_minutes_inbound bigint, voice_minutes_outbound bigint,
  voice_seconds_inbound bigint, voice_seconds_outbound bigint, emails_sent bigint,
  ai_requests bigint
)
language sql stable parallel safe
begin atomic
  -- one grouping for all tenants in sight; nothing from before the first billed day
  select
    d.tenant_id,
    sum(d.sms_outbound_count)::bigint,
    sum(d.sms_inbound_count)::bigint,
    sum(d.mms_outbound_count)::bigint,
    sum(d.mms_inbound_count)::bigint,
    sum(d.sms_outbound_segments)::bigint,
    sum(d.sms_inbound_segments)::bigint,
    sum(d.voice_minutes_inbound + d.voice_minutes_outbound)::bigint,
    sum(d.voice_minutes_inbound)::bigint,
    sum(d.voice_minutes_outbound)::bigint,
    sum(d.voice_seconds_inbound)::bigint,
    sum(d.voice_seconds_outbound)::bigint,
    sum(d.emails_sent)::bigint,
    sum(d.ai_requests)::bigint
  from data.billing_usage_daily as d
  where d.usage_date >= usage_totals.p_from
    and d.usage_date < usage_totals.p_until
    and d.usage_date >= (select s.billing_from from data.settings as s)
  group by d.tenant_id;
end;
comment on function billing.usage_totals(date, date) is
'The sums of the days of [p_from, p_until) for each tenant with any; no row is zero use.';
