"""The tenant's page as one JSON document: its shape is a contract with integrations."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.past import add_tenants, bill_from, rows, run, send, value
from tests.people import People, enter
from tests.server import Db

METRICS = [
    "smsOutboundCount",
    "smsInboundCount",
    "mmsOutboundCount",
    "mmsInboundCount",
    "smsOutboundSegments",
    "smsInboundSegments",
    "voiceMinutes",
    "voiceMinutesInbound",
    "voiceMinutesOutbound",
    "voiceSecondsInbound",
    "voiceSecondsOutbound",
    "emailsSent",
    "aiRequests",
]
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def summary(db: Db, tenant: UUID, month: date | None = None) -> dict[str, Any]:
    """The document of the period of this day, as the tenant's own page reads it."""
    with db.connect("billing_tenant") as connection, connection.transaction():
        enter(connection, People(db, tenant, tenant).token())
        row = connection.execute(
            "select s.summary from usage_summary_on(%s, now()) as s", [month]
        ).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def today(db: Db) -> date:
    """Billing has begun 40 days ago; everything up to now is counted."""
    today = datetime.now(UTC).date()
    bill_from(db, today - 40 * DAY)
    count(db)
    return today


def count(db: Db) -> None:
    while run(db, datetime.now(UTC) - timedelta(seconds=1)):
        pass


def new_tenant(db: Db, plan: str | None) -> UUID:
    (tenant,) = add_tenants(db, 1)
    rows(db, "update tenants set plan_code = %s where id = %s", plan, tenant)
    return tenant


def test_the_shape(db: Db, today: date) -> None:
    document = summary(db, new_tenant(db, "pro"))
    assert list(document) == [
        "currentPlan",
        "planLimits",
        "currentPeriod",
        "completeThrough",
        "asOf",
        "totalsForPeriod",
        "dailyUsage",
    ]
    assert list(document["totalsForPeriod"]) == METRICS
    assert all(list(point) == ["date", "state", *METRICS] for point in document["dailyUsage"])
    assert document["completeThrough"] == (today - DAY).isoformat()
    as_of = datetime.fromisoformat(document["asOf"])
    assert timedelta(0) < datetime.now(UTC) - as_of < timedelta(minutes=5)


def test_the_names_are_those_of_the_metrics(module_db: Db) -> None:
    names = rows(module_db, "select json_name from metrics order by sort_order")
    assert names == METRICS


@pytest.mark.usefixtures("today")
@pytest.mark.parametrize(
    ("code", "label", "price", "limits"),
    [
        ("starter", "Starter", "29.00", (500, 250, 2000, 0)),
        ("pro", "Pro", "99.00", (2500, 1000, 10000, 500)),
        ("agency", "Agency", None, (None, None, None, None)),
    ],
)
def test_plan_and_limits(
    db: Db, code: str, label: str, price: str | None, limits: tuple[int | None, ...]
) -> None:
    """The price is a decimal string, never a float; NULL is unlimited, 0 not included (R25)."""
    document = summary(db, new_tenant(db, code))
    assert document["currentPlan"] == {
        "code": code,
        "label": label,
        "monthlyBasePrice": price,
        "currency": "USD",
    }
    names = ("maxSmsPerMonth", "maxVoiceMinutesPerMonth", "maxEmailsPerMonth")
    assert document["planLimits"] == dict(
        zip((*names, "maxAiRequestsPerMonth"), limits, strict=True)
    )


@pytest.mark.usefixtures("today")
def test_a_tenant_without_a_plan(db: Db) -> None:
    """Still has usage, and nothing to compare it with."""
    document = summary(db, new_tenant(db, None))
    assert document["currentPlan"] is None
    assert document["planLimits"] is None
    assert set(document["totalsForPeriod"].values()) == {0}


def test_thirty_days_always_and_today_is_open(db: Db, today: date) -> None:
    """R22, R23: a tenant with one event, today's; the totals include today so far."""
    tenant = new_tenant(db, "pro")
    send(db, tenant, datetime.now(UTC) - timedelta(seconds=2))
    count(db)
    document = summary(db, tenant)
    points = document["dailyUsage"]
    assert [point["date"] for point in points] == [
        (today - n * DAY).isoformat() for n in reversed(range(30))
    ]
    assert [point["state"] for point in points] == ["complete"] * 29 + ["open"]
    assert [point["smsOutboundCount"] for point in points][-2:] == [0, 1]
    assert document["totalsForPeriod"]["smsOutboundCount"] == 1
    first = today.replace(day=1)
    end = (first + 31 * DAY).replace(day=1) - DAY
    assert document["currentPeriod"] == {"start": first.isoformat(), "end": end.isoformat()}


def test_a_past_period_ends_with_its_last_day(db: Db, today: date) -> None:
    """Its 30 days end with it, and its totals are its own."""
    end = today.replace(day=1) - DAY
    tenant = new_tenant(db, "pro")
    noon = datetime.combine(end, datetime.min.time(), UTC) + 12 * HOUR
    send(db, tenant, noon, noon + DAY - 12 * HOUR)
    count(db)
    document = summary(db, tenant, end)
    assert document["currentPeriod"] == {
        "start": end.replace(day=1).isoformat(),
        "end": end.isoformat(),
    }
    assert len(document["dailyUsage"]) == 30
    assert document["dailyUsage"][-1]["date"] == end.isoformat()
    assert document["dailyUsage"][-1]["smsOutboundCount"] == 1
    assert document["totalsForPeriod"]["smsOutboundCount"] == 1


def test_the_states_that_are_not_numbers(db: Db, today: date) -> None:
    """Days before the start, missing and failed ones carry null; sealed ones their number."""
    tenant = new_tenant(db, "pro")
    bill_from(db, today - 20 * DAY)
    ledger = "update usage_days set {} where usage_date = %s"
    rows(db, ledger.format("counted_at = null, last_error = 'broken'"), today - 3 * DAY)
    rows(db, ledger.format("sealed_at = now()"), today - 20 * DAY)
    rows(db, "delete from usage_days where usage_date = %s", today - 2 * DAY)
    points = {point.pop("date"): point for point in summary(db, tenant)["dailyUsage"]}
    states = {n: points[(today - n * DAY).isoformat()].pop("state") for n in (21, 20, 3, 2, 1, 0)}
    assert states == {
        21: "before_start",
        20: "sealed",
        3: "failed",
        2: "missing",
        1: "complete",
        0: "open",
    }
    for ago, figure in {21: None, 20: 0, 3: None, 2: None, 1: 0}.items():
        assert set(points[(today - ago * DAY).isoformat()].values()) == {figure}


def test_nothing_counted_yet(db: Db) -> None:
    """The job never ran: thirty days, none of them a number, and no instant to speak of."""
    bill_from(db, datetime.now(UTC).date() - DAY)
    document = summary(db, new_tenant(db, "pro"))
    assert document["completeThrough"] is None
    assert document["asOf"] is None
    assert len(document["dailyUsage"]) == 30
    assert [point["state"] for point in document["dailyUsage"]][-3:] == [
        "before_start",
        "missing",
        "missing",
    ]
    assert value(db, "select count(*) from usage_runs") == 0
