"""Signing in, the bar beside every page and the pages of what went wrong, in a real browser."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.browsing import PASSWORD, let_in
from tests.past import rows
from tests.people import People
from tests.serving import serving
from tests.windows import LOOKS, Look, window

PAGES = {
    "sign in": ("", "/login", 200),
    "usage": ("owner", "/settings/billing", 200),
    "no access": ("member", "/settings/billing", 403),
    "overview": ("root", "/admin/billing-overview", 200),
    "explained": ("owner", f"/settings/billing/days/{date.today()}", 200),
    "verified": (
        "root",
        f"/admin/billing/verify?from={date.today() - timedelta(days=3)}&to={date.today()}",
        200,
    ),
    "health": ("root", "/admin/billing/health", 200),
    "bad period": ("owner", "/settings/billing?period=2026", 400),
    "nothing here": ("owner", "/nowhere", 404),
}


@pytest.fixture(scope="module")
def address(people: People) -> Iterator[str]:
    with serving(people.db) as address:
        yield address


def token_of(people: People, role: str) -> str:
    return people.token(role) if role else ""


@pytest.mark.parametrize("look", LOOKS, ids=str)
@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_read_it(
    chromium: Browser, people: People, address: str, name: str, look: Look
) -> None:
    """No sideways scroll, nothing refused by the policy, nothing from another host, one heading,
    and nothing that axe-core objects to."""
    role, path, status = PAGES[name]
    with window(chromium, address, token_of(people, role), look) as strict:
        strict.open(path, status)
        assert strict.sideways() <= 0
        assert strict.said == []
        assert strict.hosts == {address.removeprefix("http://")}
        expect(strict.page.get_by_role("heading", level=1)).to_have_count(1)
    with window(chromium, address, token_of(people, role), look, probe=True) as probed:
        probed.open(path, status)
        assert probed.violations() == []


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_in_and_out_by_keyboard(
    chromium: Browser, people: People, address: str, script: bool
) -> None:
    email = people.add("owner")
    let_in(people.db, email)
    with window(chromium, address, look=Look(script=script)) as visitor:
        keyboard, page = visitor.page.keyboard, visitor.page
        visitor.open("/")
        expect(page).to_have_url(f"{address}/login?next=%2F")
        page.get_by_label("E-mail").focus()
        keyboard.type(email)
        keyboard.press("Tab")
        keyboard.type(PASSWORD)
        keyboard.press("Enter")
        expect(page).to_have_url(f"{address}/settings/billing")
        expect(page.get_by_role("navigation")).to_contain_text("Usage & Billing")
        expect(page.get_by_role("link", name="Usage & Billing")).to_have_attribute(
            "aria-current", "page"
        )
        expect(page.locator(".account")).to_contain_text("Own Inc")
        page.locator(".account summary").focus()
        keyboard.press("Enter")
        keyboard.press("Tab")
        expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_focused()
        keyboard.press("Enter")
        expect(page).to_have_url(f"{address}/login")
        assert visitor.said == []


def test_a_wrong_password_is_told(chromium: Browser, people: People, address: str) -> None:
    with window(chromium, address, look=Look(390)) as visitor:
        visitor.open("/login")
        visitor.page.get_by_label("E-mail").fill(people.add("owner"))
        visitor.page.get_by_label("Password").fill("wrong")
        visitor.page.get_by_role("button", name="Sign in").click()
        expect(visitor.page.get_by_role("alert")).to_have_text("E-mail or password is wrong.")
        expect(visitor.page.get_by_label("Password")).to_be_focused()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("name", ["usage", "overview", "explained", "verified", "health"])
def test_the_keyboard_gets_everywhere_and_is_seen(
    chromium: Browser, people: People, address: str, name: str, script: bool
) -> None:
    """Tab visits every control in order; each is outlined and large enough to be hit."""
    role, path, _ = PAGES[name]
    with window(chromium, address, people.token(role), Look(script=script)) as visitor:
        visitor.open(path)
        controls = visitor.page.locator(FOCUSABLE)
        for index in range(controls.count()):
            seen = controls.nth(index)
            for _ in range(5):  # the parts of a date are stops of their own
                visitor.page.keyboard.press("Tab")
                if seen.evaluate("e => e === document.activeElement"):
                    break
            expect(seen).to_be_focused()
            outline = seen.evaluate("e => getComputedStyle(e).outlineWidth")
            assert outline == "2px", seen.evaluate("e => e.outerHTML")
            box = seen.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 24, seen.evaluate("e => e.outerHTML")


FOCUSABLE = (
    "a[href]:visible, button:visible, summary:visible, select:visible, [tabindex='0']:visible,"
    " input:not([type=hidden]):visible"
)


def test_skipping_to_the_content(chromium: Browser, people: People, address: str) -> None:
    with window(chromium, address, people.token("owner")) as visitor:
        visitor.open("/settings/billing")
        visitor.page.keyboard.press("Tab")
        skip = visitor.page.get_by_role("link", name="Skip to content")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        visitor.page.keyboard.press("Enter")
        expect(visitor.page.locator("main")).to_be_focused()


@pytest.mark.parametrize(
    ("role", "path", "place"),
    [
        ("root", "/admin/billing/health", "Billing Overview"),
        ("root", "/admin/billing/verify", "Billing Overview"),
        ("owner", f"/settings/billing/days/{date.today()}", "Usage & Billing"),
    ],
)
def test_the_way_back_from_a_page_below(
    chromium: Browser, people: People, address: str, role: str, path: str, place: str
) -> None:
    """Said by the bar and above the heading."""
    with window(chromium, address, people.token(role)) as visitor:
        visitor.open(path)
        page = visitor.page
        link = page.get_by_role("navigation").get_by_role("link", name=place)
        expect(link).to_have_attribute("aria-current", "true")
        page.get_by_role("main").get_by_role("link", name=place).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(place)


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("path", ["/schema", "/admin/billing/health", "/nowhere"])
def test_signing_out_works_everywhere(
    chromium: Browser, people: People, address: str, path: str
) -> None:
    """On pages that no handler of ours renders, too."""
    email = people.add("root")
    let_in(people.db, email)
    with window(chromium, address, look=Look(script=False)) as visitor:
        page = visitor.page
        visitor.open(f"/login?next={path if path != '/nowhere' else '/'}")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        visitor.open(path, 404 if path == "/nowhere" else 200)
        if page.locator(".account").count():
            page.locator(".account summary").click()
        page.get_by_role("button", name="Sign out", exact=True).click()
        expect(page).to_have_url(f"{address}/login")
        page.goto(f"{address}/schema")
        expect(page).to_have_url(f"{address}/login?next=%2Fschema")


def test_only_root_is_led_to_the_overview(chromium: Browser, people: People, address: str) -> None:
    for role, shown in (("owner", 0), ("admin", 0), ("root", 1)):
        with window(chromium, address, people.token(role)) as visitor:
            visitor.open("/admin/billing-overview" if role == "root" else "/settings/billing")
            link = visitor.page.get_by_role("link", name="Billing Overview")
            expect(link).to_have_count(shown)


@pytest.mark.usefixtures("cheap")
def test_an_address_of_any_script_can_be_typed(
    chromium: Browser, people: People, address: str
) -> None:
    """A browser's own field for e-mail addresses would refuse or rewrite it."""
    email = "ändre@éxample.example"
    rows(people.db, "select billing.add_user(%s, 'root', null, '-')", email)
    let_in(people.db, email)
    with window(chromium, address) as visitor:
        page = visitor.page
        visitor.open("/login")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".account")).to_be_visible()
