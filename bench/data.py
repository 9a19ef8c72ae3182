"""The data set: tables filled by bench/data.sql, indexed afterwards, as after a long life."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg

from app import progress, release
from tests.server import Db, Server

FUNCTIONS = Path(__file__).with_name("data.sql").read_bytes()
SOURCES = ("messages", "calls", "emails", "ai_requests")
TABLES = tuple(f"data.{source}" for source in SOURCES)
Connection = psycopg.Connection[Any]

BTREES = """
select i.indexrelid::regclass::text, c.conname, i.indrelid::regclass::text,
  coalesce(pg_get_constraintdef(c.oid), pg_get_indexdef(i.indexrelid))
from pg_index as i
join pg_class as x on x.oid = i.indexrelid
join pg_am as a on a.oid = x.relam and a.amname = 'btree'
left join pg_constraint as c on c.conindid = i.indexrelid and c.contype in ('p', 'u')
where i.indrelid = any (%s::regclass[])
"""


def install(server: Server, name: str) -> Db:
    """A database with this checkout's release and the functions of data.sql in it."""
    database = server.create(name)
    release.migrate(database.settings(), lambda _: None)
    with database.connect() as connection:
        connection.execute(FUNCTIONS)
    return database


def add_tenants(connection: Connection, first: int, last: int) -> None:
    connection.execute("select bench.add_tenants(%s, %s)", [first, last])
    connection.execute("analyze bench.tenants")
    connection.execute("analyze data.tenants")


def triggers(connection: Connection, how: str) -> None:
    """In replica role nothing fires but what marks replicated rows: that off, or on again."""
    for table in TABLES:
        connection.execute(f"alter table {table} {how} trigger mark_replicated".encode())


@contextmanager
def loading(connection: Connection, *tables: str) -> Generator[None]:
    """Load into the bare tables: triggers off, btrees made anew in the end."""
    btrees = connection.execute(BTREES, [list(tables)]).fetchall()
    triggers(connection, "disable")
    connection.execute("set session_replication_role = replica")
    connection.execute("set synchronous_commit = off")
    for index, constraint, table, _ in btrees:
        connection.execute(
            f"alter table {table} drop constraint {constraint}".encode()
            if constraint
            else f"drop index {index}".encode()
        )
    yield
    for _, constraint, table, definition in btrees:
        connection.execute(
            f"alter table {table} add constraint {constraint} {definition}".encode()
            if constraint
            else definition.encode()
        )
    connection.execute("reset session_replication_role")
    triggers(connection, "enable replica")
    connection.execute("vacuum (analyze)")


def add_day(connection: Connection, day: date, rows: int, tenants: int) -> None:
    """So many rows of the first so many tenants."""
    connection.execute("select bench.add_day(%s, %s, %s)", [day, rows, tenants])


def add_days(connection: Connection, first: date, days: int, rows: int, tenants: int) -> None:
    """So many days from `first` on."""
    with progress.bar("loading days", days) as advance:
        for done in range(days):
            add_day(connection, first + timedelta(days=done), rows, tenants)
            advance(done + 1, note=f"{(done + 1) * rows:,} rows")
