"""The API's description as a page of this site, for root."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.browsing import HTML, Browser, bearer, browsing
from tests.people import People
from tests.serving import serving
from tests.windows import Look, window


@pytest.fixture(scope="module")
def browser(people: People) -> Iterator[Browser]:
    with browsing(people.db) as browser:
        yield browser


def test_it_says_what_the_document_says(browser: Browser, people: People) -> None:
    """Every route, parameter, field and refusal."""
    root = bearer(people.token("root"))
    document = browser.get("/schema/openapi.json", headers=root).json()
    page = browser.get("/schema", headers=root | HTML)
    assert page.status_code == 200, page.text
    assert page.headers["content-type"].startswith("text/html")
    for path, item in document["paths"].items():
        for method, route in item.items():
            assert f"{method.upper()} {path}</code>" in page.text
            assert page.text.count("<dt><code>422</code></dt>") > 0
            for parameter in route.get("parameters", []):
                assert f"<code>{parameter['name']}</code>" in page.text
    for name, schema in document["components"]["schemas"].items():
        for field in schema.get("properties", {}):
            assert f"<code>{field}</code>" in page.text, (name, field)


def test_it_is_for_root(browser: Browser, people: People) -> None:
    for path in ("/schema", "/schema/openapi.json"):
        assert browser.get(path, headers=bearer(people.token()) | HTML).status_code == 403


@pytest.mark.parametrize("look", [Look(), Look(390, "dark", script=False)], ids=str)
def test_it_looks_like_the_others(chromium: Chromium, people: People, look: Look) -> None:
    """Reached by the link of the bar; nothing refused by the policy, nothing from elsewhere."""
    with serving(people.db) as address:
        token = people.token("root")
        with window(chromium, address, token, look) as strict:
            strict.open("/admin/billing-overview")
            strict.page.get_by_role("link", name="API").click()
            expect(strict.page.get_by_role("heading", level=1)).to_have_text("API")
            assert strict.sideways() <= 0
            assert strict.said == []
            assert strict.hosts == {address.removeprefix("http://")}
        with window(chromium, address, token, look, probe=True) as probed:
            probed.open("/schema")
            assert probed.violations() == []
