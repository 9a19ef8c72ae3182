"""Usage & Billing in a real browser, of tenants of every kind."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from playwright.sync_api import Browser, expect

from tests.ledgers import DAY, days, forget, keep_books, tenant, use
from tests.people import People
from tests.server import Db
from tests.serving import serving
from tests.windows import Look, window

PATH = "/settings/billing"
LONG = "W" * 120
SCRIPT = "<script>document.title = 'mine'</script>"
RIGHT_TO_LEFT = "شركة الخدمات المتقدمة"
LOOKS = [Look(1280, "light", script=False), Look(390, "dark", script=False)]


@pytest.fixture(scope="module")
def kinds(module_db: Db) -> dict[str, UUID]:
    """Seventy days; three that were not counted, one that failed."""
    today = datetime.now(UTC).date()
    keep_books(module_db, today - 70 * DAY, today)
    every = days(today - 70 * DAY, today)
    kinds = {
        "long name, over": tenant(module_db, "starter", name=LONG),
        "right to left, ten digits": tenant(module_db, "agency", name=RIGHT_TO_LEFT),
        "script, suspended, no plan": tenant(module_db, None, name=SCRIPT, status="suspended"),
        "zero": tenant(module_db, "pro", name="Zero"),
    }
    over, huge, none, _ = kinds.values()
    use(module_db, over, every, sms_outbound_count=100, ai_requests=3, emails_sent=70)
    use(module_db, huge, every, sms_outbound_count=9_999_999_999, ai_requests=1_234_567_890)
    use(module_db, none, every[::2], sms_outbound_count=3, voice_minutes_inbound=2)
    forget(module_db, today - 9 * DAY, today - 4 * DAY, today - 3 * DAY)
    forget(module_db, today - 14 * DAY, failed=True)
    return kinds


@pytest.fixture(scope="module")
def address(module_db: Db) -> Iterator[str]:
    with serving(module_db) as address:
        yield address


def token(db: Db, who: UUID) -> str:
    return People(db, who, who).token()


@pytest.mark.parametrize("look", LOOKS, ids=str)
@pytest.mark.parametrize(
    "kind", ["long name, over", "right to left, ten digits", "script, suspended, no plan", "zero"]
)
def test_it_looks_right(
    chromium: Browser, module_db: Db, kinds: dict[str, UUID], address: str, kind: str, look: Look
) -> None:
    """Nothing sideways or out of its card, nothing that axe-core objects to, no style attribute."""
    with window(chromium, address, token(module_db, kinds[kind]), look, probe=True) as visitor:
        visitor.open(PATH)
        page = visitor.page
        assert visitor.sideways() <= 0
        assert visitor.violations() == []
        assert page.title() == "Usage & Billing · ServicePro"
        assert page.locator("[style]").count() == 0
        assert len(page.content().encode()) <= 60_000
        assert visitor.spills() == []
        expect(page.locator(".usage-card")).to_have_count(4)
        if look.width == 1280:
            tops = visitor.run(
                "[...document.querySelectorAll('.usage-card')].map(e => e.offsetTop)"
            )
            assert len(set(tops)) == 1, "four cards in one row"
        shown = "is-wide" if look.width == 1280 else "is-narrow"
        assert visitor.run(SHOWN) == [f"plot {shown}"] * 2
        expect(page.get_by_text("not counted yet; the totals are without")).to_be_visible()


SHOWN = """
[...document.querySelectorAll('.plot')].filter(e => e.checkVisibility())
  .map(e => e.getAttribute('class'))
"""


def test_a_series_is_hidden_without_script(
    chromium: Browser, module_db: Db, kinds: dict[str, UUID], address: str
) -> None:
    """By keyboard; what stays can bring it back."""
    look = Look(script=False)
    with window(chromium, address, token(module_db, kinds["zero"]), look) as visitor:
        visitor.open(PATH)
        box = visitor.page.get_by_role("checkbox", name="AI requests")
        plots = visitor.page.locator(".plot:visible")
        expect(plots).to_have_count(2)
        box.focus()
        visitor.page.keyboard.press("Space")
        expect(plots).to_have_count(1)
        expect(visitor.page.get_by_role("img", name="SMS sent")).to_be_visible()
        box.check()
        expect(plots).to_have_count(2)


def test_gaps_zeros_and_today_differ(
    chromium: Browser, module_db: Db, kinds: dict[str, UUID], address: str
) -> None:
    """R22, R23: in the chart and in the table beneath."""
    look = Look(script=False)
    with window(chromium, address, token(module_db, kinds["zero"]), look) as visitor:
        visitor.open(PATH)
        plot = visitor.page.get_by_role("img", name="SMS sent")
        expect(plot.locator(".gap-word")).to_have_text(["Failed", "Not counted", "Not counted"])
        expect(plot.locator(".column")).to_have_count(26)
        expect(plot.locator(".column.is-partial")).to_have_count(1)
        expect(plot.locator("title").last).to_contain_text("0 messages so far")
        visitor.page.get_by_text("The same numbers as a table").click()
        lines = visitor.page.locator(".usage-days tbody tr")
        expect(lines).to_have_count(30)
        expect(lines.nth(0)).to_contain_text("Today so far")
        for link in lines.nth(0).get_by_role("link").all():
            box = link.bounding_box()
            assert box is not None and min(box["width"], box["height"]) >= 24
        expect(lines.nth(3).locator("td").first).to_have_text("–")
        expect(lines.nth(3).locator("a")).to_have_count(0)
        expect(lines.nth(5).locator("td").first).to_have_text("0")


def test_another_period_is_chosen(
    chromium: Browser, module_db: Db, kinds: dict[str, UUID], address: str
) -> None:
    """Without script, and it stays in the address."""
    last_month = (datetime.now(UTC).date().replace(day=1) - DAY).strftime("%Y-%m")
    look = Look(script=False)
    with window(chromium, address, token(module_db, kinds["zero"]), look) as visitor:
        visitor.open(PATH)
        visitor.page.get_by_role("combobox", name="Period").select_option(last_month)
        visitor.page.get_by_role("button", name="Show").click()
        expect(visitor.page).to_have_url(f"{address}{PATH}?period={last_month}")
        expect(visitor.page.get_by_role("combobox", name="Period")).to_have_value(last_month)
        expect(visitor.page.get_by_text("compared with the current plan's limits")).to_be_visible()
        export = visitor.page.get_by_role("link", name="Export CSV")
        expect(export).to_have_attribute(
            "href", f"/api/billing/usage/daily.csv?period={last_month}"
        )
        visitor.open(f"{PATH}?period=2999-01", status=400)
        expect(visitor.page.get_by_text("has not begun yet")).to_be_visible()
        visitor.open(f"{PATH}?period=1999-01", status=404)


def test_it_prints(chromium: Browser, module_db: Db, kinds: dict[str, UUID], address: str) -> None:
    """Numbers, wide charts and the table on four sheets, without what can only be clicked."""
    with window(chromium, address, token(module_db, kinds["zero"]), Look(690)) as visitor:
        visitor.open(PATH)
        assert len(re.findall(rb"/Type\s*/Page\b", visitor.page.pdf(format="A4"))) <= 4
        visitor.page.emulate_media(media="print")
        assert visitor.sideways() <= 0
        assert visitor.run(SHOWN) == ["plot is-wide"] * 2
        expect(visitor.page.locator(".usage-days")).to_be_visible()
        expect(visitor.page.get_by_role("button", name="Show")).to_be_hidden()
        expect(visitor.page.get_by_role("navigation")).to_be_hidden()
