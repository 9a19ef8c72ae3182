"""The page's document as a tenant's own login reads it, at noon of a day in the past."""

from datetime import date
from typing import Any
from uuid import UUID

from tests.ledgers import noon
from tests.people import People, enter
from tests.server import Db

FIRST, TODAY = date(2025, 3, 1), date(2025, 4, 12)
"""When billing began, and the day that it is."""


def page(
    db: Db, who: UUID, today: date = TODAY, period: date | None = None
) -> dict[str, Any] | None:
    """None for a period that is not shown."""
    with db.connect("billing_tenant") as connection, connection.transaction():
        enter(connection, People(db, who, who).token())
        row = connection.execute(
            "select p.page from usage_page(%s, %s, %s) as p", [who, period, noon(today)]
        ).fetchone()
    return row and row[0]


def shown(db: Db, who: UUID, today: date = TODAY, period: date | None = None) -> dict[str, Any]:
    found = page(db, who, today, period)
    assert found is not None
    return found


def card(db: Db, who: UUID, number: int = 0) -> dict[str, Any]:
    return shown(db, who)["cards"][number]
