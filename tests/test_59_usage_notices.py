"""What is said above the numbers; zero, empty and unknown are three different things (R22)."""

from datetime import date
from uuid import UUID

import pytest

from tests.ledgers import days, forget, keep_books, tenant, use
from tests.reading import FIRST, TODAY, card, shown
from tests.server import Db


@pytest.fixture
def books(db: Db) -> Db:
    keep_books(db, FIRST, TODAY)
    return db


def notices(db: Db, who: UUID, period: date | None = None) -> list[str]:
    return [notice["text"] for notice in shown(db, who, period=period)["notices"]]


def test_zero_empty_and_unknown_are_three_things(books: Db) -> None:
    """R22."""
    who = tenant(books)
    assert notices(books, who) == ["No use in this period so far: what was counted is zero."]
    use(books, who, [TODAY], emails_sent=1)
    assert notices(books, who) == []
    forget(books, date(2025, 4, 3), date(2025, 3, 3))
    forget(books, date(2025, 4, 4), failed=True)
    assert notices(books, who) == [
        "2 days of this period are not counted yet; the totals are without them."
    ]
    chart = shown(books, who)["chart"]
    table = {row["date"]: (row["word"], set(row["cells"])) for row in chart["rows"]}
    assert table["Thu 3 April"] == ("Not counted yet", {None})
    assert table["Fri 4 April"] == ("Counting failed, will be tried again", {None})
    assert table["Sat 5 April"] == ("Complete", {"0"})
    assert table["Sat 12 April"] == ("Today so far", {"0", "1"})
    forget(books, *days(FIRST, TODAY))
    assert notices(books, who) == [
        "Nothing has been counted yet. The first numbers appear here within minutes."
    ]
    assert shown(books, who)["freshness"]["updated"] is None


def test_a_suspended_tenant_may_still_read(books: Db) -> None:
    who = tenant(books, status="suspended")
    use(books, who, [TODAY], sms_outbound_count=7)
    assert notices(books, who) == [
        "This account is suspended. Its use is still counted, and you may still read it."
    ]
    assert card(books, who)["used"] == "7"


def test_a_past_period_says_that_the_plan_is_todays(books: Db) -> None:
    who = tenant(books)
    use(books, who, days(FIRST, TODAY), sms_outbound_count=10)
    march = shown(books, who, period=date(2025, 3, 20))
    assert march["period"]["text"] == "1 – 31 March 2025"
    assert march["period"]["left"] is None
    assert march["cards"][0]["used"] == "310"
    assert march["chart"]["today"] is None
    assert march["chart"]["rows"][0]["date"] == "Mon 31 March"
    assert notices(books, who, date(2025, 3, 1)) == [
        "Past period, compared with the current plan's limits."
    ]
