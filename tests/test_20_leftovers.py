"""What SQL of one request leaves on a pooled connection is gone before another tenant's.

Through the application's own pools, directly and through a pooler that knows one server connection.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from psycopg import errors as pg

from app.database import SIZES, Actor, Connection, Database
from tests.people import READ, SECRETS, People, as_at_a_host, settle
from tests.pooler import ROUTES, routed
from tests.server import Db

NONE = [(None,)]
LEFT: dict[str, tuple[str, str, object]] = {
    "a cursor held open": (
        "declare mine cursor with hold for table tenant_usage",
        "fetch all from mine",
        pg.InvalidCursorName,
    ),
    "a setting": (
        "select set_config('app.stolen', (select tenant_name from tenant_usage limit 1), false)",
        "select nullif(current_setting('app.stolen', true), '')",
        NONE,
    ),
    "a statement": (
        "do $$ begin execute format('prepare mine as select %L', tenant_name) from tenant_usage;"
        " end $$",
        "execute mine",
        pg.InvalidSqlStatementName,
    ),
    "a channel listened to": (
        "listen mine",
        "select (select string_agg(c, ',') from pg_listening_channels() as c)",
        NONE,
    ),
    "a temporary table": (
        "commit; begin read write; create temp table mine as table tenant_usage; commit; begin",
        "select * from pg_temp.mine",
        pg.UndefinedTable,
    ),
    "another isolation": (
        "set default_transaction_isolation = 'serializable'",
        "show transaction_isolation",
        [("read committed",)],
    ),
    "no time limit": ("set statement_timeout = 0", "show statement_timeout", [("5s",)]),
    "hardly any time": ("set statement_timeout = 100", "show statement_timeout", [("5s",)]),
    "the right to write": (
        "set default_transaction_read_only = off",
        "show default_transaction_read_only",
        [("on",)],
    ),
    "another clock": ("set timezone = '+14'", "show timezone", [("UTC",)]),
    "another path": ("set search_path = public", "show search_path", [("billing",)]),
    "no row security": ("set row_security = off", "show row_security", [("on",)]),
    "a transaction": ("commit; begin; select 1", "select 1", [(1,)]),
    "a failed one": ("savepoint s; select 1 / 0", "select 1", [(1,)]),
    "a statement of the path": (
        "prepare mine as table tenant_usage",
        "execute mine",
        pg.InvalidSqlStatementName,
    ),
    "no statements": ("deallocate all", "select 1", [(1,)]),
    "no statements, by code": (
        "do $$ begin execute 'deallocate all'; end $$",
        "select 1",
        [(1,)],
    ),
}


@pytest.fixture(scope="module")
def people(module_db: Db) -> Iterator[People]:
    """Where temporary tables and code are everybody's right, as in many an adopter's database."""
    with as_at_a_host(module_db):
        yield settle(module_db)


@pytest.fixture(scope="module", params=ROUTES)
def route(people: People, request: pytest.FixtureRequest) -> Iterator[Db]:
    with routed(request.param, people.db) as db:
        yield db


@pytest.fixture(autouse=True)
def one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, "tenant", 1)


class Pages:
    """Requests of both tenants through the application's pool, one at a time."""

    def __init__(self, people: People, database: Database) -> None:
        self.people, self.database = people, database
        self.tokens = {t: people.token("owner", t) for t in (people.own, people.foreign)}
        self.backends = set[int]()

    async def ask(self, token: str, query: str) -> Any:
        """What a page of the attacker's own says; or the class of the error."""

        async def work(connection: Connection, _: Actor) -> list[Any] | None:
            (backend,) = await (await connection.execute("select pg_backend_pid()")).fetchall()
            self.backends.add(int(str(backend[0])))
            cursor = await connection.execute(query.encode())
            return await cursor.fetchall() if cursor.description else None

        try:
            return await self.database.read("tenant", token, work)
        except psycopg.Error as error:
            return type(error)

    async def both_see_their_own(self) -> None:
        for tenant, token in self.tokens.items():
            assert {row[0] for row in await self.ask(token, READ)} == {tenant}


@asynccontextmanager
async def pages(people: People, route: Db) -> AsyncGenerator[Pages]:
    async with Database(route.settings()).opened() as database:
        yield Pages(people, database)


@pytest.mark.parametrize("what", LEFT)
def test_nothing_is_left(people: People, route: Db, what: str) -> None:
    """In the foreign tenant's request; then the own tenant looks for it on that connection."""
    leave, look, expected = LEFT[what]

    async def scenario() -> None:
        async with pages(people, route) as visits:
            for _ in range(7):  # until the statements are prepared
                await visits.both_see_their_own()
            await visits.ask(visits.tokens[people.foreign], leave)
            answer = await visits.ask(visits.tokens[people.own], look)
            assert answer == expected
            assert not [secret for secret in SECRETS if secret in str(answer)]
            await visits.both_see_their_own()
            assert len(visits.backends) == 1

    asyncio.run(scenario())


FOIST = """
do $$
declare s record;
begin
  for s in select name from pg_prepared_statements where statement like '%billing.enter%' loop
    execute format('deallocate %I', s.name);
    execute format('prepare %I (text) as select a.* from set_config(''app.stolen'', $1, false),'
                   ' billing.enter($1) as a', s.name);
  end loop;
end $$
"""
FOIST_BY_HAND = """
deallocate {name};
prepare {name} (text) as select a.* from set_config('app.stolen', $1, false), billing.enter($1) as a
"""
NAMES = "select name from pg_prepared_statements where statement like '%billing.enter%'"


@pytest.mark.parametrize("by_hand", [False, True], ids=["by code", "by hand"])
def test_no_statement_of_ours_is_replaced(people: People, route: Db, by_hand: bool) -> None:
    """`prepare` under the name of a statement that the pool has prepared would run in its place in
    another tenant's request: with that tenant's token as its parameter and that tenant's rights."""

    async def scenario() -> None:
        async with pages(people, route) as visits:
            for _ in range(7):
                await visits.both_see_their_own()
            attacker, victim = visits.tokens[people.own], visits.tokens[people.foreign]
            foist = FOIST
            if by_hand:  # behind a pooler nothing is prepared: a name that might be
                names = await visits.ask(attacker, NAMES)
                assert bool(names) is (visits.people.db == route)
                foist = FOIST_BY_HAND.format(name=names[0][0] if names else "_pg3_1")
            await visits.ask(attacker, foist)
            assert {row[0] for row in await visits.ask(victim, READ)} == {people.foreign}
            assert await visits.ask(attacker, LEFT["a setting"][1]) == NONE
            assert len(visits.backends) == 1

    asyncio.run(scenario())
