"""How long a request may keep a connection: SQL can lift every limit but the application's."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import psycopg
import pytest
from psycopg import errors as pg

from app import database, deadline
from app.database import Actor, Connection, Database
from tests.past import rows, value
from tests.people import People, as_at_a_host, settle
from tests.server import Db

SECONDS = 0.7
FOR_EVER = "set statement_timeout = 0; set idle_in_transaction_session_timeout = 0;"
FOR_EVER += "set lock_timeout = 0;"
BUSY = "select count(*) from generate_series(1, 1e11)"
STUBBORN = "do $$ begin loop begin loop end loop; exception when query_canceled then null; end;"
STUBBORN += " end loop; end $$"
Work = Callable[[Connection, Actor], Awaitable[object]]


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    return settle(module_db)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for login in database.DEADLINES:
        monkeypatch.setitem(database.DEADLINES, login, SECONDS)
        monkeypatch.setitem(database.SIZES, login, 1)
    monkeypatch.setattr(deadline, "GRACE", 0.3)


def held(people: People, work: Work) -> tuple[type[BaseException], float, object]:
    """What ends the attacker's request and when; and what the next one on the pool is told."""
    token, seconds = people.token(), 0.0

    async def requests() -> tuple[type[BaseException], object]:
        async with Database(people.db.settings()).opened() as pools:
            nonlocal seconds
            begin = time.monotonic()
            with pytest.raises(psycopg.Error) as caught:
                await pools.read("tenant", token, work)
            seconds = time.monotonic() - begin

            async def next_one(connection: Connection, _: Actor) -> object:
                return await (await connection.execute("select 1")).fetchone()

            return caught.type, await pools.read("tenant", token, next_one)

    caught, answer = asyncio.run(requests())
    return caught, seconds, answer


def sent(query: str) -> Work:
    async def work(connection: Connection, _: Actor) -> None:
        await connection.execute(f"{FOR_EVER} {query}".encode())

    return work


def test_an_endless_query_is_cancelled(people: People) -> None:
    caught, seconds, answer = held(people, sent(BUSY))
    assert (caught, answer) == (pg.QueryCanceled, (1,))
    assert SECONDS <= seconds < SECONDS + 5


def test_one_that_catches_its_cancelling_loses_its_connection(people: People) -> None:
    """In a host's database, where everybody may write code."""
    with as_at_a_host(people.db):
        caught, seconds, answer = held(people, sent(STUBBORN))
        assert (caught, answer) == (psycopg.OperationalError, (1,))
        assert seconds < SECONDS + 5
    rows(people.db, "select pg_terminate_backend(pid) from pg_stat_activity where query ~ 'do \\$'")


def test_a_cursor_outlives_its_session_by_the_deadline_at_most(people: People) -> None:
    """What it was opened for could be read when it was opened; it is gone with the request."""
    fetched = list[int]()

    async def work(connection: Connection, actor: Actor) -> None:
        await connection.execute(FOR_EVER.encode())
        await connection.execute("declare c cursor for select date from billing.usage_daily")
        email = "select email from data.users where id = %s"
        rows(people.db, "select billing.disable_user(%s)", value(people.db, email, actor.user_id))
        while True:
            fetched.append(len(await (await connection.execute("fetch 1 from c")).fetchall()))
            await asyncio.sleep(SECONDS / 2)

    token = people.token("admin")

    async def request() -> None:
        async with Database(people.db.settings()).opened() as pools:
            await pools.read("tenant", token, work)

    begin = time.monotonic()
    with pytest.raises(psycopg.OperationalError):
        asyncio.run(request())
    assert time.monotonic() - begin < SECONDS + 5
    assert fetched[0] == 1


def test_nothing_is_kept_of_what_others_notify(people: People) -> None:
    """NOTIFY is everybody's. Who listens is told nothing, and no longer listens in the next
    request."""
    token = people.token()

    async def listens(connection: Connection, _: Actor) -> None:
        await connection.execute(b"commit; listen gossip; begin")
        with people.db.connect("billing_tenant") as other:
            other.execute("notify gossip, 'Foreign Ltd'")
        await connection.execute("select 1")

    async def asks(connection: Connection, _: Actor) -> tuple[object, int]:
        channels = await (await connection.execute("select pg_listening_channels()")).fetchall()
        return channels, len(connection._notifies_backlog or ())

    async def requests() -> object:
        async with Database(people.db.settings()).opened() as pools:
            await pools.read("tenant", token, listens)
            return await pools.read("tenant", token, asks)

    assert asyncio.run(requests()) == ([], 0)
