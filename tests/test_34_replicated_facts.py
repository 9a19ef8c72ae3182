"""What is written in replica role – by real logical replication, or by a session that says so – is
found by the next run, and what is refused elsewhere is refused there."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg import errors, sql

from app import release
from tests import facts
from tests.facts import Connection, markers, take_markers
from tests.oracle import AiRequest, Call, Email, Event, Message, expected
from tests.past import add_tenants, at, bill_from, day, nightly, numbers, rows, run, value
from tests.sealing import OPERATOR, seal
from tests.server import OPTIONS, Db, Server
from tests.together import PATIENCE

KINDS = (Message, Call, Email, AiRequest)
every_kind = pytest.mark.parametrize("kind", KINDS)
TABLES = "data.messages, data.calls, data.emails, data.ai_requests, data.tenants"


@contextmanager
def replica(db: Db) -> Iterator[Connection]:
    with db.connect() as connection:
        connection.execute("set session_replication_role = replica")
        yield connection


@every_kind
def test_every_change_is_marked(db: Db, kind: type[Event]) -> None:
    """R3: whatever day it is of, today included."""
    today: Any = value(db, "select now()")
    one, other = add_tenants(db, 2)
    with replica(db) as session:
        event = kind(one, at(1), None)
        facts.insert(session, event)
        assert take_markers(session) == [(one, day(1))]
        event = facts.update(session, event, status="failed")
        assert take_markers(session) == [(one, day(1))]
        event = facts.update(session, event, tenant_id=other, occurred_at=today)
        assert take_markers(session) == sorted([(one, day(1)), (other, today.date())])
        facts.delete(session, event)
        assert take_markers(session) == [(other, today.date())]


def test_facts_may_come_before_their_tenant(db: Db) -> None:
    stranger = uuid4()
    with replica(db) as session:
        facts.insert(session, *(kind(stranger, at(n)) for kind in KINDS for n in (1, 2)))
        bill_from(db)
        assert run(db, at(3)) == 0
        assert markers(session) == []
        facts.add_tenants(session, ids=[stranger])
    assert run(db, at(3, "12:05")) == 0
    assert {day for _, day in numbers(db)} == {day(1), day(2)}


@every_kind
def test_what_is_refused_is_refused_here_too(db: Db, kind: type[Event]) -> None:
    """R3, R18, R21: truncate, a blank id, a fact of a sealed day; its rows may go."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    with db.connect() as host:
        facts.insert(host, kind(tenant, at(1)), kind(tenant, at(2)))
    nightly(db, at(6, "04:00"))
    rows(db, "select change_setting('raw_retention_days', '70')", login=OPERATOR)
    seal(db, 1)
    table = sql.Identifier("data", kind.table)
    with replica(db) as session:
        with pytest.raises(errors.FeatureNotSupported):
            session.execute(sql.SQL("truncate {}").format(table))
        with pytest.raises(errors.CheckViolation):
            facts.insert(session, kind(tenant, at(2), provider_id=" "))
        with pytest.raises(errors.ObjectNotInPrerequisiteState, match="is sealed"):
            facts.insert(session, kind(tenant, at(1)))
        assert markers(session) == []
        session.execute("alter table data.late_day_markers disable trigger refuse_sealed_day")
        facts.insert(session, kind(tenant, at(1), provider_id="slipped in"))
        take_markers(session)
        session.execute(sql.SQL("delete from {} where provider_id = 'slipped in'").format(table))
        assert markers(session) == []


def test_others_pay_nothing(db: Db) -> None:
    """In the usual role the row triggers are silent: one marker per tenant, day and statement."""
    (tenant,) = add_tenants(db, 1)
    with db.connect("billing_ingest") as ingest, db.connect() as host:
        facts.insert(ingest, *(Message(tenant, at(1)) for _ in range(50)))
        assert markers(host) == [(tenant, day(1))]


@pytest.fixture(scope="module")
def logical() -> Iterator[Server]:
    server = Server(f"{OPTIONS} -c wal_level=logical -c max_logical_replication_workers=8")
    try:
        for name in ("publisher", "subscriber"):
            release.migrate(server.create(name).settings(), lambda _: None)
        yield server
    finally:
        server.end()


def caught_up(publisher: Db, subscriber: Db) -> None:
    """Everything that the publisher has committed is there."""
    sent = value(publisher, "select pg_current_wal_lsn()")
    deadline = time.monotonic() + PATIENCE
    query = (
        "select coalesce(bool_and(latest_end_lsn >= %s::pg_lsn), false)"
        " and not exists (select from pg_subscription_rel where srsubstate <> 'r')"
        " from pg_stat_subscription where relid is null"
    )
    while not value(subscriber, query, sent):
        assert time.monotonic() < deadline, "the subscriber does not catch up"
        time.sleep(0.05)


def test_logical_replication(logical: Server) -> None:
    """R3, R14, R21: copied first, then streamed; changes of any kind, late and out of order. What
    the publisher's own rules would not refuse, the subscriber's do, and the stream waits."""
    publisher, subscriber = logical.database("publisher"), logical.database("subscriber")
    bill_from(subscriber)
    with publisher.connect() as source, subscriber.connect() as target:
        tenants = facts.add_tenants(source, 2)
        events: list[Event] = [kind(tenants[0], at(n), None) for kind in KINDS for n in (1, 2)]
        facts.insert(source, *events)
        for night in (run(subscriber, at(5)), nightly(subscriber, at(6, "04:00"))):
            assert night == 0
        source.execute(f"create publication facts for table {TABLES}".encode())
        source.execute("select pg_create_logical_replication_slot('facts', 'pgoutput')")
        target.execute(
            f"create subscription facts connection '{publisher.conninfo()}' publication facts"
            " with (create_slot = false, slot_name = 'facts')".encode()
        )
        caught_up(publisher, subscriber)
        assert run(subscriber, at(6, "05:00")) == 0
        assert facts.stored(target) == expected(events, tenants)

        # streamed: each kind of change, two tenants, days that were counted and published
        late = [kind(tenants[1], at(3)) for kind in KINDS]
        facts.insert(source, *late)
        moved = facts.update(source, events.pop(0), occurred_at=at(4))
        gone = [events.pop(), events.pop()]
        facts.delete(source, *gone)
        told = [facts.update(source, event, status="failed") for event in events[:3]]
        caught_up(publisher, subscriber)
        assert run(subscriber, at(6, "06:00")) == 0
        events = [moved, *told, *events[3:], *late]
        assert facts.stored(target).items() >= expected(events, tenants).items()
        verify = "select * from verify_usage(%s, %s)"
        assert rows(subscriber, verify, day(1), day(6), login=OPERATOR) == []

        # a publisher that knows no order of statuses
        source.execute("alter table data.messages disable trigger keep_status")
        source.execute("update data.messages set status = 'queued'")
        caught_up(publisher, subscriber)
        words = "select distinct status from data.messages"
        assert rows(publisher, words) == ["queued"]
        # one had none
        assert sorted(rows(subscriber, words)) == ["failed", "queued", "sent"]

        # what is refused stops the stream until it is skipped
        rows(subscriber, "select change_setting('raw_retention_days', '70')", login=OPERATOR)
        run(subscriber, at(6, "07:00"))
        seal(subscriber, 1)
        facts.insert(source, Message(tenants[0], at(1) + timedelta(minutes=1), provider_id="late"))
        deadline = time.monotonic() + PATIENCE
        failed = "select apply_error_count > 0 from pg_stat_subscription_stats"
        while not value(subscriber, failed):
            assert time.monotonic() < deadline, "the fact was taken"
            time.sleep(0.05)
        assert rows(subscriber, "select from data.messages where provider_id = 'late'") == []
