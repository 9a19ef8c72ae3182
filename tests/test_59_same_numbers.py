"""Page, JSON and CSV of a tenant give the same numbers, for every tenant and every period."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.browsing import HTML, SUMMARY, Browser, bearer, browsing
from tests.ledgers import DAY, days, forget, keep_books, tenant
from tests.past import rows
from tests.people import People
from tests.server import Db

CSV = "/api/billing/usage/daily.csv"
PLANS = ("starter", "pro", "elite", "agency", None)


@pytest.fixture(scope="module")
def today(module_db: Db) -> date:
    """Since a hundred days ago; a hole, a failed day, a day of no use."""
    today = datetime.now(UTC).date()
    keep_books(module_db, today - 100 * DAY, today)
    return today


@pytest.fixture(scope="module")
def tenants(module_db: Db, today: date) -> list[UUID]:
    """One of each plan with random days, one that never did anything."""
    tenants = [tenant(module_db, plan) for plan in PLANS]
    columns = rows(
        module_db,
        "select attname from pg_attribute where attrelid = 'billing_usage_daily'::regclass"
        " and attname in (select regexp_replace(name, '^(voice_minutes)$', '') from metrics)",
    )
    numbers = ", ".join("floor(random() ^ 4 * 2000)::bigint" for _ in columns)
    rows(
        module_db,
        f"insert into billing_usage_daily (tenant_id, usage_date, {', '.join(columns)})"  # noqa: S608
        f" select t.id, u.usage_date, {numbers} from tenants as t cross join usage_days as u"
        " where random() < 0.7",
    )
    forget(module_db, today - 12 * DAY)
    forget(module_db, today - 40 * DAY, today - 5 * DAY, failed=True)
    return [*tenants, tenant(module_db)]


@pytest.fixture(scope="module")
def browser(module_db: Db) -> Iterator[Browser]:
    with browsing(module_db) as browser:
        yield browser


@given(number=st.integers(0, len(PLANS)), months=st.integers(0, 3))
def test_the_same_numbers(
    module_db: Db,
    browser: Browser,
    tenants: list[UUID],
    today: date,
    number: int,
    months: int,
) -> None:
    who = tenants[number]
    token = People(module_db, who, who).token()
    month = rows(
        module_db, "select to_char(%s - make_interval(months => %s), 'YYYY-MM')", today, months
    )[0]
    query = {"period": month}
    document = browser.get(SUMMARY, params=query, headers=bearer(token)).json()
    file = browser.get(CSV, params=query, headers=bearer(token))
    page = browser.get("/settings/billing", params=query, headers=bearer(token) | HTML)
    assert file.headers["content-type"].startswith("text/csv")
    assert file.headers["content-disposition"] == f'attachment; filename="usage-{month}.csv"'
    lines = list(csv.DictReader(io.StringIO(file.text)))
    last = min(today, date.fromisoformat(document["currentPeriod"]["end"]))
    start = max(date.fromisoformat(document["currentPeriod"]["start"]), date.min)
    assert [line["date"] for line in lines] == [day.isoformat() for day in days(start, last)]

    for name, total in document["totalsForPeriod"].items():
        assert sum(int(line[name] or 0) for line in lines) == total, name
    by_day = {line["date"]: line for line in lines}
    for point in document["dailyUsage"]:
        if line := by_day.get(point["date"]):
            assert line == {
                key: "" if figure is None else str(figure) for key, figure in point.items()
            }

    metrics = rows(
        module_db, "select json_name, label from metrics where on_card order by sort_order"
    )
    assert cards(page.text) == [
        (label, f"{document['totalsForPeriod'][name]:,}") for name, label in metrics
    ]
    assert table(page.text) == [
        ["–" if point[name] is None else f"{point[name]:,}" for name, _ in metrics]
        for point in reversed(document["dailyUsage"])
    ]


def cards(page: str) -> list[Any]:
    """Label and number of each card."""
    card = r'<h2 class="card-title"[^>]*>.*?</svg>\s*(.*?)</h2>\s*<p class="figure[^"]*">([0-9,]+) '
    return re.findall(card, page, re.DOTALL)


def table(page: str) -> list[list[str]]:
    """The cells of the rows of days."""
    body = page.split("<tbody>")[1].split("</tbody>")[0]
    plain = re.sub(r"</?a\b[^>]*>", "", body)  # every number leads to its rows
    lines = [re.findall(r'<td class="number">(.*?)</td>', line) for line in plain.split("</tr>")]
    return [line for line in lines if line]
