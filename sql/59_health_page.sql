-- 59 · Health page: what is behind the few numbers of health on the overview. Of its own, because
-- the overview need not wait for it.

set local role billing_owner;

create function billing.instant_text(p_instant timestamptz) returns text
language sql stable parallel safe
as $$
  select to_char(p_instant at time zone 'UTC', 'FMDD FMMon YYYY HH24:MI" UTC"');
$$;
comment on function billing.instant_text(timestamptz) is
'An instant for people: 3 Nov 2026 06:12 UTC.';

create function billing.health_page() returns json
language sql stable
begin atomic
  select json_build_object(
    'holes', (
      select coalesce(json_agg(json_build_object(
        'day', c.date, 'text', to_char(c.date, 'FMDD FMMonth YYYY'), 'state', c.state)
        order by c.date desc), '[]')
      from (
        select x.date, x.state
        from billing.usage_calendar as x
        where x.state in ('missing', 'failed')
        order by x.date desc
        limit 31
      ) as c),
    'kinds', (
      select coalesce(json_agg(json_build_object(
        'kind', q.kind,
        'rows', billing.number_text(q.source_rows)
          || case
            when q.source_rows = 1000
              and q.kind in ('sealed', 'contradicted', 'future', 'ancient') then ' or more'
            else ''
          end,
        'meaning', q.meaning, 'example', q.example, 'command', q.command)), '[]')
      from billing.data_quality as q),
    'restated', (
      select coalesce(json_agg(json_build_object(
        'day', r.date, 'text', to_char(r.date, 'FMDD FMMonth YYYY'),
        'tenants', billing.number_text(r.tenants), 'changes', billing.number_text(r.changes),
        'last', billing.instant_text(r.last_restated_at)) order by r.date desc), '[]')
      from (
        -- a day at a time, and no more of them than are shown, whatever history there is
        select c.date, d.tenants, d.changes, d.last_restated_at
        from (select x.date from billing.usage_calendar as x order by x.date desc) as c
        cross join lateral (
          select
            count(distinct y.tenant_id) as tenants, count(*) as changes,
            max(y.restated_at) as last_restated_at
          from data.usage_restatements as y
          where y.usage_date = c.date
        ) as d
        where d.tenants > 0
        order by c.date desc
        limit 31
      ) as r),
    'runs', (
      select coalesce(json_agg(json_build_object(
        'id', n.id, 'at', billing.instant_text(n.finished_at), 'trigger', n.trigger,
        'by', n.started_by, 'outcome', n.outcome, 'error', n.error,
        'days', n.days_counted, 'failed', n.days_failed,
        'changed', billing.number_text(n.rows_changed)) order by n.id desc), '[]')
      from billing.read_runs(20) as n));
end;
comment on function billing.health_page() is
'For root as one document: the newest 31 days without numbers, kinds of questionable facts, the '
'newest 31 days that changed after publication, the last 20 runs.';
