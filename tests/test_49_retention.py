"""Source rows are given up only by days that were proved, and what was sealed stays as it is."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from psycopg import errors

from tests import facts
from tests.oracle import AiRequest, Call, Email, Message
from tests.past import (
    add_tenants,
    at,
    bill_from,
    day,
    last_run,
    nightly,
    numbers,
    rows,
    run,
    send,
    states,
    value,
)
from tests.server import Db
from tests.together import PATIENCE

OPERATOR = "billing_operator"
SOURCES = ("messages", "calls", "emails", "ai_requests")
LEFT = "select count(*) from usage_source"
MARKERS = "select count(*) from late_day_markers"


def seal(db: Db, number: int) -> int:
    return value(db, "select seal_day(%s)", day(number), login=OPERATOR)


def obstacle(db: Db, number: int) -> str | None:
    return value(db, "select seal_obstacle(%s)", day(number), login=OPERATOR)


@pytest.fixture
def tenant(db: Db) -> Any:
    """Five rows on day 1, one on each of days 2 to 5; all published; retention is on."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    with db.connect() as connection:
        facts.insert(
            connection,
            Message(tenant, at(1)),
            Call(tenant, at(1)),
            Email(tenant, at(1)),
            AiRequest(tenant, at(1)),
            Message(tenant, at(1, "23:59:59"), "failed"),
            *(Message(tenant, at(number, "00:00")) for number in range(2, 6)),
        )
    nightly(db, at(6, "04:00"))
    rows(db, "select change_setting('raw_retention_days', '70')", login=OPERATOR)
    return tenant


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


@pytest.mark.usefixtures("tenant")
def test_a_sealed_day_is_not_recounted(db: Db) -> None:
    """R20: by no way; and a range that holds it is refused before anything is written."""
    seal(db, 2)
    state = "select (select count(*) from usage_runs), max(counted_at) from usage_days"
    before = value(db, state)
    tenant = rows(db, "select id from tenants")[0]
    for call, arguments in (
        ("aggregate_usage(%s)", [day(2)]),
        ("aggregate_usage(%s, %s)", [day(1), day(4)]),
        ("aggregate_tenant_usage(%s, %s, %s)", [tenant, day(2), day(3)]),
        ("rehearse_usage(%s, %s)", [day(1), day(4)]),
        ("explain_usage(%s, %s, 'ai_requests')", [tenant, day(2)]),
        ("seal_day(%s)", [day(2)]),
    ):
        with pytest.raises(errors.ObjectNotInPrerequisiteState, match="sealed"):
            rows(db, f"select {call}", *arguments, login=OPERATOR)
    assert value(db, state) == before
    assert rows(db, "select * from verify_usage(%s, %s)", day(1), day(6), login=OPERATOR) == []
    told = "select date from day_states(%s, %s) where state = 'sealed' and sealed_at is not null"
    assert rows(db, told, day(1), day(6), login=OPERATOR) == [day(2)]


def test_a_fact_for_a_sealed_day_is_refused(db: Db, tenant: Any) -> None:
    """R21: inserted, moved in or corrected; other days of the same statement with it. A fact for
    an unsealed day is taken, however old."""
    seal(db, 1)
    for instants in ([at(1)], [at(2), at(1, "00:00"), at(3)]):
        with (
            db.connect() as connection,
            pytest.raises(errors.ObjectNotInPrerequisiteState, match="day 2025-03-01 is sealed"),
        ):
            facts.insert(connection, *(Message(tenant, instant) for instant in instants))
    with pytest.raises(errors.ObjectNotInPrerequisiteState, match="new or changed fact"):
        rows(db, "update messages set occurred_at = %s where occurred_at = %s",
             at(1), at(2, "00:00"))  # fmt: skip
    assert (value(db, LEFT), value(db, MARKERS)) == (4, 0)
    send(db, tenant, at(2))
    run(db, at(6))
    assert numbers(db)[tenant, day(2)] == 2


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
        ("update usage_days set first_complete_at = null", "no nightly run has published it"),
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


def test_a_writer_that_has_not_committed_is_waited_for(db: Db, tenant: Any) -> None:
    """Sealing gives way after half a second, and the writer's fact is counted, not lost."""
    with db.connect("billing_ingest", autocommit=False) as writer:
        writer.execute(
            "insert into emails (tenant_id, occurred_at, provider_id, status)"
            " values (%s, %s, 'late', 'sent')",
            [tenant, at(1)],
        )
        with pytest.raises(errors.LockNotAvailable):
            seal(db, 1)
        writer.commit()
    assert obstacle(db, 1) == "late facts wait for the next run"
    run(db, at(6))
    assert seal(db, 1) == 6
    sent = value(db, "select emails_sent from billing_usage_daily where usage_date = %s", day(1))
    assert sent == 2


def test_a_writer_that_comes_meanwhile_waits_and_is_refused(db: Db, tenant: Any) -> None:
    with db.connect(OPERATOR, autocommit=False) as sealer, ThreadPoolExecutor(1) as pool:
        sealer.execute("select seal_day(%s)", [day(1)])
        job = pool.submit(send, db, tenant, at(1))
        send(db, tenant, at(2))  # another day's facts do not wait
        assert not job.done()
        sealer.commit()
        with pytest.raises(errors.ObjectNotInPrerequisiteState):
            job.result(PATIENCE)
    assert value(db, LEFT) == 5


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
