"""Billing Overview: the order, the filters, the sums; page, JSON and CSV say the same."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.browsing import HTML, Browser, bearer, browsing, form_secret
from tests.past import rows, value
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


QUERIES = ["", "sort=tenantName", "sort=emailsSent&dir=asc", "status=active", "q=zero", "show=near"]


@pytest.mark.parametrize("query", QUERIES)
def test_page_json_and_csv_agree(root: tuple[Browser, People], query: str) -> None:
    """The same tenants in the same order with the same numbers; the totals row and the cards are
    their sum."""
    browser, _ = root
    entries, lines = listed(browser, query), filed(browser, query)
    page = browser.get(f"{PAGE}?{query}", headers=HTML).text
    assert [line["tenantId"] for line in lines] == [entry["tenantId"] for entry in entries]
    shown = re.findall(r"/admin/billing/tenants/([0-9a-f-]{36})", page)
    assert shown == [entry["tenantId"] for entry in entries]
    for entry, line in zip(entries, lines, strict=True):
        assert {name: int(line[name]) for name in METRICS} == entry["totalsForPeriod"]
        for name in METRICS:
            assert f"{entry['totalsForPeriod'][name]:,}</td>" in page
    for name in METRICS:
        total = f"{sum(entry['totalsForPeriod'][name] for entry in entries):,}"
        assert f'<p class="figure">{total} <small>' in page
        assert f">{total}</td>" in page.partition("<tfoot>")[2]


def test_the_heaviest_come_first_and_everybody_is_there(root: tuple[Browser, People]) -> None:
    browser, _ = root
    assert set(names(browser)) == {name for name, *_ in TENANTS}
    sent = [entry["totalsForPeriod"]["smsOutboundCount"] for entry in listed(browser)]
    assert sent == sorted(sent, reverse=True)
    assert names(browser, "sort=tenantName&dir=desc") == names(browser, "sort=tenantName")[::-1]
    page = browser.get(PAGE, headers=HTML).text
    assert page.count('aria-sort="descending"') == 1
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=zero_u", {"Zero_Use"}),
        ("q=100%25", {"Growing 100%"}),
        ("q=OVER", {"Over & Out"}),
        ("q=%25", {"Growing 100%"}),
        ("q=nobody", set[str]()),
        ("plan=none", {"=cmd|' /C calc'!A0"}),
        ("status=suspended", {"Zero Use"}),
        ("plan=pro&status=active", {"Zero_Use"}),
        ("q=&plan=&status=&sort=&dir=&show=", {name for name, *_ in TENANTS}),
        ("show=quiet", {"Zero_Use", "Zero Use"}),
    ],
)
def test_search_and_filters(root: tuple[Browser, People], query: str, found: set[str]) -> None:
    browser, _ = root
    assert set(names(browser, query)) == found
    if not found:
        assert "Clear filters" in browser.get(f"{PAGE}?{query}", headers=HTML).text


def test_over_near_and_their_counts(root: tuple[Browser, People]) -> None:
    """As the tenant's own limits say, counted on the buttons."""
    browser, _ = root
    states = {entry["tenantName"]: entry["limitState"] for entry in listed(browser)}
    over = {name for name, state in states.items() if state == "over"}
    near = over | {name for name, state in states.items() if state == "approaching"}
    assert over
    assert set(names(browser, "show=over")) == over
    assert set(names(browser, "show=near")) == near
    page = browser.get(PAGE, headers=HTML).text
    assert f"Over a limit ({len(over)})" in page
    assert f"≥ 80 % ({len(near)})" in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("plan=gold", "plan: there is no &#34;gold&#34;; choose one of starter, pro"),
        ("status=gone", "status: there is no"),
        ("sort=id;drop", "sort: there is no"),
        ("dir=up", "dir: there is no"),
        ("show=all", "show: there is no"),
        ("page=0", "page"),
        ("page=x", "page"),
        ("page=99999999999999999999", "page"),
        ("period=2026-13", "period: write it as YYYY-MM"),
        ("q=%00", "q: "),
    ],
)
def test_an_unknown_value_is_told(root: tuple[Browser, People], query: str, words: str) -> None:
    browser, _ = root
    page = browser.get(f"{PAGE}?{query}", headers=HTML)
    assert page.status_code == 400
    assert words in page.text
    for path in (JSON, f"{JSON}.csv"):
        assert browser.get(f"{path}?{query}").status_code == 422


def test_cells_are_inert_and_pages_have_links(root: tuple[Browser, People]) -> None:
    browser, _ = root
    assert "'=cmd|' /C calc'!A0" in {line["tenantName"] for line in filed(browser)}
    response = browser.get(f"{JSON}?q=e")
    assert int(response.headers["x-total-count"]) == len(response.json())
    assert 'rel="first"' in response.headers["link"]
    assert listed(browser, "page=9") == []
    assert "There is no page 9" in browser.get(f"{PAGE}?page=9", headers=HTML).text


def test_root_looks_at_a_tenants_page_and_it_is_on_record(root: tuple[Browser, People]) -> None:
    browser, people = root
    audits = "select count(*) from data.audit_events where tenant_id = %s"
    for entry in listed(browser, "sort=tenantName"):
        tenant = UUID(entry["tenantId"])
        before = value(people.db, audits, tenant)
        page = browser.get(f"/admin/billing/tenants/{tenant}", headers=HTML)
        assert page.status_code == 200
        assert "as root, read-only" in page.text
        assert f"{entry['totalsForPeriod']['smsOutboundCount']:,}" in page.text
        assert value(people.db, audits, tenant) == before + 1
    owner = bearer(people.token("owner"))
    before = value(people.db, audits, people.own)
    response = browser.get(f"/admin/billing/tenants/{people.own}", headers=HTML | owner)
    assert response.status_code == 403
    assert value(people.db, audits, people.own) == before


def test_recounting(root: tuple[Browser, People]) -> None:
    """From the page and through the interface; refused with a sentence, and changes nothing."""
    browser, people = root
    api, day = "/api/admin/billing/usage/aggregate", TODAY.isoformat()
    fields = {"form_secret": form_secret(browser), "first": day, "last": day}
    shown = browser.post(f"{PAGE}/recount", data=fields)
    assert shown.status_code == 303
    page = browser.get(shown.headers["location"], headers=HTML).text
    assert re.search(r"Run \d+ counted 1 day: [\d,]+ daily rows? changed", page)
    done = browser.post(api, json={"from": day, "to": day}).json()
    assert done["rowsChanged"] == 0
    assert value(people.db, "select max(id) from data.usage_runs") == done["runId"]
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    long_ago = (TODAY - timedelta(days=31)).isoformat()
    for first, last in ((day, tomorrow), (tomorrow, day), (long_ago, day), ("x", day)):
        assert browser.post(api, json={"from": first, "to": last}).status_code in (400, 422)
        fields |= {"first": first, "last": last}
        assert browser.post(f"{PAGE}/recount", data=fields, headers=HTML).status_code == 400
    assert value(people.db, "select max(id) from data.usage_runs") == done["runId"]
