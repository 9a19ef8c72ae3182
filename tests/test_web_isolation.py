"""Who may go where: every route the router knows, for every kind of visitor."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from app.web import create_app
from tests.browsing import HTML, JSON, SUMMARY, Browser, bearer, form_secret
from tests.past import rows, value
from tests.people import People, signed_in
from tests.routes import ACTORS, MATRIX, PLACES

TODAY = dict.fromkeys(("first", "last"), datetime.now(UTC).date().isoformat())


def routes(app: Litestar) -> set[str]:
    """What the router knows, and HEAD wherever there is GET."""
    return {
        f"{method} {PLACES.get(route.path, route.path)}"
        for route in app.routes
        for known in getattr(route, "methods", ["?"])
        for method in (("GET", "HEAD") if known == "GET" else (known,))
        if method != "OPTIONS"
    }


@pytest.fixture(scope="module")
def late(people: People) -> UUID:
    """A suspended tenant."""
    return value(
        people.db,
        "insert into data.tenants (name, status) values ('Late Ltd', 'suspended') returning id",
        login="billing_ingest",
    )


@pytest.fixture
def token(people: People, late: UUID, actor: str) -> str:
    """A new session of such a visitor; none for nobody."""
    match actor:
        case "nobody":
            return ""
        case "suspended":
            return people.token("owner", late)
        case "disabled":
            email = people.add("owner")
            token = signed_in(people.db, email)
            rows(people.db, "select billing.disable_user(%s)", email, login="billing_operator")
            return token
        case role:
            return people.token(role)


def test_every_route_is_written_down(people: People) -> None:
    app: Any = create_app(people.db.settings(), ticks=False)
    assert all(isinstance(route, HTTPRoute) for route in app.app.routes)
    assert routes(app.app) == MATRIX.keys()


@pytest.mark.parametrize("as_bearer", [False, True], ids=["cookie", "bearer"])
@pytest.mark.parametrize("actor", ACTORS)
def test_role_and_route(browser: Browser, actor: str, token: str, as_bearer: bool) -> None:
    """As the matrix says, and a refusal in the words of a problem."""
    form = {"form_secret": form_secret(browser), "email": token, "password": "wrong"}
    form |= TODAY
    headers = JSON | (bearer(token) if token and as_bearer else {})
    if token and not as_bearer:
        browser.cookies.set("session", token, domain="127.0.0.1")
    answers: dict[str, int] = {}
    for route in sorted(MATRIX, key="POST /logout".__eq__):  # that at last
        method, path = route.split()
        sent: Any = {"data": form} if method == "POST" else {}
        if sent and path.startswith("/api/"):
            sent = {"json": {"from": TODAY["first"], "to": TODAY["last"]}}
        response = browser.request(method, path, headers=headers, **sent)
        answers[route] = response.status_code
        if method == "HEAD":
            assert response.content == b""
        elif response.status_code in (401, 403) and path != "/login":
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["detail"].endswith("."), response.text
    assert answers == {route: said[ACTORS.index(actor)] for route, said in MATRIX.items()}


@pytest.mark.parametrize(
    ("actor", "places"),
    [
        ("nobody", ["/login?next=%2F"]),
        ("disabled", ["/login?next=%2F"]),
        ("root", ["/admin/billing-overview", "Foreign Ltd", "Late Ltd"]),
        ("owner", ["/settings/billing", "Own Inc"]),
        ("admin", ["/settings/billing", "Own Inc"]),
        ("suspended", ["/settings/billing", "Late Ltd"]),
    ],
)
def test_the_start_page_leads_everybody_home(
    browser: Browser, actor: str, token: str, places: list[str]
) -> None:
    headers = HTML | (bearer(token) if token else {})
    place, *names = places
    response = browser.get("/", headers=headers)
    assert (response.status_code // 100, response.headers["location"]) == (3, place), actor
    page = browser.get(place, headers=headers)
    assert page.status_code == 200
    for name in names:
        assert name in page.text


@pytest.mark.parametrize(
    ("actor", "path", "sentence"),
    [
        (
            "member",
            "/settings/billing",
            "Usage &amp; Billing is open to owners and admins of Own Inc; you are a member. "
            "Ask an owner for the role admin.",
        ),
        ("root", "/settings/billing", "This page belongs to a tenant, and root is none."),
        (
            "owner",
            "/admin/billing-overview",
            "This page is for root. Your own usage is under Usage &amp; Billing.",
        ),
        ("member", "/schema", "This page is for root."),
    ],
)
def test_a_refusal_is_a_page_that_says_why(
    browser: Browser, actor: str, token: str, path: str, sentence: str
) -> None:
    response = browser.get(path, headers=HTML | bearer(token))
    assert response.status_code == 403, actor
    assert response.headers["content-type"].startswith("text/html")
    assert sentence in response.text


@pytest.mark.parametrize("path", sorted({route.split()[1] for route in MATRIX}))
def test_other_methods_tell_nothing(browser: Browser, path: str) -> None:
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    response = browser.options(path, headers=preflight)
    assert response.status_code == (401 if path.startswith("/schema") else 204)
    assert not [name for name in response.headers if name.startswith("access-control")]
    for method in ("PUT", "PATCH", "DELETE", "TRACE"):
        response = browser.request(method, path, headers=JSON)
        assert response.status_code == 405
        assert response.json()["detail"] == "This address does not take that method."


def test_the_schema_tells_of_the_api_alone(browser: Browser, people: People) -> None:
    schema = browser.get("/schema/openapi.json", headers=bearer(people.token("root"))).json()
    assert all("head" not in operations for operations in schema["paths"].values())
    assert set(schema["paths"]) == {
        *("/healthz", "/readyz", SUMMARY, "/api/billing/usage/daily.csv"),
        "/api/admin/billing/usage/daily.csv",
        "/api/admin/billing/usage/tenants",
        "/api/admin/billing/usage/verify",
        *(
            f"/api/{area}/usage/explain{end}"
            for area in ("billing", "admin/billing")
            for end in ("", ".csv")
        ),
        "/api/admin/billing/usage/tenants.csv",
        "/api/admin/billing/usage/aggregate",
    }
