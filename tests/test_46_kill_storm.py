"""kill -9, again and again, of sessions and of the server, while facts arrive and days are counted:
what was acknowledged is counted exactly once."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from uuid import UUID

import psycopg
import pytest

from app import release
from tests import facts
from tests.facts import Connection
from tests.oracle import AiRequest, Call, Email, Event, Key, Message, expected
from tests.past import at, bill_from, day, rows, run, slow_down, value
from tests.server import Db, Server
from tests.together import PATIENCE, eventually

DAYS = 8
NOW = at(DAYS + 1, "04:00")
KINDS = (Message, Call, Email, AiRequest)
# twice a writer and a counting session, then the server itself
VICTIMS = ("billing_ingest", "billing_operator", "billing_ingest", "billing_operator", "server")
KILLS = 15


class Client:
    """A session that comes back whenever the server is gone, and goes on until told to end."""

    def __init__(self, db: Db, login: str, act: Callable[[Connection], None]) -> None:
        self.db, self.login, self.act = db, login, act
        self.done = self.broken = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                with self.db.connect(self.login) as connection:
                    while not self._over.is_set():
                        self.act(connection)
                        self.done += 1
            except psycopg.OperationalError:
                self.broken += 1
                time.sleep(0.02)

    def end(self) -> None:
        self._over.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


class Writer:
    """A host: it repeats what it does not know to be stored, as webhooks are repeated."""

    def __init__(self, seed: int, tenants: list[UUID]) -> None:
        self.dice, self.tenants = Random(seed), tenants  # noqa: S311
        self.acknowledged: dict[Key, Event] = {}
        self._pending: Callable[[Connection], None] | None = None

    def __call__(self, connection: Connection) -> None:
        act = self._pending = self._pending or self._something()
        act(connection)
        self._pending = None

    def _something(self) -> Callable[[Connection], None]:
        if self.acknowledged and self.dice.random() < 0.3:
            event = self.dice.choice(list(self.acknowledged.values()))
            status = self.dice.choice(["failed", "sent", "warp"])

            def correct(connection: Connection) -> None:
                self.acknowledged[event.key] = facts.update(connection, event, status=status)

            return correct
        batch = [
            self.dice.choice(KINDS)(
                self.dice.choice(self.tenants), at(1) + self.dice.randrange(DAYS) * timedelta(1)
            )
            for _ in range(self.dice.randint(1, 4))
        ]

        def send(connection: Connection) -> None:
            facts.insert(connection, *batch, keep_first=True)
            self.acknowledged |= {event.key: event for event in batch}

        return send


def count_on(connection: Connection) -> None:
    """What is due, and a day by hand now and then."""
    connection.execute("select billing.run_usage('storm', %s)", [NOW])
    connection.execute("select billing.aggregate_usage(%s)", [day(DAYS // 2)])


@contextmanager
def clients(db: Db, writers: list[Writer]) -> Iterator[list[Client]]:
    everybody = [Client(db, "billing_ingest", writer) for writer in writers]
    everybody += [Client(db, "billing_operator", count_on) for _ in range(2)]
    try:
        yield everybody
    finally:
        for client in everybody:
            client.end()


def in_the_middle(db: Db, login: str) -> int | None:
    """A session of this login at work; one that counts, within a day."""
    found = rows(
        db,
        "select pid from pg_stat_activity where usename = %s and state = 'active'"
        " and (usename <> 'billing_operator' or wait_event = 'PgSleep') limit 1",
        login,
    )
    return found[0] if found else None


def strike(server: Server, db: Db, victim: str) -> None:
    """One kill -9."""
    if victim == "server":
        server.kill()
        server.start()
    else:
        os.kill(eventually(lambda: in_the_middle(db, victim)), signal.SIGKILL)


@pytest.mark.slow
def test_a_storm_of_kills() -> None:
    """R3, R6: 15 kills, three of them of the server: 0 facts lost, 0 counted twice."""
    server = Server()
    try:
        db = server.create("installed")
        release.migrate(db.settings(), lambda _: None)
        bill_from(db)
        with db.connect() as host:
            tenants = facts.add_tenants(host, 3)
        slow_down(db, 0.05)
        writers = [Writer(seed, tenants) for seed in range(3)]
        with clients(db, writers) as everybody:
            for number in range(KILLS):
                marks = [client.done + 1 for client in everybody]
                eventually(lambda marks=marks: all(
                    client.done >= mark for client, mark in zip(everybody, marks, strict=True)
                ))  # fmt: skip
                strike(server, db, VICTIMS[number % len(VICTIMS)])
        assert all(client.broken >= KILLS // 2 for client in everybody)
        rows(db, "drop function public.slow_down() cascade")
        assert run(db, NOW) == 0

        events = [event for writer in writers for event in writer.acknowledged.values()]
        with db.connect() as host:
            assert facts.stored(host) == expected(events, tenants)
            assert facts.markers(host) == []
        counted = value(db, "select sum(source_rows)::integer from data.usage_days")
        assert counted == value(db, "select count(*) from billing.usage_source") == len(events)
    finally:
        server.end()
