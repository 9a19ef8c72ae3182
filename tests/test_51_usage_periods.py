"""Billing periods: calendar months, or months from an anchor, that tile time."""

from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.past import value
from tests.server import Db

DAY = timedelta(days=1)
DAYS = st.dates(date(1990, 1, 1), date(2099, 12, 31))
PERIOD = "select period_start, period_end from billing.usage_period(%s, %s)"


def period(connection: psycopg.Connection[Any], of: date, anchor: date) -> tuple[date, date]:
    row = connection.execute(PERIOD, [of, anchor]).fetchone()
    assert row is not None
    return row


@pytest.fixture(scope="module")
def connection(module_db: Db) -> Any:
    with module_db.connect() as connection:
        yield connection


@pytest.mark.parametrize(
    ("of", "start", "end"),
    [
        (date(2026, 11, 1), date(2026, 11, 1), date(2026, 12, 1)),
        (date(2026, 11, 30), date(2026, 11, 1), date(2026, 12, 1)),
        (date(2026, 12, 31), date(2026, 12, 1), date(2027, 1, 1)),
        (date(2024, 2, 29), date(2024, 2, 1), date(2024, 3, 1)),
    ],
)
def test_a_period_is_a_calendar_month(module_db: Db, of: date, start: date, end: date) -> None:
    """R24, with the default anchor."""
    periods = value(module_db, "select p.* from billing.usage_period(%s) as p", of)
    assert periods == (start, end)


def test_an_anchor_is_kept_for_ever(connection: psycopg.Connection[Any]) -> None:
    """R24: the 31st gives 28 or 29 February, and 31 March again: nothing drifts."""
    anchor = date(2023, 1, 31)
    starts = [anchor]
    for _ in range(15):
        starts.append(period(connection, starts[-1], anchor)[1])
    assert [f"{start:%m-%d}" for start in starts] == [
        *("01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30"),
        *("10-31", "11-30", "12-31", "01-31", "02-29", "03-31", "04-30"),
    ]


@given(of=DAYS, anchor=DAYS)
@example(of=date(2024, 2, 29), anchor=date(2023, 1, 31))
@example(of=date(2023, 3, 30), anchor=date(2023, 1, 31))
@example(of=date(2022, 12, 30), anchor=date(2023, 1, 31))
def test_periods_tile_time(connection: psycopg.Connection[Any], of: date, anchor: date) -> None:
    """No gap, no overlap: every day of a period says the same period, its end the next one."""
    start, end = period(connection, of, anchor)
    assert start <= of < end
    assert 28 <= (end - start).days <= 31
    assert period(connection, start, anchor) == (start, end)
    assert period(connection, end - DAY, anchor) == (start, end)
    assert period(connection, end, anchor)[0] == end
    assert period(connection, start - DAY, anchor)[1] == start
