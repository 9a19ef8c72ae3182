-- 55 · Usage runs: the ledger of runs, for those who look after the numbers.

set local role billing_aggregator;

create function billing.read_runs(p_limit integer)
returns table (
  id bigint, started_at timestamptz, finished_at timestamptz, trigger text, started_by text,
  outcome text, error text, days_counted integer, days_failed integer, rows_changed bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform billing.require_operator_or_root();
  return query
  select
    r.id, r.started_at, r.finished_at, r.trigger, r.started_by, r.outcome, r.error,
    r.days_counted, r.days_failed, r.rows_changed
  from data.usage_runs as r
  order by r.id desc
  limit p_limit;
end $$;
comment on function billing.read_runs(integer) is
'The newest runs, newest first. Error 42501 on the web without a root session.';
