"""Usage & Billing over HTTP: what it refuses, and what stays when a part of it fails."""

import re
from collections.abc import Iterator

import pytest

from app import chart
from tests.browsing import HTML, Browser, bearer, browsing
from tests.people import People

PAGE = "/settings/billing"


@pytest.fixture(scope="module")
def browser(people: People) -> Iterator[Browser]:
    with browsing(people.db) as browser:
        yield browser


def test_one_failing_part_leaves_the_rest(
    browser: Browser, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chart cannot be drawn: it is said, and its numbers are in the table."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(chart, "plot", broken)
    response = browser.get(PAGE, headers=bearer(people.token()) | HTML)
    assert response.status_code == 200
    assert "The chart could not be drawn." in response.text
    assert "<svg class=" in response.text  # icons and meters
    assert 'role="img"' not in response.text
    assert response.text.count("<tr>") == 31


@pytest.mark.parametrize(
    ("period", "status", "sentence"),
    [
        ("2026", 400, "Write YYYY-MM"),
        ("²", 400, "Write YYYY-MM"),
        ("2999-12", 400, "December 2999 has not begun yet."),
        ("1999-01", 404, "There is no usage for 1999-01"),
    ],
)
def test_a_period_that_is_none_gets_a_page(
    browser: Browser, people: People, period: str, status: int, sentence: str
) -> None:
    """Not a redirect and not another period instead."""
    response = browser.get(PAGE, params={"period": period}, headers=bearer(people.token()) | HTML)
    assert response.status_code == status
    assert sentence in response.text
    assert "<h1" in response.text


def test_a_member_is_told_which_role_is_needed(browser: Browser, people: People) -> None:
    response = browser.get(PAGE, headers=bearer(people.token("member")) | HTML)
    assert response.status_code == 403
    assert "Ask an owner for the role admin." in response.text


def test_nothing_on_the_page_needs_a_style_or_a_script(browser: Browser, people: People) -> None:
    """And its policy would refuse both."""
    response = browser.get(PAGE, headers=bearer(people.token()) | HTML)
    assert not re.search(r"\sstyle=|<style|<script(?! src=)|\son\w+=", response.text)
    assert "unsafe" not in response.headers["content-security-policy"]


def test_cells_of_the_file_are_inert(browser: Browser, people: People) -> None:
    """Dates, states and digits: nothing that a spreadsheet would take for a formula."""
    response = browser.get("/api/billing/usage/daily.csv", headers=bearer(people.token()))
    assert response.status_code == 200
    assert response.text.endswith("\r\n")
    for line in response.text.removesuffix("\r\n").split("\r\n")[1:]:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d,[a-z_]+(,\d*){13}", line)
