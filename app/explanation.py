"""One number and the source rows behind it, for pages, JSON and CSV; one statement each."""

import json
from datetime import date
from typing import Any
from uuid import UUID

from app.csv_text import render
from app.database import Connection

PER_PAGE = 100
PER_FILE = 50_000
CSV_COLUMNS = (
    "occurredAt",
    "source",
    "providerId",
    "kind",
    "status",
    "isCounted",
    "reason",
    "contribution",
)


async def document(
    connection: Connection,
    tenant: UUID,
    day: date,
    metric: str,
    reason: str | None,
    page: int,
    size: int = PER_PAGE,
) -> dict[str, Any] | None:
    """The document of billing.usage_explanation with one page of rows; None for a day to come."""
    cursor = await connection.execute(
        "select billing.usage_explanation(%s, %s, %s, %s, %s::integer, %s)::text",
        [tenant, day, metric, reason, size, (page - 1) * size],
    )
    row = await cursor.fetchone()
    if row is None or row[0] is None:
        return None
    found: dict[str, Any] = json.loads(str(row[0]))
    pages = max(1, -(-int(found["rowCount"]) // size))
    return found | {"onlyReason": reason, "page": page, "pages": pages}


def csv(found: dict[str, Any]) -> str:
    """The rows of a document as CSV."""
    return render(CSV_COLUMNS, [[row[name] for name in CSV_COLUMNS] for row in found["rows"]])
