"""Source rows are given up only by days that were proved, and what was sealed stays as it is."""

from typing import Any

import pytest
from psycopg import errors

from tests.past import (
    add_tenants,
    at,
    bill_from,
    day,
    last_run,
    nightly,
    numbers,
    rows,
    send,
    states,
    value,
)
from tests.sealing import LEFT, MARKERS, OPERATOR, obstacle, seal
from tests.sealing import tenant as tenant
from tests.server import Db

SOURCES = ("messages", "calls", "emails", "ai_requests")


def test_off_by_default(db: Db) -> None:
    """R20: nothing is due, and a day is refused that was asked for by name."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    send(db, tenant, at(1))
    nightly(db, at(2, "04:00"))
    assert rows(db, "select * from days_to_seal()", login=OPERATOR) == []
    with pytest.raises(errors.ObjectNotInPrerequisiteState, match="not older than"):
        seal(db, 1)
    assert value(db, LEFT) == 1


def test_sealed_and_purged_without_marking_anything_late(db: Db, tenant: Any) -> None:
    """R20: the numbers stay, the rows of that day go, other days keep theirs; it is recorded."""
    due = rows(db, "select * from days_to_seal()", login=OPERATOR)
    assert due == [(day(1), 5), *((day(number), 1) for number in range(2, 6))]
    before = value(db, "select usage_digest(%s, %s)", day(1), day(9), login=OPERATOR)
    assert seal(db, 1) == 5
    assert value(db, MARKERS) == 0
    assert value(db, LEFT) == 4
    assert states(db, day(2)) == ["sealed", "complete"]
    assert value(db, "select usage_digest(%s, %s)", day(1), day(9), login=OPERATOR) == before
    assert last_run(db, "trigger, outcome, days_counted, rows_changed, source_rows") == (
        "retention", "succeeded", 1, 0, 5,
    )  # fmt: skip
    nightly(db, at(7, "04:00"))
    assert numbers(db)[tenant, day(1)] == 1
    assert states(db, day(2)) == ["sealed", "complete"]
    assert value(db, "select complete_through from usage_health", login=OPERATOR) == day(6)


@pytest.mark.parametrize(
    ("hindrance", "reason"),
    [
        ("insert into late_day_markers select id, '2025-03-02' from tenants", "late facts wait"),
        ("update billing_usage_daily set emails_sent = 1", "numbers are not those of its source"),
        (
            "update usage_days set pending_rows = 1, source_rows = source_rows + 1",
            "numbers are not those of",
        ),
        ("update usage_days set counted_at = '2025-03-02 12:00'", "it is not complete"),
        ("update usage_days set last_error = 'broken'", "its last recount failed"),
        ("update usage_days set first_complete_at = null", "it is not published yet"),
        ("update settings set raw_retention_days = 36500", "not older than"),
        (
            "insert into ai_requests (tenant_id, occurred_at, provider_id, feature, status) values"
            " (gen_random_uuid(), '2025-03-02', 'A', 'sms_ai', 'error');"
            " delete from late_day_markers",
            "rows of unknown tenants",
        ),
    ],
)
@pytest.mark.usefixtures("tenant")
def test_a_day_that_cannot_vouch_for_itself_keeps_its_rows(
    db: Db, hindrance: str, reason: str
) -> None:
    assert obstacle(db, 2) is None
    rows(db, hindrance)
    before = value(db, LEFT)
    assert reason in (obstacle(db, 2) or "")
    with pytest.raises(errors.ObjectNotInPrerequisiteState, match=reason):
        seal(db, 2)
    assert value(db, LEFT) == before
    assert states(db, day(2))[1] != "sealed"


@pytest.mark.usefixtures("tenant")
def test_the_counting_role_deletes_rows_of_sealed_days_and_no_others(db: Db) -> None:
    """Whoever gets hold of it cannot take away a fact that a number still stands on."""
    for table in SOURCES:
        rows(db, f"delete from data.{table}", login="billing_aggregator")  # noqa: S608
    assert value(db, LEFT) == 9
    rows(db, "update usage_days set sealed_at = now() where usage_date = %s", day(1))
    for table in SOURCES:
        rows(db, f"delete from data.{table}", login="billing_aggregator")  # noqa: S608
    assert value(db, LEFT) == 4


@pytest.mark.parametrize(
    "login", ["billing_tenant", "billing_root", "billing_auth", "billing_ingest"]
)
def test_only_the_operator_gives_rows_up(module_db: Db, login: str) -> None:
    for call in ("seal_day(current_date)", "seal_obstacle(current_date)", "days_to_seal()"):
        with pytest.raises(errors.InsufficientPrivilege):
            rows(module_db, f"select billing.{call}", login=login)
