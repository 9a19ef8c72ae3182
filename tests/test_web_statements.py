"""One statement per page: what a request sends through the login that sees tenants' data, counted;
two could disagree, and each costs a way to the server and back."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from app.database import cleaning
from tests.browsing import HTML, SUMMARY, Browser, bearer
from tests.past import value
from tests.people import People

ENTER = "select a.* from billing.enter(%s) as a"
OWN = [
    "/settings/billing",
    "/settings/billing?period={month}",
    SUMMARY,
    "/api/billing/usage/daily.csv",
    "/settings/billing/days/{day}",
]
ALL = [
    "/admin/billing-overview",
    "/admin/billing-overview?q=o&plan=pro&status=active&show=growing&sort=change&period={month}",
    "/api/admin/billing/usage/tenants",
    "/api/admin/billing/usage/tenants.csv",
    "/admin/billing/health",
    "/admin/billing/verify?from={day}&to={day}",
    "/admin/billing/tenants/{tenant}",
    "/api/admin/billing/usage/daily.csv?tenantId={tenant}",
    "/admin/billing/tenants/{tenant}/days/{day}",
]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """Login and text of every statement of this process, in order."""
    statements = list[tuple[str, str]]()
    execute: Any = psycopg.AsyncCursor.execute

    async def noted(cursor: Any, query: Any, *more: Any, **options: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else query
        if not isinstance(text, str):
            text = text.as_string(cursor)
        statements.append((cursor.connection.info.user, text))
        return await execute(cursor, query, *more, **options)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
    yield statements


@pytest.mark.parametrize(
    ("role", "login", "path"),
    [
        *(("owner", "billing_tenant", path) for path in OWN),
        *(("root", "billing_root", path) for path in ALL),
    ],
)
def test_cleaned_entered_and_asked_once(
    browser: Browser,
    people: People,
    sent: list[tuple[str, str]],
    role: str,
    login: str,
    path: str,
) -> None:
    day = value(people.db, "select billing.utc_day(now())")
    place = path.format(day=day, month=f"{day:%Y-%m}", tenant=people.own)
    headers = HTML | bearer(people.token(role))
    assert browser.get(place, headers=headers).status_code == 200
    sent.clear()  # by now there are connections
    assert browser.get(place, headers=headers).status_code == 200
    cleaned, entered, *asked = [text for user, text in sent if user == login]
    with people.db.connect() as connection:
        version = connection.info.server_version
    assert cleaned.encode() == cleaning("tenant" if role == "owner" else "root", version)
    assert entered == ENTER
    assert len(asked) == 1, asked
    assert asked[0].lstrip().startswith("select ")
    assert ";" not in asked[0]
    assert {user for user, _ in sent} <= {login, "billing_auth"}
