-- 46 · Verify usage: recount, compare, write nothing. The numbers are a pure function of the source
-- rows: what is stored can be proved at any time, and what a recount would do be told beforehand.

set local role billing_aggregator;

create function billing.require_operator_or_root() returns void
language plpgsql stable
as $$
-- The operator has a login of its own; on the web it takes a live root session.
begin
  if session_user = 'billing_root' then
    perform billing.is_root();
  end if;
end $$;
comment on function billing.require_operator_or_root() is
'Error 42501 for a web login whose transaction has entered no root session.';

create function billing.differing_figures(
  p_day date, p_tenant_ids uuid[],
  out tenant_id uuid, out metric text, out stored bigint, out recounted bigint
)
returns setof record
language sql stable
as $$
  select c.tenant_id, f.figure, f.old_value, f.new_value
  from billing.changed_usage(p_day, p_tenant_ids) as c
  left join data.billing_usage_daily as d
    on d.tenant_id = c.tenant_id and d.usage_date = p_day
  cross join lateral billing.changed_figures(to_jsonb(d), to_jsonb(c)) as f;
$$;
comment on function billing.differing_figures(date, uuid[]) is
'What is stored and what the source rows say, for each figure of the day that differs.';

create function billing.verify_usage(p_from date, p_until date)
returns table (
  tenant_id uuid, date date, metric text, stored bigint, recounted bigint, is_waiting boolean)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
-- Stable: every statement in here sees the snapshot of the call, so a fact that commits meanwhile
-- is either seen with its marker or not at all.
declare
  v_day date;
begin
  perform billing.hold_release();
  perform billing.require_operator_or_root();
  perform billing.require_range(p_from, p_until);
  for v_day in
    select u.usage_date from data.usage_days as u
    where u.usage_date >= p_from and u.usage_date < p_until and u.state = 'complete'
    order by u.usage_date
  loop
    return query
    select coalesce(f.tenant_id, l.tenant_id), v_day, f.metric, f.stored, f.recounted,
      l.tenant_id is not null
        or exists (select from data.new_tenants as n where n.tenant_id = f.tenant_id)
    from billing.differing_figures(v_day, null) as f
    full join (
      select distinct m.tenant_id from data.late_day_markers as m where m.usage_date = v_day
    ) as l on l.tenant_id = f.tenant_id
    order by 1, 3;
    -- the day's own sums; equal to the daily rows, which were just compared with the sources
    return query
    select null::uuid, v_day, f.figure, f.old_value, f.new_value, false
    from data.usage_days as u
    cross join lateral (
      select
        coalesce(sum(d.counted_rows), 0)::bigint as counted_rows,
        coalesce(sum(d.pending_rows), 0)::bigint as pending_rows,
        coalesce(sum(d.not_counted_rows), 0)::bigint as not_counted_rows,
        coalesce(sum(d.test_rows), 0)::bigint as test_rows,
        coalesce(sum(d.unclassified_rows), 0)::bigint as unclassified_rows,
        coalesce(sum(d.estimated_rows), 0)::bigint as estimated_rows
      from data.billing_usage_daily as d
      where d.usage_date = v_day
    ) as s
    cross join lateral billing.changed_figures(to_jsonb(u), to_jsonb(s)) as f
    where u.usage_date = v_day
    order by f.figure;
  end loop;
end $$;
comment on function billing.verify_usage(date, date) is
'Recount the complete, unsealed UTC days of [from, until) and compare; writes nothing. A row per '
'figure that differs, none when all is right. tenant_id NULL: a sum in the day ledger. is_waiting: '
'late facts of that tenant and day have come in, the next run counts them (metric NULL: without '
'changing a figure). Errors: 22023 bad range, 42501 no root session.';

create function billing.day_states(p_from date, p_until date)
returns table (date date, state text, sealed_at timestamptz)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform billing.hold_release();
  perform billing.require_operator_or_root();
  perform billing.require_range(p_from, p_until);
  return query
  select x.day::date,
    coalesce(u.state, case
      when x.day::date < s.billing_from then 'before_start'
      when x.day::date > billing.utc_day(now()) then 'future'
      else 'missing'
    end),
    u.sealed_at
  from data.settings as s
  cross join lateral generate_series(
    p_from::timestamp, (p_until - 1)::timestamp, interval '1 day') as x (day)
  left join data.usage_days as u on u.usage_date = x.day::date
  order by x.day;
end $$;
comment on function billing.day_states(date, date) is
'A row per UTC day of [from, until) with its state: complete days can be verified, sealed ones no '
'longer, the others not yet. Errors as for verify_usage.';

create function billing.usage_digest(p_from date, p_until date) returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform billing.hold_release();
  perform billing.require_operator_or_root();
  perform billing.require_range(p_from, p_until);
  return (
    select encode(sha256(convert_to(
      coalesce(string_agg(to_char(x.usage_date, 'YYYY-MM-DD') || ' ' || x.digest, e'\n'
                          order by x.usage_date), ''),
      'UTF8')), 'hex')
    from (
      select d.usage_date,
        encode(sha256(convert_to(string_agg(
          concat_ws(' ', d.tenant_id, f.figure, f.new_value), e'\n'
          order by d.tenant_id, f.figure collate "C"), 'UTF8')), 'hex') as digest
      from data.billing_usage_daily as d
      cross join lateral billing.changed_figures(null, to_jsonb(d)) as f
      join billing.metrics as m on m.name = f.figure
      where d.usage_date >= p_from and d.usage_date < p_until
      group by d.usage_date
    ) as x);
end $$;
comment on function billing.usage_digest(date, date) is
'SHA-256 of the published figures of [from, until): tenant, day, metric, number, and nothing else. '
'Equal after dump and restore or a recount from nothing; a metric that is 0 throughout leaves no '
'trace in it. Errors as for verify_usage.';

create function billing.rehearse_usage(
  p_from date, p_until date, p_tenant_id uuid default null)
returns table (tenant_id uuid, date date, metric text, stored bigint, recounted bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform billing.hold_release();
  perform billing.require_operator_or_root();
  perform billing.require_countable(p_from, p_until);
  if p_tenant_id is not null then
    perform billing.require_tenant(p_tenant_id);
  end if;
  return query
  select f.tenant_id, x.day::date, f.metric, f.stored, f.recounted
  from generate_series(p_from::timestamp, (p_until - 1)::timestamp, interval '1 day') as x (day)
  cross join lateral billing.differing_figures(
    x.day::date, case when p_tenant_id is not null then array[p_tenant_id] end) as f
  order by x.day, f.tenant_id, f.metric;
end $$;
comment on function billing.rehearse_usage(date, date, uuid) is
'What aggregate_usage, or with a tenant aggregate_tenant_usage, would change; writes nothing. '
'Errors as for those two.';
