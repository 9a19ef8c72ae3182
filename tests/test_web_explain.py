"""The drill-down from a day: page, JSON and CSV of one number, for its tenant and for root."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest

from tests import facts
from tests.browsing import HTML, Browser, bearer
from tests.oracle import Message
from tests.past import rows, value
from tests.people import FOREIGN_NAME, People

API = "/api/billing/usage/explain"
ADMIN = "/api/admin/billing/usage/explain"
SMS = "smsOutboundCount"


@pytest.fixture(scope="module")
def yesterday(people: People) -> date:
    """On which the own tenant has 250 messages more, most counted, some not."""
    day: date = value(people.db, "select billing.utc_day(now()) - 1")
    noon: Any = value(people.db, "select %s::timestamp at time zone 'UTC'", day)
    with people.db.connect() as connection:
        facts.insert(
            connection,
            *(
                Message(people.own, noon + timedelta(seconds=n), provider_id=f"N{n:03}")
                for n in range(240)
            ),
            *(Message(people.own, noon, "queued", provider_id=f"Q{n}") for n in range(8)),
            Message(people.own, noon, "<b>odd</b>", provider_id="=HYPERLINK(1)"),
            Message(people.own, noon, is_test=True, provider_id="T1"),
        )
    rows(people.db, "select run_usage('test')", login="billing_operator")
    return day


def asked(browser: Browser, people: People, path: str, role: str = "owner", **query: Any) -> Any:
    return browser.get(path, headers=bearer(people.token(role)) | HTML, params=query)


def test_the_document(browser: Browser, people: People, yesterday: date) -> None:
    """The number, the sum of its rows, every reason, and the first hundred rows."""
    found = asked(browser, people, API, date=yesterday, metric=SMS).json()
    assert (found["stored"], found["explained"], found["state"]) == (241, 241, "complete")
    assert found["metric"] == {"name": SMS, "label": "SMS sent", "unit": "messages"}
    assert {group["reason"]: (group["rows"], group["contribution"]) for group in found["reasons"]
            } == {"counted": (241, 241), "pending": (8, 0), "test": (1, 0),
                  "unclassified": (1, 0)}  # fmt: skip
    assert (found["rowCount"], found["pages"], len(found["rows"])) == (251, 3, 100)
    assert set(found["rows"][0]) == {
        "occurredAt", "source", "providerId", "kind", "status", "isCounted", "reason",
        "contribution",
    }  # fmt: skip


def test_page_by_page_it_is_the_whole(browser: Browser, people: People, yesterday: date) -> None:
    pages = [
        asked(browser, people, API, date=yesterday, metric=SMS, page=page).json()["rows"]
        for page in (1, 2, 3)
    ]
    ids = [row["providerId"] for page in pages for row in page]
    assert [len(page) for page in pages] == [100, 100, 51]
    assert len(set(ids)) == 251
    assert sum(row["contribution"] for page in pages for row in page) == 241
    only = asked(browser, people, API, date=yesterday, metric=SMS, reason="pending").json()
    assert [row["providerId"] for row in only["rows"]] == [f"Q{n}" for n in range(8)]


@pytest.mark.parametrize("role", ["owner", "root"])
def test_csv(browser: Browser, people: People, yesterday: date, role: str) -> None:
    """What a spreadsheet would run is text; the file says how many rows there are."""
    more = {"tenantId": people.own} if role == "root" else {}
    path = f"{ADMIN if role == 'root' else API}.csv"
    file = asked(browser, people, path, role, date=yesterday, metric=SMS, **more)
    assert file.headers["content-type"].startswith("text/csv")
    assert file.headers["x-total-count"] == "251"
    assert f'filename="{SMS}-{yesterday}.csv"' in file.headers["content-disposition"]
    table = list(csv.DictReader(io.StringIO(file.text)))
    assert len(table) == 251
    assert sum(int(row["contribution"]) for row in table) == 241
    assert "'=HYPERLINK(1)" in {row["providerId"] for row in table}


def test_the_page(browser: Browser, people: People, yesterday: date) -> None:
    """Escaped, with ways on to each reason and the next rows."""
    path = f"/settings/billing/days/{yesterday}"
    page = asked(browser, people, path, metric=SMS)
    assert page.status_code == 200
    assert f"SMS sent on {yesterday}" in page.text
    assert "241 <small>messages</small>" in page.text
    assert f"?metric={SMS}&amp;reason=pending" in page.text
    assert f'rel="next" href="?metric={SMS}&amp;page=2"' in page.text
    assert "<b>odd</b>" not in page.text
    odd = asked(browser, people, path, metric=SMS, reason="unclassified").text
    assert "&lt;b&gt;odd&lt;/b&gt;" in odd
    assert f"date={yesterday}&amp;metric={SMS}&amp;reason=unclassified" in odd
    assert "SMS sent on" in asked(browser, people, path).text


def test_root_sees_any_tenants_page(browser: Browser, people: People, yesterday: date) -> None:
    path = f"/admin/billing/tenants/{people.foreign}/days/{yesterday}"
    page = asked(browser, people, path, "root", metric="smsOutboundSegments")
    assert page.status_code == 200
    assert FOREIGN_NAME in page.text
    assert "991,177" in page.text
    audit = "select event from data.audit_events where tenant_id = %s order by id desc limit 1"
    assert value(people.db, audit, people.foreign) == "usage explained"


def test_a_tenant_cannot_name_another(browser: Browser, people: People, yesterday: date) -> None:
    """There is no tenantId to be asked for; root's routes refuse."""
    query = {"date": yesterday, "metric": SMS, "tenantId": people.foreign}
    response = asked(browser, people, API, **query)
    assert response.status_code == 422
    assert "tenantId: there is no such parameter here" in response.json()["detail"]
    assert asked(browser, people, ADMIN, **query).status_code == 403


def test_late_facts_and_history_are_told(browser: Browser, people: People, yesterday: date) -> None:
    """First that the number is behind, after the next run that it was restated."""
    rows(people.db, "delete from data.usage_restatements")
    db, path = people.db, f"/settings/billing/days/{yesterday}"
    rows(db, "select run_nightly(now())", login="billing_operator")
    rows(db, "update data.messages set num_segments = 9 where provider_id = 'N000'")
    metric = "smsOutboundSegments"
    page = asked(browser, people, path, metric=metric).text
    assert "something has changed since" in page
    assert "Changed after publication" not in page
    rows(db, "select run_usage('test')", login="billing_operator")
    found = asked(browser, people, API, date=yesterday, metric=metric).json()
    assert [(r["oldValue"], r["newValue"]) for r in found["restatements"]] == [(241, 249)]
    assert "Changed after publication" in asked(browser, people, path, metric=metric).text
    assert asked(browser, people, API, date=yesterday, metric=SMS).json()["restatements"] == []


def test_a_sealed_day(browser: Browser, people: People, yesterday: date) -> None:
    """R20: the number stays; its rows are gone, and the page says so."""
    before = yesterday - timedelta(days=1)
    rows(people.db, "update data.usage_days set sealed_at = now() where usage_date = %s", before)
    try:
        found = asked(browser, people, API, date=before, metric=SMS).json()
        assert (found["state"], found["stored"], found["explained"]) == ("sealed", 1, None)
        assert found["rows"] == []
        page = asked(browser, people, f"/settings/billing/days/{before}", metric=SMS)
        assert "were given up when its day was archived" in page.text
    finally:
        rows(people.db, "update data.usage_days set sealed_at = null")


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ({"date": "yesterday"}, 422, "write it as YYYY-MM-DD"),
        ({"date": "2026-02-30"}, 422, "write it as YYYY-MM-DD"),
        ({"date": "2026-W47-6"}, 422, "write it as YYYY-MM-DD"),
        ({"date": "20261121"}, 422, "write it as YYYY-MM-DD"),
        ({"date": "2026-11-2１"}, 422, "write it as YYYY-MM-DD"),  # noqa: RUF001
        ({"date": "9999-12-31"}, 422, "the last valid day is 9999-12-30"),
        ({"date": "9999-12-30"}, 404, "9999-12-30 is still to come."),
        ({"metric": "faxes"}, 422, "there is no metric faxes. One of: sms_outbound_count"),
        ({"reason": "odd"}, 422, "reason"),
        ({"page": "0"}, 422, "page"),
        ({"page": "99999999999999999999"}, 422, "page"),
    ],
)
def test_bad_questions(
    browser: Browser, people: People, query: dict[str, str], status: int, sentence: str
) -> None:
    answer = asked(browser, people, API, **{"date": "2026-11-01", "metric": SMS} | query)
    assert answer.status_code == status
    assert sentence in answer.json()["detail"]


def test_the_page_of_the_period_leads_here(
    browser: Browser, people: People, yesterday: date
) -> None:
    """From every number of the table of days; and a day that was restated is marked."""
    rows(people.db, "delete from data.usage_restatements")
    day = f"/settings/billing/days/{yesterday}"
    page = asked(browser, people, "/settings/billing").text
    for metric in (SMS, "voiceMinutes", "emailsSent", "aiRequests"):
        assert f'href="{day}?metric={metric}"' in page
        assert asked(browser, people, day, metric=metric).status_code == 200
    assert "Changed after publication" not in page
    rows(
        people.db,
        "insert into data.usage_restatements"
        " (tenant_id, usage_date, metric, old_value, new_value, restated_at)"
        " values (%s, %s, 'emails_sent', 0, 1, now())",
        *(people.own, yesterday),
    )
    page = asked(browser, people, "/settings/billing").text
    assert page.count("Changed after publication") == 1
    rows(people.db, "delete from data.usage_restatements")
