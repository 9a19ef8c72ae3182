-- 47 · Explain usage: one number as the source rows that make it up, and the rows beside them that
-- do not count, each with the reason. The only way from a page to source rows.

set local role billing_owner;

-- Which rows feed which metric, and by which of their two quantities; the sums of file 33 in words.
-- Rows of a family are what a person would look for when a number seems wrong.
create view billing.metric_kinds with (security_invoker = true) as
select k.metric, k.kind::billing.usage_kind as kind, k.quantity, k.family
from (values
  ('sms_outbound_count', 'sms_outbound', 'units', 'messages'),
  ('sms_inbound_count', 'sms_inbound', 'units', 'messages'),
  ('mms_outbound_count', 'mms_outbound', 'units', 'messages'),
  ('mms_inbound_count', 'mms_inbound', 'units', 'messages'),
  ('sms_outbound_segments', 'sms_outbound', 'provider_units', 'messages'),
  ('sms_inbound_segments', 'sms_inbound', 'provider_units', 'messages'),
  ('voice_minutes', 'voice_inbound', 'units', 'calls'),
  ('voice_minutes', 'voice_outbound', 'units', 'calls'),
  ('voice_minutes_inbound', 'voice_inbound', 'units', 'calls'),
  ('voice_minutes_outbound', 'voice_outbound', 'units', 'calls'),
  ('voice_seconds_inbound', 'voice_inbound', 'provider_units', 'calls'),
  ('voice_seconds_outbound', 'voice_outbound', 'provider_units', 'calls'),
  ('emails_sent', 'email', 'units', 'emails'),
  ('ai_requests', 'ai_request', 'units', 'ai_requests')
) as k (metric, kind, quantity, family);
comment on view billing.metric_kinds is
'A row per metric and kind of row that feeds it; quantity is units or provider_units.';

set local role billing_aggregator;

create function billing.require_reader(p_tenant_id uuid) returns void
language plpgsql stable
as $$
-- A tenant login reads what its live session proves to be its own, and learns nothing else: also
-- not whether another tenant exists.
begin
  if session_user = 'billing_tenant' then
    if p_tenant_id is distinct from billing.current_tenant_id() then
      raise exception 'this is not the tenant of the session'
        using errcode = 'insufficient_privilege';
    end if;
  else
    perform billing.require_operator_or_root();
  end if;
  perform billing.require_tenant(p_tenant_id);
end $$;
comment on function billing.require_reader(uuid) is
'Error 42501 unless the tenant''s own session, a root session or the operator asks; 22023 unless '
'there is such a tenant.';

create function billing.require_metric(p_metric text) returns text
language plpgsql stable
as $$
declare
  v_name constant text := (
    select m.name from billing.metrics as m where p_metric in (m.name, m.json_name));
begin
  if v_name is null then
    raise exception 'there is no metric %', coalesce(p_metric, 'NULL')
      using errcode = 'invalid_parameter_value', hint = 'One of: ' || (
        select string_agg(m.name, ', ' order by m.sort_order) from billing.metrics as m);
  end if;
  return v_name;
end $$;
comment on function billing.require_metric(text) is
'The metric of a name or JSON name; error 22023, with the list, without one.';

create function billing.explain_usage(
  p_tenant_id uuid, p_day date, p_metric text,
  p_reason text default null, p_limit integer default null, p_offset bigint default 0
)
returns table (
  occurred_at timestamptz, source text, provider_id text, kind text, status text,
  is_counted boolean, reason text, contribution bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
  v_metric text;
  v_kinds billing.usage_kind[];
  v_family billing.usage_kind[];
  v_by_provider_units boolean;
begin
  perform billing.require_reader(p_tenant_id);
  v_metric := billing.require_metric(p_metric);
  if p_day is null or not isfinite(p_day) or p_limit < 0 or p_offset is null or p_offset < 0 then
    raise exception 'a day is needed, and a limit and an offset of 0 or more'
      using errcode = 'invalid_parameter_value';
  end if;
  perform billing.require_unsealed(p_day);
  select array_agg(k.kind), bool_and(k.quantity = 'provider_units')
  into v_kinds, v_by_provider_units
  from billing.metric_kinds as k
  where k.metric = v_metric;
  v_family := array(
    select distinct k.kind from billing.metric_kinds as k
    where k.family = (
      select f.family from billing.metric_kinds as f where f.metric = v_metric limit 1));
  return query
  select x.occurred_at, x.source, x.provider_id, x.kind::text, x.status,
    x.is_counted, x.reason,
    case
      when not x.is_counted then 0::bigint
      when v_by_provider_units then x.provider_units::bigint
      else x.units::bigint
    end
  from (
    select s.*,
      s.kind = any (v_kinds) and s.outcome = 'counted' as is_counted,
      case
        when s.kind <> all (v_kinds) then 'other_metric'
        when s.outcome = 'counted' and v_by_provider_units and s.is_estimated then 'estimated'
        else s.outcome::text
      end as reason
    from billing.usage_source as s
    where s.tenant_id = p_tenant_id
      and s.occurred_at >= p_day::timestamp at time zone 'UTC'
      and s.occurred_at < (p_day + 1)::timestamp at time zone 'UTC'
      and s.kind = any (v_family)
  ) as x
  where p_reason is null or x.reason = p_reason
  order by x.is_counted desc, x.occurred_at, x.source, x.provider_id
  limit p_limit offset p_offset;
end $$;
comment on function billing.explain_usage(uuid, date, text, text, integer, bigint) is
'The source rows behind a tenant''s metric on a UTC day: first those that count, with what each '
'contributes, then those of the same family that do not. reason: counted; estimated (counts, the '
'provider has not told the segments yet, R13); pending; not_counted (failed, canceled, …, R14); '
'test (R19); unclassified (R14); other_metric. The contributions add up to the number. A metric is '
'named as in billing.metrics. Errors: 42501 not the own tenant or no live session, 22023 unknown '
'tenant or metric or bad day, 55000 sealed day: its source rows were given up.';
