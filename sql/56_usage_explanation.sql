-- 56 · Usage explanation: one number with all that vouches for it as one JSON document, so that one
-- statement answers the drill-down from a day.

set local role billing_aggregator;

create function billing.usage_explanation(
  p_tenant_id uuid, p_day date, p_metric text,
  p_reason text default null, p_limit integer default 100, p_offset bigint default 0
) returns json
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_metric text;
begin
  perform billing.require_reader(p_tenant_id);
  v_metric := billing.require_metric(p_metric);
  return (
    with
    number as (
      select t.id as tenant_id, t.name as tenant_name, d.date, d.state, d.counted_at,
        m.json_name, m.label, m.unit, (to_jsonb(d) ->> m.name)::bigint as stored
      from data.tenants as t
      cross join billing.metrics as m
      cross join lateral billing.usage_between(p_tenant_id, p_day, p_day + 1) as d
      where t.id = p_tenant_id and m.name = v_metric and p_day <= billing.utc_day(now())
    ),
    source_row as materialized (
      -- asked for by the day of the row before, hence not at all for a sealed one
      select e.*
      from number as n
      cross join lateral billing.explain_usage(p_tenant_id, n.date, v_metric) as e
      where n.state <> 'sealed'
    ),
    by_reason as (
      select s.reason, s.is_counted, count(*) as source_rows, sum(s.contribution) as contribution
      from source_row as s
      group by s.reason, s.is_counted
    ),
    page as (
      select s.*
      from source_row as s
      where p_reason is null or s.reason = p_reason
      order by s.is_counted desc, s.occurred_at, s.source, s.provider_id
      limit p_limit offset p_offset
    )
    select json_build_object(
      'tenantId', n.tenant_id,
      'tenantName', n.tenant_name,
      'date', n.date,
      'state', n.state,
      'countedAt', billing.utc_text(n.counted_at),
      'metric', json_build_object('name', n.json_name, 'label', n.label, 'unit', n.unit),
      'stored', n.stored,
      'explained', case when n.state <> 'sealed' then
        (select coalesce(sum(b.contribution), 0) from by_reason as b) end,
      'reasons', (
        select coalesce(json_agg(json_build_object(
          'reason', b.reason, 'isCounted', b.is_counted, 'rows', b.source_rows,
          'contribution', b.contribution)
          order by b.is_counted desc, b.source_rows desc, b.reason), '[]')
        from by_reason as b),
      'rowCount', (
        select coalesce(sum(b.source_rows), 0) from by_reason as b
        where p_reason is null or b.reason = p_reason),
      'rows', (
        select coalesce(json_agg(json_build_object(
          'occurredAt', billing.utc_text(p.occurred_at), 'source', p.source,
          'providerId', p.provider_id, 'kind', p.kind, 'status', p.status,
          'isCounted', p.is_counted, 'reason', p.reason, 'contribution', p.contribution)
          order by p.is_counted desc, p.occurred_at, p.source, p.provider_id), '[]')
        from page as p),
      'metrics', (
        select json_agg(json_build_object('name', a.json_name, 'label', a.label)
          order by a.sort_order)
        from billing.metrics as a),
      'restatements', (
        select coalesce(json_agg(json_build_object(
          'metric', x.json_name, 'label', x.label, 'unit', x.unit, 'oldValue', r.old_value,
          'newValue', r.new_value, 'restatedAt', billing.utc_text(r.restated_at))
          order by r.id), '[]')
        from data.usage_restatements as r
        join billing.metrics as x on x.name = r.metric
        where r.tenant_id = n.tenant_id and r.usage_date = n.date
          -- the metric itself, or those that it is the sum of
          and r.metric in (
            select k.metric
            from billing.metric_kinds as k
            join billing.metric_kinds as v on v.kind = k.kind and v.quantity = k.quantity
            where v.metric = v_metric))
    )
    from number as n);
end $$;
comment on function billing.usage_explanation(uuid, date, text, text, integer, bigint) is
'The number, its state, the sum and rows of billing.explain_usage by reason, one page of them, and '
'the number''s history, in the shape of GET /api/billing/usage/explain. NULL for a future '
'day. A sealed day has no rows any more; explained is NULL then. Errors: 42501 '
'not the own tenant or no live session, 22023 unknown tenant or metric.';
