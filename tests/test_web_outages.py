"""What visitors see while a release is installed and while the database is down."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app import database, release
from tests.browsing import HTML, JSON, SUMMARY, Browser, bearer, browsing, let_in, sign_in
from tests.past import rows, value
from tests.people import People, settle
from tests.server import Db, Server

RESULT = "summary json)"


@pytest.fixture
def own_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.end()


def rebuilt(db: Db) -> None:
    rows(db, "delete from data.releases")
    said: list[str] = []
    release.migrate(db.settings(), said.append)
    assert "rebuilt schema billing" in said


@pytest.mark.parametrize("reads", [1, 12])
def test_a_release_under_a_prepared_statement(
    db: Db, checkout: Path, monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    """Replaced objects are other objects, a view's column is of another type: the read is tried
    again and nobody notices, on no connection, whether or not its statements were prepared."""
    monkeypatch.setitem(database.SIZES, "tenant", 1)
    people, file = settle(db), checkout / "sql/57_usage_summary.sql"
    owner, root = bearer(people.token()), bearer(people.token("root"))
    requests = [(path, owner) for path in (SUMMARY, "/settings/billing", "/")]
    requests += [("/admin/billing-overview", root), ("/api/admin/billing/usage/tenants", root)]
    with browsing(db) as browser:
        for path, headers in requests * reads:
            assert browser.get(path, headers=headers).status_code in (200, 302)
        before = browser.get(SUMMARY, headers=owner).json()
        for result in (RESULT, "summary jsonb)"):
            text = file.read_text()
            assert RESULT in text
            file.write_text(text.replace(RESULT, result))
            rebuilt(db)
            for path, headers in requests * 2:
                assert browser.get(path, headers=headers).status_code in (200, 302), path
            assert browser.get(SUMMARY, headers=owner).json() == before
    kind = "select pg_typeof(s.summary)::text from billing.usage_summary as s limit 1"
    assert value(db, kind) == "jsonb"


AUTH_RESULTS = {
    "out email text": "out email varchar",
    "out attempt_id bigint, out password_hash text": (
        "out attempt_id bigint, out password_hash varchar"
    ),
    "p_everywhere boolean) returns integer": "p_everywhere boolean) returns bigint",
    "select count(*)::integer from ended": "select count(*) from ended",
}


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("before", [1, 8])
def test_a_release_under_signing_in_and_out(
    db: Db, checkout: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    """The same for what writes: tried again from its beginning, and written once."""
    monkeypatch.setitem(database.SIZES, "auth", 1)
    people, file = settle(db), checkout / "sql/22_sign_in.sql"
    let_in(db, email := people.add("owner"))

    def there_and_back(browser: Browser) -> None:
        assert sign_in(browser, email).status_code == 303
        assert browser.get("/").status_code == 302
        form = {"form_secret": browser.cookies["form"]}
        assert browser.post("/logout", data=form).status_code == 303

    with browsing(db) as browser:
        for _ in range(before):
            there_and_back(browser)
        text = file.read_text()
        for old, new in AUTH_RESULTS.items():
            assert old in text
            text = text.replace(old, new)
        file.write_text(text)
        rebuilt(db)
        for _ in range(2):
            there_and_back(browser)
    attempts = "select count(*), count(*) filter (where succeeded) from data.sign_in_attempts"
    assert value(db, attempts) == (before + 2, before + 2)
    assert (
        value(db, "select count(*) from data.sessions where revoked_at is not null") == before + 2
    )


def test_the_database_goes_and_comes_back(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that says so meanwhile, and no restart of the application afterwards."""
    monkeypatch.setattr(database, "PATIENCE", 1.0)
    db = own_server.create("installed")
    release.migrate(db.settings(), lambda _: None)
    people: People = settle(db)
    session = bearer(people.token())
    with browsing(db) as browser:
        page = browser.get("/settings/billing", headers=HTML | session)
        assert page.status_code == 200
        own_server.stop()
        for path, accept in (("/settings/billing", HTML), (SUMMARY, JSON), ("/", JSON)):
            response = browser.get(path, headers=accept | session)
            assert response.status_code == 503
            assert response.headers["retry-after"] == "5"
            assert "The database does not answer. Nothing is lost" in response.text
            kind = "text/html" if accept is HTML else "application/problem+json"
            assert response.headers["content-type"].startswith(kind)
        for path in ("/healthz", "/login", "/static/base.css"):
            assert browser.get(path).status_code == 200
        own_server.start()
        again = browser.get("/settings/billing", headers=HTML | session)
        assert again.status_code == 200
        assert "Own Inc" in again.text
