"""One connection, two tenants in turn: every answer is the asking tenant's, or 42501."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import errors as pg
from psycopg.pq import DiagnosticField

from app.database import Actor, Database
from app.database import Connection as Pooled
from tests.people import People, claim, forge, settle
from tests.pooler import ROUTES, routed
from tests.server import Db

READ = (
    "select tenant_id, sms_outbound_segments from billing.usage_daily"
    " where date = billing.utc_day(now() - interval '1 day') order by tenant_id"
)


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    return settle(module_db)


@pytest.fixture(scope="module", params=ROUTES)
def route(people: People, request: pytest.FixtureRequest) -> Iterator[Db]:
    with routed(request.param, people.db) as db:
        yield db


class Truth:
    """What each tenant has to see, as the superuser does; and sessions to see it with."""

    def __init__(self, people: People) -> None:
        with people.db.connect() as connection:
            self.rows = {row[0]: row for row in connection.execute(READ)}
        assert set(self.rows) == {people.own, people.foreign}
        roles = ("owner", "admin")
        self.tokens = {t: [people.token(role, t) for role in roles] for t in self.rows}


class Requests:
    """Requests of all kinds on one connection."""

    def __init__(self, truth: Truth, connection: psycopg.Connection[Any], read: str = READ) -> None:
        self.truth, self.connection, self.read = truth, connection, read
        connection.prepare_threshold = None
        self.draw = random.Random(23)  # noqa: S311 - not a secret
        self.kinds: dict[Callable[[UUID], None], int] = {
            self.plain: 250,
            self.rolled_back: 50,
            self.failed: 50,
            self.in_a_savepoint: 50,
            self.out_of_a_savepoint: 50,
            self.forgotten: 50,
            self.one_claims_another: 50,
            self.one_after_the_other: 25,
            self.left_behind: 25,
            self.cancelled: 1,
        }

    def serve(self) -> None:
        (kind,) = self.draw.choices(list(self.kinds), list(self.kinds.values()))
        kind(self.draw.choice(list(self.truth.rows)))
        self.connection.rollback()

    def enter(self, tenant: UUID) -> None:
        token = self.draw.choice(self.truth.tokens[tenant])
        self.connection.execute("select billing.enter(%s)", [token])

    def other(self, tenant: UUID) -> UUID:
        return next(t for t in self.truth.rows if t != tenant)

    def sees(self, tenant: UUID) -> None:
        assert self.connection.execute(self.read.encode()).fetchall() == [self.truth.rows[tenant]]

    def refused(self) -> None:
        with pytest.raises(pg.InsufficientPrivilege):
            self.connection.execute(self.read.encode())

    def plain(self, tenant: UUID) -> None:
        self.enter(tenant)
        self.sees(tenant)
        self.connection.commit()

    def rolled_back(self, tenant: UUID) -> None:
        self.enter(tenant)
        self.sees(tenant)

    def failed(self, tenant: UUID) -> None:
        self.enter(tenant)
        with pytest.raises(pg.DivisionByZero):
            self.connection.execute("select 1 / 0")

    def in_a_savepoint(self, tenant: UUID) -> None:
        self.connection.execute("savepoint here")
        self.enter(tenant)
        self.connection.execute("release here")
        self.sees(tenant)

    def out_of_a_savepoint(self, tenant: UUID) -> None:
        self.connection.execute("savepoint here")
        self.enter(tenant)
        self.sees(tenant)
        self.connection.execute("rollback to here")
        self.refused()

    def forgotten(self, _: UUID) -> None:
        self.refused()

    def one_claims_another(self, tenant: UUID) -> None:
        self.enter(tenant)
        other = self.other(tenant)
        with pytest.raises(pg.InsufficientPrivilege), self.connection.transaction():
            claim(self.connection, "tenant_id", str(other))
            self.sees(other)
        self.sees(tenant)

    def one_after_the_other(self, tenant: UUID) -> None:
        self.enter(tenant)
        self.sees(tenant)
        self.enter(other := self.other(tenant))
        self.sees(other)

    def left_behind(self, tenant: UUID) -> None:
        forge(self.connection, self.truth.tokens[tenant][0], tenant, local=False)
        self.sees(tenant)
        self.connection.commit()
        self.refused()

    def cancelled(self, tenant: UUID) -> None:
        self.enter(tenant)
        raw = self.connection.pgconn
        raw.send_query(b"select count(*) from generate_series(1, 1e9)")
        self.connection.cancel_safe()
        while (result := raw.get_result()) is not None:
            assert result.error_field(DiagnosticField.SQLSTATE) == b"57014"


def test_ten_thousand_requests_on_one_connection(people: People) -> None:
    with people.db.connect("billing_tenant", autocommit=False) as connection:
        connection.execute("prepare page as " + READ)
        requests = Requests(Truth(people), connection, "execute page")
        connection.commit()
        for _ in range(10_000):
            requests.serve()


def test_the_same_through_each_route(people: People, route: Db) -> None:
    """Two clients, between whom a pooler passes its one connection to and fro."""
    truth = Truth(people)
    with (
        route.connect("billing_tenant", autocommit=False) as one,
        route.connect("billing_tenant", autocommit=False) as two,
    ):
        clients = Requests(truth, one), Requests(truth, two)
        for number in range(300):
            clients[number % 2].serve()


def test_a_crowd_of_pages_some_given_up(people: People, route: Db) -> None:
    """Through the application's pools: tasks that fail, tasks cancelled at any moment."""
    truth, draw = Truth(people), random.Random(32)  # noqa: S311 - not a secret
    answered = list[UUID]()

    async def page(database: Database, tenant: UUID, fails: bool) -> None:
        async def work(connection: Pooled, actor: Actor) -> None:
            for _ in range(3):
                assert [truth.rows[tenant]] == await (await connection.execute(READ)).fetchall()
            assert actor.tenant_id == tenant
            if fails:
                await connection.execute("select 1 / 0")
            answered.append(tenant)

        await database.read("tenant", draw.choice(truth.tokens[tenant]), work)

    async def crowd() -> None:
        async with Database(route.settings()).opened() as database:
            for _ in range(30):
                async with asyncio.TaskGroup() as group:
                    for number in range(12):
                        tenant = draw.choice(list(truth.rows))
                        asked = page(database, tenant, fails=number == 0)
                        group.create_task(given_up(asked, draw.uniform(0, 0.03)))
            for tenant in truth.rows:
                await page(database, tenant, fails=False)

    asyncio.run(crowd())
    assert set(answered) == set(truth.rows)


async def given_up(request: Coroutine[Any, Any, None], after: float) -> None:
    with suppress(TimeoutError, pg.DivisionByZero):
        await asyncio.wait_for(request, after)
