"""Root's page of what is behind the numbers of health: as the ledgers have it, for root only."""

import re
from datetime import date, timedelta

import pytest

from tests.browsing import HTML, Browser, bearer
from tests.past import rows, value
from tests.people import People

PAGE = "/admin/billing/health"


def text(browser: Browser, people: People) -> str:
    """What the page says, without its tags."""
    page = browser.get(PAGE, headers=HTML | bearer(people.token("root")))
    assert page.status_code == 200
    words = re.sub(r"<[^>]*>", " ", page.text.partition("<main")[2])
    return re.sub(r"\s+", " ", words)


def test_what_is_whole_says_so(browser: Browser, people: People) -> None:
    said = text(browser, people)
    assert "Every billed day is counted." in said
    assert "Every fact is what it should be." in said


def test_a_day_that_changed_is_told_once_for_all_tenants(browser: Browser, people: People) -> None:
    """With the tenants and changes of the ledger, and a link that verifies that day."""
    days = rows(people.db, "select distinct date from billing.restated_days order by date desc")
    assert len(days) == 3
    page = browser.get(PAGE, headers=HTML | bearer(people.token("root"))).text
    links = re.findall(r"/admin/billing/verify\?from=([0-9-]+)&amp;to=([0-9-]+)", page)
    assert links == [(str(day), str(day)) for day in days]
    said = text(browser, people)
    for day in days:
        assert f"{day:%-d %B %Y} 2 2 " in said


def test_holes_kinds_and_runs_are_those_of_the_ledgers(browser: Browser, people: People) -> None:
    today: date = value(people.db, "select billing.utc_day(now())")
    rows(people.db, "update data.settings set billing_from = billing_from - 2")
    rows(
        people.db,
        "insert into data.messages (tenant_id, occurred_at, provider_id, channel, direction,"
        " status, num_segments) values (%s, now() + interval '9 days', '<i>SM-9</i>', 'sms',"
        " 'outbound', 'sent', 1)",
        people.own,
        login="billing_ingest",
    )
    try:
        said = text(browser, people)
        for ago in (3, 4):
            assert f"{today - timedelta(days=ago):%-d %B %Y} Not counted yet" in said
        assert "Future: 1 row " in said
        assert "&lt;i&gt;SM-9&lt;/i&gt;" in said
        assert "billing quality future" in said
        run, trigger = value(
            people.db, "select id, trigger from data.usage_runs order by id desc limit 1"
        )
        assert re.search(rf" {run} \d+ \w+ \d{{4}} \d\d:\d\d UTC {trigger}, by ", said)
    finally:
        rows(people.db, "update data.settings set billing_from = billing_from + 2")
        rows(people.db, "delete from data.messages where provider_id = '<i>SM-9</i>'")


@pytest.mark.parametrize("role", ["owner", "admin", "member"])
def test_only_root_may_look(browser: Browser, people: People, role: str) -> None:
    answer = browser.get(PAGE, headers=HTML | bearer(people.token(role)))
    assert answer.status_code == 403
    assert "Last runs" not in answer.text
