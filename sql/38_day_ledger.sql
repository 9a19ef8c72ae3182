-- 38 · Day ledger: a row per counted day, with the sums of the row counts in its daily rows.

set local role billing_aggregator;

create type billing.row_counts as (
  counted bigint, pending bigint, not_counted bigint, test bigint, unclassified bigint,
  estimated bigint
);
comment on type billing.row_counts is 'How many source rows of a day stand behind its daily rows.';

create function billing.row_counts_of(p_day date, p_tenant_ids uuid[])
returns billing.row_counts
language plpgsql stable
as $$
declare
  v_counts billing.row_counts;
begin
  select
    coalesce(sum(d.counted_rows), 0), coalesce(sum(d.pending_rows), 0),
    coalesce(sum(d.not_counted_rows), 0), coalesce(sum(d.test_rows), 0),
    coalesce(sum(d.unclassified_rows), 0), coalesce(sum(d.estimated_rows), 0)
  into v_counts
  from data.billing_usage_daily as d
  where d.usage_date = p_day and (p_tenant_ids is null or d.tenant_id = any (p_tenant_ids));
  return v_counts;
end $$;
comment on function billing.row_counts_of(date, uuid[]) is
'The sums of the row counts in the daily rows of a day, of some tenants or (NULL) all.';

create function billing.record_day(p_day date, p_counted_at timestamptz, p_run_id bigint)
returns void
language plpgsql
as $$
-- PL/pgSQL keeps the plan: a back-fill comes here every day.
begin
  insert into data.usage_days as u (
    usage_date, counted_at, run_id, source_rows, counted_rows, pending_rows, not_counted_rows,
    test_rows, unclassified_rows, estimated_rows)
  select
    p_day, p_counted_at, p_run_id,
    s.counted + s.pending + s.not_counted + s.test + s.unclassified,
    s.counted, s.pending, s.not_counted, s.test, s.unclassified, s.estimated
  from billing.row_counts_of(p_day, null) as s
  on conflict (usage_date) do update set
    -- never back in time: a run for an earlier as-of does not re-open a day
    counted_at = greatest(u.counted_at, excluded.counted_at),
    last_error = null,
    run_id = excluded.run_id,
    source_rows = excluded.source_rows,
    counted_rows = excluded.counted_rows,
    pending_rows = excluded.pending_rows,
    not_counted_rows = excluded.not_counted_rows,
    test_rows = excluded.test_rows,
    unclassified_rows = excluded.unclassified_rows,
    estimated_rows = excluded.estimated_rows;
end $$;
comment on function billing.record_day(date, timestamptz, bigint) is
'Enter a day that was counted whole in the day ledger, with the sums of its daily rows.';

create function billing.record_tenants(
  p_day date, p_before billing.row_counts, p_after billing.row_counts, p_run_id bigint
) returns void
language plpgsql
as $$
-- What a late fact costs does not depend on how many other tenants the day has. The day's state
-- stays; a day that was never counted whole is entered when it is.
begin
  update data.usage_days as u set
    run_id = p_run_id,
    source_rows = u.source_rows
      + p_after.counted - p_before.counted + p_after.pending - p_before.pending
      + p_after.not_counted - p_before.not_counted + p_after.test - p_before.test
      + p_after.unclassified - p_before.unclassified,
    counted_rows = u.counted_rows + p_after.counted - p_before.counted,
    pending_rows = u.pending_rows + p_after.pending - p_before.pending,
    not_counted_rows = u.not_counted_rows + p_after.not_counted - p_before.not_counted,
    test_rows = u.test_rows + p_after.test - p_before.test,
    unclassified_rows = u.unclassified_rows + p_after.unclassified - p_before.unclassified,
    estimated_rows = u.estimated_rows + p_after.estimated - p_before.estimated
  where u.usage_date = p_day and u.counted_at is not null;
end $$;
comment on function billing.record_tenants(
  date, billing.row_counts, billing.row_counts, bigint) is
'Bring the sums of a counted day up to date after some tenants were recounted.';

create function billing.record_failed_day(p_day date, p_run_id bigint, p_error text) returns void
language sql
as $$
  insert into data.usage_days as u (usage_date, run_id, last_error)
  values (p_day, p_run_id, p_error)
  on conflict (usage_date) do update set
    run_id = excluded.run_id, last_error = excluded.last_error;
$$;
comment on function billing.record_failed_day(date, bigint, text) is
'Enter a failed try; a day counted before keeps its numbers and its state.';
