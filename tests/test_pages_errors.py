"""The pages of what went wrong, in a real browser: what happened, what to do, in the same style."""

from collections.abc import Iterator
from datetime import date
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from psycopg_pool import PoolTimeout

from app import auth, usage
from tests.past import rows
from tests.people import People
from tests.serving import serving
from tests.windows import Look, window

OWN, RECOUNT = "/settings/billing", "/admin/billing-overview/recount"
SECRET = "a-secret-of-this-browser"  # noqa: S105
DAYS = {"first": str(date.today()), "last": str(date.today()), "form_secret": SECRET}
SIGN_IN = {"email": "x@people.example", "password": "wrong", "form_secret": SECRET}
CASES = {
    400: ("owner", f"{OWN}?period=2026", None, "That does not work", "Write YYYY-MM"),
    401: ("", RECOUNT, DAYS, "Not signed in", "Sign in first."),
    403: ("owner", "/admin/billing-overview", None, "No access", "This page is for root."),
    404: ("owner", "/nowhere", None, "Nothing here", "There is nothing at this address."),
    405: ("owner", "/logout", None, "Not possible here", "does not take that method"),
    409: ("root", RECOUNT, DAYS, "Not counted", "is sealed: its source rows were given up"),
    413: ("", "/login", SIGN_IN | {"next": "x" * 70_000}, "Too much at once", "than this service"),
    429: ("", "/login", SIGN_IN, "Sign in", "Too many attempts. Try again in 2 minutes."),
    500: ("owner", OWN, None, "Something went wrong", "tell whoever runs this service the number"),
    503: ("owner", OWN, None, "Not available right now", "Nothing is lost"),
}
"""Who asks for what, with which form; heading and words of the answer."""


@pytest.fixture(scope="module")
def address(people: People) -> Iterator[str]:
    with serving(people.db) as address:
        yield address


@pytest.fixture
def trouble(people: People, monkeypatch: pytest.MonkeyPatch, status: int) -> Iterator[None]:
    """What leads to this answer, where asking is not enough."""

    async def broken(*_: object) -> None:
        raise ZeroDivisionError if status == 500 else PoolTimeout

    async def throttled(*_: object) -> auth.Throttled:
        return auth.Throttled(61)

    seal = "update data.usage_days set sealed_at = %s where usage_date = billing.utc_day(now())"
    if status in (500, 503):
        monkeypatch.setattr(usage, "page", broken)
    if status == 429:
        monkeypatch.setattr(auth, "sign_in", throttled)
    if status == 409:
        rows(people.db, seal, "now")
    yield
    if status == 409:
        rows(people.db, seal, None)


def sending(page: Page, address: str, form: dict[str, str]) -> None:
    """Whatever is opened next is sent this form."""
    page.context.add_cookies([{"name": "form", "value": SECRET, "url": address}])

    def send(route: Route) -> None:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        headers = route.request.headers | kind
        route.continue_(method="POST", headers=headers, post_data=urlencode(form))

    page.route(lambda url: "/static/" not in url, send)


@pytest.mark.usefixtures("trouble")
@pytest.mark.parametrize("look", [Look(script=False), Look(390, "dark", script=False)], ids=str)
@pytest.mark.parametrize("status", CASES)
def test_what_happened_and_what_to_do(
    chromium: Browser, people: People, address: str, status: int, look: Look
) -> None:
    role, path, form, heading, words = CASES[status]
    token = people.token(role) if role else ""
    with window(chromium, address, token, look, probe=True) as visitor:
        page = visitor.page
        if form:
            sending(page, address, form)
        visitor.open(path, status)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        expect(page.get_by_role("main")).to_contain_text(words)
        expect(page.get_by_role("main")).to_contain_text(f"Error {status}" if status != 429 else "")
        todo = page.get_by_role("main").locator(".button.is-primary")
        expect(todo).to_be_visible()
        assert visitor.sideways() <= 0
        assert visitor.spills() == []
        assert visitor.violations() == []
