-- 00 · Roles: who exists. Run by whoever may create roles; safe to run again.
--
-- Every trust level is a login of its own and a member of nothing, so that SQL smuggled into one
-- connection reaches nothing that was not granted to that very login. Passwords are not set here:
-- `billing migrate` sets them from generated ones, an administrator sets them by hand.

do $$
begin
  -- owns tables and views; has no policy anywhere, so under FORCE it reads no tenant's rows
  if to_regrole('billing_owner') is null then create role billing_owner nologin; end if;
  -- owns the functions that decide who is asking
  if to_regrole('billing_identity') is null then create role billing_identity nologin; end if;
  -- owns the counting functions; pg_cron needs a role that may log in, hence LOGIN, no password
  if to_regrole('billing_aggregator') is null then create role billing_aggregator login; end if;
  -- hands out ownership while a release is installed, and at no other time
  if to_regrole('billing_deploy') is null then create role billing_deploy login; end if;
  -- web: tenant pages, root pages, sign-in
  if to_regrole('billing_tenant') is null then create role billing_tenant login; end if;
  if to_regrole('billing_root') is null then create role billing_root login; end if;
  if to_regrole('billing_auth') is null then create role billing_auth login; end if;
  -- command line and the web application's own trigger
  if to_regrole('billing_operator') is null then create role billing_operator login; end if;
  -- writers of facts
  if to_regrole('billing_ingest') is null then create role billing_ingest login; end if;
end $$;

grant billing_owner to billing_deploy;
grant billing_identity to billing_deploy;
grant billing_aggregator to billing_deploy;

-- Statements that need the database's name, hence dynamic. A database marked as ours alone
-- (`alter database … set billing.dedicated = on`) also gets the search path and loses PUBLIC's
-- rights to connect and to temporary tables; in somebody else's database all that would be an
-- intrusion.
do $$
declare
  v_database constant text := current_database();
  v_function regprocedure;
begin
  -- whoever bootstraps installs releases as billing_deploy
  if not (select rolsuper from pg_roles where rolname = current_user) then
    execute format('grant billing_deploy to %I', current_user);
  end if;
  execute format('grant connect, create on database %I to billing_owner, billing_deploy',
                 v_database);
  execute format(
    'grant connect on database %I to billing_aggregator, billing_tenant, billing_root, '
    'billing_auth, billing_operator, billing_ingest', v_database);
  if current_setting('billing.dedicated', true) = 'on' then
    execute format('alter database %I set search_path = billing, data, public', v_database);
    execute format('revoke connect, temporary on database %I from public', v_database);
    revoke all on schema public from public;
  end if;
  if current_setting('billing.dedicated', true) = 'on'
    and (select rolsuper from pg_roles where rolname = current_user) then
    -- SQL on a web login's connection has no `do` blocks to loop in
    revoke usage on language plpgsql from public;
    grant usage on language plpgsql
    to billing_deploy, billing_owner, billing_identity, billing_aggregator;
    -- nothing on the web may sleep, signal, wait on others' locks, write large objects, or, where
    -- it only reads, into the server's log and files (60 has the same list for its finding)
    for v_function in
      select p.oid
      from pg_proc as p
      where p.pronamespace = 'pg_catalog'::regnamespace
        and p.proname ~ '^(pg_sleep|pg_notify|pg_(try_)?advisory|pg_(terminate|cancel)_backend'
          '|lo_|lo(read|write)$|pg_logical_emit_message|pg_export_snapshot'
          '|txid_current$|pg_current_xact_id$)'
    loop
      execute format('revoke execute on function %s from public', v_function);
    end loop;
    grant execute on function pg_advisory_lock(bigint) to billing_deploy;
    grant execute on function pg_try_advisory_xact_lock(integer, integer),
      pg_try_advisory_xact_lock_shared(integer, integer),
      pg_advisory_xact_lock(integer, integer), pg_advisory_xact_lock_shared(integer, integer)
    to billing_owner, billing_aggregator, billing_identity;
  end if;
end $$;

create schema if not exists data authorization billing_owner;
create schema if not exists billing authorization billing_owner;
create schema if not exists yoyo authorization billing_owner;

-- What our logins start with, the one list: set here and compared by billing.role_findings. A login
-- may change its own settings, so pages and commands pin what they lean on (app/connecting.py).
create or replace function data.role_settings(
  out role_name text, out setting text, out setting_value text)
returns setof record
language sql immutable
as $$
  select 'billing_' || r.short_name, s.setting, s.setting_value
  from (values
    -- counts and proofs need fresh snapshots, whatever the database has as its default
    ('tenant root auth operator ingest aggregator', 'default_transaction_isolation',
     'read committed'),
    -- what only reads is read-only by default
    ('tenant root', 'default_transaction_read_only', 'on'),
    ('auth operator ingest aggregator', 'default_transaction_read_only', 'off'),
    -- nothing on the web may hold on for long
    ('tenant auth', 'statement_timeout', '5s'),
    ('root', 'statement_timeout', '30s'),
    -- a background worker that hangs would hold up every other pg_cron job
    ('aggregator', 'statement_timeout', '10min'),
    ('tenant root auth', 'lock_timeout', '2s'),
    ('tenant root auth', 'idle_in_transaction_session_timeout', '10s'),
    -- a page is a short statement over wide estimates: compiling it takes longer than running it
    ('tenant root auth operator', 'jit', 'off'),
    ('tenant root auth operator', 'search_path', 'billing'),
    ('aggregator', 'search_path', 'billing, data'),
    ('ingest', 'search_path', 'data'),
    -- tokens, e-mail addresses and password hashes are parameters: whatever a server logs, not
    -- those; the first is only a superuser's to say
    ('tenant root auth operator', 'log_parameter_max_length', '0'),
    ('tenant root auth operator', 'log_parameter_max_length_on_error', '0'),
    -- and a page sorts little: no statement may fill the disk; a superuser's to say, too
    ('tenant auth', 'temp_file_limit', '256MB'),
    ('root', 'temp_file_limit', '1GB')
  ) as s (short_names, setting, setting_value)
  cross join lateral unnest(string_to_array(s.short_names, ' ')) as r (short_name);
$$;
comment on function data.role_settings() is
'The settings of our logins, all of them: any other one, or another value, is a finding.';
alter function data.role_settings() owner to billing_owner;
revoke execute on function data.role_settings() from public;

-- Whatever else was set for one of our roles, here or in some database of this server, goes.
do $$
declare
  v_change record;
begin
  for v_change in
    with now_set as (
      select r.rolname, b.datname, split_part(c.entry, '=', 1) as setting,
        substr(c.entry, strpos(c.entry, '=') + 1) as setting_value
      from pg_db_role_setting as s
      join pg_roles as r on r.oid = s.setrole
      left join pg_database as b on b.oid = s.setdatabase
      cross join lateral unnest(s.setconfig) as c (entry)
      where r.rolname ~ '^billing_(owner|identity|aggregator|deploy|tenant|root|auth|operator|ingest)$'
    )
    select format('alter role %I%s reset %I', n.rolname, ' in database ' || quote_ident(n.datname),
                  n.setting) as statement
    from now_set as n
    where n.datname is not null or not exists (
      select from data.role_settings() as w
      where w.role_name = n.rolname and w.setting = n.setting)
    union all
    -- a search path is a list of names, and not one name with a comma in it
    select format('alter role %I set %I to %s', w.role_name, w.setting,
                  case w.setting when 'search_path' then (
                      select string_agg(quote_ident(x.name), ', ')
                      from unnest(string_to_array(w.setting_value, ', ')) as x (name))
                    else quote_literal(w.setting_value) end)
    from data.role_settings() as w
    where not exists (
      select from now_set as n
      where n.datname is null and n.rolname = w.role_name and n.setting = w.setting
        and n.setting_value = w.setting_value)
  loop
    begin
      execute v_change.statement;
    exception when insufficient_privilege then
      null; -- a superuser's to say; `billing check` tells it
    end;
  end loop;
end $$;

-- pg_cron lives in one database of a server, the one named by cron.database_name. Not everybody who
-- may create roles may see that name, or create the extension.
do $$
begin
  if pg_has_role(current_user, 'pg_read_all_settings', 'usage')
    and current_setting('cron.database_name', true) = current_database() then
    create extension if not exists pg_cron;
    grant usage on schema cron to billing_aggregator, billing_deploy;
  end if;
end $$;
