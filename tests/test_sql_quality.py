"""plpgsql_check finds nothing in any function of schema billing, pg_cron's names included."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from app import release
from tests.server import Db, Server


@pytest.fixture(scope="module")
def checked() -> Iterator[psycopg.Connection[Any]]:
    """A database that pg_cron serves, so that calls of its functions are checked, too."""
    server = Server()
    try:
        database = Db("test", server.port)
        with database.connect() as connection:
            connection.execute("alter database test set billing.dedicated = on")
        release.migrate(database.settings(), lambda _: None)
        with database.connect() as connection:
            connection.execute("create extension plpgsql_check")
            yield connection
    finally:
        server.end()


def complaints(connection: psycopg.Connection[Any]) -> list[tuple[str, str, str]]:
    return connection.execute(
        """
        select p.proname::text, c.level, c.message
        from pg_proc as p
        join pg_language as l on l.oid = p.prolang and l.lanname = 'plpgsql'
        left join lateral (
          select t.tgrelid, t.tgoldtable, t.tgnewtable
          from pg_trigger as t where t.tgfoid = p.oid limit 1
        ) as t on true
        cross join lateral plpgsql_check_function_tb(
          p.oid, coalesce(t.tgrelid, 0), oldtable => t.tgoldtable, newtable => t.tgnewtable,
          extra_warnings => true, performance_warnings => true, security_warnings => true
        ) as c
        where p.pronamespace = 'billing'::regnamespace
        """
    ).fetchall()


def test_nothing_is_found(checked: psycopg.Connection[Any]) -> None:
    assert complaints(checked) == []


def test_something_would_be_found(checked: psycopg.Connection[Any]) -> None:
    checked.execute(
        "create function billing.wrong() returns void language plpgsql as"
        " $$ declare v_unused integer; begin perform no_such_column from data.tenants; end $$"
    )
    try:
        assert {row[0] for row in complaints(checked)} == {"wrong"}
    finally:
        checked.execute("drop function billing.wrong()")
