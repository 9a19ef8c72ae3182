"""What the source rows say of one UTC day, before anything is written."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.rows import dict_row

from tests import facts, hosts
from tests.oracle import METRICS, ROWS, AiRequest, Call, Email, Event, Message, Rows, expected
from tests.server import Db

DAY = date(2024, 2, 29)
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


@pytest.fixture
def host(module_db: Db) -> Iterator[facts.Connection]:
    """A transaction that is taken back."""
    with module_db.connect() as connection, connection.transaction(force_rollback=True):
        yield connection


def count(
    connection: facts.Connection, day: date, tenants: list[UUID] | None = None
) -> dict[UUID, dict[str, int]]:
    """What count_usage says, by tenant."""
    cursor: Any = connection.cursor(row_factory=dict_row)
    cursor.execute("select * from billing.count_usage(%s, %s)", [day, tenants])
    return {row.pop("tenant_id"): row for row in cursor.fetchall()}


def of_day(rows: Rows, day: date) -> dict[UUID, dict[str, int]]:
    return {tenant: figures for (tenant, on), figures in rows.items() if on == day}


def one_of_everything(tenant: UUID, at: datetime) -> list[Event]:
    return [
        *(
            Message(tenant, at, "sent", channel, direction, 2 + index)
            for index, (channel, direction) in enumerate(
                (c, d) for c in ("sms", "mms") for d in ("inbound", "outbound")
            )
        ),
        Call(tenant, at, "completed", "inbound", 61),
        Call(tenant, at, "completed", "outbound", 130),
        Email(tenant, at, "bounced", 7),
        AiRequest(tenant, at, "error"),
        AiRequest(tenant, at, "cached"),
        Message(tenant, at, "queued"),
        Message(tenant, at, "read", num_segments=None),
        Call(tenant, at, "Completed"),
        Email(tenant, at, "sent", is_test=True),
    ]


def test_every_figure_goes_into_its_own_column(host: facts.Connection) -> None:
    """Twelve metrics and six numbers of rows, no two of a kind alike by chance."""
    (tenant,) = facts.add_tenants(host)
    facts.insert(host, *one_of_everything(tenant, NOON))
    (figures,) = count(host, DAY).values()
    assert figures == {
        "sms_outbound_count": 2,
        "sms_inbound_count": 1,
        "mms_outbound_count": 1,
        "mms_inbound_count": 1,
        "sms_outbound_segments": 4,
        "sms_inbound_segments": 2,
        "voice_minutes_inbound": 2,
        "voice_minutes_outbound": 3,
        "voice_seconds_inbound": 61,
        "voice_seconds_outbound": 130,
        "emails_sent": 7,
        "ai_requests": 1,
        "counted_rows": 9,
        "pending_rows": 1,
        "not_counted_rows": 1,
        "test_rows": 1,
        "unclassified_rows": 1,
        "estimated_rows": 1,
    }
    assert set(figures) == {*METRICS, *ROWS}


def test_some_tenants_count_as_they_count_among_all(host: facts.Connection) -> None:
    """Asked for some tenants, it says what it says of them when asked for all of them."""
    tenants = facts.add_tenants(host, 3)
    events = [event for tenant in tenants for event in one_of_everything(tenant, NOON)]
    events += [Message(tenants[0], NOON), Email(tenants[1], NOON, "sent", 5)]
    facts.insert(host, *events)
    everything = count(host, DAY)
    assert everything == of_day(expected(events, tenants), DAY)
    assert count(host, DAY, tenants[:2]) == {t: everything[t] for t in tenants[:2]}
    assert count(host, DAY, []) == {}


def test_it_only_reads(host: facts.Connection) -> None:
    """Verifying and rehearsing may ask in a transaction that cannot write."""
    (tenant,) = facts.add_tenants(host)
    facts.insert(host, Message(tenant, NOON))
    host.execute("set transaction read only")
    assert set(count(host, DAY)) == {tenant}


def test_facts_of_an_unknown_tenant_do_not_count(host: facts.Connection) -> None:
    """They are stored, break nothing, and count once the tenant is known."""
    stranger = hosts.current.new_id()
    (tenant,) = facts.add_tenants(host)
    facts.insert(host, *one_of_everything(stranger, NOON), Message(tenant, NOON))
    assert set(count(host, DAY)) == {tenant}
    facts.add_tenants(host, ids=[stranger])
    assert set(count(host, DAY)) == {tenant, stranger}


@pytest.mark.parametrize("day", [DAY, date(2024, 3, 1), date(2023, 12, 31), date(2024, 1, 1)])
@pytest.mark.parametrize("kind", [Message, Call, Email, AiRequest])
def test_a_day_is_half_open(host: facts.Connection, kind: type[Event], day: date) -> None:
    """R7: from 00:00:00 to 23:59:59.999999, over a leap day and the ends of a month and a year;
    R9: by the instant it happened at, so a call over midnight is of the day it began on."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    microsecond, whole = timedelta(microseconds=1), timedelta(days=1)
    edges = (start - microsecond, start, start + whole - microsecond, start + whole)
    (tenant,) = facts.add_tenants(host)
    facts.insert(host, *(kind(tenant, at) for at in edges))
    (figures,) = count(host, day).values()
    assert figures["counted_rows"] == 2
