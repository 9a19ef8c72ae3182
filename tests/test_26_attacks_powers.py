"""What a web login might do besides reading: write, create, lend, wait, signal. It may not."""

import re

import pytest
from psycopg import errors as pg

from app.settings import ROOT
from tests.past import rows, value
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
select pg_logical_emit_message(false, 'mine', 'text')
select pg_logical_emit_message(true, 'mine', 'bytes'::bytea)
select pg_export_snapshot()
select pg_current_xact_id()
select txid_current()
select pg_switch_wal()
select pg_create_restore_point('mine')
select pg_log_backend_memory_contexts(pg_backend_pid())
select brin_summarize_new_values('data.messages_occurred_at_idx')
select pg_create_logical_replication_slot('mine', 'test_decoding')
set temp_file_limit = -1
set session_preload_libraries = 'mine'
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
    """Sleeping, signalling, waiting, notifying, large objects, the server's log, snapshots: every
    such function there is."""
    disturbing = (
        "select count(*), count(*) filter (where has_function_privilege(%s, oid, 'execute'))"
        " from pg_proc where pronamespace = 'pg_catalog'::regnamespace and proname ~"
        " '^(pg_sleep|pg_notify|pg_.*advisory|pg_(terminate|cancel)_backend|lo_|lo(read|write)$"
        "|pg_logical_emit_message|pg_export_snapshot|txid_current$|pg_current_xact_id$)'"
    )
    ((there, allowed),) = rows(people.db, disturbing, login)
    assert there > 45
    assert allowed == 0


HARMLESS = (
    r"^(amvalidate|clock_timestamp|current_query|currtid2|gen_random_uuid|uuidv[47]|random|setseed"
    r"|random_normal|timeofday|array_(sample|shuffle)|set_config|ts_(rewrite|stat)"
    r"|(cursor|query)_to_xml.*|plpgsql_(call_handler|validator)"
    # of its own session's use of sequences and statistics
    r"|(curr|last|next|set)val|pg_sequence_last_value|pg_get_sequence_data"
    r"|pg_stat_(clear_snapshot|force_next_flush|get_.*)|pg_isolation_test_session_is_blocked"
    # ask for the rights of an owner, a superuser, a replication role or an upgrade themselves
    r"|binary_upgrade_.*|brin_(de)?summarize.*|gin_clean_pending_list|pg_(read_file|rotate_logfile)_old"
    r"|pg_(copy|create|drop|sync)_.*replication_slots?|pg_.*_slot_.*|pg_nextoid"
    r"|pg_(clear|restore)_(attribute|relation)_stats|pg_import_system_collations"
    r"|pg_stop_making_pinned_objects|pg_extension_config_dump"
    # tell of the server, nothing of a tenant
    r"|pg_control_.*|pg_current_wal_.*|pg_last_.*|pg_.*_wal_.*|pg_is_.*|pg_.*_collation_actual_version"
    r"|pg_.*collation_actual_version|pg_.*_size|pg_partition_.*|pg_get_(wait_events|loaded_modules)"
    r"|pg_get_multixact_members|pg_wal_summary_contents|pg_jit_available|pg_lock_status"
    r"|pg_(safe_snapshot_)?blocking_pids|pg_notification_queue_usage|pg_prepared_xact"
    r"|pg_xact_.*|txid_status)$"
)


@pytest.mark.parametrize("login", WEB)
def test_what_else_changes_anything_was_looked_at(people: People, login: str) -> None:
    """Of the server's own functions a login may execute: a newer server may bring others."""
    volatile = (
        "select distinct proname::text from pg_proc where pronamespace = 'pg_catalog'::regnamespace"
        " and provolatile = 'v' and prokind = 'f' and has_function_privilege(%s, oid, 'execute')"
        " and 'internal'::regtype <> all(proargtypes::oid[]) and prorettype <> all(array["
        " 'trigger', 'event_trigger', 'index_am_handler', 'table_am_handler']::regtype[])"
    )
    found = rows(people.db, volatile, login)
    assert [name for name in found if not re.match(HARMLESS, name)] == []


def test_one_list_of_what_disturbs() -> None:
    """What is taken from everybody and what is found: the same text in both files."""
    lists = [
        re.findall(
            r"proname ~ ('\^\(pg_sleep.*?')\n\s+(loop|and)", (ROOT / file).read_text(), re.DOTALL
        )
        for file in ("sql/00_roles.sql", "sql/60_role_findings.sql")
    ]
    (((taken, _),), ((found, _),)) = lists
    assert re.sub(r"\s+", " ", taken) == re.sub(r"\s+", " ", found)


@pytest.mark.parametrize(
    ("login", "limit"),
    [("billing_tenant", "256MB"), ("billing_root", "1GB"), ("billing_auth", "256MB")],
)
def test_a_statement_cannot_fill_the_disk(people: People, login: str, limit: str) -> None:
    """Not with temporary files; and what writes the server's log is taken away above."""
    assert value(people.db, "show temp_file_limit", login=login) == limit
