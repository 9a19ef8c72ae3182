"""The page's document: what is said of every kind of tenant and period."""

from datetime import date

import pytest

from tests.ledgers import DAY, days, keep_books, tenant, use
from tests.past import rows
from tests.reading import FIRST, TODAY, card, page, shown
from tests.server import Db

APRIL = days(date(2025, 4, 1), TODAY)


@pytest.fixture
def books(db: Db) -> Db:
    keep_books(db, FIRST, TODAY)
    return db


def test_a_quiet_month_of_the_pro_plan(books: Db) -> None:
    who = tenant(books, "pro")
    use(books, who, days(FIRST, TODAY), sms_outbound_count=10, ai_requests=30)
    document = shown(books, who)
    assert document["period"] | {"options": 2} == {
        "text": "1 – 30 April 2025",
        "value": "2025-04",
        "left": "18 days left",
        "resets": "1 May",
        "options": 2,
    }
    sms, voice, _, ai = document["cards"]
    assert (sms["used"], sms["of"], sms["share"], sms["state"]) == (
        *("120", "of 2,500", "4 % used", "normal"),
    )
    assert sms["meter"] == {"used": 4.8, "projected": 12.0}
    assert sms["notes"] == [
        "On track for ~300 (12 %) by 30 Apr, an estimate",
        "As much as in the same 11 days of March",
    ]
    assert (voice["used"], voice["notes"], voice["fullest"]) == ("0", [], False)
    assert (ai["used"], ai["fullest"]) == ("360", True)
    assert "Passes the limit on 17 Apr at this rate" in ai["notes"]
    assert ai["meter"] == {"used": 72.0, "projected": 100}
    assert document["banner"] == {
        "state": "warn",
        "lines": ["On track to pass the limit: AI requests (17 April)"],
    }
    assert document["notices"] == []
    assert document["plan"]["price"] == "$99.00 per month"
    assert document["freshness"]["updated"] == "updated 12:00 UTC"


@pytest.mark.parametrize(
    ("used", "state", "word", "banner"),
    [
        (399, "normal", "Within limit", None),
        (400, "approaching", "Approaching", "Approaching the limit: SMS sent"),
        (500, "approaching", "Approaching", "Approaching the limit: SMS sent"),
        (534, "over", "Over by 34", "Over the limit: SMS sent"),
    ],
)
def test_three_states(books: Db, used: int, state: str, word: str, banner: str | None) -> None:
    """Starter has 500 SMS: 100.0 % is not over."""
    who = tenant(books, "starter")
    use(books, who, [TODAY], sms_outbound_count=used)
    sms = card(books, who)
    assert (sms["state"], sms["word"]) == (state, word)
    lines = (shown(books, who)["banner"] or {"lines": [None]})["lines"]
    assert lines == [banner]
    assert ("A soft limit, nothing is blocked" in sms["notes"]) is (state == "over")


def test_not_included(books: Db) -> None:
    who = tenant(books, "starter")
    ai = card(books, who, 3)
    assert (ai["state"], ai["meter"], ai["share"]) == ("not_included", None, None)
    assert ai["notes"] == ["Not included in Starter"]
    use(books, who, [TODAY], ai_requests=1)
    ai = card(books, who, 3)
    assert (ai["state"], ai["word"], ai["meter"], ai["of"]) == (
        *("over", "Over by 1", None, "request"),
    )
    assert ai["notes"] == ["Not included in Starter; a soft limit, nothing is blocked"]


@pytest.mark.parametrize(("plan", "state"), [("agency", "unlimited"), (None, "no_plan")])
def test_nothing_to_compare_with(books: Db, plan: str | None, state: str) -> None:
    """A number and a word: no bar, no percentage, and no place among the fullest."""
    who = tenant(books, plan)
    use(books, who, APRIL, sms_outbound_count=999_999_999)
    document = shown(books, who)
    for each in document["cards"]:
        assert (each["state"], each["meter"], each["share"], each["fullest"]) == (
            *(state, None, None, False),
        )
    assert document["cards"][0]["used"] == "11,999,999,988"
    assert document["banner"] is None
    if plan is None:
        assert document["plan"] is None
    else:
        assert document["plan"]["price"] == "Contact support"
        assert {limit["text"] for limit in document["plan"]["limits"]} == {"Unlimited"}


@pytest.mark.parametrize(
    ("today", "period"),
    [
        (TODAY, date(2025, 2, 28)),  # before billing
        (TODAY, date(2025, 5, 1)),  # not begun
    ],
)
def test_a_period_that_is_not_shown(books: Db, today: date, period: date) -> None:
    assert page(books, tenant(books), today, period) is None


@pytest.mark.parametrize(
    ("today", "left", "resets", "first"),
    [
        (date(2024, 2, 29), "last day", "1 March", "Wed 31 January"),
        (date(2024, 3, 1), "30 days left", "1 April", "Thu 1 February"),
        (date(2024, 1, 30), "1 day left", "1 February", "Mon 1 January"),
        (date(2024, 1, 31), "last day", "1 February", "Tue 2 January"),
    ],
)
def test_ends_of_months(db: Db, today: date, left: str, resets: str, first: str) -> None:
    """R24; the chart is always the 30 days that end today."""
    keep_books(db, date(2023, 12, 1), today)
    document = shown(db, tenant(db), today)
    assert (document["period"]["left"], document["period"]["resets"]) == (left, resets)
    assert len(document["chart"]["rows"]) == 30
    assert document["chart"]["rows"][-1]["date"] == first


def test_what_is_old_is_called_out_of_date(books: Db) -> None:
    """R28: nothing complete for more than 26 h after the end of the day."""
    who = tenant(books)
    assert shown(books, who)["freshness"]["is_stale"] is False
    rows(books, "delete from usage_days where usage_date >= %s", TODAY - 3 * DAY)
    assert shown(books, who)["freshness"]["is_stale"] is True
