"""What is written down about requests: enough to find them again, and nothing about people."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from app import auth, database, usage
from tests.browsing import HTML, PASSWORD, SUMMARY, Browser, browsing, let_in, sign_in
from tests.past import rows, value
from tests.people import People, digest
from tests.server import Server
from tests.test_web import nowhere

pytestmark = pytest.mark.usefixtures("cheap")

KEYS = {*("event", "level", "timestamp", "request_id", "method", "route", "status", "ms", "actor")}
Lines = list[dict[str, Any]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], Lines]:
    """What was written since."""

    def read() -> Lines:
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return read


def secrets_of(people: People, browser: Browser, email: str) -> list[str]:
    """Whatever must stay out of every log once somebody has signed in."""
    user = value(people.db, "select id, password_hash from data.users where email = %s", email)
    texts = [email, email.partition("@")[0], PASSWORD, "not the password", *map(str, user)]
    for cookie in browser.cookies.values():
        texts += [cookie, digest(cookie).hex()]
    return texts


def test_a_line_for_each_request(
    browser: Browser, people: People, lines: Callable[[], Lines]
) -> None:
    email = people.add("owner")
    let_in(people.db, email)
    lines()
    sign_in(browser, email, "not the password")
    requests = [
        sign_in(browser, email),
        browser.get(f"{SUMMARY}?period=2026", headers={"Accept": "text/html"}),
        browser.get("/settings/billing?email=" + email, headers=HTML),
        browser.get("/admin/billing-overview"),
        browser.get(f"/static/{email}"),
        browser.get(f"/{email}"),
    ]
    secrets = secrets_of(people, browser, email)
    requests.append(browser.post("/logout", data={"form_secret": browser.cookies["form"]}))
    said = lines()
    assert {frozenset(line) for line in said} == {frozenset(KEYS)}
    assert [(line["route"], line["status"], line["actor"]) for line in said] == [
        ("/login", 200, "nobody"),
        ("/login", 401, "nobody"),
        ("/login", 200, "nobody"),
        ("/login", 303, "nobody"),
        (SUMMARY, 422, "nobody"),
        ("/settings/billing", 200, "tenant"),
        ("/admin/billing-overview", 403, "owner"),
        ("/static/{file_path}", 404, "nobody"),
        ("-", 404, "nobody"),
        ("/logout", 303, "nobody"),
    ]
    assert [line["request_id"] for line in said[3:]] == [
        response.headers["x-request-id"] for response in requests
    ]
    assert len({line["request_id"] for line in said}) == len(said)
    assert all(0 < line["ms"] < 60_000 for line in said)
    for secret in secrets:
        assert secret not in json.dumps(said)


def test_an_unexpected_error_is_traced_without_values(
    browser: Browser, people: People, lines: Callable[[], Lines], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the variables on the way, the password among them, nor what the database quotes."""
    email = people.add("owner")
    let_in(people.db, email)
    lines()
    monkeypatch.setattr(auth, "token_sha256", lambda token: token.encode())  # violates a CHECK
    assert sign_in(browser, email).status_code == 500
    _, error, request = lines()
    assert (error["event"], error["level"]) == ("unexpected_error", "error")
    assert error["request_id"] == request["request_id"]
    assert error["exception"][0] == "CheckViolation 23514"
    assert [place for place in error["exception"] if re.search(r"/app/auth.py:\d+ sign_in$", place)]
    for secret in (*secrets_of(people, browser, email), "Failing row", "select"):
        assert secret not in json.dumps([error, request])


def test_what_is_down_or_refused_is_told_in_a_word(
    people: People, lines: Callable[[], Lines], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.2)
    with browsing(people.db, overrides=nowhere()) as browser:
        browser.cookies.set("session", people.token(), domain="127.0.0.1")
        assert browser.get(SUMMARY).status_code == 503
    assert lines()[-2].items() >= {"event": "database_unavailable", "reason": "PoolTimeout"}.items()

    async def denied(connection: database.Connection, _: object) -> None:
        await connection.execute("select * from data.users")

    monkeypatch.setattr(usage, "summary", denied)
    with browsing(people.db) as browser:
        browser.cookies.set("session", people.token(), domain="127.0.0.1")
        assert browser.get(SUMMARY).status_code == 403
    reason = "permission denied for schema data"
    assert lines()[-2].items() >= {"event": "refused", "reason": reason}.items()


@pytest.mark.parametrize(
    "logging",
    [
        {"log_min_messages": "warning"},  # as PostgreSQL comes
        {"log_min_messages": "warning", "log_statement": "all", "log_parameter_max_length": "0"},
    ],
    ids=["by default", "statements without parameters"],
)
def test_the_server_log(
    server: Server, people: People, monkeypatch: pytest.MonkeyPatch, logging: dict[str, str]
) -> None:
    """Errors and, where asked for, statements; parameters are $1."""
    (log,) = (server.home / "base").glob("*.log")
    email = people.add("owner")
    let_in(people.db, email)
    for name, setting in logging.items():
        rows(people.db, f"alter database {people.db.name} set {name} = '{setting}'")
    begin = log.stat().st_size
    try:
        with browsing(people.db) as browser:
            assert sign_in(browser, email, "not the password").status_code == 401
            assert sign_in(browser, email).status_code == 303
            assert browser.get(SUMMARY).status_code == 200
            assert browser.get("/admin/billing-overview").status_code == 403  # an error in SQL
            monkeypatch.setattr(auth, "token_sha256", lambda token: token.encode())
            assert sign_in(browser, email).status_code == 500
            secrets = secrets_of(people, browser, email)
    finally:
        for name in logging:
            rows(people.db, f"alter database {people.db.name} reset {name}")
    said = log.read_text()[begin:]
    assert "root is needed" in said
    assert ("execute" in said) is ("log_statement" in logging)
    for secret in secrets:
        assert secret not in said
