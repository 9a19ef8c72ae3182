-- 37 · Usage ledger: the lock on a day and the entries that vouch for the numbers – a row per day
-- and a row per run, written in the transaction of the numbers (R6).

set local role billing_aggregator;

create function billing.require_read_committed() returns void
language plpgsql
as $$
-- Under a fixed snapshot a count would not see what was committed while it waited for the day.
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'counting needs READ COMMITTED, this transaction is %',
      upper(current_setting('transaction_isolation'))
      using errcode = 'invalid_transaction_state';
  end if;
end $$;
comment on function billing.require_read_committed() is
'Error 25000 unless every statement of this transaction takes its own snapshot.';

create function billing.lock_class(p_what text) returns integer
language sql immutable
as $$
  -- classes of advisory locks, far from the small numbers that applications like to use
  select case p_what
    when 'day' then 770031
    when 'run number' then 770032
    when 'run' then 770033
    when 'sign-in' then 770035
    when 'release' then 770036
    when 'address' then 770037
    when 'open day' then 770038
  end;
$$;
comment on function billing.lock_class(text) is
'Class of the advisory lock on a day, on a run''s number, on running as such, on an account, '
'on the release that is installed, on an address that signs in, on a day that is not closed yet.';

create function billing.hold_release() returns void
language plpgsql
as $$
-- The first step of whatever counts. The functions that it goes on to call are looked up
-- afterwards, and no rebuild replaces them before this transaction ends.
begin
  perform pg_advisory_xact_lock_shared(billing.lock_class('release'), 0);
  -- opening a table makes the session take notice of what was replaced while it waited
  perform from data.settings;
end $$;
comment on function billing.hold_release() is
'Wait for a rebuild that is under way and keep the next one out until this transaction ends.';

create function billing.try_lock_day(p_day date) returns boolean
language sql
as $$
  select pg_try_advisory_xact_lock(billing.lock_class('day'), p_day - date '2000-01-01');
$$;
comment on function billing.try_lock_day(date) is
'Take the day for this transaction; false when somebody else is counting it.';

create function billing.describe_day_holder(p_day date) returns text
language sql stable
as $$
  -- Whoever counts holds the day and the number of the run in one transaction.
  select coalesce(
    (select format('run %s (backend %s)', r.objid, r.pid)
     from pg_locks as l
     join pg_locks as r on r.pid = l.pid and r.locktype = 'advisory'
       and r.classid = billing.lock_class('run number')::oid
       and r.objsubid = 2 and r.granted and r.database = l.database
     where l.locktype = 'advisory' and l.classid = billing.lock_class('day')::oid
       and l.objsubid = 2 and l.granted
       and l.objid::bigint::bit(32)::integer = p_day - date '2000-01-01'
       and l.database = (select oid from pg_database where datname = current_database())
     order by r.objid desc
     limit 1),
    'another transaction');
$$;
comment on function billing.describe_day_holder(date) is 'Which run is counting the day now.';

create function billing.lock_day(p_day date) returns void
language plpgsql
set lock_timeout = '10s'
as $$
-- Take the day for this transaction, waiting at most 10 s; error 55P03 names who holds it.
begin
  perform pg_advisory_xact_lock(billing.lock_class('day'), p_day - date '2000-01-01');
exception when lock_not_available then
  raise exception 'day % is being counted by %; waited 10 s', to_char(p_day, 'YYYY-MM-DD'),
    billing.describe_day_holder(p_day)
    using errcode = 'lock_not_available', hint = 'Nothing was changed; try again later.';
end $$;
comment on function billing.lock_day(date) is
'Take the day for this transaction, waiting at most 10 s; error 55P03 names the run that has it.';

create function billing.begin_run() returns bigint
language plpgsql
as $$
declare
  v_run_id constant bigint := nextval('data.usage_runs_id_seq');
begin
  perform billing.require_read_committed();
  perform pg_advisory_xact_lock(
    billing.lock_class('run number'), (v_run_id % 2147483648)::integer);
  -- whatever this transaction writes is this run's doing
  perform set_config('billing.run_id', v_run_id::text, true);
  return v_run_id;
end $$;
comment on function billing.begin_run() is
'Number of a new run; its advisory lock lets whoever waits for a day name this run.';

create function billing.record_run(
  p_run_id bigint, p_trigger text, p_as_of timestamptz, p_started_at timestamptz,
  p_days date[], p_rows_changed bigint, p_errors text[], p_is_nightly boolean default false
) returns void
language plpgsql
as $$
begin
  insert into data.usage_runs (
    id, as_of, started_at, finished_at, rows_changed, restatements, source_rows, days_counted,
    days_failed, is_nightly, trigger, started_by, outcome, error)
  select
    p_run_id, p_as_of, p_started_at, clock_timestamp(), p_rows_changed,
    (select count(*) from data.usage_restatements as r where r.run_id = p_run_id),
    coalesce((select sum(u.source_rows) from data.usage_days as u
              where u.usage_date = any (p_days)), 0),
    cardinality(p_days), cardinality(p_errors), p_is_nightly, p_trigger, session_user,
    case
      when cardinality(p_errors) = 0 then 'succeeded'
      when cardinality(p_days) = 0 then 'failed'
      else 'partial'
    end,
    nullif(array_to_string(p_errors[1:10], e'\n'), '');
end $$;
comment on function billing.record_run(
  bigint, text, timestamptz, timestamptz, date[], bigint, text[], boolean) is
'Append the run to the run ledger.';
