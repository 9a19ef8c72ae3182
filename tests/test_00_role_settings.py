"""What a login may change about itself, and that no page, number or other login notices."""

import asyncio
import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors as pg
from psycopg import sql
from psycopg_pool import PoolTimeout

from app import release, usage
from app.connecting import LIMITS, PAGE, TEXT
from app.database import Actor, Connection, Database
from app.settings import ROOT, Login
from tests.past import rows
from tests.people import People, settle
from tests.server import Db

LOGINS = ("tenant", "root", "auth", "operator")
SETTINGS = "select setdatabase, setrole, unnest(setconfig) from pg_db_role_setting order by 1, 2, 3"


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    return settle(module_db)


@pytest.fixture
def hands_off(people: People) -> Iterator[None]:
    """Afterwards the roles are as they were, by what a release does."""
    before = rows(people.db, SETTINGS)
    yield
    release.migrate(people.db.settings(), lambda _: None)
    assert rows(people.db, SETTINGS) == before
    rows(people.db, "alter role billing_tenant password null")


def as_itself(db: Db, statement: str, login: str = "billing_tenant") -> None:
    with db.connect(login) as connection:
        connection.execute("set default_transaction_read_only = off")
        connection.execute(statement.encode())


@pytest.mark.usefixtures("hands_off")
@pytest.mark.parametrize("login", LOGINS)
def test_what_a_login_may_change_about_itself(people: People, login: Login) -> None:
    """PostgreSQL cannot forbid the first half; the list is here so that a new one is noticed."""
    role = f"billing_{login}"
    for may in (
        "alter role {} set work_mem = '64kB'",
        "alter role {} in database {} set work_mem = '64kB'",
        "alter role {} in database postgres set work_mem = '64kB'",
        "alter role {} reset statement_timeout",
        "alter role {} reset all",
        "alter role {} in database postgres reset all",
    ):
        as_itself(people.db, may.format(role, people.db.name), role)
    for may_not in (
        "alter role {} valid until '2000-01-01'",
        "alter role {} connection limit 0",
        "alter role {} nologin",
        "alter role {} noinherit",
        "alter role {} createdb",
        "alter role {} rename to mine",
        "drop role {}",
        "comment on role {} is 'mine'",
        "alter role all set work_mem = '64kB'",
        "alter role billing_ingest set work_mem = '64kB'",
        "alter role billing_ingest password 'x'",
        "alter database postgres set work_mem = '64kB'",
        "alter system set work_mem = '64kB'",
    ):
        with pytest.raises((pg.InsufficientPrivilege, pg.FeatureNotSupported)):
            as_itself(people.db, may_not.format(role), role)


@pytest.mark.parametrize("login", LOGINS)
def test_pages_are_pinned_to_what_the_roles_have(module_db: Db, login: Login) -> None:
    """One list in SQL, one in the application: they agree, and nothing of the one is left out."""
    listed = "select setting, setting_value from data.role_settings() where role_name = %s"
    ours = dict(rows(module_db, listed, f"billing_{login}"))
    pinned = LIMITS.get(login, {}) | PAGE | TEXT
    said_by_begin = {"default_transaction_isolation", "default_transaction_read_only"}
    not_its_own_to_change = {"log_parameter_max_length", "temp_file_limit"}
    assert ours.keys() <= pinned.keys() | said_by_begin | not_its_own_to_change
    assert {name: pinned[name] for name in ours.keys() & pinned.keys()} == {
        name: text for name, text in ours.items() if name in pinned
    }


def hostile(db: Db) -> dict[str, list[str]]:
    """Every setting that a login may change, with values that are not the one of now."""
    with db.connect("billing_tenant") as connection:
        found = connection.execute(
            "select name, vartype, setting, min_val, max_val, enumvals from pg_settings"
            " where context = 'user' and name !~ '^plpgsql_check' order by name"
        ).fetchall()
    wishes = dict[str, list[str]]()
    for name, kind, setting, low, high, choices in found:
        match kind:
            case "bool":
                values = ["off", "on"]
            case "enum":
                values = choices
            case "string":
                values = STRINGS.get(name, ["x"])
            case _:
                values = [low, "1", high]
        wishes[name] = [text for text in dict.fromkeys(values) if text != setting]
    return wishes


STRINGS = {
    "DateStyle": ["German, DMY", "SQL, DMY", "Postgres, MDY"],
    "TimeZone": ["Asia/Kolkata", "America/Sao_Paulo"],
    "client_encoding": ["LATIN1", "SQL_ASCII", "WIN1251"],
    "search_path": ["pg_temp, public", ""],
    "role": ["none"],
    "lc_monetary": ["C"],
    "lc_numeric": ["C"],
    "lc_time": ["C"],
}
# a string setting that is not here is given a value that PostgreSQL may refuse


@pytest.mark.usefixtures("hands_off")
def test_no_setting_of_its_own_changes_a_page(people: People) -> None:
    """All of them, one after the other; on connections that are made under each."""
    token = people.token()

    async def page(connection: Connection, _: Actor) -> object:
        return (
            await usage.summary(connection, None),
            await usage.page(connection, people.own, None),
            await usage.csv(connection, people.own, None),
        )

    async def pages() -> object:
        async with Database(people.db.settings()).opened() as database:
            return await database.read("tenant", token, page)

    def shown() -> object:
        try:
            return asyncio.run(pages())
        except (psycopg.Error, PoolTimeout) as error:
            return error

    right = shown()
    assert isinstance(right, tuple)
    wishes = hostile(people.db)
    refused = set[str]()
    for turn in range(max(map(len, wishes.values()))):
        changed = set[str]()
        with people.db.connect() as connection:
            for name, values in wishes.items():
                change = sql.SQL("alter role billing_tenant set {} to {}").format(
                    sql.Identifier(name), sql.Literal(values[turn % len(values)])
                )
                try:
                    connection.execute(change)
                    changed.add(name)
                except psycopg.Error:  # not a value of it
                    refused.add(name)
        assert shown() == right, turn
        found = set(rows(people.db, "select object from billing.role_findings"))
        assert {f"billing_tenant: {name}" for name in changed} <= found
        assert len(changed) > 100
    assert len(refused) < 16, refused


def test_there_is_one_way_to_a_connection() -> None:
    """Commands and pools connect through app/connecting.py, where everything is pinned."""
    direct = re.compile(r"psycopg\.connect\(|AsyncConnection\.connect\(|Connection\.connect\(")
    files = [file.name for file in ROOT.glob("app/**/*.py") if direct.search(file.read_text())]
    assert files == ["connecting.py"]
