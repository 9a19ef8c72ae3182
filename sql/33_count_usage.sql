-- 33 · Count usage: what the source rows say of one UTC day. Reads only; counting, verifying and
-- rehearsing all ask here.

set local role billing_aggregator;

create type billing.usage_figures as (
  tenant_id uuid,
  sms_outbound_count bigint,
  sms_inbound_count bigint,
  mms_outbound_count bigint,
  mms_inbound_count bigint,
  sms_outbound_segments bigint,
  sms_inbound_segments bigint,
  voice_minutes_inbound bigint,
  voice_minutes_outbound bigint,
  voice_seconds_inbound bigint,
  voice_seconds_outbound bigint,
  emails_sent bigint,
  ai_requests bigint,
  counted_rows integer,
  pending_rows integer,
  not_counted_rows integer,
  test_rows integer,
  unclassified_rows integer,
  estimated_rows integer
);
comment on type billing.usage_figures is 'What a tenant used on one UTC day, and of how many rows.';

create function billing.count_usage(p_day date, p_tenant_ids uuid[] default null)
returns setof billing.usage_figures
language sql stable parallel safe
as $$
  -- Two steps: group the day's source rows by what they are, then fold the few groups by tenant.
  -- A row that exists for the day takes part with nothing, so that what vanished becomes 0 (R2).
  -- Rows of unknown tenants drop out last. The bounds are constants of the plan (R7, R8).
  select f.*
  from (
    select
      g.tenant_id,
      coalesce(sum(g.units) filter (where g.counts_as = 'sms_outbound'), 0)::bigint,
      coalesce(sum(g.units) filter (where g.counts_as = 'sms_inbound'), 0)::bigint,
      coalesce(sum(g.units) filter (where g.counts_as = 'mms_outbound'), 0)::bigint,
      coalesce(sum(g.units) filter (where g.counts_as = 'mms_inbound'), 0)::bigint,
      coalesce(sum(g.provider_units) filter (where g.counts_as = 'sms_outbound'), 0)::bigint,
      coalesce(sum(g.provider_units) filter (where g.counts_as = 'sms_inbound'), 0)::bigint,
      coalesce(sum(g.units) filter (where g.counts_as = 'voice_inbound'), 0)::bigint,
      coalesce(sum(g.units) filter (where g.counts_as = 'voice_outbound'), 0)::bigint,
      coalesce(sum(g.provider_units) filter (where g.counts_as = 'voice_inbound'), 0)::bigint,
      coalesce(sum(g.provider_units) filter (where g.counts_as = 'voice_outbound'), 0)::bigint,
      coalesce(sum(g.units) filter (where g.counts_as = 'email'), 0)::bigint,
      coalesce(sum(g.units) filter (where g.counts_as = 'ai_request'), 0)::bigint,
      coalesce(sum(g.source_rows) filter (where g.outcome = 'counted'), 0)::integer,
      coalesce(sum(g.source_rows) filter (where g.outcome = 'pending'), 0)::integer,
      coalesce(sum(g.source_rows) filter (where g.outcome = 'not_counted'), 0)::integer,
      coalesce(sum(g.source_rows) filter (where g.outcome = 'test'), 0)::integer,
      coalesce(sum(g.source_rows) filter (where g.outcome = 'unclassified'), 0)::integer,
      coalesce(sum(g.estimated_rows) filter (where g.outcome = 'counted'), 0)::integer
    from (
      select
        s.tenant_id,
        s.outcome,
        case s.outcome when 'counted' then s.kind end as counts_as,
        count(*)::integer as source_rows,
        count(*) filter (where s.is_estimated)::integer as estimated_rows,
        sum(s.units) as units,
        sum(s.provider_units) as provider_units
      from billing.usage_source as s
      where s.occurred_at >= p_day::timestamp at time zone 'UTC'
        and s.occurred_at < (p_day + 1)::timestamp at time zone 'UTC'
        and (p_tenant_ids is null or s.tenant_id = any (p_tenant_ids))
      group by s.tenant_id, s.outcome, case s.outcome when 'counted' then s.kind end
      union all
      select d.tenant_id, null, null, 0, 0, 0, 0
      from data.billing_usage_daily as d
      where d.usage_date = p_day
        and (p_tenant_ids is null or d.tenant_id = any (p_tenant_ids))
    ) as g
    group by g.tenant_id
  ) as f
  where exists (select from data.tenants as t where t.id = f.tenant_id);
$$;
comment on function billing.count_usage(date, uuid[]) is
'What the source rows say of a UTC day, for some tenants or (NULL) all. Reads only.';

create function billing.changed_usage(p_day date, p_tenant_ids uuid[])
returns setof billing.usage_figures
language plpgsql stable
set plan_cache_mode = force_custom_plan
set jit = off
as $$
-- The figures that differ from the stored ones. A function of its own, because its plan has to know
-- the day while the checks of foreign keys, fired by the insert, must not be planned row by row;
-- and because RETURN QUERY may use parallel workers where INSERT … SELECT may not.
begin
  return query
  select c.*
  from billing.count_usage(p_day, p_tenant_ids) as c
  left join data.billing_usage_daily as o
    on o.tenant_id = c.tenant_id and o.usage_date = p_day
  where (
    o.sms_outbound_count, o.sms_inbound_count, o.mms_outbound_count, o.mms_inbound_count,
    o.sms_outbound_segments, o.sms_inbound_segments,
    o.voice_minutes_inbound, o.voice_minutes_outbound,
    o.voice_seconds_inbound, o.voice_seconds_outbound,
    o.emails_sent, o.ai_requests,
    o.counted_rows, o.pending_rows, o.not_counted_rows, o.test_rows, o.unclassified_rows,
    o.estimated_rows
  ) is distinct from (
    c.sms_outbound_count, c.sms_inbound_count, c.mms_outbound_count, c.mms_inbound_count,
    c.sms_outbound_segments, c.sms_inbound_segments,
    c.voice_minutes_inbound, c.voice_minutes_outbound,
    c.voice_seconds_inbound, c.voice_seconds_outbound,
    c.emails_sent, c.ai_requests,
    c.counted_rows, c.pending_rows, c.not_counted_rows, c.test_rows, c.unclassified_rows,
    c.estimated_rows)
  order by c.tenant_id;
end $$;
comment on function billing.changed_usage(date, uuid[]) is
'What a recount of the day would write: the figures that differ from the stored ones.';
