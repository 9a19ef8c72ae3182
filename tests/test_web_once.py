"""Everything is said once, and not too much of it: parameters, forms, JSON, cookies."""

import asyncio
import json
from typing import Any, cast

import pytest
from litestar import Litestar
from litestar.enums import RequestEncodingType

from app.web import create_app
from tests.browsing import (
    HTML,
    JSON,
    PASSWORD,
    SUMMARY,
    Browser,
    bearer,
    form_secret,
    let_in,
    sign_in,
)
from tests.people import People
from tests.routes import MATRIX

RECOUNT = "/api/admin/billing/usage/aggregate"
TWICE = "it is given more than once"
LARGE = "A number in the body is too large."
DEEP = 10_000
READ = sorted(place[4:] for place in MATRIX if place.startswith("GET "))


def told(response: Any) -> str:
    return f"{response.status_code} {response.json()['detail']}"


@pytest.mark.parametrize("place", READ)
def test_a_parameter_that_is_given_twice(browser: Browser, people: People, place: str) -> None:
    """Whichever of the two counted, the other was meant, too; on every route there is."""
    place = place.replace("{path:str}", "x")
    mark = "&" if "?" in place else "?"
    for query in ("period=garbage&period=2026-10", "period=2026-10&%70eriod=2026-10", "a&a="):
        headers = bearer(people.token("root")) | JSON
        response = browser.get(f"{place}{mark}{query}", headers=headers)
        assert told(response) == f"422 {'a' if query == 'a&a=' else 'period'}: {TWICE}"
        page = browser.get(f"{place}{mark}{query}", headers=headers | HTML)
        assert page.status_code == (422 if place.startswith("/api/") else 400)
        assert TWICE in page.text


def test_thousands_of_parameters(browser: Browser, people: People) -> None:
    query = "&".join(f"a{number}=" for number in range(3000))
    for place in (SUMMARY, "/login", "/settings/billing", "/static/base.css"):
        response = browser.get(f"{place}?{query}", headers=bearer(people.token()) | JSON)
        assert told(response) == "422 address: it has more than 50 parameters"


def test_cookies_by_the_thousand(browser: Browser, people: People) -> None:
    many = {"Cookie": "; ".join(f"a{number}=" for number in range(3000))}
    for place in (SUMMARY, "/login", "/nowhere", "/healthz"):
        response = browser.get(place, headers=bearer(people.token()) | JSON | many)
        assert told(response) == "431 Too many cookies: delete those of this site."
        assert response.headers["x-content-type-options"] == "nosniff"
    few = {"Cookie": "; ".join(f"a{number}=" for number in range(50))}
    assert browser.get(SUMMARY, headers=bearer(people.token()) | few).status_code == 200


@pytest.mark.parametrize("name", ["email", "password", "form_secret", "next", "unknown"])
def test_a_field_that_is_sent_twice(browser: Browser, name: str) -> None:
    form = f"form_secret={form_secret(browser)}&email=a@b.example&password={PASSWORD}&next=/"
    headers = {"Content-Type": "application/x-www-form-urlencoded"} | JSON
    response = browser.post("/login", content=f"{form}&{name}=x&{name}=y", headers=headers)
    assert told(response) == f"422 {name}: {TWICE}"


def test_thousands_of_fields(browser: Browser) -> None:
    fields = {f"a{number}": "" for number in range(3000)}
    response = sign_in(browser, "no@body.example", fields=fields, headers=JSON)
    assert told(response) == "422 form: it has more than 20 fields"
    for place in ("/logout", "/login"):
        response = browser.post(place, data={"a": "b"}, headers=JSON)
        assert response.status_code == 422
        assert response.json()["detail"].endswith(": it is needed")


@pytest.mark.usefixtures("cheap")
def test_a_form_of_every_letter(browser: Browser, people: People) -> None:
    email, password = people.add("owner"), "käse & brötchen + 100 % ☕ 🙂"
    let_in(people.db, email, password)
    assert sign_in(browser, email, password).status_code == 303
    raw = f"form_secret={form_secret(browser)}&email={email}&password="
    raw += password.replace("%", "%25").replace("&", "%26").replace("+", "%2B")
    assert browser.post("/login", content=raw.encode()).status_code == 303


def test_no_form_is_left_to_the_framework(people: People) -> None:
    """It keeps a thousand of them, with the passwords."""
    envelope: Any = create_app(people.db.settings(), ticks=False)
    app: Litestar = envelope.app
    read = 0
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            parameters = handler.parsed_fn_signature.parameters
            if "data" in parameters:
                read += 1
                assert parameters["data"].kwarg_definition.media_type == RequestEncodingType.JSON
    assert read == 1


NESTED = {
    "lists": "[" * DEEP + "]" * DEEP,
    "objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "a field": '{"from": ' + "[" * DEEP + "]" * DEEP + "}",
    "unclosed": "[" * DEEP,
}


@pytest.mark.parametrize("body", NESTED.values(), ids=NESTED)
def test_json_of_any_depth(browser: Browser, people: People, body: str) -> None:
    headers = bearer(people.token("root")) | {"Content-Type": "application/json"} | JSON
    response = browser.post(RECOUNT, content=body, headers=headers)
    assert told(response) == "400 The body is nested too deeply."


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"from": "garbage", "from": "2026-11-01", "to": "2026-11-01"}', f"422 from: {TWICE}"),
        ('{"from": "2026-11-01", "to": "2026-11-01", "\\u0074o": 1}', f"422 to: {TWICE}"),
        ('{"from": {"a": 1, "a": 2}, "to": "2026-11-01"}', f"422 a: {TWICE}"),
        ('{"from": ' + "9" * 5000 + ', "to": 1}', f"400 {LARGE}"),
        ('{"from": 1e999999, "to": 1}', f"400 {LARGE}"),
        ('{"from": "\\ud800", "to": 1}', "4"),
        ('{"from": NaN, "to": 1}', "400 The body is no JSON."),
        ("\ufeff{}", "400 The body is no JSON."),
    ],
)
def test_json_in_which_something_is_odd(
    browser: Browser, people: People, body: str, expected: str
) -> None:
    headers = bearer(people.token("root")) | {"Content-Type": "application/json"} | JSON
    response = browser.post(RECOUNT, content=body.encode(), headers=headers)
    assert told(response).startswith(expected)
    assert json.loads(response.text)["status"] < 500


def test_a_body_that_never_arrives_is_nothing_unexpected(people: People) -> None:
    """Whoever hangs up, or was hung up on, is no fault of ours to be looked into."""
    app = create_app(people.db.settings(), ticks=False)
    said: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/login",
        "raw_path": b"/login",
        "scheme": "http",
        "query_string": b"",
        "root_path": "",
        "client": None,
        "headers": [(b"host", b"127.0.0.1"), (b"content-length", b"9")],
        "server": None,
    }
    events = [
        {"type": "http.request", "body": b"x", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        return events.pop(0)

    async def send(message: Any) -> None:
        said.append(message)

    asyncio.run(cast("Any", app)(scope, receive, send))
    assert said[0]["status"] == 400
    assert b"ended before its body was complete" in said[1]["body"]
