"""A change to a past day leaves a marker with it, and the next run takes the marker and counts."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from psycopg import errors, sql

from tests import facts, hosts
from tests.facts import Connection, call, figures_of, markers, take_markers
from tests.oracle import ZERO, AiRequest, Call, Email, Event, Message, expected
from tests.server import Db

DAY = date(2024, 2, 29)
NEXT = date(2024, 3, 1)
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
AFTER = datetime(2024, 3, 2, 4, tzinfo=UTC)
KINDS = (Message, Call, Email, AiRequest)
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def host(db: Db) -> Iterator[Connection]:
    """The host as the owner of its tables: it may delete and move as well."""
    with db.connect() as connection:
        facts.bill_from(connection, date(2024, 2, 20))
        yield connection


@pytest.fixture
def ingest(db: Db) -> Iterator[Connection]:
    with db.connect(hosts.current.writer) as connection:
        yield connection


@pytest.fixture
def operator(db: Db) -> Iterator[Connection]:
    with db.connect("billing_operator") as connection:
        yield connection


@every_kind
def test_every_change_of_a_past_day_is_marked(
    host: Connection, ingest: Connection, kind: type[Event]
) -> None:
    """R3: insert, update and delete mark the day; a move marks both days or both tenants."""
    one, other = facts.add_tenants(host, 2)
    event = kind(one, NOON)
    facts.insert(ingest, event)
    assert take_markers(host) == [(one, DAY)]
    event = facts.update(ingest, event, status="failed")
    assert take_markers(host) == [(one, DAY)]
    event = facts.update(host, event, occurred_at=NOON + timedelta(hours=12))
    assert take_markers(host) == [(one, DAY), (one, NEXT)]
    event = facts.update(host, event, tenant_id=other)
    assert take_markers(host) == [(one, NEXT), (other, NEXT)]
    facts.delete(host, event)
    assert take_markers(host) == [(other, NEXT)]


@every_kind
def test_one_marker_per_tenant_and_day_and_statement(
    host: Connection, ingest: Connection, kind: type[Event]
) -> None:
    """R3: a batch of any size costs as many markers as it has tenants and days."""
    tenants = facts.add_tenants(host, 2)
    days = (NOON, NOON + timedelta(days=1))
    facts.insert(ingest, *(kind(tenant, at) for tenant in tenants for at in days * 50))
    every_day = [(tenant, day) for tenant in tenants for day in (DAY, NEXT)]
    assert take_markers(host) == every_day
    table = hosts.current.table(kind)
    status = sql.Identifier(table.columns["status"][0])
    for statement in ("update {} set {} = 'x'", "delete from {}"):
        host.execute(sql.SQL(statement).format(table.name, status))
        assert take_markers(host) == every_day


def test_what_changes_nothing_marks_nothing(host: Connection, ingest: Connection) -> None:
    """R16: a repeated webhook that is ignored or refused, and a change that is rolled back."""
    (tenant,) = facts.add_tenants(host)
    event = Message(tenant, NOON)
    facts.insert(ingest, event)
    take_markers(host)
    facts.insert(ingest, *[event] * 46, keep_first=True)
    with pytest.raises(errors.UniqueViolation):
        facts.insert(ingest, Message(tenant, NOON), event)
    with ingest.transaction(force_rollback=True):
        facts.insert(ingest, Message(tenant, NOON))
    assert markers(host) == []


@every_kind
def test_today_and_the_future_are_not_marked(
    host: Connection, ingest: Connection, kind: type[Event]
) -> None:
    """R3: today is due until it is over; R32: tomorrow and 1970 are stored, 1970 is past."""
    (tenant,) = facts.add_tenants(host)
    (today,) = host.execute("select date_trunc('day', now(), 'UTC')").fetchall()[0]
    future = today + timedelta(days=1), datetime(9999, 12, 31, tzinfo=UTC)
    facts.insert(ingest, *(kind(tenant, at) for at in (today, *future)))
    assert markers(host) == []
    facts.insert(ingest, kind(tenant, today - timedelta(microseconds=1)))
    facts.insert(ingest, kind(tenant, datetime(1970, 1, 1, tzinfo=UTC)))
    yesterday = today.astimezone(UTC).date() - timedelta(days=1)
    assert markers(host) == [(tenant, date(1970, 1, 1)), (tenant, yesterday)]


def test_absurd_days_are_never_due(
    host: Connection, ingest: Connection, operator: Connection
) -> None:
    """R32: facts of 1970 and of tomorrow make no day due outside [billing_from, as of]."""
    (tenant,) = facts.add_tenants(host)
    instants = datetime(1970, 1, 1, tzinfo=UTC), NOON, datetime.now(UTC) + timedelta(days=1)
    facts.insert(ingest, *(Message(tenant, at) for at in instants))
    call(operator, "run_nightly", AFTER)
    assert {day for _, day in facts.stored(host)} == {DAY}
    days = host.execute("select min(usage_date), max(usage_date) from data.usage_days").fetchone()
    assert days == (date(2024, 2, 20), AFTER.date())
    assert markers(host) == []


def test_late_facts_are_taken_by_the_next_run(
    host: Connection, ingest: Connection, operator: Connection
) -> None:
    """R3: an event stamped 23:59:59 and stored after midnight, a receipt 9 days late; R2: the
    only event of a day gone."""
    (tenant,) = facts.add_tenants(host)
    sent = Message(tenant, NOON - timedelta(days=9), "queued")
    only = Email(tenant, NOON + timedelta(days=1))
    facts.insert(ingest, sent, only)
    assert call(operator, "run_usage", "test", AFTER) == 0
    late = Call(tenant, NOON.replace(hour=23, minute=59, second=59))
    facts.insert(ingest, late)
    sent = facts.update(ingest, sent, status="delivered")
    facts.delete(host, only)
    assert call(operator, "run_usage", "test", AFTER) == 0
    assert markers(host) == []
    assert facts.stored(host) == {(tenant, NEXT): ZERO} | expected([sent, late], [tenant])


def test_facts_may_come_before_their_tenant(
    host: Connection, ingest: Connection, operator: Connection
) -> None:
    """R3: the run after a tenant has become known looks for the days of its facts."""
    stranger = hosts.current.new_id()
    events = [kind(stranger, at) for kind in KINDS for at in (NOON, NOON + timedelta(days=1))]
    facts.insert(ingest, *events, *(Message(hosts.current.new_id(), NOON) for _ in range(3)))
    assert call(operator, "run_usage", "test", AFTER) == 0
    assert (markers(host), facts.stored(host)) == ([], {})
    facts.add_tenants(ingest, ids=[stranger])
    found = call(operator, "verify_usage", DAY, DAY + timedelta(days=1))
    assert found[-1] == "t", "what differs waits for the next run"
    assert call(operator, "run_usage", "test", AFTER) == 0
    assert facts.stored(host) == expected(events, [stranger])
    assert markers(host) == []


def test_an_event_400_days_old_is_counted(
    host: Connection, ingest: Connection, operator: Connection
) -> None:
    """R21: however old, as long as its source rows are kept."""
    facts.bill_from(host, DAY)
    (tenant,) = facts.add_tenants(host)
    call(operator, "aggregate_usage", DAY)
    facts.insert(ingest, Call(tenant, NOON))
    call(operator, "run_usage", "test", NOON + timedelta(days=400))
    assert figures_of(host, tenant, DAY)["voice_minutes_outbound"] == 1


def test_counting_takes_the_markers_of_what_it_counted(
    host: Connection, ingest: Connection, operator: Connection
) -> None:
    """R3: a day takes its own markers, a tenant's recount only that tenant's."""
    one, other = facts.add_tenants(host, 2)
    days = (NOON, NOON + timedelta(days=1))
    facts.insert(ingest, *(Message(tenant, at) for tenant in (one, other) for at in days))
    call(operator, "aggregate_tenant_usage", one, DAY, NEXT)
    assert markers(host) == [(one, NEXT), (other, DAY), (other, NEXT)]
    call(operator, "aggregate_usage", NEXT)
    assert markers(host) == [(other, DAY)]


@every_kind
def test_truncate_is_refused(host: Connection, kind: type[Event]) -> None:
    """R3: it would fire no marker; even the owner of the tables has to delete."""
    event = kind(hosts.current.new_id(), NOON)
    facts.insert(host, event)
    table = hosts.current.table(kind).name
    where = table.as_string().replace('"', "")
    with pytest.raises(errors.FeatureNotSupported, match=f"TRUNCATE of {where} is refused"):
        host.execute(sql.SQL("truncate {}").format(table))


def test_whoever_writes_facts_cannot_touch_markers(ingest: Connection) -> None:
    """The triggers write markers as the role that counts."""
    facts.insert(ingest, Message(hosts.current.new_id(), NOON))
    for statement in ("select from data.late_day_markers", "delete from data.late_day_markers"):
        with pytest.raises(errors.InsufficientPrivilege):
            ingest.execute(statement.encode())
