"""Billing Overview over tenants of every kind: a browser with a root session, what it is shown."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.browsing import Browser, bearer, browsing
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
    month = (TODAY.replace(day=1) - timedelta(days=1)).replace(day=1)
    rows(module_db, "update data.settings set billing_from = %s", month)
    for name, plan, status, sent, before, emails in TENANTS:
        rows(
            module_db,
            "with t as (insert into data.tenants (name, plan_code, status)"
            " values (%s, %s, %s) returning id)"
            " insert into data.billing_usage_daily (tenant_id, usage_date, sms_outbound_count,"
            " emails_sent, counted_rows)"
            " select t.id, d::date, case when d >= %s then %s::bigint else %s::bigint end,"
            " %s::bigint, 1"
            " from t, generate_series(%s::timestamp, %s::timestamp, '1 day') as d where %s",
            *(name, plan, status, TODAY.replace(day=1), sent, before, emails),
            *(month, TODAY, sent + emails > 0),
        )
    rows(
        module_db,
        "insert into data.usage_runs (id, as_of, started_at, finished_at, rows_changed,"
        " source_rows, days_counted, days_failed, trigger, started_by, outcome)"
        " values (nextval('data.usage_runs_id_seq'), now(), now(), now(), 0, 0, 0, 0, 'test',"
        " 'test', 'succeeded')",
    )
    rows(
        module_db,
        "insert into data.usage_days (usage_date, counted_at, run_id)"
        " select d::date, least(d + interval '26 hours', now()), 1"
        " from generate_series(%s::timestamp, %s::timestamp, '1 day') as d",
        *(month, TODAY),
    )
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
