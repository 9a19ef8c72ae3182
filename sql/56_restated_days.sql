-- 56 · Restated days: what was changed after it had been published, for pages to mark and to tell.
-- `+ 0` and `|| ''` keep conditions on these columns behind the policies (26).

set local role billing_owner;

create view billing.usage_restatements with (security_invoker = true) as
select
  r.tenant_id,
  r.usage_date + 0 as date,
  r.metric || '' as metric,
  m.json_name,
  m.label,
  m.unit,
  r.old_value + 0 as old_value,
  r.new_value + 0 as new_value,
  r.restated_at + interval '0' as restated_at,
  r.run_id + 0 as run_id,
  r.id + 0 as id
from data.usage_restatements as r
join billing.metrics as m on m.name = r.metric || '';
comment on view billing.usage_restatements is
'A row per change of a published number: what it was, what it is since, when and by which run. '
'Order by restated_at, id.';

create view billing.restated_days with (security_invoker = true) as
select
  r.tenant_id,
  r.usage_date + 0 as date,
  count(*)::integer as changes,
  count(distinct r.metric)::integer as metrics,
  min(r.restated_at) as first_restated_at,
  max(r.restated_at) as last_restated_at
from data.usage_restatements as r
group by r.tenant_id, r.usage_date;
comment on view billing.restated_days is
'A row per tenant and day with at least one change after publication.';
