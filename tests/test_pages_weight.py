"""What a visitor's browser has to fetch: bounded, uncompressed, from this site."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Response

from tests.ledgers import DAY, days, keep_books, tenant, use
from tests.people import People
from tests.server import Db
from tests.serving import serving
from tests.windows import window

ROWS = 25
TENANT, OVERVIEW = 60_000, 120_000
STYLES_AND_SCRIPT = 32_000
FIGURES = ("sms_outbound_count", "voice_minutes_inbound", "emails_sent", "ai_requests")


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    """A full page of tenants: long names, long numbers, a change, a trend of 30 days, a limit that
    is passed."""
    today = datetime.now(UTC).date()
    keep_books(module_db, today - 62 * DAY, today)
    every = days(today - 62 * DAY, today)
    tenants = [
        tenant(module_db, plan, name=f"Heating, Cooling & Refrigeration <Company> {number}")
        for number, plan in enumerate(("starter", "pro", "elite", "agency", None) * 6)
    ]
    figures = dict.fromkeys(FIGURES, 87_654_321)
    for who in tenants:
        use(module_db, who, every[:20], **figures)
        use(module_db, who, every[20:], **figures | {"sms_outbound_count": 98_765_432})
    return People(module_db, tenants[0], tenants[1])


@pytest.fixture(scope="module")
def address(people: People) -> Iterator[str]:
    with serving(people.db) as address:
        yield address


def weighed(chromium: Browser, people: People, address: str, role: str, path: str) -> list[int]:
    """Bytes of the page itself, and of all that it asks for besides."""
    answers: list[Response] = []
    with window(chromium, address, people.token(role)) as visitor:
        visitor.page.on("response", lambda answer: answers.append(answer))
        visitor.open(path)
        visitor.page.wait_for_load_state("networkidle")
        sizes = [len(answer.body()) for answer in answers]
        if role == "root":
            assert visitor.page.locator("#tenants tbody tr").count() == ROWS
    assert len(sizes) >= 6
    return [sizes[0], sum(sizes[1:])]


def test_the_tenants_page(chromium: Browser, people: People, address: str) -> None:
    page, more = weighed(chromium, people, address, "owner", "/settings/billing")
    assert 20_000 < page <= TENANT
    assert 10_000 < more <= STYLES_AND_SCRIPT


def test_the_overview_with_everything(chromium: Browser, people: People, address: str) -> None:
    page, more = weighed(chromium, people, address, "root", "/admin/billing-overview")
    assert page > 20_000
    assert 10_000 < more <= STYLES_AND_SCRIPT
    assert page + more <= OVERVIEW
