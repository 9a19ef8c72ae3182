"""Billing Overview in a real browser, of tenants of every kind."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browsing import Browser as Client
from tests.overview import METRICS, PAGE, TENANTS, listed
from tests.overview import root as root
from tests.people import People
from tests.serving import serving
from tests.windows import LOOKS, Look, Window, window


@pytest.fixture(scope="module")
def address(root: tuple[Client, People]) -> Iterator[str]:
    with serving(root[1].db) as address:
        yield address


def looks_right(visitor: Window) -> None:
    """Nothing sideways or out of its card, no style attribute, nothing that axe-core objects to."""
    assert visitor.sideways() <= 0
    assert visitor.spills() == []
    assert visitor.page.locator("[style]").count() == 0
    assert visitor.violations() == []


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_it_looks_right(
    chromium: Browser, root: tuple[Client, People], address: str, look: Look
) -> None:
    """A name of 120 letters without a space, one from right to left, one that is a script; figures
    of twelve digits; nothing used, no plan, suspended."""
    with window(chromium, address, root[1].token("root"), look, probe=True) as visitor:
        visitor.open(PAGE)
        page = visitor.page
        assert page.title() == "Billing Overview · ServicePro"
        expect(page.locator("#tenants tbody tr")).to_have_count(len(TENANTS))
        looks_right(visitor)
        box = page.locator("#tenants").bounding_box()
        assert box is not None and box["x"] + box["width"] <= look.width
        cards = visitor.run("[...document.querySelectorAll('#totals > *')].map(e => e.offsetTop)")
        assert len(set(cards)) == (1 if look.width == 1280 else 2)


@pytest.mark.parametrize("query", ["?show=over&sort=change", "?q=nobody"])
def test_whatever_is_asked_for(
    chromium: Browser, root: tuple[Client, People], address: str, query: str
) -> None:
    for look in (Look(script=False), Look(390, "dark", script=False)):
        with window(chromium, address, root[1].token("root"), look, probe=True) as visitor:
            visitor.open(PAGE + query)
            looks_right(visitor)


def test_on_a_phone_a_row_is_a_card_of_named_figures(
    chromium: Browser, root: tuple[Client, People], address: str
) -> None:
    """Each begins at the edge that its name begins at, or in the middle."""
    with window(chromium, address, root[1].token("root"), Look(390)) as visitor:
        visitor.open(PAGE)
        for row in visitor.page.locator("#tenants tbody tr").all():
            cells: list[Any] = row.evaluate(CELLS)
            assert len(cells) == 6 + len(METRICS)
            assert all(name for name, _ in cells[1:])
            assert len({left for _, left in cells}) == 2
            assert cells[0][1] == min(left for _, left in cells)


CELLS = """
row => [...row.cells].map(e => [
  e.dataset.label,
  Math.round(e.getBoundingClientRect().left + parseFloat(getComputedStyle(e).paddingLeft)),
])
"""


@pytest.mark.parametrize("look", [Look(), Look(390, "dark")], ids=str)
def test_a_tenants_page_as_root_sees_it(
    chromium: Browser, root: tuple[Client, People], address: str, look: Look
) -> None:
    client, people = root
    for entry in listed(client, "sort=tenantName"):
        with window(chromium, address, people.token("root"), look, probe=True) as visitor:
            visitor.open(f"/admin/billing/tenants/{entry['tenantId']}")
            looks_right(visitor)
            expect(visitor.page.locator(".banner").first).to_contain_text(entry["tenantName"])
            with visitor.page.expect_download() as file:
                visitor.page.get_by_role("link", name="Export CSV").click()
            assert file.value.suggested_filename.startswith("usage-")


def test_it_prints(chromium: Browser, root: tuple[Client, People], address: str) -> None:
    """As a table, without what can only be clicked."""
    with window(chromium, address, root[1].token("root"), Look(718)) as visitor:
        visitor.open(PAGE)
        visitor.page.emulate_media(media="print")
        expect(visitor.page.locator("#tenants thead")).to_be_visible()
        assert visitor.run("getComputedStyle(document.querySelector('tbody tr')).display") == (
            "table-row"
        )
        for gone in ("search", "navigation"):
            expect(visitor.page.get_by_role(gone, include_hidden=True).first).to_be_hidden()
        expect(visitor.page.get_by_text("Run now")).to_be_hidden()
        expect(visitor.page.get_by_role("link", name="Growing", exact=True)).to_be_hidden()
