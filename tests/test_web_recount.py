"""Recounting on the web: what is refused says why, has a status of its own and changes nothing."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from tests.browsing import HTML, Browser, bearer, browsing, form_secret
from tests.facts import ledger
from tests.past import rows, value, versions
from tests.people import People

API = "/api/admin/billing/usage/aggregate"
FORM = "/admin/billing-overview/recount"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def root(people: People) -> Iterator[Browser]:
    with browsing(people.db) as browser:
        browser.headers.update(bearer(people.token("root")))
        yield browser


@pytest.fixture(scope="module")
def today(people: People) -> date:
    return value(people.db, "select billing.utc_day(now())")


def written(people: People) -> Any:
    """All that counting writes, row versions included."""
    with people.db.connect() as connection:
        days = rows(people.db, "select usage_date, ctid::text from data.usage_days order by 1")
        return versions(people.db), ledger(connection), days


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"from": "2026-10-01", "to": "2026-11-01"}, "to: that is 32 days; at most 31 at once"),
        (
            {"from": "0001-01-01", "to": "9999-12-31"},
            "to: that is 3652059 days; at most 31 at once",
        ),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "to: it comes before 2026-11-02"),
        ({"from": "20261121", "to": "20261121"}, "from: write it as YYYY-MM-DD, e.g. 2026-11-21"),
        (
            {"from": "2026-W47-6", "to": "2026-W47-6"},
            "from: write it as YYYY-MM-DD, e.g. 2026-11-21",
        ),
        (
            {"from": "9999-12-31", "to": "9999-12-31"},
            "to: the last valid day is 9999-12-30",
        ),
        (
            {"from": "2026-11-31", "to": "2026-12-01"},
            "from: write it as YYYY-MM-DD, e.g. 2026-11-21",
        ),
        ({"from": "2026-11-01", "to": "1.11.2026"}, "to: write it as YYYY-MM-DD, e.g. 2026-11-21"),
        ({"from": 20261101, "to": "2026-11-01"}, "from: write it as YYYY-MM-DD, e.g. 2026-11-21"),
        ({"from": None, "to": "2026-11-01"}, "from: write it as YYYY-MM-DD, e.g. 2026-11-21"),
        ({"from": "2026-11-01"}, "to: it is needed"),
        ({}, "from: it is needed"),
        (
            {"from": "2026-11-01", "to": "2026-11-01", "tenant": "x"},
            "tenant: there is no such field here",
        ),
    ],
)
def test_a_range_that_does_not_fit(root: Browser, people: People, body: Any, sentence: str) -> None:
    before = written(people)
    answer = root.post(API, json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"] == sentence
    assert written(people) == before


def test_a_body_that_is_none(root: Browser, people: People) -> None:
    """No object, nothing at all, no JSON: each has a sentence, too."""
    before = written(people)
    for body, status, sentence in (
        (b"[]", 422, "data: send an object of fields, got `array`"),
        (b'"2026-11-01"', 422, "data: send an object of fields, got `str`"),
        (b"null", 422, "data: send an object of fields, got `null`"),
        (b"", 422, "data: a body is needed"),
        (b"{", 400, "The body is no JSON."),
        (b"\xff", 400, "The body is no JSON."),
    ):
        answer = root.post(API, content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["detail"]) == (status, sentence)
    assert written(people) == before


def test_days_to_come(root: Browser, people: People, today: date) -> None:
    before = written(people)
    answer = root.post(API, json={"from": str(today), "to": str(today + DAY)})
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        f"Day {today + DAY} lies in the future: today is {today} (UTC)."
    )
    assert written(people) == before


def test_a_sealed_day(root: Browser, people: People, today: date) -> None:
    """Nothing of the range is counted, the days before it included."""
    sealed, open_day = today - DAY, today - 2 * DAY
    send_late(people, open_day)
    rows(people.db, "update data.usage_days set sealed_at = now() where usage_date = %s", sealed)
    before = written(people)
    try:
        answer = root.post(API, json={"from": str(open_day), "to": str(sealed)})
        assert answer.status_code == 409
        assert answer.json()["title"] == "Conflict"
        assert answer.json()["detail"] == (
            f"Day {sealed} is sealed: its source rows were given up on {today}, its numbers stay."
        )
        page = root.post(FORM, data=form(root, open_day, sealed), headers=HTML)
        assert page.status_code == 409
        assert f"Day {sealed} is sealed" in page.text
        assert "Nothing was changed." in page.text
        assert written(people) == before
    finally:
        rows(people.db, "update data.usage_days set sealed_at = null where usage_date = %s", sealed)
    again = root.post(API, json={"from": str(open_day), "to": str(sealed)})
    assert again.json()["rowsChanged"] == 1


def send_late(people: People, day: date) -> None:
    rows(
        people.db,
        "insert into data.messages (tenant_id, occurred_at, provider_id, channel, direction,"
        " status, num_segments) values (%s, %s::timestamp at time zone 'UTC', 'SM-late', 'sms',"
        " 'outbound', 'sent', 1)",
        *(people.own, day),
        login="billing_ingest",
    )


def form(browser: Browser, first: date, last: date) -> dict[str, str]:
    return {"form_secret": form_secret(browser), "first": str(first), "last": str(last)}


def test_a_day_that_somebody_else_is_counting(root: Browser, people: People, today: date) -> None:
    """After ten seconds it says who; what the other one has counted stays."""
    with people.db.connect("billing_operator", autocommit=False) as other:
        other.execute("select billing.aggregate_usage(%s)", [today])
        run = value(people.db, "select last_value from data.usage_runs_id_seq")
        before = written(people)
        answer = root.post(API, json={"from": str(today - DAY), "to": str(today)})
        assert answer.status_code == 409
        assert answer.json()["detail"] == (
            f"Day {today} is being counted by run {run} (backend {other.info.backend_pid}); "
            "waited 10 s."
        )
        assert written(people) == before
        other.rollback()
    assert root.post(API, json={"from": str(today), "to": str(today)}).status_code == 200


@pytest.mark.parametrize(
    ("first", "last", "sentence"),
    [
        ("2026-10-01", "2026-11-01", "to: that is 32 days; at most 31 at once"),
        ("2026-11-02", "2026-11-01", "to: it comes before 2026-11-02"),
        ("yesterday", "2026-11-01", "from: write it as YYYY-MM-DD"),
        ("2026-11-01", "", "to: write it as YYYY-MM-DD"),
    ],
)
def test_the_form_says_the_same(
    root: Browser, people: People, first: str, last: str, sentence: str
) -> None:
    before = written(people)
    fields = {"form_secret": form_secret(root), "first": first, "last": last}
    page = root.post(FORM, data=fields, headers=HTML)
    assert page.status_code == 400
    assert sentence in page.text
    assert written(people) == before
