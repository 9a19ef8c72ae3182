"""Billing Overview: page, JSON and CSV say the same; from there to a tenant, and recounting."""

import re
from datetime import timedelta
from uuid import UUID

import pytest

from tests.browsing import HTML, Browser, bearer, form_secret
from tests.overview import JSON, METRICS, PAGE, TODAY, filed, listed
from tests.overview import root as root
from tests.past import value
from tests.people import People

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
        assert re.search(rf'<p class="figure( is-long)?">{total} <small>', page)
        assert f">{total}</td>" in page.partition("<tfoot>")[2]


def test_cells_are_inert_and_pages_have_links(root: tuple[Browser, People]) -> None:
    browser, _ = root
    assert "'=cmd|' /C calc'!A0" in {line["tenantName"] for line in filed(browser)}
    response = browser.get(f"{JSON}?q=e")
    assert int(response.headers["x-total-count"]) == len(response.json())
    assert 'rel="first"' in response.headers["link"]


def test_root_looks_at_a_tenants_page_and_it_is_on_record(root: tuple[Browser, People]) -> None:
    browser, people = root
    audits = "select count(*) from data.audit_events where tenant_id = %s"
    for entry in listed(browser, "sort=tenantName"):
        tenant = UUID(entry["tenantId"])
        before = value(people.db, audits, tenant)
        page = browser.get(f"/admin/billing/tenants/{tenant}", headers=HTML)
        assert page.status_code == 200
        assert "as root, read-only" in page.text
        assert f"/api/admin/billing/usage/daily.csv?tenantId={tenant}&amp;period=" in page.text
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
