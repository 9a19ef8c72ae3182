"""Projection, the date a limit would be passed, comparison: complete days only."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from tests.ledgers import DAY, days, forget, keep_books, noon, tenant, use
from tests.past import rows, value
from tests.server import Db


def pace(db: Db, who: UUID, today: date, period: date | None = None) -> dict[str, Any]:
    """Of SMS: days, sum, projection, days in pairs, their sum now and before."""
    names = ("days", "sum", "projected", "pairs", "now", "before")
    found = value(
        db,
        "select complete_days, complete_sum, projected, paired_days, paired_sum, previous_sum"
        " from usage_pace(%s, %s, %s) where name = 'sms_outbound_count'",
        *(who, period, noon(today)),
    )
    return dict(zip(names, found, strict=True))


def test_today_and_holes_are_in_no_rate(db: Db) -> None:
    """10 a day on 9 complete days of 30 are on track for 300, whatever today has."""
    today = date(2025, 4, 12)
    keep_books(db, date(2025, 3, 1), today)
    who = tenant(db)
    use(db, who, days(date(2025, 4, 1), today - DAY), sms_outbound_count=10)
    use(db, who, [today], sms_outbound_count=999)
    forget(db, date(2025, 4, 3))
    forget(db, date(2025, 4, 5), failed=True)
    found = pace(db, who, today)
    assert (found["days"], found["sum"], found["projected"]) == (9, 90, 300)


@pytest.mark.parametrize(("complete", "projected"), [(0, None), (4, None), (5, 60), (6, 60)])
def test_no_projection_before_five_complete_days(
    db: Db, complete: int, projected: int | None
) -> None:
    """2 a day in a month of 30 days."""
    today = date(2025, 4, 1) + complete * DAY
    keep_books(db, date(2025, 4, 1), today)
    who = tenant(db)
    use(db, who, days(date(2025, 4, 1), today), sms_outbound_count=2)
    assert pace(db, who, today)["projected"] == projected


def test_a_past_period_is_not_projected(db: Db) -> None:
    today = date(2025, 4, 12)
    keep_books(db, date(2025, 3, 1), today)
    who = tenant(db)
    use(db, who, days(date(2025, 3, 1), today), sms_outbound_count=2)
    of_march = pace(db, who, today, date(2025, 3, 9))
    assert (of_march["days"], of_march["sum"], of_march["projected"]) == (31, 62, None)


@pytest.mark.parametrize(
    ("today", "pairs", "now", "before"),
    [
        (date(2024, 3, 1), 0, None, None),  # nothing is complete yet
        (date(2024, 3, 2), 1, 3, 1),
        (date(2024, 3, 29), 28, 84, 28),
        (date(2024, 3, 30), 29, 87, 29),  # 29 February is a day like others
        (date(2024, 3, 31), 29, 87, 29),  # 30 March has no pair
        (date(2024, 2, 29), 28, 28, 140),
        (date(2024, 1, 31), 30, 150, None),  # December was not billed
    ],
)
def test_the_same_days_of_the_shorter_month(
    db: Db, today: date, pairs: int, now: int | None, before: int | None
) -> None:
    """R24: 5 a day in January, 1 in February, 3 in March 2024."""
    keep_books(db, date(2024, 1, 1), today)
    who = tenant(db)
    for first, last, number in (
        (date(2024, 1, 1), date(2024, 1, 31), 5),
        (date(2024, 2, 1), date(2024, 2, 29), 1),
        (date(2024, 3, 1), date(2024, 3, 31), 3),
    ):
        use(db, who, [on for on in days(first, last) if on <= today], sms_outbound_count=number)
    found = pace(db, who, today)
    if before is None:
        assert found["pairs"] == 0
    else:
        assert (found["pairs"], found["now"], found["before"]) == (pairs, now, before)


@pytest.mark.parametrize(
    ("limit", "passes"),
    [
        (300, None),  # 10 a day for 30 days end exactly on it
        (299, date(2025, 4, 30)),
        (205, date(2025, 4, 21)),
        (200, date(2025, 4, 21)),
        (199, date(2025, 4, 20)),
        (115, date(2025, 4, 12)),
        (90, date(2025, 4, 12)),  # never in the past
    ],
)
def test_when_a_limit_is_passed(db: Db, limit: int, passes: date | None) -> None:
    found = rows(
        db,
        "select passing_date('2025-04-01', 30, '2025-04-12', 11, 110, %s)",
        limit,
    )
    assert found == [passes]


def test_nothing_used_passes_nothing(db: Db) -> None:
    assert value(db, "select passing_date('2025-04-01', 30, '2025-04-12', 11, 0, 0)") is None
    assert value(db, "select passing_date('2025-04-01', 30, '2025-04-12', 0, 0, 9)") is None
