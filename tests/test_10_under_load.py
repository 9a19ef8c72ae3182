"""Releases in the middle of the day: writers, counters and pages notice nothing."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic
from typing import Any
from uuid import UUID

import psycopg

from app import release
from app.database import REPLACED
from tests.past import add_tenants, rows, value
from tests.people import People, enter, settle
from tests.releases import force_rebuild, migrate
from tests.server import Db
from tests.together import PATIENCE, eventually

REBUILDS = 10
DAYS = 12
Work = Callable[[psycopg.Connection[Any], int], object]


def once_more(work: Work) -> Work:
    """Like app.database.read: a release may replace a function while a call of it waits."""

    def patient(connection: psycopg.Connection[Any], number: int) -> None:
        try:
            work(connection, number)
        except REPLACED:
            work(connection, number)

    return patient


@contextmanager
def at_work(db: Db, *workers: tuple[str, float, Work]) -> Iterator[dict[str, int]]:
    """Everybody does a piece of work, pauses and does the next one, on one connection for ever.

    Yields how many pieces each login has done; whatever goes wrong is raised in the end.
    """
    over = Event()
    done = dict.fromkeys((login for login, _, _ in workers), 0)
    errors: list[Exception] = []

    def work(login: str, pause: float, piece: Work) -> None:
        number = 0
        try:
            with db.connect(login) as connection:
                while not over.wait(pause):
                    piece(connection, number)
                    number += 1
                    done[login] = max(done[login], number)
        except psycopg.Error as error:
            errors.append(error)

    threads = [Thread(target=work, args=worker) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert errors == []


def test_releases_under_ingest_counting_and_reading(db: Db) -> None:
    """No error, no marker lost: after the dust has settled, every event is counted."""
    tenants: list[UUID] = add_tenants(db, 3)
    rows(db, "update data.settings set billing_from = billing.utc_day(now()) - %s", DAYS)
    tokens = [People(db, tenant, tenant).token() for tenant in tenants]
    waits: list[float] = []

    def ingest(connection: psycopg.Connection[Any], number: int) -> None:
        began = monotonic()
        connection.execute(
            "insert into messages (tenant_id, occurred_at, provider_id, channel, direction, status)"
            " select %s, now() - make_interval(days => %s), gen_random_uuid()::text,"
            " 'sms', 'outbound', 'sent'",
            [tenants[number % 3], number % (DAYS + 1)],
        )
        waits.append(monotonic() - began)

    def change(connection: psycopg.Connection[Any], number: int) -> None:
        with connection.transaction():
            connection.execute(
                "insert into calls (tenant_id, occurred_at, provider_id, direction, status)"
                " select %s, now() - make_interval(days => %s), %s, 'inbound', 'ringing'",
                [tenants[number % 3], number % (DAYS + 1), str(number)],
            )
            connection.execute(
                "update calls set status = 'completed', duration_seconds = 30"
                " where tenant_id = %s and provider_id = %s",
                [tenants[number % 3], str(number)],
            )

    @once_more
    def count(connection: psycopg.Connection[Any], _: int) -> None:
        connection.execute("select billing.run_usage('test')")

    @once_more
    def read(connection: psycopg.Connection[Any], number: int) -> None:
        with connection.transaction():
            enter(connection, tokens[number % 3])
            assert connection.execute("select summary from usage_summary").fetchone()

    with at_work(
        db,
        ("billing_ingest", 0.02, ingest),
        ("billing_ingest", 0.02, change),
        ("billing_operator", 0.2, count),
        ("billing_operator", 0.2, count),
        ("billing_tenant", 0.1, read),
        ("billing_tenant", 0.1, read),
    ) as done:
        said: list[str] = []
        for _ in range(REBUILDS):
            force_rebuild(db)
            said += migrate(db)
        assert said == ["rebuilt schema billing"] * REBUILDS

    assert all(pieces >= REBUILDS for pieces in done.values()), done
    assert max(waits) < release.REBUILD_PATIENCE
    assert value(db, "select run_usage('test')", login="billing_operator") == 0
    assert value(db, "select count(*) from late_day_markers") == 0
    assert value(
        db,
        "select sum(sms_outbound_count), sum(voice_minutes_inbound) from billing_usage_daily",
    ) == value(db, "select (select count(*) from messages), (select count(*) from calls)")


def test_a_page_that_has_begun_is_let_through(db: Db) -> None:
    """The rebuild waits for it where pages begin, and holds nothing that it needs meanwhile."""
    people = settle(db)
    force_rebuild(db)
    awaited = "select c.relname from pg_locks as l join pg_class as c on c.oid = l.relation"
    awaited += (
        " where not l.granted and c.relnamespace in ('data'::regnamespace, 'billing'::regnamespace)"
    )
    with ThreadPoolExecutor(1) as pool, people.request(people.token()) as page:
        rebuild = pool.submit(migrate, db)
        assert eventually(lambda: rows(db, awaited)) == ["live_sessions"]
        page.execute("set local lock_timeout = '50ms'")
        assert page.execute("select summary from usage_summary").fetchone()
        page.commit()
        assert rebuild.result(PATIENCE) == ["rebuilt schema billing"]
