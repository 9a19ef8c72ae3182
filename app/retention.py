"""Giving up source rows of long ago, day by day; what `billing retention` calls."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
from psycopg import errors as pg
from psycopg import sql

from app.connecting import connect
from app.settings import Settings

BRIN_INDEXES = """
select i.indrelid::regclass::text, i.indexrelid::regclass::text
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
join pg_am as a on a.oid = c.relam and a.amname = 'brin'
where i.indrelid in (
  select d.refobjid
  from pg_rewrite as r
  join pg_depend as d on d.objid = r.oid and d.classid = 'pg_rewrite'::regclass
    and d.refclassid = 'pg_class'::regclass
  where r.ev_class = 'billing.usage_source'::regclass)
order by 1, 2
"""


@dataclass(frozen=True)
class Sealing:
    """What became, or would become, of a day."""

    day: str
    """As billing.day_text writes it."""
    source_rows: int
    obstacle: str | None
    """Why the day keeps its rows; None when it was sealed."""


def days(settings: Settings) -> list[tuple[str, int]] | None:
    """Days to seal, oldest first, with their source rows; None while retention is off."""
    with connect(settings.conninfo("operator")) as connection:
        row = connection.execute(
            "select value from billing.read_settings() where name = 'raw_retention_days'"
        ).fetchone()
        if row is None or row[0] is None:
            return None
        return connection.execute(
            "select billing.day_text(date), source_rows from billing.days_to_seal()"
        ).fetchall()


def seal(settings: Settings, due: list[tuple[str, int]], dry_run: bool) -> Iterator[Sealing]:
    """Seal and purge these days, a transaction each; one that cannot be is told and left."""
    with connect(settings.conninfo("operator"), autocommit=True) as connection:
        for day, source_rows in due:
            if dry_run:
                yield Sealing(day, source_rows, _obstacle(connection, day))
                continue
            try:
                connection.execute("select billing.seal_day(%s)", [day])
                yield Sealing(day, source_rows, None)
            except (pg.ObjectNotInPrerequisiteState, pg.LockNotAvailable) as error:
                reason = str(error.diag.message_primary).removeprefix(f"day {day} is not sealed: ")
                yield Sealing(day, source_rows, reason)


def _obstacle(connection: psycopg.Connection[tuple[object, ...]], day: str) -> str | None:
    row = connection.execute("select billing.seal_obstacle(%s)", [day]).fetchone()
    return None if row is None or row[0] is None else str(row[0])


def reindex(settings: Settings, say: Callable[[str], None]) -> None:
    """Summarise anew what brin indexes know of the sources: freed pages take rows of other days.

    Vacuums first, blocks no reader and no writer, needs whoever runs migrations.
    """
    with connect(settings.admin, autocommit=True) as connection:
        connection.execute("set role billing_owner")
        indexes = connection.execute(BRIN_INDEXES).fetchall()
        for table in sorted({table for table, _ in indexes}):
            say(f"vacuum {table}")
            connection.execute(sql.SQL("vacuum {}").format(sql.Identifier(*table.split("."))))
        for _, index in indexes:
            say(f"reindex {index}")
            name = sql.Identifier(*index.split("."))
            connection.execute(sql.SQL("reindex index concurrently {}").format(name))
