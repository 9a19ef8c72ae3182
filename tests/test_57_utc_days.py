"""Days are UTC days wherever they are shown."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.browsing import SUMMARY, bearer, browsing
from tests.past import rows
from tests.people import settle
from tests.server import Db

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns", "Etc/GMT+12"])
def test_no_time_zone_moves_a_day(db: Db, zone: str) -> None:
    """R11: for a server and a database anywhere, the JSON has dates and not instants, the last of
    the 30 is today in UTC, and each event stays on its day."""
    before = datetime.now(UTC).date()
    people = settle(db)
    rows(db, f"alter database {db.name} set timezone = '{zone}'")
    with browsing(db) as browser:
        document = browser.get(SUMMARY, headers=bearer(people.token())).json()
    after = datetime.now(UTC).date()
    points = document["dailyUsage"]
    days = [point["date"] for point in points]
    period = document["currentPeriod"]
    for shown in (*days, period["start"], period["end"], document["completeThrough"]):
        assert DAY.fullmatch(shown)
    last = datetime.fromisoformat(days[-1]).date()
    assert last in (before, after)
    assert days == [(last - timedelta(days=n)).isoformat() for n in reversed(range(30))]
    assert [p["smsOutboundCount"] for p in points if p["state"] == "complete"][-2:] == [1, 1]
    assert period["start"] == last.replace(day=1).isoformat()
