"""The nine roles: what each one is, whom it may become, what a login may hold on to."""

import pytest
from psycopg import errors, sql

from app import release
from app.errors import REFUSED, Problem
from tests.past import rows, value
from tests.server import Db

GROUPS = ("billing_owner", "billing_identity")
LOGINS = (
    "billing_aggregator",
    "billing_deploy",
    "billing_tenant",
    "billing_root",
    "billing_auth",
    "billing_operator",
    "billing_ingest",
)
WEB = ("billing_tenant", "billing_root", "billing_auth")
ISOLATED = (*WEB, "billing_operator", "billing_ingest", "billing_aggregator")


def test_all_nine_are_there_and_none_is_powerful(module_db: Db) -> None:
    assert dict(
        rows(
            module_db,
            "select rolname, (rolcanlogin, rolinherit, rolsuper, rolbypassrls, rolcreaterole,"
            " rolcreatedb, rolreplication)::text from pg_roles where rolname like 'billing\\_%'",
        )
    ) == {
        **dict.fromkeys(GROUPS, "(f,t,f,f,f,f,f)"),
        **dict.fromkeys(LOGINS, "(t,t,f,f,f,f,f)"),
    }


def test_only_deploy_is_a_member_of_anything(module_db: Db) -> None:
    """Nothing can be reached from a login that was not granted to that very login."""
    assert rows(
        module_db,
        "select m.member::regrole::text, m.roleid::regrole::text, m.admin_option"
        " from pg_auth_members as m where m.member::regrole::text like 'billing%'"
        " or m.roleid::regrole::text like 'billing%' order by 2",
    ) == [
        ("billing_deploy", "billing_aggregator", False),
        ("billing_deploy", "billing_identity", False),
        ("billing_deploy", "billing_owner", False),
    ]


def test_running_the_file_again_changes_nothing(db: Db) -> None:
    roles = "select * from pg_roles where rolname like 'billing%' order by rolname"
    settings = "select * from pg_db_role_setting order by setdatabase, setrole"
    before = rows(db, roles), rows(db, settings)
    assert release.migrate(db.settings(), pytest.fail) is None
    assert (rows(db, roles), rows(db, settings)) == before


@pytest.mark.parametrize("login", ISOLATED)
def test_nobody_becomes_somebody_else(module_db: Db, login: str) -> None:
    with module_db.connect(login) as connection:
        connection.execute("set default_transaction_read_only = off")
        for role in {*GROUPS, *LOGINS, "postgres"} - {login}:
            for statement in ("set role {}", "set session authorization {}"):
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(sql.SQL(statement).format(sql.Identifier(role)))
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("alter role current_user superuser")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("create role mine")


@pytest.mark.parametrize("login", ISOLATED)
def test_nobody_creates_anything(module_db: Db, login: str) -> None:
    """No temporary table either: it could stand in for a table that a function means."""
    with module_db.connect(login) as connection:
        connection.execute("set default_transaction_read_only = off")
        for statement in (
            "create temporary table mine ()",
            "create table public.mine ()",
            "create table billing.mine ()",
            "create table data.mine ()",
            "create schema mine",
            "create extension dblink",
            "create function billing.mine() returns int language sql as 'select 1'",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.encode())


@pytest.mark.parametrize("login", WEB)
def test_web_logins_hold_on_to_nothing_for_long(module_db: Db, login: str) -> None:
    limits = {"statement_timeout": "5s", "lock_timeout": "2s"}
    limits["idle_in_transaction_session_timeout"] = "10s"
    if login == "billing_root":
        limits["statement_timeout"] = "30s"
    with module_db.connect(login) as connection:
        for name, limit in limits.items():
            shown = connection.execute(sql.SQL("show {}").format(sql.Identifier(name)))
            assert shown.fetchone() == (limit,)


@pytest.mark.parametrize("login", ["billing_tenant", "billing_root"])
def test_what_only_reads_is_read_only_by_default(module_db: Db, login: str) -> None:
    with module_db.connect(login) as connection:
        with pytest.raises(errors.ReadOnlySqlTransaction):
            connection.execute("create temporary table mine ()")
        assert connection.execute("show search_path").fetchone() == ("billing",)


def test_a_statement_of_a_page_is_not_compiled(module_db: Db) -> None:
    """JIT took 50 of the 51 ms of a summary: the estimates are wide and the rows few."""
    for login in ("billing_tenant", "billing_root", "billing_operator"):
        assert value(module_db, "show jit", login=login) == "off"


def test_as_typed_in_psql(module_db: Db) -> None:
    """In the database we own the search path is set, so that names need no schema."""
    assert value(module_db, "select aggregate_usage('2025-03-01')") == 0
    assert value(module_db, "select aggregate_usage('2025-03-01')", login="billing_operator") == 0


def test_a_database_of_our_own_is_closed_and_knows_its_schemas(empty_db: Db) -> None:
    rows(empty_db, f"alter database {empty_db.name} reset search_path")
    rows(empty_db, f"grant temporary on database {empty_db.name} to public")
    release.migrate(empty_db.settings(), lambda _: None)
    assert value(empty_db, "show search_path") == "billing, data, public"
    with pytest.raises(errors.InsufficientPrivilege):
        rows(empty_db, "create temporary table mine ()", login="billing_ingest")


def test_a_database_that_is_not_ours_alone_keeps_its_ways(empty_db: Db) -> None:
    """No search path is set, and PUBLIC keeps its temporary tables."""
    for change in ("reset all", "set timezone = 'UTC'"):
        rows(empty_db, f"alter database {empty_db.name} {change}")
    rows(empty_db, f"grant temporary on database {empty_db.name} to public")
    release.migrate(empty_db.settings(), lambda _: None)
    assert value(empty_db, "show search_path") == '"$user", public'
    rows(empty_db, "create temporary table mine ()", login="billing_ingest")
    severities = rows(
        empty_db, "select distinct severity from billing.findings where rule = 'web_login_has_temp'"
    )
    assert severities == ["advice"]


@pytest.mark.parametrize("login", ["billing_operator", "billing_tenant", "stranger"])
def test_who_may_not_create_roles_may_not_migrate(empty_db: Db, login: str) -> None:
    rows(empty_db, "create role stranger login")
    try:
        with pytest.raises(Problem, match=rf"^{login} may not create roles and is no") as refusal:
            release.migrate(empty_db.settings(admin=empty_db.conninfo(login)), pytest.fail)
    finally:
        rows(empty_db, "drop role stranger")
    assert refusal.value.exit_code == REFUSED
    assert value(empty_db, "select count(*) from pg_namespace where nspname = 'data'") == 0


@pytest.mark.parametrize("login", [*WEB, "billing_operator", "billing_ingest"])
def test_no_login_runs_code_of_its_own(module_db: Db, login: str) -> None:
    with module_db.connect(login) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("do $$ begin perform 1; end $$")


@pytest.mark.parametrize("login", [*WEB, "billing_operator"])
def test_what_is_passed_to_a_function_is_not_logged(module_db: Db, login: str) -> None:
    """Tokens and e-mail addresses, where a server logs statements; the login cannot undo it."""
    with module_db.connect(login) as connection:
        for name in ("log_parameter_max_length", "log_parameter_max_length_on_error"):
            assert connection.execute(f"show {name}".encode()).fetchone() == ("0",)
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("set log_parameter_max_length = -1")
