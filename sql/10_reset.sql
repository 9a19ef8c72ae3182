-- 10 · Reset: take away everything that the following files write again.
--
-- Runs in the same transaction as files 20 to 70: other sessions see the old release or the new
-- one, nothing between. The only place with dynamic SQL beside 00.

-- New functions are nobody's to execute until 70 says so, whichever role owns them.
alter default privileges for role billing_owner, billing_identity, billing_aggregator
revoke execute on functions from public;

set local role billing_owner;

-- `drop schema … cascade` would silently take a host's CHECK, view or default with it when that
-- leans on a billing object. Refuse before anything is dropped.
do $$
declare
  v_dependents text;
begin
  select string_agg(distinct pg_describe_object(x.classid, x.objid, x.objsubid), '; ')
  into v_dependents
  from (
    select d.classid, d.objid, d.objsubid,
      case d.classid
        when 'pg_class'::regclass then (select relnamespace from pg_class where oid = d.objid)
        when 'pg_proc'::regclass then (select pronamespace from pg_proc where oid = d.objid)
        when 'pg_type'::regclass then (select typnamespace from pg_type where oid = d.objid)
        when 'pg_constraint'::regclass then
          (select connamespace from pg_constraint where oid = d.objid)
        when 'pg_attrdef'::regclass then
          (select c.relnamespace from pg_attrdef as a join pg_class as c on c.oid = a.adrelid
           where a.oid = d.objid)
        when 'pg_rewrite'::regclass then
          (select c.relnamespace from pg_rewrite as r join pg_class as c on c.oid = r.ev_class
           where r.oid = d.objid)
        when 'pg_trigger'::regclass then
          (select c.relnamespace from pg_trigger as t join pg_class as c on c.oid = t.tgrelid
           where t.oid = d.objid)
        when 'pg_policy'::regclass then
          (select c.relnamespace from pg_policy as p join pg_class as c on c.oid = p.polrelid
           where p.oid = d.objid)
      end as home
    from pg_depend as d
    where d.deptype in ('n', 'a')
      and (
        (d.refclassid = 'pg_class'::regclass and d.refobjid in
          (select oid from pg_class where relnamespace = 'billing'::regnamespace))
        or (d.refclassid = 'pg_proc'::regclass and d.refobjid in
          (select oid from pg_proc where pronamespace = 'billing'::regnamespace))
        or (d.refclassid = 'pg_type'::regclass and d.refobjid in
          (select oid from pg_type where typnamespace = 'billing'::regnamespace))
      )
  ) as x
  where x.home is distinct from 'billing'::regnamespace
    and not (x.classid in ('pg_trigger'::regclass, 'pg_policy'::regclass)
             and x.home = 'data'::regnamespace)
    -- on tables of the host, what file 30 attaches is known by its name
    and not (x.classid = 'pg_trigger'::regclass
             and (select tgname from pg_trigger where oid = x.objid) like 'billing\_%');
  if v_dependents is not null then
    raise exception 'the release cannot be rebuilt: % depends on schema billing', v_dependents
      using errcode = 'dependent_objects_still_exist',
      hint = 'Drop it, or move what it needs out of schema billing; nothing was changed.';
  end if;
end $$;

-- Lock everything first, in the order in which others do: the release, which whoever counts holds
-- (lock class in 37; nothing is held yet, so only counting waits meanwhile), the sessions by which
-- every page begins, views from the outermost in, tables whose triggers write markers (a host's own
-- by taking the triggers away), the rest. So whoever comes later waits empty-handed, and a busy
-- database lets a release in. From the sessions on, the timeout lies below deadlock_timeout: in a
-- collision the rebuild gives way and never a writer.
set local lock_timeout = '2s';
select pg_advisory_xact_lock(770036, 0);
set local lock_timeout = '500ms';
-- `alter view`, since `lock table` would go on to the tables beneath, which who has entered reads
alter view if exists billing.live_sessions set (security_invoker = true);
do $$
declare
  v_statement text;
begin
  for v_statement in
    select x.statement
    from (
      select
        case c.relkind when 'v' then 1 else 3 end as turn,
        case c.relkind when 'v' then -c.oid::bigint end as newest_first,
        not exists (
          select from pg_trigger as t where t.tgrelid = c.oid and t.tgname ~ '^mark_late')
          as is_quiet,
        format('lock table %s in access exclusive mode', c.oid::regclass) as statement
      from pg_class as c
      where (c.relnamespace = 'data'::regnamespace and c.relkind in ('r', 'p'))
        -- findings reads the catalogue, and locking a view locks what it reads
        or (c.relnamespace = 'billing'::regnamespace and c.relkind = 'v'
            and c.relowner = current_user::regrole and c.relname !~ 'findings$')
      union all
      select distinct 2, null::bigint, false, format('drop function %s cascade', p.oid::regprocedure)
      from pg_proc as p
      join pg_trigger as t on t.tgfoid = p.oid
      join pg_class as c on c.oid = t.tgrelid and c.relnamespace <> 'data'::regnamespace
      where p.pronamespace = 'billing'::regnamespace
    ) as x
    order by x.turn, x.newest_first, x.is_quiet, x.statement
  loop
    begin
      execute v_statement;
    exception when insufficient_privilege then
      null; -- a view of a host's tables, which are not ours to lock
    end;
  end loop;
end $$;

do $$
declare
  v_policy record;
begin
  for v_policy in
    select p.polname, p.polrelid::regclass as table_name
    from pg_policy as p
    join pg_class as c on c.oid = p.polrelid
    where c.relnamespace = 'data'::regnamespace
  loop
    execute format('drop policy %I on %s', v_policy.polname, v_policy.table_name);
  end loop;
end $$;

-- With the functions go the triggers that call them. Grants on tables are taken back here and
-- handed out in 70, so that a grant which left that file is gone from the database too.
set local client_min_messages = warning;
drop schema billing cascade;
revoke all on all tables in schema data from billing_identity, billing_aggregator,
  billing_deploy, billing_tenant, billing_root, billing_auth, billing_operator, billing_ingest;
revoke all on all sequences in schema data from billing_identity, billing_aggregator,
  billing_deploy, billing_tenant, billing_root, billing_auth, billing_operator, billing_ingest;

create schema billing;
comment on schema billing is
'Views, functions, triggers and policies of usage & billing. Rebuilt whole by every release: '
'change the files in sql/, never the objects.';
-- for the length of the rebuild, so that functions can be created as the role that owns them
grant usage, create on schema billing to billing_identity, billing_aggregator;
grant usage on schema data to billing_identity, billing_aggregator;
