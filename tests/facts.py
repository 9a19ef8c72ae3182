"""Writing events into the database as a host does, and reading back what was counted."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tests import hosts
from tests.oracle import METRICS, ROWS, Event, Figures, Rows

Connection = psycopg.Connection[Any]
COUNTED = (
    "late_day_markers",
    "new_tenants",
    "billing_usage_daily",
    "usage_restatements",
    "usage_days",
    "usage_runs",
    "purged_ids",
    "contradicted_facts",
    "tenants",
)


def add_tenants(
    connection: Connection, number: int = 1, *, ids: Collection[UUID] = ()
) -> list[UUID]:
    tenants = sorted(ids or (hosts.current.new_id() for _ in range(number)))
    for index, tenant in enumerate(tenants):
        values = [hosts.current.tenant_key(tenant), f"Tenant {index}"]
        connection.execute(hosts.current.tenants, values)
    return tenants


def bill_from(connection: Connection, day: date) -> None:
    connection.execute("update data.settings set billing_from = %s", [day])


def wipe(connection: Connection) -> None:
    """An empty database again; as its superuser, past every trigger and foreign key."""
    ours = (sql.Identifier("data", table) for table in COUNTED)
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        # sealed days first: they keep their facts
        days = sql.Identifier("data", "usage_days")
        for table in (days, *hosts.current.own_tables, *ours):
            connection.execute(sql.SQL("delete from {}").format(table))


def insert(connection: Connection, *events: Event, keep_first: bool = False) -> None:
    """One statement per kind, all in one transaction; keep_first ignores ids already known."""
    batches: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        batches[event.table].append(event)
    with connection.transaction():
        for kind, batch in batches.items():
            table = hosts.current.tables[kind]
            written = [table.row(event) for event in batch]
            row = sql.SQL("({})").format(sql.SQL(", ").join(sql.Placeholder() * len(written[0])))
            statement = sql.SQL("insert into {} ({}) values {} {}").format(
                table.name,
                sql.SQL(", ").join(map(sql.Identifier, written[0])),
                sql.SQL(", ").join([row] * len(batch)),
                sql.SQL("on conflict do nothing" if keep_first else ""),
            )
            connection.execute(statement, [value for row in written for value in row.values()])


@contextmanager
def without_triggers(connection: Connection, *events: Event) -> Iterator[None]:
    """A transaction in which the tables of these events fire none."""
    kinds = {event.table for event in events}
    tables = {t.name.as_string(): t.name for t in map(hosts.current.tables.__getitem__, kinds)}
    states = {
        "O": sql.SQL("alter table {} enable trigger {}"),
        "A": sql.SQL("alter table {} enable always trigger {}"),
        "R": sql.SQL("alter table {} enable replica trigger {}"),
        "D": sql.SQL("alter table {} disable trigger {}"),
    }
    mending: list[sql.Composed] = []
    with connection.transaction():
        for name, table in tables.items():
            triggers = connection.execute(
                "select tgname, tgenabled from pg_trigger"
                " where tgrelid = %s::regclass and not tgisinternal",
                [name],
            ).fetchall()
            connection.execute(sql.SQL("alter table {} disable trigger user").format(table))
            mending += [
                states[state].format(table, sql.Identifier(trigger)) for trigger, state in triggers
            ]
        yield
        for statement in mending:
            connection.execute(statement)


def update(connection: Connection, event: Event, **changes: Any) -> Event:
    """Write the changed columns of one row and no others; returns the event as it is to be now."""
    table = hosts.current.table(event)
    new, where = table.values(changes), table.where(event)
    statement = sql.SQL("update {} set {} where {}").format(
        table.name, sql.SQL(", ").join(_equal(new)), sql.SQL(" and ").join(_equal(where))
    )
    connection.execute(statement, [*new.values(), *where.values()])
    return event.told(**changes)


def delete(connection: Connection, *events: Event) -> None:
    with connection.transaction():
        for event in events:
            table = hosts.current.table(event)
            where = table.where(event)
            statement = sql.SQL("delete from {} where {}")
            condition = sql.SQL(" and ").join(_equal(where))
            connection.execute(statement.format(table.name, condition), [*where.values()])


def _equal(columns: Iterable[str]) -> list[sql.Composed]:
    return [
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder()) for column in columns
    ]


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


def take_markers(host: Connection) -> list[tuple[UUID, date]]:
    """Each marker, once: they are gone afterwards."""
    found = markers(host)
    host.execute("delete from data.late_day_markers")
    return found


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
