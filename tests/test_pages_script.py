"""The script of the pages, optional in every respect, under the strict policy of a real browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.past import rows, value
from tests.people import FOREIGN_NAME, People
from tests.serving import serving
from tests.windows import Look, Window, window

OVERVIEW = "/admin/billing-overview"


@pytest.fixture(scope="module")
def address(people: People) -> Iterator[str]:
    with serving(people.db) as address:
        yield address


def first_chart(page: Page, width: int = 1280) -> tuple[Locator, Locator, list[str]]:
    """The first chart of the page, its status line, and the tips of its days."""
    panel = page.locator(".panel").first
    plot = panel.locator(".plot.is-wide" if width > 500 else ".plot.is-narrow")
    tips = [tip or "" for tip in plot.locator(".slot title").all_text_contents()]
    assert len(tips) == 30
    return plot, panel.get_by_role("status"), tips


@pytest.mark.parametrize("width", [1280, 390])
def test_keys_walk_over_the_days(
    chromium: Browser, people: People, address: str, width: int
) -> None:
    """The tip of the day, gaps included, is told; one day is marked, and none when one goes on."""
    with window(chromium, address, people.token("owner"), Look(width)) as visitor:
        visitor.open("/settings/billing")
        plot, said, tips = first_chart(visitor.page, width)
        assert re.fullmatch(r"\w{3} \d+ \w+: 1 message so far", tips[-1])
        assert tips[-4].endswith(": before billing began")
        plot.focus()
        expect(said).to_have_text(tips[-1])
        for key, day in (
            *(("ArrowRight", -1), ("ArrowLeft", -2), ("ArrowLeft", -3), ("ArrowLeft", -4)),
            *(("Home", 0), ("ArrowLeft", 0), ("ArrowRight", 1), ("End", -1)),
        ):
            visitor.page.keyboard.press(key)
            expect(said).to_have_text(tips[day])
            assert marked(plot) == [tips[day]]
        visitor.page.keyboard.press("Tab")
        expect(said).to_be_empty()
        assert marked(plot) == []
        assert visitor.said == []


def marked(plot: Locator) -> list[str]:
    return plot.locator(".is-read title").all_text_contents()


def test_a_tap_tells_the_day_and_a_shortcut_stays_one(
    chromium: Browser, people: People, address: str
) -> None:
    with window(chromium, address, people.token("owner"), Look(390)) as visitor:
        visitor.open("/settings/billing")
        plot, said, tips = first_chart(visitor.page, 390)
        plot.locator(".slot").nth(7).click()
        expect(said).to_have_text(tips[7])
        visitor.page.keyboard.press("Shift+ArrowLeft")
        expect(said).to_have_text(tips[7])


def test_without_script_a_chart_is_a_picture(
    chromium: Browser, people: People, address: str
) -> None:
    with window(chromium, address, people.token("owner"), Look(script=False)) as visitor:
        visitor.open("/settings/billing")
        charts = visitor.page.locator(".plot.is-wide")
        expect(charts.first).to_have_attribute("role", "img")
        assert charts.first.get_attribute("tabindex") is None
        expect(charts.first.locator(".slot title").last).to_have_text(re.compile("so far"))


def overview(visitor: Window, query: str = "") -> tuple[Page, Locator]:
    visitor.open(OVERVIEW + query)
    return visitor.page, visitor.page.get_by_label("Tenant", exact=True)


def test_the_list_follows_the_search_and_the_address_the_list(
    chromium: Browser, people: People, address: str
) -> None:
    """Without a load of the page, the focus kept, the result told, and nothing left to go back
    to but the page before."""
    with window(chromium, address, people.token("root")) as visitor:
        visitor.open("/admin/billing/verify")
        page, search = overview(visitor, "?sort=tenantName")
        visitor.run("window.loaded_once = true")
        search.press_sequentially("Fore")
        expect(page).to_have_url(re.compile(r"\?sort=tenantName&q=Fore&period=[0-9-]{7}$"))
        expect(page.locator("#tenants tbody tr")).to_have_count(1)
        expect(page.locator("#tenants tbody tr")).to_contain_text(FOREIGN_NAME)
        expect(page.locator("#said")).to_have_text("1–1 of 1")
        expect(page.locator("tfoot")).to_contain_text("Total of 1 tenant")
        expect(search).to_be_focused()
        page.get_by_label("Plan").select_option("none")
        expect(page).to_have_url(re.compile("&q=Fore&plan=none&"))
        expect(page.get_by_role("link", name="Export CSV")).to_have_attribute(
            "href", re.compile(r"\.csv\?q=Fore&plan=none&sort=tenantName&")
        )
        expect(page.locator("#said")).to_have_text("No tenants")
        assert visitor.run("window.loaded_once") is True
        page.reload()
        expect(page.locator("#tenants")).to_contain_text("No tenant matches")
        expect(page.get_by_label("Tenant", exact=True)).to_have_value("Fore")
        page.go_back()
        expect(page).to_have_url(f"{address}/admin/billing/verify")
        assert visitor.said == []


def test_the_last_letter_wins_however_late_the_first_answers(
    chromium: Browser, people: People, address: str
) -> None:
    """What is no longer wanted is given up, and shown by nobody when it comes after all."""
    with window(chromium, address, people.token("root")) as visitor:
        page, search = overview(visitor)
        asked: list[Route] = []

        def hold(route: Route) -> None:
            asked.append(route)
            if len(asked) > 1:
                route.continue_()

        page.route(re.compile(r"\?q="), hold)
        with page.expect_request(re.compile("q=O&")):
            search.press_sequentially("O")
        with page.expect_event("requestfailed", lambda request: "q=O&" in request.url) as failed:
            search.press_sequentially("wn")
        assert failed.value.failure == "net::ERR_ABORTED"
        shown = page.locator("#tenants tbody tr")
        expect(shown).to_have_count(1)
        expect(shown).to_have_text(re.compile("Own Inc"))
        expect(page).to_have_url(re.compile(r"\?q=Own&"))
        assert len(asked) == 2
        asked[0].continue_()
        page.wait_for_timeout(200)
        expect(shown).to_have_count(1)
        expect(shown).to_have_text(re.compile("Own Inc"))
        expect(page).to_have_url(re.compile(r"\?q=Own&"))
        assert visitor.said == []


def test_what_the_list_cannot_show_the_page_says(
    chromium: Browser, people: People, address: str
) -> None:
    """A session that has ended while one looked leads to the sign-in page."""
    token = people.token("root")
    with window(chromium, address, token) as visitor:
        page, search = overview(visitor)
        rows(people.db, "delete from data.sessions where user_id = %s", root_of(people))
        search.press_sequentially("Own")
        expect(page).to_have_url(re.compile("/login"))


def root_of(people: People) -> object:
    return value(people.db, "select id from data.users where role = 'root' limit 1")


def test_an_age_grows_while_the_page_is_open(
    chromium: Browser, people: People, address: str
) -> None:
    with window(chromium, address, people.token("root")) as visitor:
        visitor.page.clock.install()
        page, _ = overview(visitor)
        age = page.locator("time[data-ago]")
        expect(age).to_have_text(re.compile(r"^(just now|\d+ min ago)$"))
        page.clock.fast_forward("03:05:00")
        expect(age).to_have_text("3 h ago")
        page.clock.fast_forward(72 * 3600 * 1000)
        expect(age).to_have_text("3 days ago")
