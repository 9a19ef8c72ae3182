"""Verifying from the root page: the verdict, the differences, and nothing written."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.browsing import HTML, Browser, bearer
from tests.past import rows, value, versions
from tests.people import FOREIGN_NAME, People

API = "/api/admin/billing/usage/verify"
PAGE = "/admin/billing/verify"


@pytest.fixture(scope="module")
def today(people: People) -> date:
    return value(people.db, "select billing.utc_day(now())")


def asked(browser: Browser, people: People, path: str, **query: Any) -> Any:
    return browser.get(path, headers=bearer(people.token("root")) | HTML, params=query)


def span(today: date, first: int, last: int) -> dict[str, Any]:
    return {"from": today - timedelta(days=first), "to": today - timedelta(days=last)}


def test_all_is_right(browser: Browser, people: People, today: date) -> None:
    found = asked(browser, people, API, **span(today, 2, 0)).json()
    digest = value(
        people.db, "select usage_digest(%s, %s)", today - timedelta(days=2),
        today + timedelta(days=1), login="billing_operator",
    )  # fmt: skip
    assert found == {
        **{key: str(day) for key, day in span(today, 2, 0).items()},
        "daysVerified": 2,
        "sealedDays": [],
        "daysNotVerified": [{"date": str(today), "state": "open"}],
        "daysWaiting": [],
        "differenceCount": 0,
        "differences": [],
        "digest": digest,
    }
    page = asked(browser, people, PAGE, **span(today, 2, 1)).text
    assert "Every stored figure is what its source rows say." in page
    assert "from what the source rows say" not in page


def test_a_difference_is_shown_and_not_put_right(
    browser: Browser, people: People, today: date
) -> None:
    query = span(today, 2, 1)
    rows(
        people.db,
        "update billing_usage_daily set emails_sent = 7 where tenant_id = %s and usage_date = %s",
        *(people.foreign, query["from"]),
    )
    before = versions(people.db)
    found = asked(browser, people, API, **query).json()
    assert found["differenceCount"] == 1
    assert found["differences"] == [
        {
            "tenantId": str(people.foreign),
            "tenantName": FOREIGN_NAME,
            "date": str(query["from"]),
            "metric": "emails_sent",
            "stored": 7,
            "recounted": 0,
        }
    ]
    page = asked(browser, people, PAGE, **query).text
    assert "1 figure differs" in page
    assert f"/admin/billing/tenants/{people.foreign}/days/{query['from']}" in page
    assert versions(people.db) == before


def test_the_form_suggests_the_last_week(browser: Browser, people: People, today: date) -> None:
    page = asked(browser, people, PAGE)
    assert page.status_code == 200
    for day in (today - timedelta(days=7), today - timedelta(days=1)):
        assert f'value="{day}"' in page.text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"from": "2026-11-02", "to": "2026-11-01"}, "to: it comes before 2026-11-02"),
        ({"from": "2026-10-01", "to": "2026-11-01"}, "that is 32 days; at most 31 at once"),
        ({"from": "march", "to": "2026-11-01"}, "write it as YYYY-MM-DD"),
        ({"from": "2026-11-01"}, "Missing required query parameter 'to'"),
    ],
)
def test_bad_ranges(browser: Browser, people: People, query: dict[str, str], sentence: str) -> None:
    answer = asked(browser, people, API, **query)
    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]
