"""Rights that PostgreSQL gives everybody, defaults and search paths: nothing is gained by them."""

import pytest
from psycopg import errors as pg

from tests.past import rows
from tests.people import People, claim, enter, forge, settle, tenants_seen
from tests.server import Db
from tests.test_71_catalogue import catalogue


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    return settle(module_db)


@pytest.mark.parametrize("login", ["billing_tenant", "billing_root", "billing_auth"])
def test_what_every_login_may_do_gains_nothing(people: People, login: str) -> None:
    """PostgreSQL lets each change its own defaults, drop what it owns, lend what it may lend."""
    before = catalogue(people.db)
    with people.db.connect(login) as connection:
        connection.execute("set default_transaction_read_only = off")
        for attempt in (
            "grant select on billing.metrics to public",
            "grant execute on function billing.enter(text) to public",
            "drop owned by current_user",
            "alter default privileges grant select on tables to public",
            "alter default privileges revoke select on tables from public",
        ):
            try:
                connection.execute(attempt.encode())
            except pg.InsufficientPrivilege:
                continue
    assert catalogue(people.db) == before


def test_poisoned_defaults_of_the_login_gain_nothing(people: People) -> None:
    """For every connection to come: no foreign row, whatever the defaults were set to."""
    token = people.token()
    poison = {
        "default_transaction_read_only": "off",
        "plan_cache_mode": "force_generic_plan",
        "search_path": "pg_temp, public, billing",
    }
    with people.db.connect("billing_tenant") as connection:
        connection.execute("set default_transaction_read_only = off")
        for name, text in poison.items():
            connection.execute(f"alter role billing_tenant set {name} = '{text}'".encode())
    try:
        with people.request(token) as connection:
            assert tenants_seen(connection) == {people.own}
            connection.rollback()
            with pytest.raises(pg.InsufficientPrivilege):
                tenants_seen(connection)
        rows(people.db, "alter role billing_tenant set row_security = off")
        with pytest.raises(pg.InsufficientPrivilege), people.request(token):
            pass
    finally:
        rows(people.db, "alter role billing_tenant reset row_security")
        rows(people.db, "alter role billing_tenant reset plan_cache_mode")
        rows(people.db, "alter role billing_tenant set default_transaction_read_only = on")
        rows(people.db, "alter role billing_tenant set search_path = billing")


@pytest.mark.parametrize("login", ["billing_tenant", "billing_root"])
def test_the_attackers_path_shadows_nothing(people: People, login: str) -> None:
    """Functions with another's rights find what they name, however the caller looks things up.
    Here a superuser has put the traps where no web login could."""
    traps = (
        "create schema trap",
        "grant usage on schema trap to public",
        "create function trap.sha256(bytea) returns bytea language sql as 'select null::bytea'",
        "create function trap.set_config(text, text, boolean) returns text language sql as"
        f" $$select pg_catalog.set_config($1, '{people.foreign}', $3)$$",
        "create function trap.current_setting(text, boolean) returns text language sql as"
        f" $$select '{people.foreign}'$$",
        "create function trap.clock_timestamp() returns timestamptz language sql as"
        " $$select '-infinity'::timestamptz$$",
        "create function trap.lower(text) returns text language sql as $$select 'root'$$",
    )
    for trap in traps:
        rows(people.db, trap)
    try:
        token = people.token("root" if login == "billing_root" else "owner")
        with people.db.connect(login, autocommit=False) as connection:
            connection.execute("set local search_path = trap, pg_catalog")
            enter(connection, token)
            everybody = {people.own, people.foreign}
            seen = tenants_seen(connection)
            assert seen == (everybody if login == "billing_root" else {people.own})
            claim(connection, "tenant_id", str(people.foreign))
            if login == "billing_tenant":
                with pytest.raises(pg.InsufficientPrivilege):
                    tenants_seen(connection)
    finally:
        rows(people.db, "drop schema trap cascade")


@pytest.mark.parametrize(
    ("login", "right", "wrong"),
    [("billing_tenant", "owner", "member"), ("billing_root", "root", "owner")],
)
def test_each_policy_holds_by_itself(people: People, login: str, right: str, wrong: str) -> None:
    """Were the tables within reach of the web, without the views before them."""
    everybody = {people.own, people.foreign} if right == "root" else {people.own}
    rows(people.db, f"grant usage on schema data to {login}")
    try:
        for query in (
            "select id from data.tenants",
            "select tenant_id from data.billing_usage_daily",
        ):
            with people.request(people.token(right), login) as connection:
                assert tenants_seen(connection, query) == everybody
                connection.rollback()
                with pytest.raises(pg.InsufficientPrivilege):
                    tenants_seen(connection, query)
                connection.rollback()
                forge(connection, people.token(wrong), people.own)
                with pytest.raises(pg.InsufficientPrivilege):
                    tenants_seen(connection, query)
    finally:
        rows(people.db, f"revoke usage on schema data from {login}")
