"""Whatever happens, in whatever order: what is stored and said is what the model says."""

import subprocess
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, date, datetime, time
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test
from psycopg import errors

from tests import drawn, facts
from tests.drawn import TENANTS, ranges
from tests.facts import call
from tests.history import Facts, start_over
from tests.model import A_DAY, between
from tests.oracle import ROWS, Event, expected, total
from tests.server import BIN, Db, Server
from tests.together import waiting

RESTATEMENTS = """
    select u.tenant_id, u.usage_date, u.metric, u.old_value, u.new_value
    from data.usage_restatements as u
    """
STATES = "select usage_date, state, first_complete_at is not null from data.usage_days"
_numbers = count(1)


class History(Facts):
    """Numbers are counted, verified, interrupted, dumped and restored in between."""

    def __init__(self, server: Server, db: Db) -> None:
        super().__init__(db)
        self.server, self.restored = server, False

    def teardown(self) -> None:
        try:
            self.what_is_due_is_counted(drawn.INSTANTS_TO_RUN_AT[-1], nightly=True)
            assert self.model.marks == set()
            self.stored_is_what_was_counted()
            # the second net has found what left no marker
            assert self.model.differences(self.model.complete) == set()
        finally:
            super().teardown()
            if self.restored:
                self.server.drop(self.db)

    @rule(day=st.sampled_from(drawn.DAYS))
    def a_day_is_counted(self, day: date) -> None:
        if self.countable([day], "aggregate_usage", day):
            self.count_twice(self.model.count([day]), "aggregate_usage", day)

    @rule(days=ranges)
    def a_range_is_counted(self, days: list[date]) -> None:
        if self.countable(between(*days), "aggregate_usage", *days):
            self.count_twice(self.model.count(between(*days)), "aggregate_usage", *days)

    @rule(data=st.data(), days=ranges)
    def a_tenant_is_counted(self, data: st.DataObject, days: list[date]) -> None:
        tenant = data.draw(st.sampled_from(self.model.tenants))
        if self.countable(between(*days), "aggregate_tenant_usage", tenant, *days):
            changed = self.model.count_tenant(tenant, between(*days))
            self.count_twice(changed, "aggregate_tenant_usage", tenant, *days)

    def countable(self, days: list[date], function: str, *arguments: Any) -> bool:
        """A range with a sealed day is refused as a whole (R20)."""
        if self.model.sealed.isdisjoint(days):
            return True
        with pytest.raises(errors.ObjectNotInPrerequisiteState):
            call(self.operator, function, *arguments)
        return False

    @rule(day=st.sampled_from(drawn.DAYS), after_a_night=st.booleans())
    def rows_are_given_up(self, day: date, after_a_night: bool) -> None:
        if after_a_night:
            self.what_is_due_is_counted(drawn.INSTANTS_TO_RUN_AT[-1], nightly=True)
        if self.model.can_be_sealed(day):
            purged = self.model.seal(day)
            assert call(self.operator, "seal_day", day) == purged
        else:
            with pytest.raises(errors.ObjectNotInPrerequisiteState):
                call(self.operator, "seal_day", day)

    @rule(as_of=st.sampled_from(drawn.INSTANTS_TO_RUN_AT), nightly=st.booleans())
    def what_is_due_is_counted(self, as_of: datetime, nightly: bool) -> None:
        """Every day from billing_from to the as-of day, and then none is due."""
        self.model.run(as_of, nightly=nightly)
        self.count_twice(0, *(["run_nightly"] if nightly else ["run_usage", "test"]), as_of)

    def count_twice(self, returned: int, function: str, *arguments: Any) -> None:
        note(f"{function}{arguments} has to return {returned}")
        assert call(self.operator, function, *arguments) == returned
        versions = facts.row_versions(self.host)
        assert call(self.operator, function, *arguments) == 0
        assert facts.wal_of(self.operator, function, *arguments) < 10_000
        assert facts.row_versions(self.host) == versions

    @rule(days=ranges, how=st.sampled_from(["cancel", "terminate"]))
    def a_run_is_ended_in_the_middle(self, days: list[date], how: str) -> None:
        if not self.model.sealed.isdisjoint(between(*days)):
            return
        before = facts.ledger(self.host)
        lock = "lock table data.billing_usage_daily in share row exclusive mode"
        with ExitStack() as stack, self.db.connect() as holder, holder.transaction():
            holder.execute(lock)
            run = stack.enter_context(waiting(self.db, self.host, "aggregate_usage", *days))
            self.host.execute(f"select pg_{how}_backend({run.pid})".encode())
            with pytest.raises(errors.OperationalError):
                run.result()
        assert facts.ledger(self.host) == before

    @rule(days=ranges)
    def numbers_are_verified(self, days: list[date]) -> None:
        """What differs is what waits to be counted, and nothing else differs."""
        found = self.operator.execute(
            "select tenant_id, date, metric, stored, recounted, is_waiting"
            " from billing.verify_usage(%s, %s)",
            days,
        ).fetchall()
        assert len(found) == len(set(found))
        assert set(found) == self.model.differences(between(*days))

    @precondition(lambda self: not self.restored)
    @rule()
    def a_dump_is_restored(self) -> None:
        """The history goes on in another database."""
        digest = self.digest()
        copy = self.server.create(f"restored_{next(_numbers)}", "template0")
        where = ["-h", "127.0.0.1", "-U", "postgres", "-p", str(self.db.port), "-d"]
        dump = subprocess.run(
            [BIN / "pg_dump", *where, self.db.name, "-Fc"], check=True, capture_output=True
        )
        restore = [BIN / "pg_restore", *where, copy.name, "--single-transaction"]
        subprocess.run(restore, check=True, input=dump.stdout)
        self.stack.close()
        self.connect(copy)
        self.restored = True
        assert self.digest() == digest

    def digest(self) -> str:
        return call(self.operator, "usage_digest", drawn.DAYS[0], drawn.DAYS[-1] + A_DAY)

    @invariant()
    def stored_is_what_was_counted(self) -> None:
        """The ledger of a day is the sum of its rows, and what changed after its first night is
        kept."""
        assert facts.stored(self.host) == self.model.counted
        assert set(facts.markers(self.host)) == self.model.marks
        ledger = facts.day_ledger(self.host)
        assert ledger.keys() == self.model.complete | self.model.open | self.model.sealed
        states = self.host.execute(STATES).fetchall()
        assert {day for day, state, _ in states if state == "complete"} == self.model.complete
        assert {day for day, *_, is_published in states if is_published} == self.model.published
        for day, rows in ledger.items():
            figures = (f for (_, on), f in self.model.counted.items() if on == day)
            sums = total(figures)
            assert rows == {name: sums[name] for name in ROWS}
        assert Counter(self.host.execute(RESTATEMENTS).fetchall()) == self.model.restatements


def test_any_history(server: Server, module_db: Db) -> None:
    """R1 to R3, R6 to R9, R12 to R16, R18 to R21, R29, drawn at random."""
    machine: Any = partial(History, server, module_db)
    run_state_machine_as_test(machine)


@given(batch=drawn.unique_events, days=ranges, order=st.permutations(range(16)))
def test_single_days_add_up_to_the_range(
    module_db: Db, batch: list[Event], days: list[date], order: list[int]
) -> None:
    """R10: single days in any order are the range, and sum up to what happened within it."""
    with module_db.connect() as host, module_db.connect("billing_operator") as operator:
        start_over(host)
        facts.insert(host, *batch)
        start, end = days
        for number in order:
            if start <= (day := start + number * A_DAY) < end:
                call(operator, "aggregate_usage", day)
        stored = total(facts.stored(host).values())
        first, last = (datetime.combine(day, time.min, UTC) for day in days)
        inside = [event for event in batch if first <= event.occurred_at < last]
        assert stored == total(expected(inside, TENANTS).values())
        assert call(operator, "aggregate_usage", *days) == 0
