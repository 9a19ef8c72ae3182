"""Loading demo data and looking at what was loaded."""

from datetime import date
from typing import Any, LiteralString

from psycopg import sql

from app.demo import DemoResult, load_demo
from tests.server import Db

TABLES = ("messages", "calls", "emails", "ai_requests")
# the 120 days before it hold four ends of months and a 29 February
TODAY = date(2024, 4, 22)


def load(db: Db, **wishes: Any) -> DemoResult:
    return load_demo(db.conninfo("billing_ingest"), **wishes)


def rows(db: Db, query: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
    with db.connect() as connection:
        return connection.execute(query, values or None).fetchall()


def value(db: Db, query: LiteralString, *values: Any) -> Any:
    [(result,)] = rows(db, query, *values)
    return result


def each_source(db: Db, query: LiteralString, *values: Any) -> dict[str, Any]:
    """One value per source; the query has {} for the table."""
    with db.connect() as connection:
        return {
            table: connection.execute(
                sql.SQL(query).format(sql.Identifier("data", table)), values or None
            ).fetchall()[0][0]
            for table in TABLES
        }


def stored(db: Db) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Everything that was loaded: how much and what."""
    return (
        each_source(db, "select count(*) from {}"),
        each_source(db, "select md5(string_agg(t::text, ';' order by t::text)) from {} as t"),
        value(db, "select md5(string_agg(t::text, ';' order by t.id)) from data.tenants as t"),
    )
