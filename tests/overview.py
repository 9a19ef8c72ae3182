"""Billing Overview over tenants of every kind: a browser with a root session, what it is shown."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.browsing import Browser, bearer, browsing
from tests.ledgers import DAY, days, keep_books, tenant, use
from tests.past import rows
from tests.people import People
from tests.server import Db

PAGE, JSON = "/admin/billing-overview", "/api/admin/billing/usage/tenants"
TODAY = datetime.now(UTC).date()
# name, plan, status, SMS a day up to yesterday, SMS a day in the month before, e-mails a day
TENANTS = [
    ("Over & Out", "starter", "active", 60, 60, 0),
    ("Nearly <script>alert(1)</script>", "starter", "active", 27, 27, 3),
    ("Growing 100%", "agency", "active", 20, 5, 1),
    ("Zero_Use", "pro", "active", 0, 0, 0),
    ("Zero Use", "pro", "suspended", 0, 0, 0),
    ("=cmd|' /C calc'!A0", None, "active", 1, 1, 1),
    ("שלום ‏עולם", "elite", "active", 2, 2, 2),
    ("L" * 120, "elite", "active", 10**10, 10**10, 10**10),
]
METRICS = ("smsOutboundCount", "voiceMinutes", "emailsSent", "aiRequests")


@pytest.fixture(scope="module")
def root(module_db: Db) -> Iterator[tuple[Browser, People]]:
    """A browser with a root session over the tenants above."""
    start = TODAY.replace(day=1)
    before_start = (start - DAY).replace(day=1)
    keep_books(module_db, before_start, TODAY)
    for name, plan, status, sent, before, emails in TENANTS:
        who = tenant(module_db, plan, name=name, status=status)
        if sent:
            figures = {"emails_sent": emails, "counted_rows": 1}
            use(
                module_db,
                who,
                days(before_start, start - DAY),
                sms_outbound_count=before,
                **figures,
            )
            use(module_db, who, days(start, TODAY), sms_outbound_count=sent, **figures)
    tenants = rows(module_db, "select id from data.tenants order by name")
    people = People(module_db, tenants[0], tenants[1])
    with browsing(module_db) as browser:
        browser.headers.update(bearer(people.token("root")))
        yield browser, people


def listed(browser: Browser, query: str = "") -> list[dict[str, Any]]:
    response = browser.get(f"{JSON}?{query}")
    assert response.status_code == 200, response.text
    return response.json()


def names(browser: Browser, query: str = "") -> list[str]:
    return [entry["tenantName"] for entry in listed(browser, query)]


def filed(browser: Browser, query: str = "") -> list[dict[str, str]]:
    response = browser.get(f"{JSON}.csv?{query}")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(response.text)))
