"""A browser: the whole application over a test's database, with cookies kept."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest
from argon2 import PasswordHasher
from httpx import Response
from litestar.testing import TestClient

from app import auth, passwords
from app.web import create_app
from tests.past import rows
from tests.people import People, settle
from tests.server import Db

HERE = "http://127.0.0.1"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""For tests whose subject is not the cost."""
PASSWORD = "correct-horse-battery-9"  # noqa: S105
SUMMARY = "/api/billing/usage/summary"
HTML = {"Accept": "text/html"}
JSON = {"Accept": "application/json"}
Browser = TestClient[Any]


@contextmanager
def browsing(
    db: Db, url: str = HERE, client: str | None = None, **changes: Any
) -> Iterator[Browser]:
    """One browser on an application of its own; its address is `client`."""
    app = create_app(db.settings(**changes), ticks=False)

    async def connected(scope: Any, receive: Any, send: Any) -> None:
        await app(scope | {"client": client and (client, 50000)}, receive, send)

    with TestClient(app=connected, base_url=url) as browser:
        browser.follow_redirects = False
        yield browser


def form_secret(browser: Browser) -> str:
    """Open the form, which leaves its secret in a cookie."""
    browser.get("/login")
    name = "__Host-form" if browser.base_url.scheme == "https" else "form"
    return browser.cookies[name]


def sign_in(browser: Browser, email: str, password: str = PASSWORD, **more: Any) -> Response:
    """Open the form, fill it in, send it."""
    fields = {"form_secret": form_secret(browser), "email": email, "password": password}
    return browser.post("/login", data=fields | more.pop("fields", {}), **more)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def let_in(db: Db, email: str, password: str = PASSWORD) -> None:
    """Give a user a password, at little cost."""
    rows(
        db,
        "select billing.set_password(%s, %s)",
        *(email, CHEAP.hash(password)),
        login="billing_operator",
    )


def cookies(response: Response) -> dict[str, Morsel[str]]:
    """What the browser is told to keep."""
    return dict(SimpleCookie("\r\n".join(response.headers.get_list("set-cookie"))))


def token_of(response: Response) -> str:
    assert response.status_code == 303, response.text
    return cookies(response)["session"].value


def works(browser: Browser, token: str) -> bool:
    status = browser.get(SUMMARY, headers=bearer(token)).status_code
    assert status in (200, 401)
    return status == 200


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    """Two tenants and their people, for a module of tests that only read or add users."""
    return settle(module_db)


@pytest.fixture
def browser(people: People) -> Iterator[Browser]:
    with browsing(people.db) as browser:
        yield browser


@pytest.fixture
def owner(people: People) -> str:
    """An owner's e-mail address; the password is PASSWORD."""
    email = people.add("owner")
    let_in(people.db, email)
    return email


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checking a password costs next to nothing."""
    monkeypatch.setattr(passwords, "HASHER", CHEAP)
    monkeypatch.setattr(auth, "AT_ONCE", asyncio.Semaphore(2))  # waited for in one loop only
    passwords.nobodys_hash.cache_clear()
