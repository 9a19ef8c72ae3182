"""Recount and compare, write nothing: empty when all is right, and a row for whatever is not."""

from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.past import (
    add_tenants,
    at,
    bill_from,
    day,
    nightly,
    rows,
    run,
    send,
    value,
    versions,
)
from tests.people import settle
from tests.server import Db

OPERATOR = "billing_operator"


def verify(db: Db, first: int = 1, until: int = 6) -> list[Any]:
    return rows(db, "select * from verify_usage(%s, %s)", day(first), day(until), login=OPERATOR)


@pytest.fixture
def tenant(db: Db) -> Any:
    """A tenant with an SMS on each of days 1 to 5, counted on day 6."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    send(db, tenant, *(at(number) for number in range(1, 6)))
    run(db, at(6))
    assert verify(db) == []
    return tenant


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (
            "update data.billing_usage_daily set emails_sent = 3 where usage_date = '2025-03-02'",
            ("emails_sent", 3, 0),
        ),
        (
            "update data.billing_usage_daily set pending_rows = 2 where usage_date = '2025-03-02'",
            ("pending_rows", 2, 0),
        ),
    ],
)
def test_a_number_that_was_bent_is_found(
    db: Db, tenant: Any, tamper: str, expected: tuple[str, int, int]
) -> None:
    """And nothing is put right: verifying writes nothing."""
    rows(db, tamper)
    before = versions(db)
    found = verify(db)
    assert (tenant, day(2), *expected, False) in found
    # the sums of the day ledger no longer agree with the daily rows either
    assert {row[0] for row in found} <= {tenant, None}
    assert versions(db) == before
    assert verify(db, 3) == []
    rows(db, "select aggregate_usage(%s)", day(2), login=OPERATOR)
    assert verify(db) == []


def test_a_row_that_was_taken_away_is_found(db: Db, tenant: Any) -> None:
    rows(db, "delete from data.billing_usage_daily where usage_date = %s", day(3))
    found = verify(db)
    assert (tenant, day(3), "sms_outbound_count", 0, 1, False) in found
    assert (None, day(3), "counted_rows", 1, 0, False) in found


@pytest.mark.usefixtures("tenant")
def test_a_sum_in_the_day_ledger_that_was_bent_is_found(db: Db) -> None:
    rows(
        db,
        "update data.usage_days set source_rows = 2, test_rows = 1 where usage_date = %s",
        day(4),
    )
    assert verify(db) == [(None, day(4), "test_rows", 1, 0, False)]


@pytest.mark.ours
def test_facts_that_left_no_marker_are_found(db: Db, tenant: Any) -> None:
    """As after a restore of sources alone: the one thing that a run would not notice by itself."""
    with db.connect() as connection:
        connection.execute("alter table data.messages disable trigger all")
        connection.execute(
            "update data.messages set status = 'failed' where occurred_at = %s", [at(5)]
        )
    assert verify(db) == [
        (tenant, day(5), "counted_rows", 1, 0, False),
        (tenant, day(5), "estimated_rows", 1, 0, False),
        (tenant, day(5), "not_counted_rows", 0, 1, False),
        (tenant, day(5), "sms_outbound_count", 1, 0, False),
        (tenant, day(5), "sms_outbound_segments", 1, 0, False),
    ]


def test_late_facts_that_wait_are_told_apart(db: Db, tenant: Any) -> None:
    """R3: they are no error; the next run takes them and all is right."""
    (idle,) = add_tenants(db, 1)
    send(db, tenant, at(2))
    rows(db, "insert into data.late_day_markers values (%s, %s)", idle, day(1))
    assert verify(db) == [
        (idle, day(1), None, None, None, True),
        (tenant, day(2), "counted_rows", 1, 2, True),
        (tenant, day(2), "estimated_rows", 1, 2, True),
        (tenant, day(2), "sms_outbound_count", 1, 2, True),
        (tenant, day(2), "sms_outbound_segments", 1, 2, True),
    ]
    run(db, at(6))
    assert verify(db) == []


def test_only_complete_days_can_be_wrong(db: Db, tenant: Any) -> None:
    """Open, missing and future days are not compared; every day's state is told."""
    send(db, tenant, at(6, "18:00"))
    today = value(db, "select utc_day(now())")
    assert verify(db, 5, 9) == []
    query = "select date, state from day_states(%s, %s)"
    assert rows(db, query, day(0), day(2), login=OPERATOR) == [
        (day(0), "before_start"),
        (day(1), "complete"),
    ]
    assert rows(db, query, day(6), day(8), login=OPERATOR) == [
        (day(6), "open"),
        (day(7), "missing"),
    ]
    (last,) = rows(
        db, "select state from day_states(%s, %s)", date(today.year + 1, 1, 1),
        date(today.year + 1, 1, 2), login=OPERATOR,
    )  # fmt: skip
    assert last == "future"


BAD: list[tuple[Any, Any]] = [
    (None, day(1)),
    (day(2), day(1)),
    (day(1), day(1)),
    (day(1), "infinity"),
    ("2000-01-01", "2011-01-01"),
]


@pytest.mark.parametrize("function", ["verify_usage", "usage_digest", "day_states"])
@pytest.mark.parametrize(("first", "until"), BAD)
def test_bad_ranges(module_db: Db, function: str, first: Any, until: Any) -> None:
    with pytest.raises(errors.InvalidParameterValue):
        rows(
            module_db,
            f"select {function}(%s::date, %s::date)",
            *(first, until),
            login=OPERATOR,
        )


def test_who_may_verify(db: Db) -> None:
    """The operator, and root with a session; nobody else, and root not without."""
    people = settle(db)
    nightly(db, value(db, "select now()"))
    calls = [
        f"select {name}(current_date - 2, current_date)"
        for name in ("verify_usage", "usage_digest", "day_states")
    ]
    for call in calls:
        assert rows(db, call, login=OPERATOR) is not None
        with people.request(people.token("root"), "billing_root") as connection:
            connection.execute(call.encode())
        with people.request(people.token(), "billing_tenant") as connection:
            assert _denied(connection, call)
        for login in ("billing_root", "billing_tenant", "billing_auth", "billing_ingest"):
            with db.connect(login) as connection:
                connection.execute("set search_path = billing")
                assert _denied(connection, call)


def _denied(connection: psycopg.Connection[Any], call: str) -> bool:
    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute(call.encode())
    return True
