"""Transactions open over midnight, clocks that step: a day that is complete is right, or a marker
waits to make it so."""

from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from psycopg import IsolationLevel, errors

from tests import facts, hosts
from tests.facts import Connection, call
from tests.oracle import Email, Event, expected
from tests.server import Db

A_DAY = timedelta(days=1)
TENANT, LATECOMER = UUID(int=1), UUID(int=2)
LEVELS = (
    *[IsolationLevel.READ_COMMITTED] * 3,
    IsolationLevel.REPEATABLE_READ,
    IsolationLevel.SERIALIZABLE,
)


def midnight_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def count_as_if(connection: Connection, instant: datetime) -> None:
    """A run by a clock that says this, whatever the server's says."""
    with connection.transaction():
        connection.execute("set local role billing_aggregator")
        connection.execute("select billing.count_due('test', %s)", [instant])


def differences(connection: Connection, days: list[date]) -> list[Any]:
    """What verifying complete days finds that no marker explains."""
    return connection.execute(
        "select date, metric, stored, recounted from billing.verify_usage(%s, %s)"
        " where not is_waiting",
        [days[0], days[-1] + A_DAY],
    ).fetchall()


@pytest.fixture
def today(db: Db) -> date:
    with db.connect() as connection:
        day = call(connection, "utc_day", datetime.now(UTC))
        facts.bill_from(connection, day - A_DAY)
        facts.add_tenants(connection, ids=[TENANT])
    return day


def states(connection: Connection) -> dict[date, str]:
    return dict(connection.execute("select usage_date, state from data.usage_days").fetchall())


def test_a_day_stays_open_while_somebody_writes_to_it(db: Db, today: date) -> None:
    """R3: written before midnight, counted just after it, committed later: no marker, and found."""
    end = midnight_of(today + A_DAY)
    with db.connect() as host, db.connect(hosts.current.writer) as writer:
        with writer.transaction():
            facts.insert(writer, Email(TENANT, end - timedelta(minutes=2)))
            count_as_if(host, end + timedelta(seconds=8))
            assert states(host) == {today - A_DAY: "complete", today: "open", today + A_DAY: "open"}
            assert facts.markers(host) == []
        count_as_if(host, end + timedelta(minutes=5))
        assert states(host)[today] == "complete"
        assert facts.stored(host)[TENANT, today]["emails_sent"] == 1


def test_a_prepared_transaction_keeps_the_day_open(db: Db, today: date) -> None:
    """R3: whoever has written is waited for, connected or not."""
    end = midnight_of(today + A_DAY)
    with db.connect() as host:
        with db.connect() as writer:
            writer.execute("begin")
            facts.insert(writer, Email(TENANT, end - timedelta(minutes=2)))
            writer.execute("prepare transaction 'over midnight'")
        count_as_if(host, end)
        assert states(host)[today] == "open"
        host.execute("commit prepared 'over midnight'")
        count_as_if(host, end + timedelta(minutes=5))
        assert states(host)[today] == "complete"
        assert facts.stored(host)[TENANT, today]["emails_sent"] == 1


def test_a_clock_that_was_ahead_has_closed_today(db: Db, today: date) -> None:
    """R3: what is written to a complete day leaves a marker, whatever day it is."""
    noon = midnight_of(today) + timedelta(hours=12)
    with db.connect() as host, db.connect(hosts.current.writer) as writer:
        count_as_if(host, midnight_of(today + A_DAY))
        assert states(host)[today] == "complete"
        event = Email(TENANT, noon)
        facts.insert(writer, event)
        assert facts.take_markers(host) == [(TENANT, today)]
        event = facts.update(writer, event, status="bounced")
        assert facts.take_markers(host) == [(TENANT, today)]
        facts.delete(host, event)
        assert facts.take_markers(host) == [(TENANT, today)]
        facts.insert(writer, event)
        count_as_if(host, noon)
        assert facts.stored(host)[TENANT, today]["emails_sent"] == 1


@pytest.mark.parametrize("level", LEVELS[3:])
def test_an_old_snapshot_cannot_tell_that_the_day_was_closed(
    db: Db, today: date, level: IsolationLevel
) -> None:
    """R3: under a fixed snapshot every change is marked."""
    with db.connect() as host, db.connect(hosts.current.writer) as writer:
        writer.isolation_level = level
        with writer.transaction():
            writer.execute("select from data.tenants")
            count_as_if(host, midnight_of(today + A_DAY))
            facts.insert(writer, Email(TENANT, midnight_of(today)))
        assert facts.markers(host) == [(TENANT, today)]


def test_many_days_at_once_take_no_lock_each(db: Db, today: date) -> None:
    """A batch dated years ahead is marked; locks are a shared and bounded thing."""
    with db.connect() as host, db.connect(hosts.current.writer) as writer:
        days = [midnight_of(today + n * A_DAY) for n in range(3000)]
        with writer.transaction():
            facts.insert(writer, *(Email(TENANT, at) for at in days))
            (locks,) = writer.execute(
                "select count(*) from pg_locks where locktype = 'advisory'"
            ).fetchall()[0]
        assert locks == 0
        assert len(facts.markers(host)) == len(days)


def test_a_tenant_committed_after_the_count_of_its_facts(db: Db, today: date) -> None:
    """R3: neither saw the other when it was written; the next run looks again."""
    noon = midnight_of(today - A_DAY) + timedelta(hours=12)
    with (
        db.connect() as host,
        db.connect() as keeper,
        db.connect(hosts.current.writer) as writer,
    ):
        with keeper.transaction():
            facts.add_tenants(keeper, ids=[LATECOMER])
            facts.insert(writer, Email(LATECOMER, noon))
            count_as_if(host, midnight_of(today))
            assert facts.markers(host) == []
        count_as_if(host, midnight_of(today) + timedelta(minutes=5))
        assert facts.stored(host)[LATECOMER, today - A_DAY]["emails_sent"] == 1


class Midnight(RuleBasedStateMachine):
    """Writers come and go over the days around today while runs come by clocks that step."""

    writers = Bundle("writers")

    def __init__(self, db: Db) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.db = db
        self.host = self.stack.enter_context(db.connect())
        self.operator = self.stack.enter_context(db.connect("billing_operator"))
        facts.wipe(self.host)
        today = call(self.host, "utc_day", datetime.now(UTC))
        self.days = [today + n * A_DAY for n in (-1, 0, 1)]
        facts.bill_from(self.host, self.days[0])
        facts.add_tenants(self.host, ids=[TENANT])
        self.connections: dict[int, Connection] = {}
        self.committed: list[Event] = []
        self.pending: dict[int, list[Event]] = {}

    def teardown(self) -> None:
        try:
            for writer in list(self.pending):
                self.connections[writer].commit()
                self.committed += self.pending.pop(writer)
            for _ in range(2):
                count_as_if(self.host, midnight_of(self.days[-1] + A_DAY))
            assert set(states(self.host).values()) <= {"complete", "open"}
            assert {day: states(self.host)[day] for day in self.days} == dict.fromkeys(
                self.days, "complete"
            )
            assert facts.stored(self.host) == expected(self.committed, [TENANT])
        finally:
            self.stack.close()

    @rule(target=writers, level=st.sampled_from(LEVELS))
    def a_writer_begins(self, level: IsolationLevel) -> Any:
        if len(self.pending) >= 4:
            return multiple()
        connection = self.stack.enter_context(
            self.db.connect(hosts.current.writer, autocommit=False)
        )
        connection.isolation_level = level
        connection.execute("select from data.tenants")
        self.connections[id(connection)] = connection
        self.pending[id(connection)] = []
        return id(connection)

    @rule(
        writer=writers, which=st.integers(0, 2), seconds=st.integers(0, 86399), undo=st.booleans()
    )
    def it_writes(self, writer: int, which: int, seconds: int, undo: bool) -> None:
        event = Email(TENANT, midnight_of(self.days[which]) + timedelta(seconds=seconds))
        connection = self.connections[writer]
        try:
            with connection.transaction(force_rollback=undo):
                facts.insert(connection, event)
        except errors.SerializationFailure:
            return
        if not undo:
            self.pending[writer].append(event)

    @rule(writer=consumes(writers), rolled_back=st.booleans())
    def it_ends(self, writer: int, rolled_back: bool) -> None:
        events = self.pending.pop(writer)
        try:
            self.connections[writer].rollback() if rolled_back else self.connections[
                writer
            ].commit()
        except errors.SerializationFailure:
            return
        if not rolled_back:
            self.committed += events

    @rule(day=st.integers(0, 3), seconds=st.sampled_from([0, 8, 43_200]))
    def a_run_comes(self, day: int, seconds: int) -> None:
        count_as_if(self.host, midnight_of(self.days[0] + day * A_DAY) + timedelta(seconds=seconds))

    @invariant()
    def what_is_complete_is_right_or_a_marker_waits(self) -> None:
        assert differences(self.operator, self.days) == []


def test_any_midnight(module_db: Db) -> None:
    """R3: whatever commits when, by whatever clock."""
    machine: Any = partial(Midnight, module_db)
    run_state_machine_as_test(machine)
