"""Writing events into the database as a host does, and reading back what was counted."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tests.oracle import METRICS, ROWS, Event, Figures, Rows

Connection = psycopg.Connection[Any]
WRITTEN = (
    "messages",
    "calls",
    "emails",
    "ai_requests",
    "late_day_markers",
    "billing_usage_daily",
    "usage_restatements",
    "usage_days",
    "usage_runs",
    "tenants",
)


def add_tenants(
    connection: Connection, number: int = 1, *, ids: Collection[UUID] = ()
) -> list[UUID]:
    tenants = sorted(ids or (uuid4() for _ in range(number)))
    for index, tenant in enumerate(tenants):
        connection.execute(
            "insert into data.tenants (id, name) values (%s, %s)", [tenant, f"Tenant {index}"]
        )
    return tenants


def bill_from(connection: Connection, day: date) -> None:
    connection.execute("update data.settings set billing_from = %s", [day])


def wipe(connection: Connection) -> None:
    """An empty database again; as its superuser, past every trigger and foreign key."""
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        for table in WRITTEN:
            connection.execute(sql.SQL("delete from {}").format(sql.Identifier("data", table)))


def insert(connection: Connection, *events: Event, keep_first: bool = False) -> None:
    """One statement per table, all in one transaction; keep_first ignores ids already known."""
    batches: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        batches[event.table].append(event)
    with connection.transaction():
        for table, batch in batches.items():
            columns = [column.name for column in fields(batch[0])]
            row = sql.SQL("({})").format(sql.SQL(", ").join(sql.Placeholder() * len(columns)))
            statement = sql.SQL("insert into {} ({}) values {} {}").format(
                sql.Identifier("data", table),
                sql.SQL(", ").join(map(sql.Identifier, columns)),
                sql.SQL(", ").join([row] * len(batch)),
                sql.SQL("on conflict do nothing" if keep_first else ""),
            )
            values = [getattr(event, column) for event in batch for column in columns]
            connection.execute(statement, values)


def update(connection: Connection, event: Event, **changes: Any) -> Event:
    """Write the changed columns of one row and no others; returns the event as it is now."""
    statement = sql.SQL("update {} set {} where tenant_id = %s and provider_id = %s").format(
        sql.Identifier("data", event.table),
        sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder())
            for column in changes
        ),
    )
    connection.execute(statement, [*changes.values(), event.tenant_id, event.provider_id])
    return replace(event, **changes)


def delete(connection: Connection, *events: Event) -> None:
    with connection.transaction():
        for event in events:
            statement = sql.SQL("delete from {} where tenant_id = %s and provider_id = %s")
            connection.execute(
                statement.format(sql.Identifier("data", event.table)),
                [event.tenant_id, event.provider_id],
            )


def stored(connection: Connection) -> Rows:
    """The daily rows as they are."""
    names = sql.SQL(", ").join(map(sql.Identifier, METRICS + ROWS))
    cursor = connection.cursor(row_factory=dict_row)
    cursor.execute(
        sql.SQL("select tenant_id, usage_date, {} from data.billing_usage_daily").format(names)
    )
    return {(row.pop("tenant_id"), row.pop("usage_date")): row for row in cursor.fetchall()}


def day_ledger(connection: Connection) -> dict[date, Figures]:
    """The numbers of rows behind every day that was counted whole."""
    names = sql.SQL(", ").join(map(sql.Identifier, ROWS))
    cursor = connection.cursor(row_factory=dict_row)
    cursor.execute(sql.SQL("select usage_date, {} from data.usage_days").format(names))
    return {row.pop("usage_date"): row for row in cursor.fetchall()}


def row_versions(connection: Connection) -> dict[int, tuple[str, str]]:
    """Which version of each daily row there is: the same before and after, nothing was written."""
    cursor = connection.execute("select id, xmin::text, ctid::text from data.billing_usage_daily")
    return {number: (xmin, ctid) for number, xmin, ctid in cursor.fetchall()}


def ledger(connection: Connection) -> tuple[int, int, int, int]:
    """How much there is in the tables that counting writes."""
    row = connection.execute(
        "select (select count(*) from data.billing_usage_daily),"
        " (select count(*) from data.usage_days), (select count(*) from data.usage_runs),"
        " (select count(*) from data.late_day_markers)"
    ).fetchone()
    assert row is not None
    return row


def markers(connection: Connection) -> list[tuple[UUID, date]]:
    """Late markers, in order."""
    return connection.execute(
        "select tenant_id, usage_date from data.late_day_markers order by tenant_id, usage_date"
    ).fetchall()


def call(connection: Connection, function: str, *arguments: Any) -> Any:
    """What a function of schema billing returns."""
    row = connection.execute(_select(function, arguments), arguments).fetchone()
    assert row is not None
    return row[0]


def wal_of(connection: Connection, function: str, *arguments: Any) -> int:
    """Bytes of WAL that a call writes itself, whatever others do meanwhile; the least of three,
    because whatever is written first after a checkpoint is written by whole pages."""
    statement = sql.SQL("explain (analyze, wal, format json) ") + _select(function, arguments)
    plans = [connection.execute(statement, arguments).fetchall()[0][0] for _ in range(3)]
    return min(plan[0]["Plan"]["WAL Bytes"] for plan in plans)


def _select(function: str, arguments: Sequence[Any]) -> sql.Composed:
    return sql.SQL("select {}({})").format(
        sql.Identifier("billing", function),
        sql.SQL(", ").join(sql.Placeholder() * len(arguments)),
    )


def figures_of(connection: Connection, tenant: UUID, day: date) -> Figures:
    """One daily row, without what is 0."""
    return {name: value for name, value in stored(connection)[tenant, day].items() if value}
