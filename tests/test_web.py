"""The web application over a real database: answers, and refusals with a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from litestar.testing import TestClient

from app import database as pools
from app.web import create_app
from tests.checkout import free_port
from tests.past import add_tenants, bill_from, rows, run, send, value
from tests.people import People
from tests.server import Db

SUMMARY = "/api/billing/usage/summary"
DAY = timedelta(days=1)


@contextmanager
def browsing(
    db: Db, tenant: UUID | None = None, token: str = "", **changes: Any
) -> Iterator[TestClient[Any]]:
    """A client with a session of an owner of the tenant, or with this token."""
    token = People(db, tenant, tenant).token() if tenant else token
    app = create_app(db.settings(**changes), ticks=False)
    with TestClient(app, "http://127.0.0.1", raise_server_exceptions=False) as client:
        client.headers.update({"Authorization": f"Bearer {token}"} if token else {})
        yield client


@pytest.fixture
def tenant(db: Db) -> UUID:
    """Counted up to now since two days ago, with an SMS yesterday and one today."""
    now = datetime.now(UTC)
    bill_from(db, now.date() - 2 * DAY)
    tenant, other = add_tenants(db, 2)
    send(db, tenant, now - DAY, now - timedelta(seconds=2))
    send(db, other, now - DAY)
    while run(db, datetime.now(UTC) - timedelta(seconds=1)):
        pass
    return tenant


def refusal(response: Any, status: int) -> str:
    """The sentence of an error; all of them have the same form and none is kept."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    assert response.headers["cache-control"] == "no-store"
    problem = response.json()
    assert set(problem) == {"status", "title", "detail"}
    assert problem["status"] == status
    assert problem["detail"].endswith(".") or status == 422
    return problem["detail"]


def test_the_summary_is_the_views_document(db: Db, tenant: UUID) -> None:
    with browsing(db, tenant) as client:
        response = client.get(SUMMARY)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/json")
    assert response.headers["cache-control"] == "no-store"
    document = response.json()
    assert document == value(
        db,
        "select summary from usage_summary where tenant_id = %s",
        tenant,
    )
    assert [point["smsOutboundCount"] for point in document["dailyUsage"]][-3:] == [0, 1, 1]


def test_a_period_can_be_chosen(db: Db, tenant: UUID) -> None:
    this_month = f"{datetime.now(UTC):%Y-%m}"
    with browsing(db, tenant) as client:
        chosen = client.get(SUMMARY, params={"period": this_month})
        assert chosen.json() == client.get(SUMMARY).json()
        for period in ("1999-01", "9999-12"):
            assert period in refusal(client.get(SUMMARY, params={"period": period}), 404)


@pytest.mark.parametrize(
    "period",
    [
        "",
        "2026",
        "2026-13",
        "2026-00",
        "0000-01",
        "2026-1",
        "26-01",
        "2026-01-01",
        "next",
        "'",
        "²",
    ],
)
def test_a_malformed_period_is_told(module_db: Db, period: str) -> None:
    with browsing(module_db) as client:
        sentence = refusal(client.get(SUMMARY, params={"period": period}), 422)
    assert sentence == "period: write it as YYYY-MM, e.g. 2026-11"


def test_nobody_is_signed_in(module_db: Db) -> None:
    with browsing(module_db) as client:
        assert refusal(client.get(SUMMARY), 401) == "Sign in first."


def test_an_unknown_address(module_db: Db) -> None:
    with browsing(module_db) as client:
        assert refusal(client.get("/nowhere"), 404) == "There is nothing at this address."
        refusal(client.post(SUMMARY), 405)


def test_each_pool_has_a_login_of_its_own(db: Db, tenant: UUID) -> None:
    with browsing(db, tenant) as client:
        client.get(SUMMARY)
        client.get("/readyz")
        logins = "select distinct usename::text from pg_stat_activity where datname = %s"
        assert set(rows(db, logins, db.name)) - {"postgres"} == {
            f"billing_{login}" for login in pools.SIZES
        } | {"billing_ingest"} & set(rows(db, logins, db.name))


def test_alive_whatever_the_database_does(module_db: Db) -> None:
    with browsing(module_db, overrides=nowhere()) as client:
        response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def nowhere() -> dict[str, str]:
    """Connection strings to a port that nobody listens on."""
    conninfo = f"host=127.0.0.1 port={free_port()} dbname=none user=none connect_timeout=1"
    return dict.fromkeys(pools.SIZES, conninfo)


@pytest.mark.parametrize("route", [SUMMARY, "/readyz"])
def test_the_database_is_down(module_db: Db, monkeypatch: pytest.MonkeyPatch, route: str) -> None:
    monkeypatch.setattr(pools, "PATIENCE", 0.2)
    with browsing(module_db, token="any", overrides=nowhere()) as client:
        response = client.get(route)
    assert refusal(response, 503).startswith("The database does not answer.")
    assert response.headers["retry-after"] == "5"


@pytest.mark.parametrize("route", [SUMMARY, "/readyz"])
def test_the_database_comes_back(db: Db, tenant: UUID, route: str) -> None:
    """Connections that were cut are replaced before anybody gets one."""
    with browsing(db, tenant) as client:
        assert client.get(route).status_code == 200
        rows(
            db,
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = %s and usename like 'billing%%'",
            db.name,
        )
        assert client.get(route).status_code == 200


def test_ready(db: Db, tenant: UUID) -> None:
    with browsing(db, tenant) as client:
        response = client.get("/readyz")
    yesterday = (datetime.now(UTC) - DAY).date().isoformat()
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "problems": [],
        "completeThrough": yesterday,
        "missingDays": 0,
        "failedDays": 0,
    }


@pytest.mark.usefixtures("tenant")
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("update data.releases set source_fingerprint = 'other'", "run `billing migrate`"),
        ("delete from data.releases", "run `billing migrate`"),
        ("update data.settings set billing_from = billing_from - 5", "run `billing run`"),
        (
            "update data.usage_runs set as_of = now() - interval '27 hours' where is_nightly",
            "The night's work is late",
        ),
        (
            "update data.usage_runs set is_nightly = false;"
            " update data.releases set released_at = now() - interval '27 hours'",
            "The night's work is late",
        ),
    ],
)
def test_not_ready(db: Db, change: str, problem: str) -> None:
    """Another release than this checkout's, or numbers that are too old: says what to do."""
    rows(db, change)
    with browsing(db) as client:
        response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["status"] == "not ready"
    (sentence,) = response.json()["problems"]
    assert problem in sentence


def test_not_migrated(empty_db: Db) -> None:
    with browsing(empty_db, token="any") as client:
        assert "billing migrate" in refusal(client.get("/readyz"), 503)
        refusal(client.get(SUMMARY), 503)
