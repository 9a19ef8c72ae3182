"""The attacker's SQL in place of every query of a page: it tells of its own tenant only."""

import re

import pytest
from psycopg import errors as pg

from app.settings import ROOT
from tests.past import rows, value
from tests.people import (
    FOREIGN_SEGMENTS,
    READ,
    SECRETS,
    Connection,
    People,
    harmless,
    settle,
    tenants_seen,
)
from tests.server import Db

CLAIM = "set_config('app.tenant_id', {foreign}, true)"
READS = """
select CLAIM, u.* from tenant_usage as u
select u.* from (select CLAIM offset 0) as c, tenant_usage as u
with c as materialized (select CLAIM) select u.* from c, tenant_usage as u
select u.* from tenant_usage as u where CLAIM <> u.tenant_id::text
select u.* from tenant_usage as u where u.tenant_id = {foreign} or CLAIM is null
select u.* from usage_daily as u where CLAIM = {foreign} and u.tenant_id = {foreign}
select u.* from tenant_usage as u order by CLAIM
select CLAIM; table usage_summary
select json_agg(u), CLAIM, (select json_agg(d) from usage_daily as d) from tenant_usage as u
select query_to_xml('table tenant_usage', true, true, ''), CLAIM
select schema_to_xml('billing', true, true, ''), CLAIM
select CLAIM, query_to_xml('table tenant_usage', true, true, '')
select * from ts_stat('select to_tsvector(tenant_name) from tenant_usage')
select xpath('//text()', query_to_xml('table tenant_usage', true, true, ''))
table tenant_usage; table usage_daily; table usage_summary
set local row_security = off; table tenant_usage
set role none; table tenant_usage
set role billing_tenant; table tenant_usage
set session authorization default; table tenant_usage
set local search_path = pg_temp, public, billing, pg_catalog; table tenant_usage
set local plan_cache_mode = force_generic_plan; table tenant_usage
set local enable_indexscan = off; set local enable_nestloop = off; table tenant_usage
set local transform_null_equals = on; set local timezone = '+14'; table tenant_usage
set local max_parallel_workers_per_gather = 8; set local parallel_setup_cost = 0; table usage_daily
set local plpgsql.extra_errors = 'all'; table tenant_usage
declare c cursor for table tenant_usage; select CLAIM; fetch all from c
declare c cursor for table tenant_usage; fetch all from c; select CLAIM
prepare p as table tenant_usage; select CLAIM; execute p
savepoint s; select CLAIM; table tenant_usage
savepoint s; select CLAIM; rollback to s; table tenant_usage
commit; begin; table tenant_usage
commit and chain; table tenant_usage
select 1 / (u.sms_outbound_segments - {segments}) from usage_daily as u
select u.tenant_name::integer from tenant_usage as u where u.tenant_name not like 'Own%'
select u.* from tenant_usage as u where 1 / (length(u.tenant_name) - 11) is null
select current_setting(u.tenant_name) from tenant_usage as u where u.tenant_name not like 'Own%'
select p::text from pg_stats as p where p.schemaname = 'data'
select p::text from pg_stats_ext as p
select p::text from pg_statistic as p
select p::text from pg_prepared_statements as p
""".strip().splitlines()


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    people = settle(module_db)
    people.token()
    rows(people.db, "analyze")
    return people


@pytest.mark.parametrize("attack", READS)
def test_a_page_of_the_attackers_own(people: People, attack: str) -> None:
    """Own rows or 42501; after a foreign claim, 42501 from the next statement on."""
    with people.request(people.token()) as connection:
        state = harmless(
            connection,
            attack.replace("CLAIM", CLAIM),
            foreign=str(people.foreign),
            segments=FOREIGN_SEGMENTS,
        )
        assert state in {None, pg.InsufficientPrivilege.sqlstate}
        if state is None and claims(connection) == str(people.foreign):
            with pytest.raises(pg.InsufficientPrivilege):
                tenants_seen(connection)
        elif state is None:
            assert tenants_seen(connection) == {people.own}


def claims(connection: Connection) -> str:
    row = connection.execute("select current_setting('app.tenant_id')").fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    "attack", ["table tenant_usage", *(a for a in READS if "integer" in a or "from pg_stats " in a)]
)
def test_canary_the_superuser_is_told(people: People, attack: str) -> None:
    with people.db.connect() as connection, pytest.raises(AssertionError):
        harmless(connection, attack)


def test_copy_takes_out_own_rows_only(people: People) -> None:
    with people.request(people.token()) as connection:
        with connection.cursor().copy("copy (table tenant_usage) to stdout") as copy:
            lines = [bytes(line).decode() for line in copy]
        assert str(people.own) in "".join(lines)
        assert not [s for s in SECRETS if s in "".join(lines)]
        with pytest.raises(pg.WrongObjectType), connection.transaction():
            connection.cursor().copy("copy tenant_usage to stdout").__enter__()
        for target in ("'/tmp/rows'", "program 'cat'"):
            with pytest.raises(pg.InsufficientPrivilege), connection.transaction():
                connection.execute(f"copy (table tenant_usage) to {target}".encode())


@pytest.mark.parametrize("plan", ["force_generic_plan", "force_custom_plan", "auto"])
def test_a_plan_serves_whoever_executes_it(people: People, plan: str) -> None:
    """One connection, one prepared statement, two tenants in turn."""
    tokens = {people.own: people.token(), people.foreign: people.token("owner", people.foreign)}
    with people.db.connect("billing_tenant", autocommit=False) as connection:
        connection.prepare_threshold = 0
        connection.execute(f"set plan_cache_mode = {plan}".encode())
        connection.execute("prepare by_hand as select tenant_id from tenant_usage")
        connection.commit()
        for _ in range(7):
            for tenant, token in tokens.items():
                with connection.transaction():
                    connection.execute("select billing.enter(%s)", [token])
                    assert tenants_seen(connection) == {tenant}
                    assert tenants_seen(connection, "execute by_hand") == {tenant}
        names = connection.execute("select statement from pg_prepared_statements").fetchall()
        assert (READ,) in names
        with pytest.raises(pg.InsufficientPrivilege), connection.transaction():
            tenants_seen(connection, "execute by_hand")


def test_what_an_explained_plan_tells(people: People) -> None:
    """How many rows were judged, which is no secret; never whose, nor what is in them."""
    with people.request(people.token()) as connection:
        explain = "explain (analyze, verbose, costs off, timing off) select * from tenant_usage"
        plan = "\n".join(row[0] for row in connection.execute(explain))
        assert "Rows Removed by Filter" in plan
        assert not [secret for secret in (*SECRETS, str(people.foreign)) if secret in plan]


def test_no_page_explains_a_plan(people: People) -> None:
    """Nothing that the application sends or a function of ours runs is an EXPLAIN."""
    plan = (
        r"\bexplain\s*(\(\s*(analyze|verbose|format|costs)|(analyze|verbose|select|with|table)\b)"
    )
    bodies = "select coalesce(prosrc, '') || pg_get_functiondef(oid) from pg_proc"
    bodies += " where pronamespace = 'billing'::regnamespace"
    sent = [file.read_text() for file in (ROOT / "app").rglob("*.py")] + rows(people.db, bodies)
    assert len(sent) > 100
    assert not [text for text in sent if re.search(plan, text, re.IGNORECASE)]


@pytest.mark.parametrize("login", ["billing_tenant", "billing_root", "billing_auth"])
def test_what_others_are_doing_is_hidden(people: People, login: str) -> None:
    """Other logins' queries; and of the same login's, whatever is a value."""
    watch = "select string_agg(query, ';') from pg_stat_activity where pid = %s"
    token = people.token("root" if login == "billing_root" else "owner")
    with people.db.connect(login) as spy:
        with people.db.connect("billing_operator") as other:
            other.execute("select 'Foreign Ltd'")
            assert value_of(spy, watch, other.info.backend_pid) == "<insufficient privilege>"
        if login != "billing_auth":
            with people.request(token, login) as same:
                said = value_of(spy, watch, same.info.backend_pid)
                assert "enter" in said
                assert token not in said


def value_of(connection: Connection, query: str, pid: int) -> str:
    row = connection.execute(query.encode(), [pid]).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("login", ["billing_tenant", "billing_root", "billing_auth"])
def test_statistics_hold_no_tenants_values(people: People, login: str) -> None:
    """Columns of global tables only; extended statistics and the catalogue beneath not at all."""
    tables = "select distinct tablename from pg_stats where schemaname in ('data', 'billing')"
    assert {"tenants", "users", "billing_usage_daily"} <= set(rows(people.db, tables))
    assert set(rows(people.db, tables, login=login)) <= {"plans", "settings", "usage_days"}
    assert value(people.db, "select count(*) from pg_stats_ext_exprs", login=login) == 0
