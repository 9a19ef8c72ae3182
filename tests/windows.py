"""Windows of Debian's Chromium, and what is noted of every page that one of them shows."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
Scheme = Literal["light", "dark"]


@dataclass(frozen=True)
class Look:
    """How a window looks at a page."""

    width: int = 1280
    scheme: Scheme = "light"
    script: bool = True

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}-{'script' if self.script else 'no script'}"


LOOKS = [
    Look(width, scheme, script)
    for width in (1280, 390)
    for scheme in ("light", "dark")
    for script in (True, False)
]


SPILLS = """
[...document.querySelectorAll('.card *, .banner *')]
  .filter(e => !e.closest('svg, .scroller, .visually-hidden'))
  .filter(e => e.getBoundingClientRect().right
               > e.closest('.card, .banner').getBoundingClientRect().right + .5)
  .map(e => e.outerHTML)
"""


@dataclass
class Window:
    """A page, what its console said and which hosts it asked."""

    page: Page
    address: str
    said: list[str] = field(default_factory=list[str])
    hosts: set[str] = field(default_factory=set[str])

    def open(self, path: str, status: int = 200) -> None:
        response = self.page.goto(self.address + path)
        assert response is not None
        assert response.status == status, self.page.content()

    def run(self, script: str) -> Any:
        return self.page.evaluate(script)

    def violations(self) -> list[str]:
        """What axe-core finds against WCAG 2.2 AA and its best practices."""
        self.page.evaluate(AXE)
        result = self.page.evaluate(
            "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES
        )
        assert len(result["passes"]) > 5, "axe-core looked at nothing"
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
            for one in result["violations"]
            for node in one["nodes"]
        ]

    def spills(self) -> list[str]:
        """What reaches out of its card or banner, and cannot be scrolled to."""
        return self.run(SPILLS)

    def sideways(self) -> int:
        """Pixels by which the page is wider than the window."""
        return self.run(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )


@contextmanager
def window(
    chromium: Browser,
    address: str,
    token: str = "",
    look: Look | None = None,
    *,
    probe: bool = False,
) -> Iterator[Window]:
    """A window with a session; `probe` lets a test's own script, and then no other where the look
    is one without script, past the content policy."""
    look = look or Look()
    context = chromium.new_context(
        viewport={"width": look.width, "height": 900 if look.width > 500 else 844},
        color_scheme=look.scheme,
        java_script_enabled=look.script or probe,
        bypass_csp=probe,
        locale="en-GB",
        reduced_motion="reduce",
    )
    if token:
        context.add_cookies([{"name": "session", "value": token, "url": address}])
    try:
        page = context.new_page()
        page.set_default_timeout(15_000)
        if probe and not look.script:
            page.route("**/*.js*", lambda route: route.abort())
        made = Window(page, address)

        def note(message: ConsoleMessage) -> None:
            # a page of status 4xx is one that a test asked for
            if message.type in ("error", "warning") and "the server responded" not in message.text:
                made.said.append(message.text)

        page.on("console", note)
        page.on("pageerror", lambda error: made.said.append(str(error)))
        page.on("request", lambda request: made.hosts.add(urlsplit(request.url).netloc))
        yield made
    finally:
        context.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module: as long as it lives nothing else may run an event loop."""
    assert CHROMIUM, "Debian's chromium is missing: bash .ci/install brings it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
