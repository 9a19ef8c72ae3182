-- 56 · Verification: what verifying a range finds as one JSON document, for root's page.

set local role billing_aggregator;

create function billing.verification(p_from date, p_until date) returns json
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform billing.require_operator_or_root();
  return (
    with
    day as materialized (select d.* from billing.day_states(p_from, p_until) as d),
    found as materialized (select f.* from billing.verify_usage(p_from, p_until) as f)
    select json_build_object(
      'from', p_from,
      'to', p_until - 1,
      'daysVerified', (select count(*) from day as d where d.state = 'complete'),
      'sealedDays', (
        select coalesce(json_agg(d.date order by d.date), '[]') from day as d
        where d.state = 'sealed'),
      'daysNotVerified', (
        select coalesce(json_agg(json_build_object('date', d.date, 'state', d.state)
          order by d.date), '[]')
        from day as d where d.state not in ('complete', 'sealed')),
      'daysWaiting', (
        select coalesce(json_agg(w.date order by w.date), '[]')
        from (select distinct f.date from found as f where f.is_waiting) as w),
      'differenceCount', (select count(*) from found as f where not f.is_waiting),
      'differences', (
        select coalesce(json_agg(json_build_object(
          'tenantId', f.tenant_id, 'tenantName', f.name, 'date', f.date, 'metric', f.metric,
          'stored', f.stored, 'recounted', f.recounted)), '[]')
        from (
          select x.*, t.name
          from found as x
          left join data.tenants as t on t.id = x.tenant_id
          where not x.is_waiting
          order by x.date, x.tenant_id, x.metric
          limit 200
        ) as f),
      'digest', billing.usage_digest(p_from, p_until)));
end $$;
comment on function billing.verification(date, date) is
'What verify_usage finds and which days it can speak of, as one JSON document; the first 200 '
'differences. Errors as for verify_usage.';
