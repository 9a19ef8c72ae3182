"""What a web login might do besides reading: write, create, lend, wait, signal. It may not."""

import pytest
from psycopg import errors as pg

from tests.past import rows
from tests.people import People, settle
from tests.server import Db
from tests.test_71_catalogue import catalogue

WEB = ["billing_tenant", "billing_root", "billing_auth"]
POWERS = """
insert into data.tenants (name) values ('mine')
insert into billing.usage_daily (tenant_id, date) values (gen_random_uuid(), now())
update billing.tenant_usage set tenant_name = 'mine'
update data.users set role = 'root', tenant_id = null
delete from data.sessions
delete from billing.metrics
truncate data.messages
merge into data.plans as p using (select 1) as s on true when matched then delete
select * from data.users for update
select * from data.tenants
select password_hash from data.users
lock table data.tenants in access exclusive mode
lock table billing.usage_daily in access exclusive mode
copy data.tenants (name) from stdin
copy data.tenants to stdout
copy (select 1) to '/tmp/rows'
copy (select 1) to program 'cat'
select nextval('data.usage_runs_id_seq')
alter table data.tenants disable row level security
alter table data.tenants no force row level security
create policy mine on data.tenants using (true)
drop policy tenant_reads_own_tenant on data.tenants
create rule mine as on select to billing.metrics do instead select 1
create trigger mine before update on billing.metrics execute function tsvector_update_trigger()
create schema mine
create table public.mine (id integer)
create table billing.mine (id integer)
create table mine (id integer)
create temporary table mine (id integer)
create temporary table tenants (id integer)
create temporary table current_tenant_id as select 1
select 1 into temporary mine
create table pg_temp.mine (id uuid references data.tenants (id))
create table mine (name text references data.tenants (name))
create temporary view mine as select * from billing.usage_daily
create view billing.mine as select * from data.tenants
create view public.mine with (security_invoker = false) as select * from billing.usage_daily
create or replace view billing.usage_daily as select * from data.billing_usage_daily
create materialized view public.mine as select * from billing.usage_daily
alter view billing.usage_daily set (security_invoker = false)
alter view billing.usage_daily owner to billing_tenant
create function pg_temp.leak(text) returns boolean language sql as 'select true'
create function public.leak(text) returns boolean language sql leakproof as 'select true'
create function billing.leak(text) returns boolean language sql as 'select true'
create or replace function billing.is_root() returns boolean language sql as 'select true'
alter function billing.current_tenant_id() leakproof
alter function billing.enter(text) owner to current_user
alter function billing.enter(text) reset search_path
create operator public.= (leftarg = uuid, rightarg = uuid, function = uuid_ne)
create aggregate public.mine (text) (sfunc = textcat, stype = text)
create domain pg_temp.mine as text
create type public.mine as (id integer)
create cast (uuid as integer) without function
create collation public.mine from "C"
create sequence public.mine
create extension pg_trgm
create extension dblink
create foreign data wrapper mine
create publication mine for all tables
create event trigger mine on ddl_command_start execute function billing.refuse_truncate()
create role mine
alter role current_user superuser
alter role current_user bypassrls
alter role billing_owner login
grant billing_owner to current_user
grant pg_read_all_data to current_user
set role billing_owner
set session authorization billing_owner
set session authorization postgres
set session_replication_role = replica
set log_statement = 'all'
load 'mine'
alter database postgres set row_security = off
alter schema billing rename to mine
reassign owned by current_user to billing_owner
comment on table data.tenants is 'mine'
reindex table data.tenants
cluster data.tenants using tenants_pkey
checkpoint
select pg_read_file('/etc/passwd')
select pg_ls_dir('.')
select pg_stat_reset()
select pg_reload_conf()
select * from pg_authid
select * from pg_largeobject
select * from pg_user_mapping
""".strip().splitlines()


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    return settle(module_db)


@pytest.mark.parametrize("login", WEB)
def test_a_web_login_has_no_powers(people: People, login: str) -> None:
    """Not even in a transaction that may write, which it can begin; and nothing has changed."""
    before = catalogue(people.db)
    with people.db.connect(login, autocommit=False) as connection:
        connection.read_only = False
        for attack in POWERS:
            # views of several tables cannot be written through, whoever asks
            with pytest.raises((pg.InsufficientPrivilege, pg.ObjectNotInPrerequisiteState)):
                connection.execute(attack.encode())
            connection.rollback()
    assert catalogue(people.db) == before


@pytest.mark.parametrize("login", WEB)
def test_a_web_login_disturbs_nobody(people: People, login: str) -> None:
    """Sleeping, signalling, waiting, notifying, large objects: every such function there is."""
    disturbing = (
        "select count(*), count(*) filter (where has_function_privilege(%s, oid, 'execute'))"
        " from pg_proc where pronamespace = 'pg_catalog'::regnamespace and proname ~"
        " '^(pg_sleep|pg_notify|pg_.*advisory|pg_(terminate|cancel)_backend|lo_|lo(read|write)$)'"
    )
    ((there, allowed),) = rows(people.db, disturbing, login)
    assert there > 40
    assert allowed == 0
