-- 61 · Metric findings: what a metric, its limit or its kind of row still lacks. Every step of
-- docs/add-a-metric.md that can be forgotten without an error is asked for here.

set local role billing_owner;

create view billing.metric_findings with (security_invoker = true) as
with
daily_column as (
  select a.attname::text as name
  from pg_attribute as a
  where a.attrelid = 'data.billing_usage_daily'::regclass and a.attnum > 0
    and not a.attisdropped and a.atttypid = 'bigint'::regtype and a.attname <> 'id'
),
our_function as (
  -- a function's own text, or what the server made of it
  select p.proname as name, coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) as body,
    p.proargnames as arguments
  from pg_proc as p
  where p.pronamespace = 'billing'::regnamespace
)

select 'column_without_metric' as rule, 'error' as severity, c.name as object,
  'Add the metric to billing.metrics in sql/50_metrics.sql.' as what_to_do
from daily_column as c
where not exists (select from billing.metrics as m where m.name = c.name)

union all
select 'column_not_counted', 'error', c.name,
  'Add it to usage_figures, count_usage and changed_usage in sql/33_count_usage.sql, and to '
  'write_day in sql/40_aggregate_usage.sql.'
from daily_column as c
where not exists (
    select from pg_attribute as a
    where a.attrelid = 'billing.usage_figures'::regclass and a.attname = c.name)
  or exists (
    select from our_function as f
    where f.name = 'changed_usage' and f.body !~ format('\mo\.%s\M.*\mc\.%1$s\M', c.name)
      or f.name = 'write_day' and f.body !~ format('\mc\.%s\M.*\m%1$s = excluded\.%1$s\M', c.name))

union all
select 'kind_not_counted', 'error', k.kind::text,
  'Say in billing.metric_kinds (sql/47_explain_usage.sql) which metric it feeds, and add it up in '
  'count_usage, sql/33_count_usage.sql.'
from unnest(enum_range(null::billing.usage_kind)) as k (kind)
where not exists (select from billing.metric_kinds as x where x.kind = k.kind)
  or exists (
    select from our_function as f
    where f.name = 'count_usage'
      and position(format('g.counts_as = ''%s''', k.kind) in f.body) = 0)

union all
select 'metric_not_explained', 'error', m.name,
  'Say in billing.metric_kinds (sql/47_explain_usage.sql) which rows feed it.'
from billing.metrics as m
where not exists (select from billing.metric_kinds as k where k.metric = m.name)

union all
select 'status_not_listed', 'error', x.source,
  'Write its words in sql/30_usage_source.sql as `when p_status in (…) then ''counted''`: pages '
  'say what counts.'
from (select distinct m.source from billing.metrics as m) as x
where not exists (
  select from billing.usage_statuses as s where s.source = x.source and s.outcome = 'counted')

union all
select 'metric_not_in_json', 'error', m.name,
  'Add it to billing.metrics_json in sql/50_metrics.sql, under its JSON name.'
from billing.metrics as m
join our_function as f on f.name = 'metrics_json'
where position(format('''%s'', p_%s', m.json_name, m.name) in f.body) = 0

union all
select 'metric_not_in_view', 'error', format('%s in %s', m.name, v.name),
  'Add the column in sql/53_usage_daily.sql and sql/54_tenant_usage.sql.'
from billing.metrics as m
cross join (values ('usage_daily'), ('tenant_usage')) as v (name)
where not exists (
  select from pg_attribute as a
  where a.attrelid = format('billing.%I', v.name)::regclass and a.attname = m.name)

union all
select 'metric_not_in_overview', 'error', m.name,
  'It has a card, and so a column: add it to column_value and overview_entry in '
  'sql/58_overview_words.sql, and in sql/58_tenant_overview.sql, sql/59_tenants_document.sql and '
  'sql/59_tenants_page.sql.'
from billing.metrics as m
where m.on_card and exists (
  select from our_function as f
  where f.name = 'column_value' and position(format('''%s'' then', m.json_name) in f.body) = 0
    or f.name = 'overview_entry' and position(format('''%s'', p_', m.json_name) in f.body) = 0
    or f.name = 'tenants_table' and not m.json_name = any(f.arguments)
    or f.name in ('overview_tenants', 'tenants_document', 'tenants_table')
    and f.body !~ format('\.%s\M', m.name))

union all
select 'limit_without_metric', 'error', a.attname::text,
  'Name the limit in the line of its metric, billing.metrics in sql/50_metrics.sql.'
from pg_attribute as a
where a.attrelid = 'data.plans'::regclass and a.attname like 'max\_%' and not a.attisdropped
  and not exists (select from billing.metrics as m where m.limit_column = a.attname)

union all
select 'limit_not_compared', 'error', m.name,
  'Compare it with its limit in billing.tenant_usage_on, sql/54_tenant_usage.sql.'
from billing.metrics as m
join our_function as f on f.name = 'tenant_usage_on'
where m.limit_column is not null
  and not (
    position(format('share_of_limit(u.%s, p.%s)', m.name, m.limit_column) in f.body) > 0
    and position(format('(u.%s > p.%s)', m.name, m.limit_column) in f.body) > 0)

union all
select 'limit_not_in_json', 'error', m.name,
  'Add its limit to planLimits in billing.usage_summary_on, sql/57_usage_summary.sql: the page '
  'reads it there.'
from billing.metrics as m
join our_function as f on f.name = 'usage_summary_on'
where m.limit_column is not null
  and position(format('''%s'', u.%s', m.limit_json_name, m.limit_column) in f.body) = 0;
comment on view billing.metric_findings is
'A row per step of a metric, limit or kind that was forgotten; part of billing.findings.';
