-- 41 · Aggregate as root: recounting from the root page, proved in the function itself.

set local role billing_aggregator;

create function billing.aggregate_as_root(
  p_from date, p_until date, out rows_changed bigint, out run_id bigint
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform billing.is_root();
  if p_until - p_from > 31 then
    raise exception 'more than 31 days at once' using errcode = 'invalid_parameter_value',
      hint = 'Choose a shorter range, or let `billing aggregate` do it.';
  end if;
  rows_changed := billing.aggregate_days(p_from, p_until, null);
  run_id := currval('data.usage_runs_id_seq');
end $$;
comment on function billing.aggregate_as_root(date, date) is
'Recount the UTC days of [from, until), at most 31, in a transaction that entered a root session; '
'rows changed and the number of the run. Errors: 42501 no root, 22023 bad or too long range, 22008 '
'future, 55000 sealed, 55P03 somebody else has been counting for 10 s.';
