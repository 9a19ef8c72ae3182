-- 63 · Counting failures: why the next numbers will not come, whatever the cause.

set local role billing_aggregator;

create function billing.failing_jobs(out job_name text, out reason text) returns setof record
language plpgsql stable
as $$
-- Our jobs whose last runs since the server's start all failed, two of three at least: one may have
-- met a release. A run that began a quarter of an hour ago and has no end failed, too. The job at
-- the start of the server does nothing that the tick does not.
begin
  if to_regclass('cron.job_run_details') is not null then
    return query
    select j.jobname::text, r.reason
    from cron.job as j
    cross join lateral (
      select
        count(*) as runs,
        bool_and(x.status <> 'succeeded') as have_failed,
        (array_agg(coalesce(x.return_message, x.status) order by x.runid desc))[1] as reason
      from (
        select d.runid, d.status, d.return_message
        from cron.job_run_details as d
        where d.jobid = j.jobid
          and coalesce(d.start_time, d.end_time, now()) >= pg_postmaster_start_time()
          and (
            d.status in ('succeeded', 'failed')
            or coalesce(d.start_time, '-infinity') < now() - interval '15 minutes')
        order by d.runid desc
        limit 3
      ) as x
    ) as r
    where j.active and j.username = current_user and j.database = current_database()
      and j.jobname <> 'billing reboot'
      and r.runs >= 2 and r.have_failed;
  end if;
end $$;
comment on function billing.failing_jobs() is
'Our pg_cron jobs of which the last runs all failed or never ended, and what the last one said.';

create function billing.counting_failures(out failure text, out reason text)
returns setof record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select format('pg_cron''s job %s fails', f.job_name), f.reason
  from billing.failing_jobs() as f
  union all
  -- today at least can always be counted
  select 'The last runs all failed', (array_agg(r.error order by r.id desc))[1]
  from (
    select n.id, n.outcome, n.error
    from data.usage_runs as n
    where not n.is_nightly
    order by n.id desc
    limit 3
  ) as r
  having count(*) >= 2 and bool_and(r.outcome = 'failed')
  union all
  select 'The night''s work is late',
    coalesce('it was last done at '
             || to_char(h.last_night_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC',
             'it has never been done')
    || ', so days are not published and facts without a marker not found'
  from billing.read_health() as h
  where h.night_is_late
  union all
  -- the tick comes every 5 minutes; without it the web application counts after 15
  select 'Nothing counts, though pg_cron has our jobs',
    format('the last run ended at %s UTC', to_char(r.ended_at at time zone 'UTC',
                                                   'YYYY-MM-DD HH24:MI'))
  from (select max(n.finished_at) as ended_at from data.usage_runs as n) as r
  where r.ended_at < now() - interval '30 minutes'
    and pg_postmaster_start_time() < now() - interval '30 minutes'
    and exists (select from billing.scheduled_jobs() as j where j.job_name = 'billing tick')
    and exists (select from data.settings as s where s.billing_from <= billing.utc_day(now()));
end $$;
comment on function billing.counting_failures() is
'Why the next numbers will not come: a failing job, failing runs, no run for half an hour although '
'jobs are scheduled, a night whose work is late; with the reason, which is not for everybody.';
