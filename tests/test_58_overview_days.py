"""Billing Overview on chosen days of the past: what is compared, pages, holes, thresholds, and the
edges of the calendar."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from tests.ledgers import DAY, days, forget, keep_books, noon, tenant, use
from tests.past import rows
from tests.people import People, enter
from tests.server import Db

FIRST, TODAY = date(2025, 3, 1), date(2025, 4, 12)
MARCH, APRIL = date(2025, 3, 1), date(2025, 4, 1)
NOBODY = UUID(int=0)


def document(db: Db, today: date = TODAY, period: date | None = None, **wish: Any) -> Any:
    """The document of the root page as root's own login reads it at noon of a day."""
    asked = [wish.get(name) for name in ("q", "plan", "status", "show", "sort", "dir")]
    with db.connect("billing_root") as connection, connection.transaction():
        enter(connection, People(db, NOBODY, NOBODY).token("root"))
        row = connection.execute(
            "select billing.tenants_document(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [*asked, wish.get("page", 1), period, noon(today)],
        ).fetchone()
    return row and row[0]


def ids(found: Any) -> list[str]:
    return [row["entry"]["tenantId"] for row in found["rows"]]


@pytest.mark.parametrize(
    ("today", "period", "pairs", "used", "before"),
    [
        (TODAY, None, 11, 40, 10),  # today is not over and has no pair
        (date(2025, 4, 2), None, 1, 40, 10),
        (date(2025, 4, 1), None, 0, 0, 0),  # no day of the month is over
        (date(2025, 4, 30), MARCH, 0, 0, 0),  # nothing was billed in February
        (date(2025, 5, 1), APRIL, 30, 40, 10),  # the 31st of March has no pair
    ],
)
def test_growth_is_told_of_the_same_days(
    db: Db, today: date, period: date | None, pairs: int, used: int, before: int
) -> None:
    keep_books(db, FIRST, today)
    grows, same = tenant(db), tenant(db)
    use(db, grows, days(MARCH, APRIL - DAY), sms_outbound_count=10)
    use(db, grows, days(APRIL, today), sms_outbound_count=40)
    use(db, same, days(MARCH, today), sms_outbound_count=10)
    changes = {
        row["entry"]["tenantId"]: row["entry"]["change"]
        for row in document(db, today, period)["rows"]
    }
    assert set(changes) == {str(grows), str(same)}
    if not pairs:
        assert set(changes.values()) == {None}
        assert ids(document(db, today, period, show="growing")) == []
        return
    change = changes[str(grows)]
    assert (change["completeDays"], change["sameDaysBefore"]) == (pairs * used, pairs * before)
    assert ids(document(db, today, period, sort="change"))[0] == str(grows)
    assert ids(document(db, today, period, show="growing")) == [str(grows)]


def test_29_february(db: Db) -> None:
    """It is in the period, in the chart, and compared with 29 January."""
    leap, today = date(2024, 2, 29), date(2024, 3, 1)
    keep_books(db, date(2024, 1, 1), today)
    who = tenant(db)
    use(db, who, days(date(2024, 1, 1), leap - DAY), sms_outbound_count=1)
    use(db, who, [leap], sms_outbound_count=1000)
    for seen_from, period in ((leap, None), (today, date(2024, 2, 1))):
        found = document(db, seen_from, period)
        assert found["totals"][0]["value"] == 1028
    (row,) = found["rows"]
    change = row["entry"]["change"]
    assert (change["completeDays"], change["sameDaysBefore"]) == (1028, 29)
    (before,) = document(db, today, date(2024, 1, 1))["rows"]
    assert before["entry"]["totalsForPeriod"]["smsOutboundCount"] == 31


def test_pages_hold_everybody_once_and_the_totals_of_all(db: Db) -> None:
    keep_books(db, FIRST, TODAY)
    everybody = [tenant(db) for _ in range(27)]
    for number, who in enumerate(everybody[:-3]):
        use(db, who, [APRIL], sms_outbound_count=100 + number, emails_sent=1)
    first, second, third = (document(db, page=page) for page in (1, 2, 3))
    assert (first["span"], second["span"]) == ("1–25 of 27", "26–27 of 27")
    assert (len(first["rows"]), len(second["rows"]), third["rows"]) == (25, 2, [])
    seen = ids(first) + ids(second)
    heaviest = [str(who) for who in everybody[-4::-1]]
    assert seen[:24] == heaviest
    assert set(seen) == {str(who) for who in everybody}
    for found in (first, second, third):
        sms, _, emails, _ = found["totals"]
        assert (sms["value"], emails["value"]) == (sum(range(100, 124)), 24)
        assert (found["pages"], found["tenants"], found["shown"]) == (2, 27, 27)


def test_days_without_numbers_are_holes(db: Db) -> None:
    """Neither zeros in the trend nor pairs of the comparison."""
    keep_books(db, FIRST, TODAY)
    who = tenant(db)
    use(db, who, days(FIRST, TODAY), sms_outbound_count=10)
    (whole,) = document(db)["rows"]
    forget(db, date(2025, 4, 5))
    forget(db, date(2025, 4, 8), failed=True)
    found = document(db)
    (row,) = found["rows"]
    assert whole["trend"] == [10] * 30
    holes = {(TODAY - date(2025, 4, number)).days for number in (5, 8)}
    assert row["trend"] == [None if ago in holes else 10 for ago in range(29, -1, -1)]
    assert found["totals"][0]["value"] == 100
    change = row["entry"]["change"]
    assert (change["completeDays"], change["sameDaysBefore"]) == (90, 90)


@pytest.mark.parametrize(
    ("sent", "state", "peak", "over", "near"),
    [
        (399, "normal", "79 %", 0, 0),
        (400, "approaching", "80 %", 0, 1),
        (500, "approaching", "100 %", 0, 1),
        (501, "over", "just over 100 %", 1, 1),
    ],
)
def test_the_edges_of_a_limit(
    db: Db, sent: int, state: str, peak: str, over: int, near: int
) -> None:
    """Starter has 500 messages: exactly all of them is not over."""
    keep_books(db, FIRST, TODAY)
    use(db, tenant(db, "starter"), [APRIL], sms_outbound_count=sent)
    found = document(db)
    (row,) = found["rows"]
    assert (row["entry"]["limitState"], row["peak"]) == (state, peak)
    assert (found["over"], found["near"]) == (over, near)
    assert len(document(db, show="over")["rows"]) == over
    assert len(document(db, show="near")["rows"]) == near


def test_what_a_plan_does_not_include_is_named(db: Db) -> None:
    """A fifth of the messages, and one request more than there are in Starter: none."""
    keep_books(db, FIRST, TODAY)
    use(db, tenant(db, "starter"), [APRIL], sms_outbound_count=100, ai_requests=1)
    use(db, tenant(db, "starter"), [APRIL], sms_outbound_count=600, ai_requests=1)
    use(db, tenant(db, "starter"), [APRIL], ai_requests=1)
    said = [(row["entry"]["limitState"], row["peak"], row["word"]) for row in document(db)["rows"]]
    assert said == [
        ("over", "120 %", "Over"),
        ("over", "20 %", "Not in plan"),
        ("over", "0 %", "Not in plan"),
    ]


def test_another_period_has_its_own_numbers(db: Db) -> None:
    """And there is none before the first day billed, and none that has not begun."""
    keep_books(db, FIRST, TODAY)
    who = tenant(db)
    use(db, who, days(FIRST, APRIL - DAY), sms_outbound_count=2)
    use(db, who, [APRIL], sms_outbound_count=7)
    assert document(db)["totals"][0]["value"] == 7
    assert document(db, period=MARCH)["totals"][0]["value"] == 62
    assert document(db, period=date(2025, 2, 1)) is None
    assert document(db, period=date(2025, 5, 1)) is None
    rows(db, "delete from billing_usage_daily")
    found = document(db)
    assert found["totals"][0]["value"] == 0
    assert ids(found) == [str(who)]
