"""A day is recounted whole and written where it differs; what cannot be counted is refused."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from uuid import UUID

import pytest
from psycopg import errors

from tests import facts, hosts
from tests.facts import Connection, call, figures_of
from tests.oracle import (
    METRICS,
    ROWS,
    ZERO,
    AiRequest,
    Call,
    Email,
    Event,
    Message,
    expected,
    total,
)
from tests.server import Db

DAY = date(2024, 2, 29)
NEXT = date(2024, 3, 1)
WEEK = (date(2024, 2, 26), date(2024, 3, 4))
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


@pytest.fixture
def host(db: Db) -> Iterator[Connection]:
    with db.connect() as connection:
        yield connection


@pytest.fixture
def operator(db: Db) -> Iterator[Connection]:
    with db.connect("billing_operator") as connection:
        yield connection


@pytest.fixture
def tenant(host: Connection) -> UUID:
    return facts.add_tenants(host)[0]


def test_a_day_is_counted_as_it_is_typed(host: Connection, tenant: UUID, db: Db) -> None:
    """`select aggregate_usage('2024-02-29')`, in psql and as the operator; R7: the end is out."""
    facts.insert(host, Message(tenant, NOON), Message(tenant, NOON + timedelta(days=1)))
    for login in ("postgres", "billing_operator"):
        with db.connect(login) as connection:
            for query, changed in (
                ("select aggregate_usage('2024-02-29')", 1),
                ("select aggregate_usage('2024-02-28', '2024-03-01')", 0),
                ("select aggregate_usage('2024-02-28', '2024-03-02')", 1),
            ):
                assert connection.execute(query.encode()).fetchall() == [(changed,)]
        host.execute("delete from data.billing_usage_daily")


def test_counting_again_writes_nothing(host: Connection, operator: Connection) -> None:
    """R1: the same numbers in the same row versions, 0 rows changed, next to no WAL."""
    tenants = facts.add_tenants(host, 40)
    facts.insert(host, *(kind(t, NOON) for t in tenants for kind in (Message, Call, Email) * 5))
    assert call(operator, "aggregate_usage", *WEEK) == 40
    rows, versions = facts.stored(host), facts.row_versions(host)
    for arguments in ((DAY,), WEEK):
        assert call(operator, "aggregate_usage", *arguments) == 0
        assert facts.wal_of(operator, "aggregate_usage", *arguments) < 10_000
    assert (facts.stored(host), facts.row_versions(host)) == (rows, versions)


def test_whatever_differs_is_written(host: Connection, operator: Connection, tenant: UUID) -> None:
    """R1: one wrong figure is enough, whichever it is; numbers never drift from their facts."""
    facts.insert(host, Message(tenant, NOON), Call(tenant, NOON))
    call(operator, "aggregate_usage", DAY)
    right = facts.stored(host)
    for column in METRICS + ROWS:
        wrong = f"update data.billing_usage_daily set {column} = {column} + 1"  # noqa: S608
        host.execute(wrong.encode())
        assert call(operator, "aggregate_usage", DAY) == 1
        assert facts.stored(host) == right


def test_what_vanished_becomes_zero(host: Connection, operator: Connection) -> None:
    """R2: failed after all, deleted, moved to another tenant: the rows stay and say 0."""
    one, two, three, four = tenants = facts.add_tenants(host, 4)
    failing, leaving, moving = Message(one, NOON), Call(two, NOON), Email(three, NOON)
    facts.insert(host, failing, leaving, moving)
    assert call(operator, "aggregate_usage", DAY) == 3
    ids = set(facts.row_versions(host))
    failing = facts.update(host, failing, status="failed")
    facts.delete(host, leaving)
    moving = facts.update(host, moving, tenant_id=four)
    assert call(operator, "aggregate_usage", DAY) == 4
    rows = facts.stored(host)
    assert rows == {(t, DAY): ZERO for t in tenants} | expected([failing, moving], tenants)
    assert figures_of(host, one, DAY) == {"not_counted_rows": 1}
    assert figures_of(host, two, DAY) == figures_of(host, three, DAY) == {}
    assert ids < set(facts.row_versions(host))


@pytest.mark.parametrize(
    "zone", ["UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Kiritimati", "Australia/Lord_Howe"]
)
def test_no_time_zone_changes_a_number(db: Db, host: Connection, tenant: UUID, zone: str) -> None:
    """R8: whatever zone writes, counts or is the server's, on days when clocks change; R11."""
    host.execute(f"alter database {db.name} set timezone = '{zone}'".encode())
    host.execute(f"alter database {db.name} set datestyle = 'German'".encode())
    changing = ((3, 10), (3, 31), (4, 7), (10, 6), (11, 3))
    days = [DAY, NEXT, *(date(2024, month, day) for month, day in changing)]
    events: list[Event] = []
    for day in days:
        for hour, minute in ((0, 0), (2, 30), (9, 59), (10, 0), (12, 0), (18, 29), (23, 59)):
            offset = timezone(timedelta(hours=(hour * 7) % 25 - 11, minutes=30))
            at = datetime.combine(day, time(hour, minute), UTC).astimezone(offset)
            events += [kind(tenant, at) for kind in (Message, Call, Email, AiRequest)]
    with db.connect(hosts.current.writer) as ingest, db.connect("billing_operator") as operator:
        facts.insert(ingest, *events)
        assert [call(operator, "aggregate_usage", day) for day in days] == [1] * len(days)
        assert facts.stored(host) == expected(events, [tenant])
        assert facts.markers(host) == []
        (shown,) = operator.execute("show timezone").fetchall()[0]
    assert shown == zone


def test_short_calls_and_calls_over_midnight(
    host: Connection, operator: Connection, tenant: UUID
) -> None:
    """R12: 60 legs of 1 s are 60 min; a call that runs at midnight is counted on the day it began
    on once it has ended; R9: however late that is written."""
    running = Call(tenant, NOON.replace(hour=23, minute=58), "in-progress", "inbound", None)
    facts.insert(host, running, *(Call(tenant, NOON, duration_seconds=1) for _ in range(60)))
    call(operator, "aggregate_usage", *WEEK)
    sixty = {"voice_minutes_outbound": 60, "voice_seconds_outbound": 60, "counted_rows": 60}
    assert figures_of(host, tenant, DAY) == sixty | {"pending_rows": 1}
    facts.update(host, running, status="completed", duration_seconds=541)
    assert call(operator, "aggregate_usage", *WEEK) == 1
    ended = {"voice_minutes_inbound": 10, "voice_seconds_inbound": 541, "counted_rows": 61}
    assert figures_of(host, tenant, DAY) == sixty | ended
    assert list(facts.stored(host)) == [(tenant, DAY)]


def test_sums_beyond_32_bits(host: Connection, operator: Connection, tenant: UUID) -> None:
    """R29: twice the largest value of every amount, exactly."""
    largest = 2**31 - 1
    for _ in range(2):
        facts.insert(host, Message(tenant, NOON, num_segments=largest))
        facts.insert(host, Call(tenant, NOON, duration_seconds=largest))
        facts.insert(host, Email(tenant, NOON, recipient_count=largest))
    assert call(operator, "aggregate_usage", DAY) == 1
    figures = figures_of(host, tenant, DAY)
    names = ("sms_outbound_segments", "voice_seconds_outbound", "emails_sent")
    assert [figures[name] for name in names] == [2 * largest] * 3
    assert figures["voice_minutes_outbound"] == 2 * 35_791_395


def test_figures_are_exact_and_not_negative(host: Connection, tenant: UUID) -> None:
    """R29: whole numbers only, and none below 0."""
    types = host.execute(
        "select distinct data_type from information_schema.columns where column_name like any"
        " (array['%count', '%segments', 'voice%', 'emails_sent', 'ai_requests', '%rows'])"
        " and table_name in ('billing_usage_daily', 'usage_days')"
    ).fetchall()
    assert {name for (name,) in types} == {"integer", "bigint"}
    with pytest.raises(errors.CheckViolation):
        host.execute(
            "insert into data.billing_usage_daily (tenant_id, usage_date, ai_requests)"
            " values (%s, %s, -1)",
            [tenant, DAY],
        )


def test_the_day_ledger_adds_up(host: Connection, operator: Connection) -> None:
    """R13, R14, R19: what is pending, excluded, unknown or estimated is visible for the day; facts
    of an unknown tenant are neither counted nor in the way."""
    one, two = facts.add_tenants(host, 2)
    events = [
        Message(t, NOON, status)
        for t in (one, two, hosts.current.new_id())
        for status in ("sent", "hm")
    ]
    events += [Message(one, NOON, is_test=True), Message(two, NOON, num_segments=0)]
    facts.insert(host, *events, Call(two, NOON, "ringing"), Email(one, NOON, "rejected"))
    assert call(operator, "aggregate_usage", DAY) == 2
    sums = total(facts.stored(host).values())
    (row,) = host.execute(
        "select source_rows, counted_rows, pending_rows, not_counted_rows, test_rows,"
        " unclassified_rows, estimated_rows, state from data.usage_days"
    ).fetchall()
    assert row == (8, 3, 1, 1, 1, 2, 1, "complete")
    assert row[1:-1] == tuple(sums[name] for name in sums if name.endswith("_rows"))
