"""Counting beside others who count, and beside writers who commit late."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from random import Random
from time import sleep
from uuid import UUID

import pytest
from psycopg import errors

from tests import facts
from tests.facts import Connection, call
from tests.oracle import ZERO, AiRequest, Call, Email, Event, Message, expected
from tests.server import Db
from tests.together import at_once, count, waiting

DAY = date(2024, 2, 29)
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
A_DAY = timedelta(days=1)
AFTER = datetime(2024, 3, 15, 4, tzinfo=UTC)


@pytest.fixture
def host(db: Db) -> Iterator[Connection]:
    with db.connect() as connection:
        facts.bill_from(connection, DAY)
        yield connection


@pytest.fixture
def tenants(host: Connection) -> list[UUID]:
    return facts.add_tenants(host, 3)


def test_eight_runs_of_one_day(db: Db, host: Connection, tenants: list[UUID]) -> None:
    """R1, R6: all have begun before any can write; one does, on an empty and on a counted day."""
    write_rows = (
        "insert into data.billing_usage_daily (tenant_id, usage_date) select id, %s from tenants"
        " on conflict (tenant_id, usage_date) do update set updated_at = now()"
    )
    events: list[Event] = []
    for kind in (Message, Call):
        fresh = [kind(tenant, NOON) for tenant in tenants]
        facts.insert(host, *fresh)
        host.execute("delete from data.late_day_markers")  # the runs would meet there already
        events += fresh
        with ExitStack() as stack:
            with db.connect() as holder, holder.transaction(force_rollback=True):
                holder.execute(write_rows, [DAY])
                run = (db, host, "aggregate_usage", DAY)
                runs = [stack.enter_context(waiting(*run)) for _ in range(8)]
            changed = [run.result() for run in runs]
        assert sorted(changed) == [0] * 7 + [len(tenants)]
        assert facts.stored(host) == expected(events, tenants)
    assert facts.ledger(host) == (3, 1, 16, 0)


def test_overlapping_ranges(db: Db, host: Connection, tenants: list[UUID]) -> None:
    """R6: ranges that overlap, asked for in both orders, again and again: never a deadlock."""
    ranges = [(DAY, DAY + 7 * A_DAY), (DAY + 3 * A_DAY, DAY + 10 * A_DAY)]
    events: list[Event] = []
    for _ in range(6):
        fresh = [Message(tenant, NOON + n * A_DAY) for tenant in tenants for n in range(10)]
        facts.insert(host, *fresh)
        events += fresh
        at_once(*[lambda days=days: count(db, "aggregate_usage", *days) for days in ranges * 2])
        ranges.reverse()
        assert facts.stored(host) == expected(events, tenants)


@pytest.mark.parametrize("change", ["insert", "update", "delete", "move"])
def test_a_writer_who_commits_after_the_run(
    db: Db, host: Connection, tenants: list[UUID], change: str
) -> None:
    """R3: a transaction open all through a run is counted by the next one, whatever it does."""
    one, other, _ = tenants
    events: list[Event] = [Message(one, NOON), Message(other, NOON)]
    facts.insert(host, *events)
    before = expected(events, tenants)
    with db.connect() as writer, writer.transaction():
        if change == "insert":
            events.append(Call(one, NOON))
            facts.insert(writer, events[-1])
        elif change == "update":
            events[0] = facts.update(writer, events[0], status="failed")
        elif change == "move":
            events[0] = facts.update(writer, events[0], occurred_at=NOON + A_DAY, tenant_id=other)
        else:
            facts.delete(writer, events.pop())
        for _ in range(2):
            assert count(db, "run_usage", "test", AFTER) == 0
            assert facts.stored(host) == before
    assert count(db, "run_usage", "test", AFTER) == 0
    assert facts.stored(host) == dict.fromkeys(before, ZERO) | expected(events, tenants)
    assert facts.markers(host) == []


def test_a_fact_committed_while_its_day_is_written(
    db: Db, host: Connection, tenants: list[UUID]
) -> None:
    """R3: the run has read the day and waits to write it; what is committed then leaves a marker
    that this run cannot take."""
    events = [Message(tenants[0], NOON) for _ in range(3)]
    facts.insert(host, events[0])
    count(db, "run_usage", "test", AFTER)
    facts.insert(host, events[1])
    with ExitStack() as stack:
        with db.connect() as holder, holder.transaction():
            holder.execute("select from data.billing_usage_daily for update")
            run = stack.enter_context(waiting(db, host, "run_usage", "test", AFTER))
            facts.insert(host, events[2])
        assert run.result() == 1, "due again"
    assert facts.markers(host) == [(tenants[0], DAY)]
    assert count(db, "run_usage", "test", AFTER) == 0
    assert facts.stored(host) == expected(events, tenants)


def test_what_is_committed_while_a_run_waits_for_the_day_is_counted(
    db: Db, host: Connection, tenants: list[UUID]
) -> None:
    """R6: lock first, then look."""
    events = [Message(tenants[0], NOON), Message(tenants[0], NOON), Call(tenants[1], NOON)]
    facts.insert(host, events[0])
    host.execute("delete from data.late_day_markers")  # they would hold the second one up by chance
    with ExitStack() as stack:
        with db.connect("billing_operator") as first, first.transaction():
            call(first, "aggregate_usage", DAY)
            run = stack.enter_context(waiting(db, host, "aggregate_usage", DAY))
            facts.insert(host, *events[1:])
        assert run.result() == 2
    assert facts.stored(host) == expected(events, tenants)


def test_writers_and_runs_in_a_swarm(db: Db, host: Connection, tenants: list[UUID]) -> None:
    """R3, R6: writers who commit when they like, beside ticks and recounts; then one last tick."""

    def write(seed: int) -> list[Event]:
        dice, mine = Random(seed), list[Event]()  # noqa: S311
        with db.connect() as writer:
            for _ in range(12):
                with writer.transaction():
                    for kind in (Message, Call, Email, AiRequest):
                        at = NOON + dice.randrange(225) * timedelta(hours=1)
                        mine.append(kind(dice.choice(tenants), at))
                    facts.insert(writer, *mine[-4:])
                    facts.delete(writer, mine.pop(dice.randrange(len(mine))))
                    sleep(dice.random() / 30)
        return mine

    def tick() -> None:
        for _ in range(12):
            count(db, "run_usage", "test", AFTER)
            count(db, "aggregate_usage", DAY, DAY + 4 * A_DAY)

    writers = [lambda seed=seed: write(seed) for seed in range(4)]
    events = [event for mine in at_once(*writers, tick, tick)[:4] for event in mine]
    assert count(db, "run_usage", "test", AFTER) == 0
    stored = {key: row for key, row in facts.stored(host).items() if any(row.values())}
    assert stored == expected(events, tenants)
    assert facts.markers(host) == []


def test_a_wait_is_bounded_and_names_the_run(db: Db, host: Connection, tenants: list[UUID]) -> None:
    """R6: whoever waits for a day gives up after 10 s, is told which run has it, writes nothing."""
    facts.insert(host, Message(tenants[0], NOON))
    (limits,) = host.execute("select proconfig from pg_proc where proname = 'lock_day'").fetchall()
    assert limits == (["lock_timeout=10s"],)
    host.execute("alter function billing.lock_day(date) set lock_timeout = '300ms'")
    with db.connect("billing_operator") as holder, holder.transaction():
        call(holder, "aggregate_usage", DAY)
        before = facts.ledger(host)
        with pytest.raises(errors.LockNotAvailable) as caught:
            count(db, "aggregate_usage", DAY - A_DAY, DAY + A_DAY)
        assert facts.ledger(host) == before
        pid = holder.info.backend_pid
    (run,) = host.execute("select id from data.usage_runs").fetchall()[0]
    assert f"day {DAY} is being counted by run {run} (backend {pid})" in str(caught.value)


@pytest.mark.parametrize("how", ["cancel", "terminate"])
def test_a_run_killed_in_the_middle(
    db: Db, host: Connection, tenants: list[UUID], how: str
) -> None:
    """R6: numbers and progress come together or not at all, and the days are free again."""
    days = DAY - 2 * A_DAY, DAY + A_DAY
    events = [*(Message(tenants[0], NOON - n * A_DAY) for n in range(3)), Call(tenants[0], NOON)]
    facts.insert(host, *events[:3])
    count(db, "aggregate_usage", DAY)
    facts.insert(host, events[3])
    before, rows = facts.ledger(host), facts.stored(host)
    with ExitStack() as stack, db.connect() as holder, holder.transaction():
        holder.execute("select from data.billing_usage_daily for update")
        run = stack.enter_context(waiting(db, host, "aggregate_usage", *days))
        host.execute(f"select pg_{how}_backend({run.pid})".encode())
        with pytest.raises(errors.OperationalError):
            run.result()
    assert (facts.ledger(host), facts.stored(host)) == (before, rows)
    assert count(db, "aggregate_usage", *days) == 3
    assert facts.stored(host) == expected(events, tenants)
