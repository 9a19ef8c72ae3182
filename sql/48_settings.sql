-- 48 · Settings: the one row that pg_cron can see, read and changed by the operator.

set local role billing_aggregator;

create function billing.read_settings(out name text, out value text, out meaning text)
returns setof record
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.attname::text, to_jsonb(s) ->> a.attname, col_description(a.attrelid, a.attnum)
  from data.settings as s
  join pg_attribute as a on a.attrelid = 'data.settings'::regclass
  where a.attnum > 0 and not a.attisdropped and a.attname <> 'only_row'
  order by a.attnum;
$$;
comment on function billing.read_settings() is 'Every setting with its value and meaning.';

create function billing.change_setting(p_name text, p_value text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_constraint text;
begin
  if not exists (select from billing.read_settings() as r where r.name = p_name) then
    raise exception 'there is no setting %', coalesce(p_name, 'NULL')
      using errcode = 'undefined_object', hint = 'One of: ' || (
        select string_agg(r.name, ', ') from billing.read_settings() as r);
  end if;
  -- the casts below take more than anybody means to write: tomorrow, 20261121, 0x4
  if p_name = 'billing_from' and p_value !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' then
    raise exception 'setting % cannot be %', p_name, quote_literal(p_value)
      using errcode = 'invalid_parameter_value', detail = 'Write it as YYYY-MM-DD, e.g. 2026-11-21';
  elsif p_name <> 'billing_from' and p_value !~ '^[0-9]{1,9}$' then
    raise exception 'setting % cannot be %', p_name, quote_literal(p_value)
      using errcode = 'invalid_parameter_value', detail = 'Write a whole number';
  end if;
  update data.settings as s set
    billing_from = case p_name
      when 'billing_from' then p_value::date else s.billing_from end,
    nightly_hour_utc = case p_name
      when 'nightly_hour_utc' then p_value::integer else s.nightly_hour_utc end,
    nightly_window_days = case p_name
      when 'nightly_window_days' then p_value::integer else s.nightly_window_days end,
    stale_after_hours = case p_name
      when 'stale_after_hours' then p_value::integer else s.stale_after_hours end,
    raw_retention_days = case p_name
      when 'raw_retention_days' then p_value::integer else s.raw_retention_days end,
    session_idle_minutes = case p_name
      when 'session_idle_minutes' then p_value::integer else s.session_idle_minutes end,
    session_max_hours = case p_name
      when 'session_max_hours' then p_value::integer else s.session_max_hours end;
  perform billing.schedule_jobs();
exception
  when check_violation or not_null_violation or invalid_text_representation
    or invalid_datetime_format or datetime_field_overflow or numeric_value_out_of_range then
    get stacked diagnostics v_constraint = constraint_name;
    raise exception 'setting % cannot be %', p_name, coalesce(quote_literal(p_value), 'NULL')
      using errcode = 'invalid_parameter_value', detail = coalesce(
        (select 'Allowed is ' || pg_get_expr(k.conbin, k.conrelid)
         from pg_constraint as k
         where k.conrelid = 'data.settings'::regclass and k.conname = v_constraint),
        sqlerrm);
end $$;
comment on function billing.change_setting(text, text) is
'Change one setting; in force at once, the nightly hour included. Errors: 42704 no such setting, '
'22023 bad value.';

create function billing.schedule_jobs() returns void
language plpgsql
as $$
-- Our pg_cron jobs by name, as the role that counts; scheduling again updates, never duplicates.
-- Nothing happens where pg_cron is not installed.
declare
  v_nightly_hour constant integer := (select s.nightly_hour_utc from data.settings as s);
begin
  if to_regclass('cron.job') is null then
    return;
  end if;
  -- jobs that are not ours, and ours that were switched off: scheduling does not switch them on
  perform cron.unschedule(j.jobid)
  from cron.job as j
  where j.username = current_user and j.database = current_database()
    and (not j.active or j.jobname is null or j.jobname not in (
      'billing tick', 'billing reboot', 'billing nightly', 'billing prune job log'));
  perform cron.schedule('billing tick', '*/5 * * * *', 'select billing.run_usage(''pg_cron'')');
  perform cron.schedule('billing reboot', '@reboot', 'select billing.run_usage(''reboot'')');
  perform cron.schedule('billing nightly', format('0 %s * * *', v_nightly_hour),
                        'select billing.run_nightly()');
  -- run rows grow for ever; row-level security limits this to the runs of our own jobs
  perform cron.schedule('billing prune job log', '30 3 * * *',
                        -- a run that was cut off has no end: what came before an old one is old
                        'delete from cron.job_run_details where runid <= ('
                        'select max(d.runid) from cron.job_run_details as d '
                        'where coalesce(d.end_time, d.start_time) < now() - interval ''7 days'')');
end $$;
comment on function billing.schedule_jobs() is
'Schedule our pg_cron jobs, by name: the tick every 5 minutes, at every start of the server, '
'the night''s work at settings.nightly_hour_utc (the first tick that finds it due does it, too), '
'pruning of the job log. No-op without pg_cron.';
