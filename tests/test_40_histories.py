"""Whatever happens to the facts, in whatever order: the stored rows are those of the oracle."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from psycopg import errors

from tests import drawn, facts, hosts
from tests.drawn import BILLING_FROM, STRANGER, TENANTS, ranges
from tests.facts import Connection, call
from tests.oracle import ROWS, ZERO, Event, Key, Rows, expected, total
from tests.server import Db

A_DAY = timedelta(days=1)


class Sessions(NamedTuple):
    host: Connection
    ingest: Connection
    operator: Connection


@pytest.fixture(scope="module")
def sessions(module_db: Db) -> Iterator[Sessions]:
    logins = ("postgres", hosts.current.writer, "billing_operator")
    with ExitStack() as stack:
        sessions = Sessions(*(stack.enter_context(module_db.connect(name)) for name in logins))
        facts.bill_from(sessions.host, BILLING_FROM)
        yield sessions


def start_over(host: Connection) -> None:
    facts.wipe(host)
    facts.add_tenants(host, ids=TENANTS)


class History:
    """What was counted last is stored, nothing else is written, counting again writes nothing."""

    def __init__(self, sessions: Sessions, data: st.DataObject) -> None:
        start_over(sessions.host)
        self.host, self.ingest, self.operator = sessions
        self.draw = data.draw
        self.tenants = list(TENANTS)
        self.events: dict[Key, Event] = {}
        self.counted: Rows = {}

    def some_events(self) -> list[Event]:
        if not self.events:
            return []
        keys = st.lists(st.sampled_from(sorted(self.events)), unique=True, max_size=5)
        return [self.events[key] for key in self.draw(keys)]

    def facts_arrive(self) -> None:
        """Ids that are known already are repeated webhooks: ignored."""
        batch = self.draw(drawn.batches)
        facts.insert(self.ingest, *batch, keep_first=True)
        for event in batch:
            self.events.setdefault(hosts.current.key(event), event)

    def a_batch_with_a_known_id_is_refused(self) -> None:
        for event in self.some_events():
            with pytest.raises(errors.UniqueViolation):
                facts.insert(self.ingest, *self.draw(drawn.batches), event)

    def the_provider_tells_more(self) -> None:
        for event in self.some_events():
            columns = {"status": drawn.statuses(event.table)} | drawn.told[type(event)]
            changes = self.draw(st.fixed_dictionaries({}, optional=columns).filter(bool))
            self.events[hosts.current.key(event)] = facts.update(self.ingest, event, **changes)

    def facts_move(self) -> None:
        """To another tenant and day, or to another day only where the id is taken."""
        for event in self.some_events():
            where = {
                "occurred_at": self.draw(drawn.instants),
                "tenant_id": self.draw(drawn.owners),
            }
            del self.events[hosts.current.key(event)]
            while hosts.current.key(replace(event, **where)) in self.events:
                where.popitem()
            if where:
                event = facts.update(self.host, event, **where)
            self.events[hosts.current.key(event)] = event

    def facts_go(self) -> None:
        """Some, or all that their tenants have on their days."""
        gone = self.some_events()
        if self.draw(st.booleans()):
            emptied = {(event.tenant_id, event.day) for event in gone}
            gone = [e for e in self.events.values() if (e.tenant_id, e.day) in emptied]
        facts.delete(self.host, *gone)
        for event in gone:
            del self.events[hosts.current.key(event)]

    def a_stranger_becomes_a_tenant(self) -> None:
        if STRANGER not in self.tenants:
            self.tenants += facts.add_tenants(self.ingest, ids=[STRANGER])

    def sessions_travel(self) -> None:
        zone = self.draw(st.sampled_from(drawn.ZONES))
        for session in (self.host, self.ingest, self.operator):
            session.execute("select set_config('TimeZone', %s, false)", [zone])

    def a_day_is_counted(self) -> None:
        day = self.draw(st.sampled_from(drawn.DAYS))
        changed = self.changes(self.tenants, day, day + A_DAY)
        self.count_twice(changed, "aggregate_usage", day)

    def a_range_is_counted(self) -> None:
        days = self.draw(ranges)
        self.count_twice(self.changes(self.tenants, *days), "aggregate_usage", *days)

    def a_tenant_is_counted(self) -> None:
        tenant, days = self.draw(st.sampled_from(self.tenants)), self.draw(ranges)
        changed = self.changes([tenant], *days)
        self.count_twice(changed, "aggregate_tenant_usage", tenant, *days)

    def what_is_due_is_counted(self) -> None:
        """Every day from billing_from to the as-of day, and then none is due."""
        as_of = self.draw(st.sampled_from(drawn.INSTANTS_TO_RUN_AT))
        self.changes(self.tenants, BILLING_FROM, as_of.date() + A_DAY)
        function = self.draw(st.sampled_from([("run_nightly",), ("run_usage", "test")]))
        self.count_twice(0, *function, as_of)

    def changes(self, tenants: list[UUID], start: date, end: date) -> int:
        """How many rows counting has to change: those of the tenants and days that differ."""
        truth, changed = expected(self.events.values(), tenants), 0
        for tenant, day in truth.keys() | self.counted.keys():
            if tenant in tenants and start <= day < end:
                row = truth.get((tenant, day), ZERO)
                changed += self.counted.get((tenant, day)) != row
                self.counted[tenant, day] = row
        return changed

    def count_twice(self, returned: int, function: str, *arguments: Any) -> None:
        note(f"{function}{arguments} has to return {returned}")
        assert call(self.operator, function, *arguments) == returned
        versions = facts.row_versions(self.host)
        assert call(self.operator, function, *arguments) == 0
        assert facts.wal_of(self.operator, function, *arguments) < 10_000
        assert facts.row_versions(self.host) == versions
        self.check()

    def check(self) -> None:
        """Stored is what was counted, and the ledger of a day is the sum of its rows."""
        assert facts.stored(self.host) == self.counted
        for day, rows in facts.day_ledger(self.host).items():
            sums = total(figures for (_, on), figures in self.counted.items() if on == day)
            assert rows == {name: sums[name] for name in ROWS}


HAPPENINGS = (
    History.facts_arrive,
    History.a_batch_with_a_known_id_is_refused,
    History.the_provider_tells_more,
    History.facts_move,
    History.facts_go,
    History.a_stranger_becomes_a_tenant,
    History.sessions_travel,
)
COUNTS = (
    History.a_day_is_counted,
    History.a_range_is_counted,
    History.a_tenant_is_counted,
    History.what_is_due_is_counted,
)


@given(data=st.data())
def test_any_history(sessions: Sessions, data: st.DataObject) -> None:
    """R1, R2, R3, R7, R8, R9, R12, R13, R14, R15, R16, R18, R19, R21, R29, drawn at random."""
    history = History(sessions, data)
    for _ in range(data.draw(st.integers(3, settings().stateful_step_count))):
        history.facts_arrive()
        for happening in data.draw(st.lists(st.sampled_from(HAPPENINGS), max_size=3)):
            happening(history)
            history.check()
        data.draw(st.sampled_from(COUNTS))(history)
    history.what_is_due_is_counted()


@given(batch=drawn.unique_events, days=ranges, order=st.permutations(range(16)))
def test_single_days_add_up_to_the_range(
    sessions: Sessions, batch: list[Event], days: list[date], order: list[int]
) -> None:
    """R10: single days in any order are the range, and sum up to what happened within it."""
    start_over(sessions.host)
    facts.insert(sessions.ingest, *batch)
    start, end = days
    for number in order:
        if start <= (day := start + number * A_DAY) < end:
            call(sessions.operator, "aggregate_usage", day)
    stored = total(facts.stored(sessions.host).values())
    first, last = (datetime.combine(day, time.min, UTC) for day in days)
    inside = [event for event in batch if first <= event.occurred_at < last]
    assert stored == total(expected(inside, TENANTS).values())
    assert call(sessions.operator, "aggregate_usage", *days) == 0
