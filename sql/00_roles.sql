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

-- What only reads is read-only by default, and nothing on the web may hold on for long.
alter role billing_tenant set default_transaction_read_only = on;
alter role billing_tenant set statement_timeout = '5s';
alter role billing_tenant set lock_timeout = '2s';
alter role billing_tenant set idle_in_transaction_session_timeout = '10s';
alter role billing_root set default_transaction_read_only = on;
alter role billing_root set statement_timeout = '30s';
alter role billing_root set lock_timeout = '2s';
alter role billing_root set idle_in_transaction_session_timeout = '10s';
alter role billing_auth set statement_timeout = '5s';
alter role billing_auth set lock_timeout = '2s';
alter role billing_auth set idle_in_transaction_session_timeout = '10s';
-- PostgreSQL 17 and newer bound the transaction, too, however many its statements.
do $$
begin
  if current_setting('server_version_num')::integer >= 170000 then
    alter role billing_tenant set transaction_timeout = '15s';
    alter role billing_root set transaction_timeout = '150s';
    alter role billing_auth set transaction_timeout = '15s';
  end if;
end $$;
-- A page is a short statement over wide estimates: compiling it would take longer than running it.
alter role billing_tenant set jit = off;
alter role billing_root set jit = off;
alter role billing_operator set jit = off;
-- A background worker that hangs would hold up every other pg_cron job.
alter role billing_aggregator set statement_timeout = '10min';

alter role billing_tenant set search_path = billing;
alter role billing_root set search_path = billing;
alter role billing_auth set search_path = billing;
alter role billing_operator set search_path = billing;
alter role billing_aggregator set search_path = billing, data;
alter role billing_ingest set search_path = data;

-- What only a superuser may say; otherwise it is an advice finding. Tokens, e-mail addresses and
-- password hashes are parameters: whatever a server logs, not those. And a page sorts little: no
-- statement may fill the disk.
do $$
declare
  v_login text;
begin
  if (select rolsuper from pg_roles where rolname = current_user) then
    foreach v_login in array
      array['billing_tenant', 'billing_root', 'billing_auth', 'billing_operator']
    loop
      execute format('alter role %I set log_parameter_max_length = 0', v_login);
      execute format('alter role %I set log_parameter_max_length_on_error = 0', v_login);
    end loop;
    alter role billing_tenant set temp_file_limit = '256MB';
    alter role billing_root set temp_file_limit = '1GB';
    alter role billing_auth set temp_file_limit = '256MB';
  end if;
end $$;

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
