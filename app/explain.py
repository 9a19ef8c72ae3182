"""The source rows behind a number, as the operator: what `billing explain` calls."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args
from uuid import UUID

from psycopg.rows import class_row

from app.connecting import connect
from app.settings import Settings

Reason = Literal[
    "counted", "estimated", "pending", "not_counted", "test", "unclassified", "other_metric"
]
"""Why a row counts or does not; see billing.explain_usage."""
REASONS: tuple[Reason, ...] = get_args(Reason)
COLUMNS = (
    "occurred_at",
    "source",
    "provider_id",
    "kind",
    "status",
    "is_counted",
    "reason",
    "contribution",
)


@dataclass(frozen=True)
class SourceRow:
    """A row of a source and what it contributes."""

    occurred_at: str
    """As billing.utc_text writes it."""
    source: str
    provider_id: str
    kind: str
    status: str | None
    is_counted: bool
    reason: str
    contribution: int


@dataclass(frozen=True)
class Number:
    """The number that is explained, without its rows."""

    label: str
    unit: str
    stored: int | None
    explained: int
    state: str
    rows: int


def explain(
    settings: Settings,
    tenant: UUID,
    day: date,
    metric: str,
    reason: str | None,
    limit: int | None,
    offset: int,
) -> tuple[Number | None, list[SourceRow]]:
    """The number and so many of its rows; no number for a day to come."""
    with connect(settings.conninfo("operator")) as connection:
        with connection.cursor(row_factory=class_row(SourceRow)) as cursor:
            rows = cursor.execute(
                "select billing.utc_text(occurred_at) as occurred_at, source, provider_id, kind,"
                " status, is_counted, reason, contribution"
                " from billing.explain_usage(%s, %s, %s, %s, %s::integer, %s)",
                [tenant, day, metric, reason, limit, offset],
            ).fetchall()
        with connection.cursor(row_factory=class_row(Number)) as cursor:
            number = cursor.execute(
                "select x.document -> 'metric' ->> 'label' as label,"
                " x.document -> 'metric' ->> 'unit' as unit,"
                " (x.document ->> 'stored')::bigint as stored,"
                " (x.document ->> 'explained')::bigint as explained,"
                " x.document ->> 'state' as state,"
                " (x.document ->> 'rowCount')::integer as rows"
                " from billing.usage_explanation(%s, %s, %s, %s, 0) as x (document)"
                " where x.document is not null",
                [tenant, day, metric, reason],
            ).fetchone()
    return number, rows
