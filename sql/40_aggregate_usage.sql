-- 40 · Aggregate usage: from source rows to the daily numbers of one UTC day.
--
-- A day is recounted whole, never incremented (R1, R2): the numbers are a pure function of the
-- source rows. Only rows that differ are written, so a run that finds nothing new writes nothing.

set local role billing_aggregator;

create function billing.write_day(
  p_day date, p_tenant_ids uuid[], p_counted_at timestamptz, p_run_id bigint
) returns bigint
language plpgsql
as $$
-- Count one day and write what differs; returns rows changed. The caller holds the day's lock.
-- With tenants given only theirs are recounted and the day is not marked as counted.
declare
  v_now constant timestamptz := clock_timestamp();
  v_end constant timestamptz := (p_day + 1)::timestamp at time zone 'UTC';
  v_counted_at timestamptz := p_counted_at;
  v_before billing.row_counts;
  v_rows_changed bigint;
begin
  perform billing.require_unsealed(p_day);

  -- A day that has ended is closed by its count, unless a transaction that has written to it is
  -- under way: it stays open then, and so due (file 29).
  if p_tenant_ids is null and p_counted_at >= v_end
    and not exists (
      select from data.usage_days as u where u.usage_date = p_day and u.state = 'complete')
    and not billing.try_close(p_day) then
    v_counted_at := v_end - interval '1 microsecond';
  end if;

  -- Take the visible markers first, count afterwards: whatever commits in between leaves a marker
  -- that this statement does not see and the next run takes.
  delete from data.late_day_markers as l
  where l.usage_date = p_day and (p_tenant_ids is null or l.tenant_id = any (p_tenant_ids));

  if p_tenant_ids is not null then
    v_before := billing.row_counts_of(p_day, p_tenant_ids);
  end if;
  insert into data.billing_usage_daily as d (
    tenant_id, usage_date, created_at, updated_at,
    sms_outbound_count, sms_inbound_count, mms_outbound_count, mms_inbound_count,
    sms_outbound_segments, sms_inbound_segments,
    voice_minutes_inbound, voice_minutes_outbound, voice_seconds_inbound, voice_seconds_outbound,
    emails_sent, ai_requests,
    counted_rows, pending_rows, not_counted_rows, test_rows, unclassified_rows, estimated_rows)
  select
    c.tenant_id, p_day, v_now, v_now,
    c.sms_outbound_count, c.sms_inbound_count, c.mms_outbound_count, c.mms_inbound_count,
    c.sms_outbound_segments, c.sms_inbound_segments,
    c.voice_minutes_inbound, c.voice_minutes_outbound,
    c.voice_seconds_inbound, c.voice_seconds_outbound,
    c.emails_sent, c.ai_requests,
    c.counted_rows, c.pending_rows, c.not_counted_rows, c.test_rows, c.unclassified_rows,
    c.estimated_rows
  from billing.changed_usage(p_day, p_tenant_ids) as c
  on conflict (tenant_id, usage_date) do update set
    updated_at = excluded.updated_at,
    sms_outbound_count = excluded.sms_outbound_count,
    sms_inbound_count = excluded.sms_inbound_count,
    mms_outbound_count = excluded.mms_outbound_count,
    mms_inbound_count = excluded.mms_inbound_count,
    sms_outbound_segments = excluded.sms_outbound_segments,
    sms_inbound_segments = excluded.sms_inbound_segments,
    voice_minutes_inbound = excluded.voice_minutes_inbound,
    voice_minutes_outbound = excluded.voice_minutes_outbound,
    voice_seconds_inbound = excluded.voice_seconds_inbound,
    voice_seconds_outbound = excluded.voice_seconds_outbound,
    emails_sent = excluded.emails_sent,
    ai_requests = excluded.ai_requests,
    counted_rows = excluded.counted_rows,
    pending_rows = excluded.pending_rows,
    not_counted_rows = excluded.not_counted_rows,
    test_rows = excluded.test_rows,
    unclassified_rows = excluded.unclassified_rows,
    estimated_rows = excluded.estimated_rows;
  get diagnostics v_rows_changed = row_count;

  if p_tenant_ids is null then
    perform billing.record_day(p_day, v_counted_at, p_run_id);
  else
    perform billing.record_tenants(
      p_day, v_before, billing.row_counts_of(p_day, p_tenant_ids), p_run_id);
  end if;
  return v_rows_changed;
end $$;
comment on function billing.write_day(date, uuid[], timestamptz, bigint) is
'The day kernel: recount a day, write what differs, enter it in the ledger: as complete when it '
'has ended and nobody is writing to it any more.';

create function billing.aggregate_days(p_from date, p_until date, p_tenant_ids uuid[])
returns bigint
language plpgsql
as $$
-- What the callable functions below share: days ascending, one ledger row, all or nothing.
declare
  v_started_at constant timestamptz := clock_timestamp();
  v_run_id bigint;
  v_days date[] := array[]::date[];
  v_rows_changed bigint := 0::bigint;
begin
  perform billing.require_countable(p_from, p_until);
  v_run_id := billing.begin_run();
  for v_offset in 0 .. p_until - p_from - 1 loop
    perform billing.lock_day(p_from + v_offset);
    v_rows_changed := v_rows_changed
      + billing.write_day(p_from + v_offset, p_tenant_ids, clock_timestamp(), v_run_id);
    v_days := v_days || (p_from + v_offset);
  end loop;
  perform billing.record_run(
    v_run_id, 'manual', v_started_at, v_started_at, v_days, v_rows_changed, '{}');
  return v_rows_changed;
end $$;
comment on function billing.aggregate_days(date, date, uuid[]) is
'Recount the days of [from, until) in ascending order; returns rows changed.';

create function billing.aggregate_usage(p_day date) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform billing.hold_release();
  if p_day is null then
    raise exception 'a day is needed' using errcode = 'invalid_parameter_value';
  end if;
  if p_day = 'infinity' then
    raise exception 'day infinity lies in the future' using errcode = 'datetime_field_overflow';
  end if;
  return billing.aggregate_days(p_day, p_day + 1, null);
end $$;
comment on function billing.aggregate_usage(date) is
'Recount one UTC day whole; returns rows changed, 0 proves a no-op. Errors: 22008 future day, '
'55000 sealed day, 55P03 somebody else has been counting it for 10 s (the run is named).';

create function billing.aggregate_usage(p_from date, p_until date) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform billing.hold_release();
  return billing.aggregate_days(p_from, p_until, null);
end $$;
comment on function billing.aggregate_usage(date, date) is
'Recount the UTC days of [from, until), the end not included, ascending and all or nothing; '
'returns rows changed. Errors as for one day, and 22023 for an empty, reversed or huge range.';

create function billing.aggregate_tenant_usage(p_tenant_id uuid, p_from date, p_until date)
returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform billing.hold_release();
  perform billing.require_tenant(p_tenant_id);
  return billing.aggregate_days(p_from, p_until, array[p_tenant_id]);
end $$;
comment on function billing.aggregate_tenant_usage(uuid, date, date) is
'Recount one tenant''s days of [from, until); never marks a day as counted. Returns rows changed.';
