"""Facts that may be wrong, as the operator: what `billing quality` and `billing check` show."""

from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from app.connecting import connect
from app.settings import Settings

KINDS = (
    "unclassified",
    "orphaned",
    "sealed",
    "contradicted",
    "stuck",
    "future",
    "ancient",
    "estimated",
)
"""See billing.questionable_rows."""


@dataclass(frozen=True)
class Kind:
    """How many rows of a kind there are, with one of them."""

    kind: str
    source_rows: int
    example: str
    command: str
    meaning: str


@dataclass(frozen=True)
class Questionable:
    """A row to look at."""

    tenant_id: UUID
    occurred_at: str
    """As billing.utc_text writes it: facts may lie in years that Python has no dates for."""
    source: str
    provider_id: str
    kind: str
    status: str | None


def kinds(connection: psycopg.Connection[tuple[object, ...]]) -> list[Kind]:
    """Every kind of which there are rows now."""
    with connection.cursor(row_factory=class_row(Kind)) as cursor:
        return cursor.execute(
            "select kind, source_rows, example, command, meaning"
            " from billing.read_data_quality(true)"
        ).fetchall()


def summary(settings: Settings) -> list[Kind]:
    """The same on a connection of its own."""
    with connect(settings.conninfo("operator")) as connection:
        return kinds(connection)


def rows(settings: Settings, kind: str, limit: int, offset: int) -> list[Questionable]:
    """So many rows of one kind."""
    with (
        connect(settings.conninfo("operator")) as connection,
        connection.cursor(row_factory=class_row(Questionable)) as cursor,
    ):
        return cursor.execute(
            "select tenant_id, billing.utc_text(occurred_at) as occurred_at, source, provider_id,"
            " kind, status"
            " from billing.questionable_rows(%s, %s, %s)",
            [kind, limit, offset],
        ).fetchall()
