"""Forms that another site makes a browser send, and where signing in leads to."""

from urllib.parse import quote, urljoin, urlsplit

import pytest

from app import public_url
from tests.browsing import (
    HERE,
    HTML,
    PASSWORD,
    Browser,
    bearer,
    browsing,
    form_secret,
    sign_in,
    works,
)
from tests.past import value
from tests.people import People

pytestmark = pytest.mark.usefixtures("cheap")

FORMS = ["/login", "/logout"]
OTHERS = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://127.0.0.1"},  # another scheme
    {"Origin": "http://127.0.0.1:8001"},  # another port: same site, another origin
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "http://127.0.0.1@evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},  # a sibling host is not this host
    {"Sec-Fetch-Site": "anything"},
    {"Origin": HERE, "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Authorization": "Basic eDp5"},
]
OURS: list[dict[str, str]] = [
    {},
    {"Origin": HERE},
    {"Origin": "http://localhost"},
    {"Sec-Fetch-Site": "same-origin", "Origin": HERE},
    {"Sec-Fetch-Site": "none"},
]


@pytest.fixture
def form(browser: Browser, owner: str) -> dict[str, str]:
    """A form that is right in everything, in a browser that is signed in."""
    assert sign_in(browser, owner).status_code == 303
    return {"form_secret": browser.cookies["form"], "email": owner, "password": PASSWORD}


@pytest.mark.parametrize("route", FORMS)
@pytest.mark.parametrize("headers", OTHERS, ids=str)
def test_another_site_is_refused(
    browser: Browser, form: dict[str, str], route: str, headers: dict[str, str]
) -> None:
    token = browser.cookies["session"]
    response = browser.post(route, data=form, headers=HTML | headers)
    assert response.status_code == 403
    assert "This form was sent from another site." in response.text
    assert browser.cookies["session"] == token
    assert works(browser, token)


@pytest.mark.parametrize("route", FORMS)
@pytest.mark.parametrize("headers", OURS, ids=str)
def test_this_site_is_not(
    browser: Browser, form: dict[str, str], route: str, headers: dict[str, str]
) -> None:
    assert browser.post(route, data=form, headers=headers).status_code == 303


@pytest.mark.parametrize("route", FORMS)
@pytest.mark.parametrize("secret", ["", "wrong", "wröng", None, "another browser's"])
def test_a_form_carries_its_browsers_secret(
    browser: Browser, people: People, form: dict[str, str], route: str, secret: str | None
) -> None:
    if secret == "another browser's":  # noqa: S105
        with browsing(people.db) as other:
            secret = form_secret(other)
    if secret is None:
        browser.cookies.delete("form")
    else:
        form |= {"form_secret": secret}
    response = browser.post(route, data=form, headers=HTML)
    assert response.status_code == 403
    assert "This form has expired: go back, reload and try again." in response.text
    assert works(browser, browser.cookies["session"])


def test_a_guess_from_another_site_is_no_attempt(
    browser: Browser, people: People, form: dict[str, str]
) -> None:
    attempts = "select count(*) from data.sign_in_attempts"
    before = value(people.db, attempts)
    for headers, secret in ((OTHERS[0], form["form_secret"]), ({}, "wrong")):
        browser.post("/login", data=form | {"form_secret": secret}, headers=headers)
    assert value(people.db, attempts) == before


def test_a_bearer_brings_no_cookies_authority_along(browser: Browser, people: People) -> None:
    """The check of the origin is left out for a bearer; the cookie is, too."""
    secret, cookie, token = form_secret(browser), people.token(), people.token()
    browser.cookies.set("session", cookie, domain="127.0.0.1")
    form = {"form_secret": secret, "everywhere": ""}
    for header, status in ((bearer(""), 401), (bearer("wrong"), 303), (bearer(token), 303)):
        response = browser.post("/logout", data=form, headers=OTHERS[0] | header)
        assert response.status_code == status
        assert works(browser, cookie)
    assert not works(browser, token)


PATHS = [
    ("/settings/billing", "/settings/billing"),
    ("/settings/billing?period=2026-11", "/settings/billing?period=2026-11"),
    ("/%2f%2fevil.example", "/%2f%2fevil.example"),  # a browser does not decode that
    ("/a//evil.example", "/a//evil.example"),
    ("", "/"),
    ("//evil.example", "/"),
    ("///evil.example", "/"),
    ("/\\evil.example", "/"),
    ("/a\\..\\\\evil.example", "/"),
    ("\\\\evil.example", "/"),
    ("https://evil.example", "/"),
    ("https:evil.example", "/"),
    ("//evil.example@127.0.0.1", "/"),
    ("javascript:alert(1)", "/"),
    ("data:text/html,x", "/"),
    ("evil.example", "/"),
    (" //evil.example", "/"),
    ("/\t/evil.example", "/"),
    ("\t//evil.example", "/"),
    ("/\n/evil.example", "/"),
    ("/\r\nSet-Cookie: session=evil", "/"),
    ("/\0/evil.example", "/"),
    ("/\u2028/evil.example", "/"),
    ("/" + "x" * 10_000, "/"),
]


@pytest.mark.parametrize(("wish", "path"), PATHS, ids=lambda text: repr(text)[:40])
def test_signing_in_leads_to_a_path_of_this_site(
    browser: Browser, owner: str, wish: str, path: str
) -> None:
    page = browser.get("/login?next=" + quote(wish, safe=""))
    assert f'name="next" value="{path}"' in page.text
    response = sign_in(browser, owner, fields={"next": wish})
    assert response.status_code == 303
    place = response.headers["location"]
    assert place == path
    assert urlsplit(urljoin(f"{HERE}/login", place)).netloc == "127.0.0.1"
    assert "session=evil" not in str(response.headers)


def test_who_has_to_sign_in_comes_back_afterwards(browser: Browser) -> None:
    response = browser.get("/settings/billing?period=2026-11", headers=HTML)
    assert response.status_code == 303
    assert response.headers["location"].startswith("/login?next=")
    page = browser.get(response.headers["location"])
    assert 'name="next" value="/settings/billing?period=2026-11"' in page.text


def test_another_host_is_refused_and_leads_nowhere(browser: Browser) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "127.0.0.1:8001", "127.0.0.1@evil", ""):
        for path in ("/", "/login", "/static/base.css", "/settings/billing"):
            response = browser.get(path, headers=HTML | {"Host": host})
            assert response.status_code == 400
            assert "location" not in response.headers
            assert "evil" not in response.text


def test_the_own_host_may_be_written_as_the_standard_says(people: People) -> None:
    url = "https://billing.example.org"
    secret = {"__Host-form": "secret"}
    with browsing(people.db, url, public_url=public_url.parse(url)) as secure:
        for host in ("Billing.Example.ORG", "billing.example.org:443", "billing.example.org."):
            assert secure.get("/login", headers={"Host": host}).status_code == 200
            secure.cookies.update(secret)
            form = {"form_secret": "secret", "email": "no@body.example", "password": "wrong"}
            headers = {"Host": host, "Origin": f"https://{host}"}
            assert secure.post("/login", data=form, headers=headers).status_code in (401, 429)
        for host in ("127.0.0.1", "billing.example.org:8443", "billing.example.org:80", "[::1]"):
            assert secure.get("/login", headers={"Host": host}).status_code == 400
        twice = [("Host", "billing.example.org"), ("Host", "billing.example.org")]
        assert secure.get("/login", headers=twice).status_code == 400


def test_probes_are_answered_under_whatever_name(browser: Browser) -> None:
    """Orchestrators ask by address, of IPv6 in brackets, or name nobody at all."""
    for host in ("10.0.0.7:8000", "[fd00::1]:8000", "servicepro-7f9c", "x", ""):
        for path in ("/healthz", "/readyz"):
            for method in ("GET", "HEAD"):
                response = browser.request(method, path, headers={"Host": host})
                assert response.status_code in (200, 503 if path == "/readyz" else 200)
        for path in ("/healthzz", "/readyz/x", "/healthz/../login", "/login?/readyz"):
            assert browser.get(path, headers={"Host": host}).status_code in (400, 404)
